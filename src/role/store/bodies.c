#include "role/store/handlers.h"

#include "role/store/failure.h"
#include "role/store/files.h"
#include "role/store/mailbox.h"
#include "role/store/names.h"
#include "role/store/scan.h"

#include <errno.h>

/* Descriptors on their way to the front, with the uids they are for. */
struct bodies {
	struct message reply;
	uint8_t uids[IPC_FDS_MAX * 4];
	struct buf text;
	bool has_missed; /* a file was not where it should be */
};

static int
open_one(const struct mailbox *m, const struct view_record *v)
{
	char path[MAILDIR_NAME_MAX + 64];
	struct buf out;

	buf_init_fixed(&out, path, sizeof path);
	if (!names_path(m, v, &out))
		return -1;
	return files_open(m->directory, path, O_RDONLY);
}

static void
open_range(struct bodies *b, const struct mailbox *m, const struct ipc_range *range)
{
	for (uint32_t i = mailbox_from(m, range->first);
		b->reply.fd_count < IPC_FDS_MAX && mailbox_next(m, &i, range->last); i++) {
		int fd = open_one(m, &m->view.records[i]);

		if (fd < 0) {
			b->has_missed = true;
			continue;
		}
		b->reply.fds[b->reply.fd_count++] = fd;
		put_u32(&b->text, m->view.records[i].uid);
	}
}

static void
open_all(struct request *r, struct bodies *b)
{
	const struct ipc_ranges *uids = &r->m.u.open_bodies.uids;

	*b = (struct bodies){ .reply = request_reply(r, IPC_OK) };
	buf_init_fixed(&b->text, b->uids, sizeof b->uids);
	for (size_t i = 0; i < uids->count; i++)
		open_range(b, r->mailbox, &uids->at[i]);
	b->reply.u.bodies.uids = buf_bytes(&b->text);
}

static void
close_all(struct bodies *b)
{
	for (size_t i = 0; i < b->reply.fd_count; i++)
		disk_close(&b->reply.fds[i]);
}

static void
send_all(struct request *r)
{
	struct bodies b;

	open_all(r, &b);
	request_send(r, &b.reply);
	close_all(&b);
	request_done(r);
}

void
handle_open_bodies(struct request *r)
{
	struct bodies b;

	if (!handle_selected(r))
		return;
	open_all(r, &b);
	if (b.has_missed) { /* somebody renamed or removed it: look, and try once more */
		close_all(&b);
		r->mailbox->needs_scan = true;
		scan_then(r, send_all);
		return;
	}
	request_send(r, &b.reply);
	close_all(&b);
	request_done(r);
}
