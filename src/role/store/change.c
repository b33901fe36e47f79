/* CREATE, DELETE, RENAME, SUBSCRIBE.  Each runs alone in its account. */
#include "role/store/folders.h"

#include "role/store/copy.h"
#include "role/store/failure.h"
#include "role/store/file_systems.h"
#include "role/store/handlers.h"
#include "role/store/subscriptions.h"

#include <errno.h>
#include <string.h>

static bool
is_inbox(struct bytes name)
{
	return bytes_equal_nocase(name, BYTES("INBOX"));
}

/* May a folder be made with this name?  Not with what LIST takes for a wildcard. */
static bool
may_be_made(struct bytes name)
{
	return maildir_is_folder_name(name) && !is_inbox(name)
		&& bytes_find_char(name, '*') == name.len && bytes_find_char(name, '%') == name.len;
}

static bool
exists(struct engine_account *a, struct bytes name)
{
	char path[MAILDIR_NAME_MAX + 2];
	struct buf out;
	struct stat st;

	buf_init_fixed(&out, path, sizeof path);
	maildir_put_folder(&out, name);
	return disk->fstatat(a->way.directory, path, &st, 0) == 0;
}

/* Makes one folder that is not there, and logs it. */
static bool
make_one(struct request *r, struct bytes name, enum ipc_outcome *outcome)
{
	struct mailbox *m = NULL;
	struct fault f = { 0 };

	if (mailbox_make(r->account, name, &f) != 0) {
		*outcome = failure_of(&f, "make folder", r->account->path, errno);
		return false;
	}
	if (mailbox_open(r->account, name, &m, outcome) != 0)
		return false;
	(void)request_log(r, m);
	mailbox_unpin(&m);
	return true;
}

/* The next of the levels above the name that is not there, and of the name itself when `is_all`; false: there is none. */
static bool
take_missing(struct engine_account *a, struct bytes name, bool is_all, size_t *end, struct bytes *level)
{
	while (*end <= name.len) {
		size_t at = (*end)++;

		*level = bytes_sub(name, 0, at);
		if ((at < name.len ? name.ptr[at] == '.' : is_all) && !is_inbox(*level) && !exists(a, *level))
			return true;
	}
	return false;
}

static void
count_one(void *arg, struct bytes name)
{
	(void)name;
	++*(size_t *)arg;
}

/* Are they few enough with so many more? */
static bool
may_be_more(struct engine_account *a, size_t more, enum ipc_outcome *outcome)
{
	if (folders_each(a, count_one, &more) != 0) {
		*outcome = failure_report("list folders", a->path, errno);
		return false;
	}
	*outcome = IPC_LIMIT;
	return more <= IPC_FOLDERS_MAX;
}

/* Makes what is missing. */
static bool
make_levels(struct request *r, struct bytes name, bool is_all, enum ipc_outcome *outcome)
{
	struct engine_account *a = r->account;
	size_t end = 0, missing = 0;
	struct bytes level;

	while (take_missing(a, name, is_all, &end, &level))
		missing++;
	if (missing > 0 && !may_be_more(a, missing, outcome))
		return false;
	for (end = 0; take_missing(a, name, is_all, &end, &level);)
		if (!make_one(r, level, outcome))
			return false;
	return true;
}

static void
made(struct request *r, enum ipc_outcome outcome)
{
	request_answer(r, outcome);
}

static void
create(struct request *r)
{
	struct bytes name = r->m.u.mailbox_change.name;
	enum ipc_outcome outcome;

	if (name.len && name.ptr[name.len - 1] == '.') /* RFC 3501 6.3.3: names below it will be made */
		name.len--;
	if (is_inbox(name))
		request_answer(r, IPC_EXISTS);
	else if (!may_be_made(name))
		request_answer(r, IPC_INVALID);
	else if (exists(r->account, name))
		request_answer(r, IPC_EXISTS);
	else if (!make_levels(r, name, true, &outcome))
		request_answer(r, outcome);
	else if (!r->parts) /* another program made it meanwhile */
		request_answer(r, IPC_EXISTS);
	else
		request_commit(r, made);
}

static void
deleted(struct request *r, enum ipc_outcome outcome)
{
	if (outcome != IPC_OK) {
		request_answer(r, outcome);
		return;
	}
	r->account->has_deleted = true;
	mailbox_forget(r->mailbox);
	(void)folders_remove(r->account->way.directory, bytes_text(r->mailbox->name), r->engine);
	request_answer(r, IPC_OK);
}

static void
delete(struct request *r)
{
	struct bytes name = r->m.u.mailbox_change.name;
	enum ipc_outcome outcome;

	if (is_inbox(name)) {
		request_answer(r, IPC_INVALID);
	} else if (mailbox_open(r->account, name, &r->mailbox, &outcome) != 0) {
		request_answer(r, outcome);
	} else {
		put_record(request_log(r, r->mailbox), &(struct record){ .kind = RECORD_DELETE });
		request_commit(r, deleted);
	}
}

/* The folders that a RENAME changes: the one that is named and those below. */
struct rename {
	struct rename *next;
	struct mailbox *mailbox;
	char before[MAILDIR_NAME_MAX + 1], after[MAILDIR_NAME_MAX + 1];
};

struct renames {
	struct request *r;
	struct bytes from, to;
	struct rename *first;
	enum ipc_outcome outcome;
};

static void
collect(void *arg, struct bytes name)
{
	struct renames *x = arg;
	struct bytes rest = name;
	struct rename *one;

	if (!take_text(&rest, x->from) || (rest.len && rest.ptr[0] != '.'))
		return;
	if (x->to.len + rest.len >= MAILDIR_NAME_MAX)
		x->outcome = IPC_INVALID;
	one = arena_take(x->r->arena, sizeof *one);
	if (!one || x->outcome != IPC_OK)
		return;
	memcpy(one->before, name.ptr, name.len);
	memcpy(one->after, x->to.ptr, x->to.len);
	memcpy(one->after + x->to.len, rest.ptr, rest.len);
	one->next = x->first;
	x->first = one;
	if (exists(x->r->account, bytes_text(one->after)))
		x->outcome = IPC_EXISTS;
}

static void
let_go(struct renames *x)
{
	for (struct rename *one = x->first; one; one = one->next)
		mailbox_unpin(&one->mailbox);
}

static int
rename_directory(struct engine_account *a, const char *from, const char *to)
{
	char before[MAILDIR_NAME_MAX + 2], after[MAILDIR_NAME_MAX + 2];
	struct buf out;

	buf_init_fixed(&out, before, sizeof before);
	maildir_put_folder(&out, bytes_text(from));
	buf_init_fixed(&out, after, sizeof after);
	maildir_put_folder(&out, bytes_text(to));
	return disk->renameat(a->way.directory, before, a->way.directory, after, 0);
}

static void
log_renames(struct renames *x, bool is_back)
{
	for (struct rename *one = x->first; one; one = one->next)
		put_record(request_log(x->r, one->mailbox),
			&(struct record){
				.kind = RECORD_RENAME,
				.new_name = bytes_text(is_back ? one->before : one->after),
			});
}

static void
renamed_back(struct request *r, enum ipc_outcome outcome)
{
	(void)outcome;
	let_go(r->extra);
	request_answer(r, IPC_LATER);
}

static void
renamed(struct request *r, enum ipc_outcome outcome)
{
	struct renames *x = r->extra;

	for (struct rename *one = x->first; one && outcome == IPC_OK; one = one->next) {
		if (rename_directory(r->account, one->before, one->after) != 0) {
			(void)failure_report("rename folder", r->account->path, errno);
			for (struct rename *was = x->first; was != one; was = was->next)
				(void)rename_directory(r->account, was->after, was->before);
			log_renames(x, true);
			request_commit(r, renamed_back);
			return;
		}
	}
	/* Before another takes the name. */
	if (outcome == IPC_OK && disk->fsync(r->account->way.directory) != 0)
		(void)failure_report("sync renamed folders", r->account->path, errno);
	for (struct rename *one = x->first; one && outcome == IPC_OK; one = one->next)
		mailbox_rename(one->mailbox, bytes_text(one->after));
	let_go(x);
	request_answer(r, outcome);
}

static void
inbox_moved(struct request *r, enum ipc_outcome outcome)
{
	copy_done(r);
	request_answer(r, outcome);
}

static void
target_made(struct request *r, enum ipc_outcome outcome)
{
	static const struct ipc_range all = { 1, UINT32_MAX };

	if (outcome == IPC_OK)
		copy_start(r, &(struct ipc_ranges){ &all, 1 }, true, inbox_moved);
	else
		request_answer(r, outcome);
}

/* RFC 3501 6.3.5: renaming INBOX moves its messages to a new mailbox; what is below INBOX stays. */
static void
rename_inbox(struct request *r, struct bytes to)
{
	enum ipc_outcome outcome;

	if (!make_levels(r, to, true, &outcome)
		|| mailbox_open(r->account, BYTES("INBOX"), &r->mailbox, &outcome) != 0
		|| mailbox_open(r->account, to, &r->target, &outcome) != 0)
		request_answer(r, outcome);
	else if (!r->parts) /* another program made it meanwhile */
		request_answer(r, IPC_EXISTS);
	else
		request_commit(r, target_made);
}

static enum ipc_outcome
prepare_renames(struct renames *x)
{
	enum ipc_outcome outcome = IPC_LATER;

	if (folders_each(x->r->account, collect, x) != 0)
		return failure_report("list folders", x->r->account->path, errno);
	if (x->outcome != IPC_OK || !x->first)
		return x->first ? x->outcome : IPC_ABSENT;
	for (struct rename *one = x->first; one; one = one->next)
		if (mailbox_open(x->r->account, bytes_text(one->before), &one->mailbox, &outcome) != 0)
			return outcome;
	if (!make_levels(x->r, x->to, false, &outcome))
		return outcome;
	log_renames(x, false);
	return IPC_OK;
}

static void
rename_folders(struct request *r, struct bytes from, struct bytes to)
{
	struct renames *x = arena_take(r->arena, sizeof *x);
	struct bytes below = to;
	enum ipc_outcome outcome;

	if (!x || (take_text(&below, from) && take_char(&below, '.'))) {
		request_answer(r, x ? IPC_INVALID : IPC_LATER);
		return;
	}
	*x = (struct renames){ .r = r, .from = from, .to = to, .outcome = IPC_OK };
	r->extra = x;
	outcome = prepare_renames(x);
	if (outcome == IPC_OK) {
		request_commit(r, renamed);
		return;
	}
	let_go(x);
	request_answer(r, outcome);
}

static void
rename_mailbox(struct request *r)
{
	const struct ipc_mailbox_change *c = &r->m.u.mailbox_change;

	if (is_inbox(c->new_name))
		request_answer(r, IPC_EXISTS);
	else if (!may_be_made(c->new_name))
		request_answer(r, IPC_INVALID);
	else if (exists(r->account, c->new_name))
		request_answer(r, IPC_EXISTS);
	else if (is_inbox(c->name))
		rename_inbox(r, c->new_name);
	else
		rename_folders(r, c->name, c->new_name);
}

static void
subscribe(struct request *r, bool is_added)
{
	struct bytes name = r->m.u.mailbox_change.name;
	struct subscriptions s;
	bool has_changed;
	enum ipc_outcome outcome = IPC_OK;

	if (!maildir_is_folder_name(name)) {
		request_answer(r, IPC_INVALID);
		return;
	}
	folders_subscriptions(r->account, &s);
	has_changed = is_added ? subscriptions_add(&s, name) : subscriptions_remove(&s, name);
	if (has_changed && !folders_subscribe(r->account, &s))
		outcome = IPC_LATER;
	subscriptions_done(&s);
	request_answer(r, outcome);
}

/* Before another folder takes the name of one that was deleted: recovery finds nothing of that then, so what left it must be on the disk whole. */
static bool
sync_what_left(struct request *r)
{
	struct fault f = { 0 };

	if (!r->account->has_deleted || file_systems_sync(r->engine, &f) == 0) {
		r->account->has_deleted = false;
		return true;
	}
	(void)failure_report_fault(r->account->path, &f);
	return false;
}

static bool
makes_name(const struct request *r)
{
	uint8_t operation = r->m.u.mailbox_change.operation;

	return operation == MAILBOX_CREATE || operation == MAILBOX_RENAME;
}

void
handle_mailbox_change(struct request *r)
{
	enum ipc_outcome outcome;

	if (account_open(r->account, true, &outcome) != 0) {
		request_answer(r, outcome);
		return;
	}
	if (makes_name(r) && !sync_what_left(r)) {
		request_answer(r, IPC_LATER);
		return;
	}
	switch ((enum ipc_mailbox_operation)r->m.u.mailbox_change.operation) {
	case MAILBOX_CREATE:
		create(r);
		return;
	case MAILBOX_DELETE:
		delete (r);
		return;
	case MAILBOX_RENAME:
		rename_mailbox(r);
		return;
	case MAILBOX_SUBSCRIBE:
		subscribe(r, true);
		return;
	case MAILBOX_UNSUBSCRIBE:
		subscribe(r, false);
		return;
	}
	request_answer(r, IPC_INVALID);
}

static void
welcomed(struct request *r, enum ipc_outcome outcome)
{
	(void)outcome;
	request_done(r);
}

void
folders_welcome(struct request *r)
{
	static const char *const names[] = { "Drafts", "Sent", "Junk", "Trash", "Archive" };
	struct subscriptions s;
	enum ipc_outcome outcome;
	struct stat st;

	if (account_open(r->account, true, &outcome) != 0
		|| disk->fstatat(r->account->way.directory, SUBSCRIPTIONS_FILE, &st, 0) == 0) {
		request_done(r);
		return;
	}
	subscriptions_parse(BYTES_NONE, &s);
	(void)subscriptions_add(&s, BYTES("INBOX"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (make_levels(r, bytes_text(names[i]), true, &outcome))
			(void)subscriptions_add(&s, bytes_text(names[i]));
	(void)folders_subscribe(r->account, &s);
	subscriptions_done(&s);
	if (r->parts)
		request_commit(r, welcomed);
	else
		request_done(r);
}
