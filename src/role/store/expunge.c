#include "role/store/expunge.h"

#include "role/store/failure.h"
#include "role/store/handlers.h"
#include "role/store/index.h"
#include "role/store/listing.h"
#include "role/store/names.h"
#include "role/store/uids.h"

#include <errno.h>

/* Runs of uids, put as ranges. */
struct runs {
	struct buf *out;
	uint32_t first, last;
};

static void
end_run(struct runs *runs)
{
	if (runs->first)
		record_put_range(runs->out, runs->first, runs->last);
	runs->first = 0;
}

static void
add_to_run(struct runs *runs, uint32_t uid)
{
	if (!runs->first)
		runs->first = uid;
	runs->last = uid;
}

/* A range may only hold uids that go: what lies between is expunged already or never was. */
static void
collect(const struct mailbox *m, const struct ipc_ranges *uids, bool is_forced, struct buf *out)
{
	struct runs runs = { .out = out };

	for (size_t i = 0; i < uids->count; i++) {
		for (uint32_t at = mailbox_from(m, uids->at[i].first);
			mailbox_next(m, &at, uids->at[i].last); at++) {
			const struct view_record *v = &m->view.records[at];

			if (is_forced || atomic_load(&v->flags) & VIEW_DELETED)
				add_to_run(&runs, v->uid);
			else
				end_run(&runs);
		}
		end_run(&runs);
	}
}

/* In entries of at most that many octets. */
enum { UIDS_OCTETS_MAX = 32768 };

bool
expunge_collect(struct request *r, struct mailbox *m, const struct ipc_ranges *uids, bool is_forced, struct bytes *gone)
{
	struct buf out;
	bool is_whole;

	buf_init(&out, UIDLIST_OCTETS_MAX);
	collect(m, uids, is_forced, &out);
	is_whole = !out.has_failed && arena_copy(r->arena, buf_bytes(&out), gone);
	buf_done(&out);
	return is_whole;
}

void
expunge_log(struct request *r, struct mailbox *m, struct bytes gone)
{
	for (size_t at = 0; at < gone.len; at += UIDS_OCTETS_MAX)
		put_record(request_log(r, m),
			&(struct record){
				.kind = RECORD_EXPUNGE,
				.uids = bytes_sub(gone, at, UIDS_OCTETS_MAX),
			});
}

/* The files of messages that go. */
struct removal {
	struct mailbox *m;
	struct listing listing; /* made when a file is not where it should be */
	bool has_listing;
};

/* Somebody renamed it: found by its base, or gone already. */
static void
remove_renamed(struct removal *x, const struct view_record *v)
{
	char path[MAILDIR_NAME_MAX + 64];
	uint8_t space[MAILDIR_NAME_MAX + 1];
	struct buf base, out;
	const struct listed *e;

	if (!x->has_listing)
		x->has_listing = listing_init(&x->listing, x->m->directory) == 0;
	buf_init_fixed(&base, space, sizeof space);
	if (!x->has_listing || !uids_name(x->m, v, &base))
		return;
	e = listing_find(&x->listing, buf_bytes(&base));
	if (!e)
		return;
	buf_init_fixed(&out, path, sizeof path);
	put_text(&out, e->is_in_new ? "new/" : "cur/");
	put_bytes(&out, listed_name(&x->listing, e));
	put_char(&out, '\0');
	(void)names_unlink(x->m, path);
}

static void
remove_file(struct removal *x, const struct view_record *v)
{
	char path[MAILDIR_NAME_MAX + 64];
	struct buf out;

	buf_init_fixed(&out, path, sizeof path);
	if (!names_path(x->m, v, &out) || names_unlink(x->m, path) == 0)
		return;
	if (errno == ENOENT)
		remove_renamed(x, v);
	else
		(void)failure_report("remove message", x->m->account->path, errno);
}

void
expunge_apply(struct mailbox *m, struct bytes uids)
{
	uint64_t modseq = mailbox_next_modseq(m);
	struct removal removal = { .m = m };
	struct ipc_range range;
	bool has_changed = false;

	while (record_take_range(&uids, &range)) {
		for (uint32_t at = mailbox_from(m, range.first); mailbox_next(m, &at, range.last); at++) {
			remove_file(&removal, &m->view.records[at]);
			view_expunge(&m->view, at, modseq);
			has_changed = true;
		}
	}
	if (removal.has_listing)
		listing_done(&removal.listing);
	if (!has_changed)
		return;
	view_commit(&m->view, modseq);
	mailbox_changed(m);
	index_compact(m);
}

static void
finish(struct request *r, enum ipc_outcome outcome)
{
	const struct bytes *uids = r->extra;

	if (outcome == IPC_OK)
		expunge_apply(r->mailbox, *uids);
	request_answer(r, outcome);
}

void
handle_expunge(struct request *r)
{
	struct bytes *uids = arena_take(r->arena, sizeof *uids);

	if (!handle_selected(r))
		return;
	if (r->session->is_read_only || !uids) {
		request_answer(r, IPC_INVALID);
		return;
	}
	if (!expunge_collect(r, r->mailbox, &r->m.u.expunge.uids, r->m.u.expunge.is_forced, uids)) {
		request_answer(r, IPC_LIMIT);
		return;
	}
	r->extra = uids;
	if (uids->len == 0) {
		request_answer(r, IPC_OK);
		return;
	}
	expunge_log(r, r->mailbox, *uids);
	request_commit(r, finish);
}
