/* COPY and MOVE.  Prepared: a link of each file in the target's tmp/, or, where links don't go, a copy that is on the disk.  Logged: the new messages and, for a
   move, the end of the old ones, in one record.  Then the links get their names. */
#include "role/store/copy.h"

#include "role/store/arrive.h"
#include "role/store/expunge.h"
#include "role/store/failure.h"
#include "role/store/handlers.h"
#include "role/store/index.h"
#include "role/store/names.h"
#include "role/store/scan.h"
#include "role/store/uids.h"
#include "role/store/usage.h"

#include <errno.h>

enum { PATH_ROOM = MAILDIR_NAME_MAX + 64, RANGES_MAX = 4096, SUMMARY_OCTETS_MAX = 16384 };

struct copied {
	uint32_t source_uid;
	uint32_t flags;
	struct bytes keywords; /* names */
	struct bytes source_base, base;
	bool is_shown;
};

struct copy {
	struct ipc_ranges uids; /* that are asked for */
	struct copied *messages;
	uint32_t count, room;
	uint32_t first_uid;
	struct bytes expunged; /* of a move: the source's uids */
	bool is_move;
	bool has_octets; /* not all are links */
	bool has_looked; /* for what other programs did to the source */
	void (*done)(struct request *r, enum ipc_outcome outcome);
};

static void
put_tmp(char path[PATH_ROOM], struct bytes base)
{
	struct buf out;

	buf_init_fixed(&out, path, PATH_ROOM);
	arrival_put_tmp(&out, base);
}

static int
link_one(struct request *r, struct copy *x, const struct view_record *v, const struct copied *c)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	struct buf path;

	buf_init_fixed(&path, from, sizeof from);
	if (!names_path(r->mailbox, v, &path)) {
		errno = EIO;
		return -1;
	}
	put_tmp(to, c->base);
	if (disk->linkat(r->mailbox->directory, from, r->target->directory, to, 0) == 0)
		return 0;
	if (!files_take_no_link(errno))
		return -1;
	x->has_octets = true;
	return files_copy(r->mailbox->directory, from, r->target->directory, to);
}

/* Fills *c from the record. */
static bool
describe(struct request *r, const struct view_record *v, struct copied *c)
{
	uint8_t name[MAILDIR_NAME_MAX + 1], words[VIEW_KEYWORDS_MAX * (VIEW_KEYWORD_OCTETS_MAX + 1)];
	struct buf base, keywords;

	buf_init_fixed(&base, name, sizeof name);
	buf_init_fixed(&keywords, words, sizeof words);
	mailbox_put_keywords(&keywords, r->mailbox, atomic_load(&v->keywords));
	*c = (struct copied){
		.source_uid = v->uid,
		.flags = atomic_load(&v->flags) & VIEW_SYSTEM_FLAGS,
	};
	return uids_name(r->mailbox, v, &base) && arena_copy(r->arena, buf_bytes(&base), &c->source_base)
		&& arena_copy(r->arena, buf_bytes(&keywords), &c->keywords)
		&& arrival_make_base(r, maildir_base_number(c->source_base, 'S'), atomic_load(&v->size), &c->base);
}

static int
prepare_one(struct request *r, struct copy *x, uint32_t index)
{
	struct copied c;

	if (!describe(r, &r->mailbox->view.records[index], &c)) {
		errno = ENOMEM;
		return -1;
	}
	if (link_one(r, x, &r->mailbox->view.records[index], &c) != 0)
		return -1;
	if (x->count == x->room) {
		x->room = x->room ? x->room * 2 : 16;
		x->messages = memory_resize(x->messages, x->room, sizeof *x->messages);
	}
	x->messages[x->count++] = c;
	return 0;
}

/* -1 and errno; ENOENT: a file was not where it should be, or the target has no tmp/. */
static int
prepare(struct request *r, struct copy *x)
{
	const struct ipc_ranges *uids = &x->uids;

	for (size_t i = 0; i < uids->count; i++)
		for (uint32_t at = mailbox_from(r->mailbox, uids->at[i].first);
			mailbox_next(r->mailbox, &at, uids->at[i].last); at++)
			if (prepare_one(r, x, at) != 0)
				return -1;
	if (index_reserve(r->target, x->count) != 0)
		return -1;
	/* A link and what is unlinked after it reach the disk in this order; on two disks nothing says so. */
	if (x->has_octets && arrival_sync_way(r->target) != 0)
		return -1;
	return uids_reserve(r->target, x->count);
}

static void
remove_links(struct request *r, const struct copy *x)
{
	char path[PATH_ROOM];

	for (uint32_t i = 0; i < x->count; i++) {
		put_tmp(path, x->messages[i].base);
		if (!x->messages[i].is_shown)
			(void)disk->unlinkat(r->target->directory, path, 0);
	}
}

static void
end(struct request *r, enum ipc_outcome outcome)
{
	struct copy *x = r->extra;

	x->done(r, outcome);
}

/* Of a move: what leaves the source.  False: it is more than a request has room for. */
static bool
collect_source(struct request *r, struct copy *x)
{
	struct ipc_range *range = arena_take(r->arena, (x->count + 1) * sizeof *range);
	struct ipc_ranges uids = { .at = range };

	if (!range)
		return false;
	for (uint32_t i = 0; i < x->count; i++)
		range[uids.count++] = (struct ipc_range){ x->messages[i].source_uid, x->messages[i].source_uid };
	return expunge_collect(r, r->mailbox, &uids, true, &x->expunged);
}

static void
log_copies(struct request *r, struct copy *x)
{
	(void)request_log(r, r->mailbox); /* so that recovery has the source open */
	x->first_uid = r->target->uid_next;
	r->target->uid_next += x->count;
	r->target->appending += x->count;
	for (uint32_t i = 0; i < x->count; i++)
		put_record(request_log(r, r->target),
			&(struct record){
				.kind = RECORD_COPY,
				.uid = x->first_uid + i,
				.base = x->messages[i].base,
				.flags = x->messages[i].flags,
				.keywords = x->messages[i].keywords,
				.source_guid = bytes_of(r->mailbox->guid, sizeof r->mailbox->guid),
				.source_base = x->messages[i].source_base,
			});
}

/* The summary of the source; none when it has none. */
static struct bytes
source_summary(struct request *r, const struct view_record *v, uint8_t octets[SUMMARY_OCTETS_MAX])
{
	uint32_t len = atomic_load(&v->summary_len);

	if (len == 0 || len > SUMMARY_OCTETS_MAX
		|| disk_read_all(r->mailbox->summary_file, octets, len, (off_t)atomic_load(&v->summary_at)) != 0)
		return BYTES_NONE;
	return bytes_of(octets, len);
}

static int
show_one(struct request *r, struct copied *c, uint32_t uid)
{
	struct arrival a = { .uid = uid, .flags = c->flags, .base = c->base };
	char from[PATH_ROOM], to[PATH_ROOM];
	uint8_t summary[SUMMARY_OCTETS_MAX];
	struct buf path;
	uint64_t state;
	uint32_t at;

	(void)mailbox_take_keywords(r->target, c->keywords, &a.keyword_bits);
	if (mailbox_find(r->mailbox, c->source_uid, &at)) {
		const struct view_record *v = &r->mailbox->view.records[at];

		a.date_s = v->date_s;
		a.size = atomic_load(&v->size);
		a.summary = source_summary(r, v, summary);
	} else { /* expunged meanwhile: what its name says must do */
		a.size = maildir_base_number(c->base, 'W');
		a.date_s = maildir_base_seconds(c->source_base);
	}
	state = maildir_state(0, a.flags, mailbox_letters(r->target, a.keyword_bits));
	put_tmp(from, c->base);
	buf_init_fixed(&path, to, sizeof to);
	maildir_put_path(&path, c->base, state);
	put_char(&path, '\0');
	if (names_rename(r->target, from, to) != 0)
		return -1;
	c->is_shown = arrival_publish(r->target, &a, state) == 0;
	if (!c->is_shown)
		(void)names_unlink(r->target, to);
	return c->is_shown ? 0 : -1;
}

/* The log says that the messages are copied (and moved away), and they could not be: it is told the opposite,
   and what is there of the copies goes. */
static void
take_back(struct request *r, struct copy *x)
{
	uint32_t last = x->first_uid + x->count - 1;
	uint8_t pair[8];
	struct buf uids;

	remove_links(r, x);
	buf_init_fixed(&uids, pair, sizeof pair);
	record_put_range(&uids, x->first_uid, last);
	expunge_apply(r->target, buf_bytes(&uids));
	for (uint32_t i = 0; x->is_move && i < x->count; i++)
		put_record(request_log(r, r->mailbox),
			&(struct record){
				.kind = RECORD_ADOPT,
				.uid = x->messages[i].source_uid,
				.base = x->messages[i].source_base,
			});
	memory_free(x->messages);
	arrival_take_back(r, r->target, x->first_uid, last);
}

static void
finish(struct request *r, enum ipc_outcome outcome)
{
	struct copy *x = r->extra;

	r->target->appending -= x->count;
	if (outcome != IPC_OK) {
		remove_links(r, x);
		end(r, outcome);
		return;
	}
	r->target->is_logged = true;
	for (uint32_t i = 0; i < x->count; i++) {
		if (show_one(r, &x->messages[i], x->first_uid + i) != 0) {
			(void)failure_report("show copy", r->account->path, errno);
			take_back(r, x);
			return;
		}
	}
	mailbox_changed(r->target);
	if (x->is_move)
		expunge_apply(r->mailbox, x->expunged);
	end(r, IPC_OK);
}

/* What is moved takes no more than before. */
static bool
take_room(struct request *r, const struct ipc_ranges *uids)
{
	struct usage more = { 0 };

	if (!usage_is_limited(r->account))
		return true;
	for (size_t i = 0; i < uids->count; i++)
		for (uint32_t at = mailbox_from(r->mailbox, uids->at[i].first);
			mailbox_next(r->mailbox, &at, uids->at[i].last); at++) {
			more.octets += atomic_load(&r->mailbox->view.records[at].size);
			more.messages++;
		}
	return usage_take(r, more);
}

/* Prepares and logs.  A file that somebody renamed meanwhile is looked for once; what is expunged then is left out. */
static void
begin(struct request *r)
{
	struct copy *x = r->extra;

	if (r->outcome != IPC_OK) {
		end(r, r->outcome);
		return;
	}
	if (prepare(r, x) != 0) {
		int error = errno;

		remove_links(r, x);
		x->count = 0;
		if (error != ENOENT || x->has_looked) {
			end(r, failure_report("copy messages", r->account->path, error));
			return;
		}
		x->has_looked = r->mailbox->needs_scan = true;
		request_let_go(r); /* S8 */
		scan_then(r, begin);
		return;
	}
	if (x->count == 0) {
		end(r, IPC_OK);
		return;
	}
	if (x->is_move && !collect_source(r, x)) {
		remove_links(r, x);
		end(r, IPC_LIMIT);
		return;
	}
	log_copies(r, x);
	expunge_log(r, r->mailbox, x->expunged);
	request_commit(r, finish);
}

void
copy_start(struct request *r, const struct ipc_ranges *uids, bool is_move,
	void (*done)(struct request *r, enum ipc_outcome outcome))
{
	struct copy *x = arena_take(r->arena, sizeof *x);

	if (!x) {
		done(r, IPC_LATER);
		return;
	}
	*x = (struct copy){ .uids = *uids, .is_move = is_move, .done = done };
	r->extra = x;
	r->outcome = IPC_OK;
	if (!space_is_left(r->engine, r->target->directory, 0))
		r->outcome = IPC_NO_SPACE;
	else if (!is_move && !take_room(r, uids))
		r->outcome = IPC_OVER_QUOTA;
	begin(r);
}

/* The source's uids as ranges; too many to tell: none (and no uid_validity, so that nothing is told). */
static void
put_source(const struct request *r, struct ipc_copied *reply)
{
	const struct copy *x = r->extra;
	struct ipc_range *ranges = arena_take(r->arena, (size_t)(x->count + 1) * sizeof *ranges);
	size_t count = 0;

	for (uint32_t i = 0; ranges && i < x->count; i++) {
		uint32_t uid = x->messages[i].source_uid;

		if (count && ranges[count - 1].last + 1 == uid)
			ranges[count - 1].last = uid;
		else
			ranges[count++] = (struct ipc_range){ uid, uid };
	}
	if (!ranges || count > RANGES_MAX)
		return;
	reply->source = (struct ipc_ranges){ ranges, count };
	reply->target_first = x->first_uid;
	reply->uid_validity = r->target->uid_validity;
}

void
copy_done(struct request *r)
{
	struct copy *x = r->extra;

	if (x)
		memory_free(x->messages);
	r->extra = NULL;
}

static void
answer(struct request *r, enum ipc_outcome outcome)
{
	struct message reply = request_reply(r, outcome);

	if (outcome == IPC_OK)
		put_source(r, &reply.u.copied);
	request_send(r, &reply);
	copy_done(r);
	request_done(r);
}

void
handle_copy(struct request *r)
{
	const struct ipc_copy *c = &r->m.u.copy;
	enum ipc_outcome outcome;

	if (!handle_selected(r))
		return;
	if (c->is_move && r->session->is_read_only)
		request_answer(r, IPC_INVALID);
	else if (mailbox_open(r->account, c->name, &r->target, &outcome) != 0)
		request_answer(r, outcome);
	else
		copy_start(r, &c->uids, c->is_move, answer);
}
