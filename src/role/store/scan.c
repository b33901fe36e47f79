/* What other programs did to a Maildir, taken in.

   Two lists are compared: the records of the view with the names they had last, and the files in new/ and
   cur/.  A file without a record gets a uid; a record without a file is expunged; a file with
   another name got other flags: those that differ from the name we knew are taken over, so that
   a change of ours that the name does not say yet is not lost.  All of it is logged before it is shown
   (a uid must stay), and done when the log is durable, to records that are still as they were.

   Records that are logged together are done together, and a checkpoint waits for them: were there more of them than the
   journal has room for, it would wait for itself.  So what was found is taken in by passes of scan_octets; when the changed
   don't fit one, the mailbox is looked at again until nothing is left. */
#include "role/store/scan.h"

#include "base/event.h"
#include "role/store/arrive.h"
#include "role/store/failure.h"
#include "role/store/index.h"
#include "role/store/names.h"
#include "role/store/uids.h"
#include "sys/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record whose file has another name now, or none. */
struct changed {
	uint32_t index, uid;
	uint64_t before, after;
	bool is_vanished;
};

struct scan {
	struct listing listing;
	struct listed **added;
	size_t added_count;
	size_t pass_from, pass_to; /* of the added, in this pass */
	uint32_t first_uid; /* of these */
	uint32_t appending; /* the mailbox's, for those that are to come */
	struct changed *changed;
	size_t changed_count, room;
	uint32_t vanished;
	uint64_t octets; /* logged in this pass */
	bool is_cut; /* more was changed */
	bool has_failed; /* some of it could not be shown */
	void *extra; /* the request's */
};

static int64_t
directory_mtime_ns(const struct mailbox *m, const char *name)
{
	struct stat st;

	if (disk->fstatat(m->directory, name, &st, 0) != 0)
		return 0;
	return st.st_mtim.tv_sec * (int64_t)1000000000 + st.st_mtim.tv_nsec;
}

bool
scan_is_due(const struct mailbox *m)
{
	if (m->needs_scan)
		return true;
	return m->watch_new < 0
		&& (m->new_mtime_ns != directory_mtime_ns(m, "new")
			|| m->cur_mtime_ns != directory_mtime_ns(m, "cur"));
}

static void
note_changed(struct scan *s, uint32_t index, const struct view_record *r, const struct listed *e)
{
	if (s->changed_count == s->room) {
		s->room = s->room ? s->room * 2 : 64;
		s->changed = memory_resize(s->changed, s->room, sizeof *s->changed);
	}
	s->changed[s->changed_count++] = (struct changed){
		.index = index,
		.uid = r->uid,
		.before = r->store_private,
		.after = e ? e->state : 0,
		.is_vanished = !e,
	};
	s->vanished += !e;
}

/* Finds each record's file. */
static void
compare(struct scan *s, struct mailbox *m, struct bytes uidlist)
{
	uint32_t count = view_writer_count(&m->view);

	for (uint32_t i = 0; i < count; i++) {
		const struct view_record *r = &m->view.records[i];
		struct listed *e;

		if (atomic_load(&r->flags) & VIEW_EXPUNGED)
			continue;
		e = listing_find(&s->listing, bytes_sub(uidlist, r->name_at, r->name_len));
		if (e)
			e->is_known = true;
		if (!e || e->state != r->store_private)
			note_changed(s, i, r, e);
	}
}

/* A directory that changes while it is read may leave a name out: what seems to be gone is looked for once more. */
static void
look_again(struct scan *s, struct mailbox *m)
{
	struct listing again;
	uint8_t space[MAILDIR_NAME_MAX + 1];
	struct buf base;

	if (s->vanished == 0 || listing_init(&again, m->directory) != 0)
		return;
	for (size_t i = 0; i < s->changed_count; i++) {
		struct changed *c = &s->changed[i];
		const struct listed *e;

		if (!c->is_vanished)
			continue;
		buf_init_fixed(&base, space, sizeof space);
		if (!uids_name(m, &m->view.records[c->index], &base))
			continue;
		e = listing_find(&again, buf_bytes(&base));
		if (!e)
			continue;
		c->is_vanished = false;
		c->after = e->state;
		s->vanished--;
	}
	listing_done(&again);
}


static int
by_age(const void *a, const void *b, void *arg)
{
	const struct listing *l = arg;
	const struct listed *const *x = a, *const *y = b;
	struct bytes p = listed_name(l, *x), q = listed_name(l, *y);
	int64_t s = maildir_base_seconds(p), t = maildir_base_seconds(q);

	if (s != t)
		return s < t ? -1 : 1;
	return bytes_compare(p, q);
}

/* Files that no record speaks of, the oldest first. */
static void
collect_added(struct scan *s, struct mailbox *m)
{
	s->added = memory_new_array(s->listing.count + 1, sizeof *s->added);
	for (size_t i = 0; i < s->listing.count; i++) {
		struct listed *e = &s->listing.entries[i];

		if (!e->is_canonical)
			scan_make_canonical(m, &s->listing, e);
		if (!e->is_known && listing_find(&s->listing, listed_base(&s->listing, e)) == e)
			s->added[s->added_count++] = e;
	}
	qsort_r(s->added, s->added_count, sizeof *s->added, by_age, &s->listing);
}

static void
hold_room(struct mailbox *m, struct scan *s, size_t count)
{
	m->appending += (uint32_t)count - s->appending;
	s->appending = (uint32_t)count;
}

static bool
has_room(const struct request *r, const struct scan *s)
{
	return s->octets < r->engine->scan_octets;
}

static void
log_entry(struct request *r, struct scan *s, const struct record *entry)
{
	struct buf *log = request_log(r, r->mailbox);
	size_t before = log->len;

	put_record(log, entry);
	s->octets += log->len - before;
}

static void
log_added(struct request *r, struct scan *s)
{
	struct mailbox *m = r->mailbox;

	s->first_uid = m->uid_next;
	for (s->pass_to = s->pass_from; s->pass_to < s->added_count && has_room(r, s); s->pass_to++)
		log_entry(r, s,
			&(struct record){
				.kind = RECORD_ADOPT,
				.uid = m->uid_next++,
				.base = listed_base(&s->listing, s->added[s->pass_to]),
			});
}

/* Flags of a record after the file's name changed from c->before to c->after. */
static void
merge(struct mailbox *m, const struct view_record *v, const struct changed *c, uint32_t *flags,
	uint64_t *keywords)
{
	uint32_t differs = (uint32_t)(c->before ^ c->after) & VIEW_SYSTEM_FLAGS;
	uint64_t letters = mailbox_letters(m, atomic_load(&v->keywords));
	uint64_t letters_differ = maildir_letters(c->before ^ c->after);

	*flags = (atomic_load(&v->flags) & VIEW_SYSTEM_FLAGS & ~differs) | ((uint32_t)c->after & differs);
	letters = (letters & ~letters_differ) | (maildir_letters(c->after) & letters_differ);
	*keywords = mailbox_keywords_of_letters(m, letters);
}

static void
log_changed(struct request *r, struct scan *s)
{
	struct mailbox *m = r->mailbox;
	uint8_t pair[8], names[VIEW_KEYWORDS_MAX * (VIEW_KEYWORD_OCTETS_MAX + 1)];
	struct buf uid, keywords;
	size_t i = 0;

	s->vanished = 0;
	for (; i < s->changed_count && has_room(r, s); i++) {
		const struct changed *c = &s->changed[i];
		struct record entry = { .kind = c->is_vanished ? RECORD_EXPUNGE : RECORD_FLAGS };
		uint64_t bits;

		buf_init_fixed(&uid, pair, sizeof pair);
		record_put_range(&uid, c->uid, c->uid);
		entry.uids = buf_bytes(&uid);
		merge(m, &m->view.records[c->index], c, &entry.flags, &bits);
		buf_init_fixed(&keywords, names, sizeof names);
		mailbox_put_keywords(&keywords, m, bits);
		entry.keywords = buf_bytes(&keywords);
		log_entry(r, s, &entry);
		s->vanished += c->is_vanished;
	}
	s->is_cut = i < s->changed_count;
	s->changed_count = i;
}

static int
add_one(struct mailbox *m, const struct listing *l, const struct listed *e, uint32_t uid)
{
	char path[MAILDIR_NAME_MAX + 64];
	struct bytes base = listed_base(l, e);
	struct arrival a = { .uid = uid, .base = base, .size = maildir_base_number(base, 'W') };
	struct buf out;
	struct stat st;

	a.flags = (uint32_t)e->state & VIEW_SYSTEM_FLAGS;
	a.keyword_bits = mailbox_keywords_of_letters(m, maildir_letters(e->state));
	buf_init_fixed(&out, path, sizeof path);
	maildir_put_path(&out, base, e->state);
	put_char(&out, '\0');
	a.date_s = maildir_base_seconds(base);
	if (disk->fstatat(m->directory, path, &st, 0) == 0)
		a.date_s = st.st_mtim.tv_sec;
	return arrival_publish(m, &a, e->state);
}

/* Only what is still as it was when it was compared. */
static void
change_one(struct mailbox *m, const struct changed *c, uint64_t modseq)
{
	struct view_record *v;
	uint32_t flags, index;
	uint64_t keywords;

	if (!mailbox_find(m, c->uid, &index))
		return;
	v = &m->view.records[index];
	if (v->store_private != c->before || atomic_load(&v->flags) & VIEW_EXPUNGED)
		return;
	if (c->is_vanished) {
		view_expunge(&m->view, index, modseq);
		return;
	}
	merge(m, v, c, &flags, &keywords);
	v->store_private = c->after;
	view_set_flags(&m->view, index, flags, keywords, modseq);
	names_lag(m, index);
}

static void
take_in(struct mailbox *m, struct scan *s)
{
	uint64_t modseq = mailbox_next_modseq(m);

	for (size_t i = 0; i < s->changed_count; i++)
		change_one(m, &s->changed[i], modseq);
	view_commit(&m->view, modseq);
	for (size_t i = s->pass_from; i < s->pass_to; i++) {
		if (add_one(m, &s->listing, s->added[i], s->first_uid + (uint32_t)(i - s->pass_from)) == 0)
			continue;
		(void)failure_report("write uidlist", m->account->path, errno);
		s->has_failed = true;
	}
	mailbox_changed(m);
	event(NULL, EV_MAILBOX_OUTSIDE, STR("path", m->account->path), STR("mailbox", m->name),
		INT("new", s->pass_to - s->pass_from), INT("gone", s->vanished), INT("changed", s->changed_count - s->vanished));
	hold_room(m, s, s->added_count - s->pass_to);
	s->pass_from = s->pass_to;
	s->changed_count = s->vanished = 0;
}

/* What changed while the other scan went on is looked for, too. */
static void
look_once_more(struct request *r)
{
	scan_then(r, r->after_scan);
}

static void
free_scan(struct request *r)
{
	struct scan *s = r->extra;

	hold_room(r->mailbox, s, 0);
	listing_done(&s->listing);
	memory_free(s->added);
	memory_free(s->changed);
	r->extra = s->extra;
	memory_free(s);
}

/* The end of a scan, for who started it and who waited for it. */
static void
end_scan(struct request *r, enum ipc_outcome outcome)
{
	struct mailbox *m = r->mailbox;
	struct request *waiter;

	free_scan(r);
	m->is_scanning = false;
	while ((waiter = m->scan_waiters)) {
		m->scan_waiters = waiter->next;
		request_continue(waiter, look_once_more);
	}
	request_let_go(r); /* S8 */
	r->outcome = outcome;
	r->after_scan(r);
}

static void start(struct request *r);

static enum ipc_outcome
prepare(struct request *r, struct scan *s)
{
	struct mailbox *m = r->mailbox;
	struct uidlist_head head;
	struct bytes lines;
	struct buf uidlist;

	m->needs_scan = false; /* what happens from now on is for the next one */
	m->new_mtime_ns = directory_mtime_ns(m, "new");
	m->cur_mtime_ns = directory_mtime_ns(m, "cur");
	if (listing_init(&s->listing, m->directory) != 0)
		return failure_report("list mailbox", m->account->path, errno);
	buf_init(&uidlist, UIDLIST_OCTETS_MAX);
	if (uids_read(m, &uidlist, &head, &lines) != 0) {
		buf_done(&uidlist);
		return failure_report("read uidlist", m->account->path, errno);
	}
	compare(s, m, buf_bytes(&uidlist));
	buf_done(&uidlist);
	look_again(s, m);
	collect_added(s, m);
	if (index_reserve(m, (uint32_t)s->added_count) != 0
		|| uids_reserve(m, (uint32_t)s->added_count) != 0)
		return failure_report("make room", m->account->path, errno);
	hold_room(m, s, s->added_count);
	log_changed(r, s);
	log_added(r, s);
	return IPC_OK;
}

static void
scan_finish(struct request *r, enum ipc_outcome outcome)
{
	struct scan *s = r->extra;
	struct mailbox *m = r->mailbox;

	if (outcome != IPC_OK) {
		m->needs_scan = true;
		end_scan(r, outcome);
		return;
	}
	m->is_logged = true;
	take_in(m, s);
	request_let_go(r); /* S8 */
	if (s->has_failed) {
		m->needs_scan = true;
		end_scan(r, IPC_OK);
	} else if (s->pass_from < s->added_count) {
		s->octets = 0;
		log_added(r, s);
		request_commit(r, scan_finish);
	} else if (s->is_cut) {
		free_scan(r);
		start(r);
	} else {
		end_scan(r, IPC_OK);
	}
}

static void
start(struct request *r)
{
	struct scan *s = NEW(struct scan);
	enum ipc_outcome outcome;

	s->extra = r->extra;
	r->extra = s;
	r->mailbox->is_scanning = true;
	outcome = prepare(r, s);
	if (outcome != IPC_OK)
		r->mailbox->needs_scan = true;
	if (outcome == IPC_OK && (s->added_count || s->changed_count))
		request_commit(r, scan_finish);
	else
		end_scan(r, outcome);
}

void
scan_then(struct request *r, void (*then)(struct request *r))
{
	struct mailbox *m = r->mailbox;

	r->after_scan = then;
	r->outcome = IPC_OK;
	if (m->is_scanning) {
		r->next = m->scan_waiters;
		m->scan_waiters = r;
		return;
	}
	if (scan_is_due(m))
		start(r);
	else
		then(r);
}
