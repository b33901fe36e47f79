/* What the journal holds since the last checkpoint is done again, in order, to the Maildirs alone: names,
   uidlists, keywords.  All views are of an earlier epoch then and made anew from these when they are needed.

   A message that is there is written again (its octets may never have reached the disk); one that is missing
   is made.  Removing files is left to the end, because later records may speak of them. */
#include "role/store/recover.h"

#include "base/event.h"
#include "role/store/aside.h"
#include "role/store/failure.h"
#include "role/store/folders.h"
#include "role/store/offline.h"
#include "role/store/withheld.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { PATH_ROOM = MAILDIR_NAME_MAX + 64 };
#define GROUP_OCTETS_MAX ((size_t)1 << 31)

/* Records that count when the last of them has come, and none is missing.  Those of several accounts come in turns. */
struct group {
	struct group *next;
	uint64_t number;
	uint32_t count;
	struct buf records;
};

struct recovery {
	struct engine *engine;
	struct offline *mailboxes; /* that records spoke of */
	char path[PATH_MAX]; /* of the account that what follows is about */
	struct record mailbox; /* RECORD_MAILBOX of what follows */
	struct offline *current; /* it; NULL: there is another in its place, or it is not to be opened */
	struct aside *aside;
	struct withheld *withheld;
	struct group *groups;
	uint64_t messages, lost;
};

struct recovery *
recover_new(struct engine *e)
{
	struct recovery *x = NEW(struct recovery);

	x->engine = e;
	x->aside = aside_new(e->state_directory);
	return x;
}

struct search {
	const struct way *account;
	struct bytes guid;
	char name[MAILDIR_NAME_MAX + 1];
	bool is_found;
};

static void
look(struct search *s, struct bytes name)
{
	uint8_t guid[RECORD_GUID_OCTETS];

	if (s->is_found || !offline_guid(s->account, name, guid)
		|| !bytes_equal(bytes_of(guid, sizeof guid), s->guid))
		return;
	memcpy(s->name, name.ptr, name.len);
	s->is_found = true;
}

static bool
look_into(void *arg, const char *text, unsigned char type)
{
	struct search *s = arg;
	struct bytes name;

	(void)type;
	if (maildir_parse_folder(bytes_text(text), &name))
		look(s, name);
	return !s->is_found;
}

/* The name that the mailbox of the guid has now; the recorded one is the first guess. */
static bool
find_name(const struct way *account, const struct record *r, struct search *s)
{
	*s = (struct search){ .account = account, .guid = r->guid };
	look(s, r->name);
	if (!s->is_found)
		look(s, BYTES("INBOX"));
	if (!s->is_found)
		(void)disk->list(account->directory, ".", look_into, s);
	return s->is_found;
}

static bool
is_of(const struct offline *m, const char *path, struct bytes guid)
{
	return strcmp(m->path, path) == 0 && bytes_equal(bytes_of(m->guid, sizeof m->guid), guid);
}

/* A guid alone does not tell: whoever copies a Maildir to another account copies it. */
static struct offline *
find_open(const struct recovery *x, struct bytes guid)
{
	for (struct offline *m = x->mailboxes; m; m = m->next)
		if (is_of(m, x->path, guid))
			return m;
	return NULL;
}

/* A mailbox that is not to be opened as it is gets nothing of what the journal has for it (aside.h): no user can keep the server from
   starting by what he does to a Maildir in his home. */
static int
give_up(struct recovery *x, const struct fault *why, struct fault *f)
{
	if (why->kind != FAULT_DENIED)
		return fault_errno(f, errno, "open %s for recovery", x->path);
	(void)failure_report_fault(x->path, why);
	return 0;
}

/* The mailbox that the record names, in the list; NULL and *f, and errno EEXIST when another one is there. */
static struct offline *
open_mailbox(struct recovery *x, const struct record *r, struct fault *f)
{
	struct way account;
	struct search s;
	struct offline *m;

	if (way_open(x->engine->mailboxes, x->path, true, &account, f) != 0)
		return NULL;
	m = offline_open(account, x->path, find_name(&account, r, &s) ? bytes_text(s.name) : r->name, r->guid.ptr, r->uid_validity, f);
	if (!m)
		return NULL;
	m->next = x->mailboxes;
	x->mailboxes = m;
	return m;
}

/* RECORD_MAILBOX: what follows is about this mailbox. */
static int
enter(struct recovery *x, const struct record *r, struct fault *f)
{
	struct fault why = { 0 };

	if (r->path.len >= sizeof x->path || r->guid.len != RECORD_GUID_OCTETS
		|| !maildir_is_folder_name(r->name))
		return fault_set(f, FAULT_SYNTAX, "a record's mailbox can't be");
	x->mailbox = *r;
	memcpy(x->path, r->path.ptr, r->path.len);
	x->path[r->path.len] = '\0';
	x->current = find_open(x, r->guid);
	if (!x->current)
		x->current = open_mailbox(x, r, &why);
	return x->current || errno == EEXIST ? 0 : give_up(x, &why, f);
}

/* The flags that a new file is named by. */
static void
want(struct offline *m, struct offline_message *o, const struct record *r)
{
	if (!o->has_file)
		o->wanted = maildir_state(MAILDIR_IN_NEW, r->flags, offline_letters(m, r->keywords));
}

static int
append(struct recovery *x, const struct record *r, struct fault *f)
{
	struct offline *m = x->current;
	struct offline_message *o = offline_add(m, r->uid, r->base);

	if (!o)
		return fault_set(f, FAULT_TEMP, "no memory to recover %s", m->path);
	x->messages++;
	want(m, o, r);
	if (r->has_body) {
		if (offline_write(m, o, r->body, r->date_s) != 0)
			return fault_errno(f, errno, "write message in %s", m->path);
		return 0;
	}
	if (!o->has_file && offline_fetch_tmp(m, o) != 0)
		x->lost++;
	return 0;
}

/* A link, as a rule: what is there may be torn.  Where links don't go, what is there, or in tmp/, was synced. */
static bool
bring(struct offline *m, struct offline_message *o, const struct offline *from, const struct offline_message *source)
{
	bool has_source = source && source->has_file;
	char path[PATH_ROOM];
	struct buf out;

	if (has_source) {
		buf_init_fixed(&out, path, sizeof path);
		offline_put_path(&out, source, source->state);
		if (offline_link(m, o, from->directory, path) == 0)
			return true;
	}
	if (o->has_file || offline_fetch_tmp(m, o) == 0)
		return true;
	return has_source && offline_copy(m, o, from->directory, path) == 0;
}

static int
copy(struct recovery *x, const struct record *r, struct fault *f)
{
	struct offline *m = x->current, *from = find_open(x, r->source_guid);
	struct offline_message *o = offline_add(m, r->uid, r->base);
	struct offline_message *source = from ? offline_find_base(from, r->source_base) : NULL;

	if (!o)
		return fault_set(f, FAULT_TEMP, "no memory to recover %s", m->path);
	want(m, o, r);
	if (!bring(m, o, from, source)) {
		x->lost++;
		withheld_add(&x->withheld, x->path, x->mailbox.guid, r);
	}
	return 0;
}

static void
set_flags(struct offline *m, struct offline_message *o, const struct record *r)
{
	uint64_t letters = offline_letters(m, r->keywords);
	uint64_t now = maildir_letters(o->wanted);
	uint32_t flags = (uint32_t)o->wanted & VIEW_SYSTEM_FLAGS;

	switch (r->mode) {
	case FLAGS_REPLACE:
		flags = r->flags;
		now = letters;
		break;
	case FLAGS_ADD:
		flags |= r->flags;
		now |= letters;
		break;
	case FLAGS_REMOVE:
		flags &= ~r->flags;
		now &= ~letters;
		break;
	}
	o->wanted = maildir_state(o->wanted, flags, now);
}

/* FLAGS and EXPUNGE: each message of the ranges. */
static void
change(struct offline *m, const struct record *r)
{
	struct bytes uids = r->uids;
	struct ipc_range range;

	while (record_take_range(&uids, &range)) {
		for (size_t i = offline_from(m, range.first); i < m->count && m->messages[i]->uid <= range.last; i++) {
			struct offline_message *o = m->messages[i];

			if (r->kind == RECORD_FLAGS) {
				set_flags(m, o, r);
			} else {
				o->is_expunged = true;
				m->has_new_uids = true;
			}
		}
	}
}

static void
take_out(struct recovery *x, struct offline *m)
{
	struct offline **at = &x->mailboxes;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	x->current = NULL;
}

static int
delete_mailbox(struct recovery *x, struct fault *f)
{
	struct offline *m = x->current;
	int result;

	withheld_forget(&x->withheld, x->path, x->mailbox.guid);
	take_out(x, m);
	folders_remove(m->account.directory, bytes_text(m->name), x->engine);
	result = disk->fsync(m->account.directory);
	if (result != 0)
		result = fault_errno(f, errno, "sync %s", m->path);
	offline_drop(&m);
	return result;
}

static void
rename_mailbox(struct recovery *x, const struct record *r)
{
	struct offline *m = x->current;
	char from[MAILDIR_NAME_MAX + 2], to[MAILDIR_NAME_MAX + 2];
	struct buf out;
	struct stat st;

	if (!maildir_is_folder_name(r->new_name) || bytes_equal(r->new_name, bytes_text(m->name)))
		return;
	buf_init_fixed(&out, from, sizeof from);
	maildir_put_folder(&out, bytes_text(m->name));
	buf_init_fixed(&out, to, sizeof to);
	maildir_put_folder(&out, r->new_name);
	if (disk->fstatat(m->account.directory, to, &st, 0) == 0
		|| disk->renameat(m->account.directory, from, m->account.directory, to, 0) != 0)
		return;
	(void)disk->fsync(m->account.directory); /* before another takes the name */
	memset(m->name, 0, sizeof m->name);
	memcpy(m->name, r->new_name.ptr, r->new_name.len);
}

/* Somebody was told that the message is safe. */
static int
do_without(struct recovery *x, const struct record *r, struct fault *f)
{
	if (!x->mailbox.kind)
		return 0;
	if (r->kind == RECORD_APPEND)
		return aside_keep(x->aside, &x->mailbox, r, f);
	if (r->kind == RECORD_COPY)
		withheld_add(&x->withheld, x->path, x->mailbox.guid, r);
	if (r->kind == RECORD_DELETE) {
		aside_forget(x->aside, &x->mailbox);
		withheld_forget(&x->withheld, x->path, x->mailbox.guid);
	}
	return 0;
}

static int
do_entry(struct recovery *x, const struct record *r, struct fault *f)
{
	if (r->kind != RECORD_MAILBOX && !x->current)
		return do_without(x, r, f);
	switch (r->kind) {
	case RECORD_MAILBOX:
		return enter(x, r, f);
	case RECORD_APPEND:
		return append(x, r, f);
	case RECORD_ADOPT:
		(void)offline_add(x->current, r->uid, r->base);
		return 0;
	case RECORD_COPY:
		return copy(x, r, f);
	case RECORD_FLAGS:
	case RECORD_EXPUNGE:
		change(x->current, r);
		return 0;
	case RECORD_DELETE:
		return delete_mailbox(x, f);
	case RECORD_RENAME:
		rename_mailbox(x, r);
		return 0;
	case RECORD_PART:
	case RECORD_KINDS:
		break;
	}
	return 0;
}

static int
do_entries(struct recovery *x, struct bytes in, struct fault *f)
{
	struct record r;

	x->current = NULL;
	x->mailbox = (struct record){ 0 };
	while (take_record(&in, &r))
		if (do_entry(x, &r, f) != 0)
			return -1;
	return in.len ? fault_set(f, FAULT_SYNTAX, "a record of the journal is malformed") : 0;
}

/* Where the group of that number is linked, or the end of the list. */
static struct group **
find_group(struct recovery *x, uint64_t number)
{
	struct group **at = &x->groups;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void
drop_group(struct group **at)
{
	struct group *was = *at;

	if (!was)
		return;
	*at = was->next;
	buf_done(&was->records);
	memory_free(was);
}

static void
begin_group(struct recovery *x, uint64_t number)
{
	struct group *g = NEW(struct group);

	g->number = number;
	buf_init(&g->records, GROUP_OCTETS_MAX);
	g->next = x->groups;
	x->groups = g;
}

/* A request of which a part failed was not answered with IPC_OK: nothing of it is done. */
static int
add_part(struct recovery *x, const struct record *part, struct bytes entries, struct fault *f)
{
	struct group **at;
	int result = 0;

	if (part->index == 0)
		begin_group(x, part->group);
	at = find_group(x, part->group);
	if (!*at || (*at)->count++ != part->index) {
		drop_group(at);
		return 0;
	}
	put_bytes(&(*at)->records, entries);
	if (part->is_last) {
		result = do_entries(x, buf_bytes(&(*at)->records), f);
		drop_group(at);
	}
	return result;
}

int
recover_record(struct recovery *x, struct bytes record, struct fault *f)
{
	struct bytes in = record;
	struct record part;

	if (!take_record(&in, &part) || part.kind != RECORD_PART)
		return do_entries(x, record, f);
	return add_part(x, &part, in, f);
}

int
recover_settle(struct recovery *x, struct fault *f)
{
	struct offline *m;
	int result = 0;

	while ((m = x->mailboxes)) {
		x->mailboxes = m->next;
		withheld_keep(x->withheld, m);
		if (offline_close(&m, f) != 0)
			result = -1;
	}
	x->current = NULL;
	return result;
}

void
recover_free(struct recovery **x, const struct journal_report *report)
{
	struct recovery *was = *x;
	struct offline *m;

	*x = NULL;
	while ((m = was->mailboxes)) {
		was->mailboxes = m->next;
		offline_drop(&m);
	}
	if (report && report->records) {
		was->lost += aside_tell(was->aside);
		event(NULL, EV_STORE_RECOVERED, INT("records", report->records), INT("messages", was->messages),
			INT("lost", was->lost), INT("damaged", report->damaged_records));
	}
	while (was->groups)
		drop_group(&was->groups);
	aside_free(&was->aside);
	withheld_free(&was->withheld);
	memory_free(was);
}
