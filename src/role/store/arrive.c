#include "role/store/arrive.h"

#include "base/event.h"
#include "role/store/failure.h"
#include "role/store/index.h"
#include "role/store/names.h"
#include "role/store/uids.h"
#include "role/store/usage.h"
#include "sys/time.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { TMP_ROOM = MAILDIR_NAME_MAX + 8, COPY_OCTETS = 256 * 1024 };

void
arrival_put_tmp(struct buf *out, struct bytes base)
{
	put_text(out, "tmp/");
	put_bytes(out, base);
	put_char(out, '\0');
}

bool
arrival_make_base(struct request *r, uint64_t octets, uint64_t size, struct bytes *base)
{
	uint8_t space[MAILDIR_NAME_MAX];
	struct buf out;
	struct maildir_stamp stamp = {
		.wall_us = time_now().wall_us,
		.process = r->engine->process,
		.number = atomic_fetch_add(&r->engine->next_file, 1) + 1,
		.host = bytes_text(r->engine->hostname),
	};

	buf_init_fixed(&out, space, sizeof space);
	maildir_put_base(&out, &stamp, octets, size);
	return !out.has_failed && arena_copy(r->arena, buf_bytes(&out), base);
}

int
arrival_publish(struct mailbox *m, const struct arrival *a, uint64_t state)
{
	struct view_entry e = {
		.uid = a->uid,
		.flags = a->flags,
		.keywords = a->keyword_bits,
		.modseq = mailbox_next_modseq(m),
		.date_s = a->date_s,
		.save_date_s = time_now().wall_us / 1000000,
		.size = a->size,
		.name_len = (uint32_t)a->base.len,
		.store_private = state,
	};

	if (uids_append(m, a->uid, a->base, &e.name_at) != 0) /* S5 */
		return -1;
	maildir_object_id(a->base, e.object_id);
	if (a->summary.len && index_put_summary(m, e.object_id, a->summary, &e.summary_at))
		e.summary_len = (uint32_t)a->summary.len;
	(void)view_append(&m->view, &e);
	view_commit(&m->view, e.modseq);
	return 0;
}

static bool
is_append(const struct request *r)
{
	return r->m.type == MESSAGE_APPEND;
}

/* -1 and errno; the file may be there. */
static int
set_date(struct request *r, const char *path)
{
	struct timespec times[2] = { { r->arrival.date_s, 0 }, { r->arrival.date_s, 0 } };

	return is_append(r) ? disk->utimensat(r->mailbox->directory, path, times, 0) : 0;
}

static int
write_octets(struct request *r, int file)
{
	struct iovec parts[2] = {
		{ (void *)(uintptr_t)r->arrival.prefix.ptr, r->arrival.prefix.len },
		{ (void *)(uintptr_t)r->arrival.octets.ptr, r->arrival.octets.len },
	};
	size_t octets = parts[0].iov_len + parts[1].iov_len;

	if (disk->pwritev(file, parts, 2, 0) == (ssize_t)octets)
		return 0;
	/* A disk that fills up takes a part of it; that counts as full. */
	if (disk_write_all(file, r->arrival.prefix, 0) != 0)
		return -1;
	return disk_write_all(file, r->arrival.octets, (off_t)r->arrival.prefix.len);
}

/* The front may still write to the file: sizes are those of the start, contents are read once. */
static int
copy_octets(struct request *r, int file)
{
	uint8_t *piece = arena_take(r->arena, COPY_OCTETS);
	off_t shift = (off_t)r->arrival.prefix.len;
	uint64_t count = r->body->octet_count;

	if (!piece || disk_write_all(file, r->arrival.prefix, 0) != 0)
		return -1;
	for (uint64_t at = 0; at < count; at += COPY_OCTETS) {
		size_t len = count - at < COPY_OCTETS ? (size_t)(count - at) : COPY_OCTETS;

		if (disk_read_all(r->body->fd, piece, len, (off_t)at) != 0
			|| disk_write_all(file, bytes_of(piece, len), shift + (off_t)at) != 0)
			return -1;
	}
	return disk->fdatasync(file);
}

/* -1 and errno */
static int
sync_directory(int at, const char *path)
{
	int fd = disk->openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int result = fd < 0 ? -1 : disk->fsync(fd);

	disk_close(&fd);
	return result;
}

/* The directories that hold a name on the way to the account.  Where we may not look, above the place for mailboxes, we
   made nothing. */
static int
sync_parents(const char *account)
{
	char path[PATH_MAX];
	size_t len = strlen(account);

	if (len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, account, len + 1);
	for (;;) {
		if (sync_directory(AT_FDCWD, path) != 0)
			return errno == EACCES ? 0 : -1;
		while (len > 0 && path[len] != '/')
			len--;
		if (len == 0)
			return 0;
		path[len] = '\0';
	}
}

/* A new mailbox's names may be nowhere but in memory.  Those that lead to tmp/ once for each time that the mailbox is open. */
int
arrival_sync_way(struct mailbox *m)
{
	if (sync_directory(m->directory, "tmp") != 0)
		return -1;
	if (atomic_load(&m->is_way_synced))
		return 0;
	if (sync_directory(m->directory, ".") != 0 || sync_parents(m->account->path) != 0)
		return -1;
	atomic_store(&m->is_way_synced, true);
	return 0;
}

/* Writes tmp/BASE.  -1 and errno: there is no file. */
static int
write_file(struct request *r)
{
	char path[TMP_ROOM];
	struct buf out;
	int file, result, error;

	buf_init_fixed(&out, path, sizeof path);
	arrival_put_tmp(&out, r->arrival.base);
	file = disk->openat(r->mailbox->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;
	result = r->arrival.is_synced ? copy_octets(r, file) : write_octets(r, file);
	disk_close(&file);
	if (result == 0)
		result = set_date(r, path);
	if (result == 0 && r->arrival.is_synced)
		result = arrival_sync_way(r->mailbox);
	if (result == 0)
		return 0;
	error = errno;
	(void)disk->unlinkat(r->mailbox->directory, path, 0);
	errno = error;
	return -1;
}

static void
remove_tmp(struct request *r)
{
	char path[TMP_ROOM];
	struct buf out;

	buf_init_fixed(&out, path, sizeof path);
	arrival_put_tmp(&out, r->arrival.base);
	(void)disk->unlinkat(r->mailbox->directory, path, 0);
}

static void
taken_back(struct request *r, enum ipc_outcome outcome)
{
	(void)outcome;
	request_answer(r, IPC_LATER);
}

void
arrival_take_back(struct request *r, struct mailbox *m, uint32_t first, uint32_t last)
{
	uint8_t pair[8];
	struct buf uids;

	buf_init_fixed(&uids, pair, sizeof pair);
	record_put_range(&uids, first, last);
	put_record(request_log(r, m),
		&(struct record){ .kind = RECORD_EXPUNGE, .uids = buf_bytes(&uids) });
	request_commit(r, taken_back);
}

static void
answer(struct request *r)
{
	struct message reply = request_reply(r, IPC_OK);
	struct bytes id = is_append(r) ? BYTES_NONE : r->m.u.deliver.mail_id;
	struct event_context context = { 0 };
	char mail_id[32] = "";

	if (id.len < sizeof mail_id) {
		memcpy(mail_id, id.ptr ? id.ptr : (const uint8_t *)"", id.len);
		context.mail_id = id.len ? mail_id : NULL;
	}
	event(&context, EV_MAIL_DELIVERED, STR("path", r->account->path), STR("mailbox", r->mailbox->name),
		INT("uid", r->arrival.uid), INT("size", r->arrival.size));
	if (is_append(r)) {
		reply.u.appended.uid_validity = r->mailbox->uid_validity;
		reply.u.appended.uid = r->arrival.uid;
	} else {
		reply.u.delivered.uid = r->arrival.uid;
	}
	request_send(r, &reply);
	request_done(r);
}

/* Moves the file from tmp/ to where it is seen, and publishes it.  -1 and errno: it is nowhere. */
static int
show(struct request *r)
{
	struct mailbox *m = r->mailbox;
	struct arrival *a = &r->arrival;
	char from[TMP_ROOM], to[MAILDIR_NAME_MAX + 64];
	struct buf path;
	uint64_t state;

	if (is_append(r))
		(void)mailbox_take_keywords(m, r->m.u.append.keywords, &a->keyword_bits);
	state = maildir_state(is_append(r) ? 0 : MAILDIR_IN_NEW, a->flags,
		mailbox_letters(m, a->keyword_bits));
	buf_init_fixed(&path, from, sizeof from);
	arrival_put_tmp(&path, a->base);
	buf_init_fixed(&path, to, sizeof to);
	maildir_put_path(&path, a->base, state);
	put_char(&path, '\0');
	if (names_rename(m, from, to) != 0)
		return -1;
	if (arrival_publish(m, a, state) == 0)
		return 0;
	(void)names_unlink(m, to);
	return -1;
}

static void
finish(struct request *r, enum ipc_outcome outcome)
{
	struct mailbox *m = r->mailbox;

	m->appending--;
	if (outcome != IPC_OK) {
		remove_tmp(r);
		request_answer(r, outcome);
		return;
	}
	m->is_logged = true;
	if (show(r) != 0) {
		(void)failure_report("show message", r->account->path, errno);
		remove_tmp(r);
		arrival_take_back(r, m, r->arrival.uid, r->arrival.uid);
		return;
	}
	mailbox_changed(m);
	answer(r);
}

static void
log_arrival(struct request *r)
{
	const struct arrival *a = &r->arrival;

	put_record(request_log(r, r->mailbox),
		&(struct record){
			.kind = RECORD_APPEND,
			.uid = a->uid,
			.base = a->base,
			.flags = a->flags,
			.keywords = is_append(r) ? r->m.u.append.keywords : BYTES_NONE,
			.date_s = a->date_s,
			.has_body = !a->is_synced,
			.body_octets = a->is_synced ? 0 : a->prefix.len + a->octets.len,
		});
	if (!a->is_synced)
		request_log_body(r, a->prefix, a->octets);
}

/* The file is in tmp/. */
static void
commit(struct request *r)
{
	struct mailbox *m = r->mailbox;

	if (index_reserve(m, 1) != 0 || uids_reserve(m, 1) != 0) {
		enum ipc_outcome outcome = failure_report("make room", r->account->path, errno);

		remove_tmp(r);
		request_answer(r, outcome);
		return;
	}
	r->arrival.uid = m->uid_next++; /* S4 */
	m->appending++;
	log_arrival(r);
	request_commit(r, finish);
}

static void
write_and_commit(struct request *r)
{
	if (write_file(r) != 0)
		request_fail(r, "write message", errno);
	else
		commit(r);
}

/* After work beside the strand: r->outcome says how it went. */
static void
resume(struct request *r)
{
	if (r->outcome != IPC_OK)
		request_answer(r, r->outcome);
	else if (r->arrival.is_synced)
		commit(r);
	else
		write_and_commit(r);
}

static void
copy_beside(struct request *r)
{
	if (write_file(r) != 0)
		r->outcome = failure_report("write message", r->account->path, errno);
	request_continue(r, resume);
}

static void
read_beside(struct request *r)
{
	size_t count = (size_t)r->body->octet_count;
	uint8_t *octets = arena_take(r->arena, count);

	if (!octets || disk_read_all(r->body->fd, octets, count, 0) != 0)
		r->outcome = failure_report("read body", r->account->path, errno);
	r->arrival.octets = bytes_of(octets, count);
	request_continue(r, resume);
}

/* What a front says counts for the account's quota and stays in its view: every line end counted as two (RFC 3501 2.3.4), it is no less than the
   octets are, and no more than twice that.  0: not said. */
static uint64_t
believable(uint64_t size, uint64_t octets)
{
	return size == 0 || (size >= octets && size / 2 <= octets) ? size : octets;
}

/* r->mailbox is where it goes. */
static void
take(struct request *r)
{
	struct arrival *a = &r->arrival;
	uint64_t octets = a->prefix.len + r->body->octet_count;

	a->octets = r->body->octets;
	a->size = believable(a->size, octets);
	a->is_synced = octets > ENGINE_BODY_JOURNALED_MAX;
	r->outcome = IPC_OK;
	if (!usage_take(r, (struct usage){ a->size ? a->size : octets, 1 }))
		request_answer(r, IPC_OVER_QUOTA);
	else if (!space_is_left(r->engine, r->mailbox->directory, octets))
		request_answer(r, IPC_NO_SPACE);
	else if (!arrival_make_base(r, octets, a->size, &a->base))
		request_answer(r, IPC_LATER);
	else if (r->body->fd < 0)
		write_and_commit(r);
	else
		request_beside(r, a->is_synced ? copy_beside : read_beside);
}

void
arrive_deliver(struct request *r)
{
	struct bytes folder = r->m.u.deliver.folder;
	enum ipc_outcome outcome = IPC_ABSENT;

	r->arrival.prefix = r->m.u.deliver.prefix;
	r->arrival.date_s = (int64_t)r->m.u.deliver.date_s;
	r->arrival.size = r->m.u.deliver.size;
	r->arrival.summary = r->m.u.deliver.summary;
	if ((folder.len == 0 || mailbox_open(r->account, folder, &r->mailbox, &outcome) != 0)
		&& mailbox_open(r->account, BYTES("INBOX"), &r->mailbox, &outcome) != 0)
		request_answer(r, outcome);
	else
		take(r);
}

void
arrive_append(struct request *r)
{
	enum ipc_outcome outcome;

	r->arrival.flags = r->m.u.append.flags & VIEW_SYSTEM_FLAGS;
	r->arrival.date_s = (int64_t)r->m.u.append.date_s;
	r->arrival.size = r->m.u.append.size;
	r->arrival.summary = r->m.u.append.summary;
	if (mailbox_open(r->account, r->m.u.append.name, &r->mailbox, &outcome) != 0)
		request_answer(r, outcome);
	else
		take(r);
}
