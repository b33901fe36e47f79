/* What the journal holds since the last checkpoint is done again, in order, to the Maildirs alone: names,
   uidlists, keywords.  All views are of an earlier epoch then and made anew from these when they are needed.

   A message that is there is written again (its octets may never have reached the disk); one that is missing
   is made.  Removing files is left to the end, because later records may speak of them, and all else is on the disk by then.

   A mailbox that is not to be opened as it is gets nothing of what the journal has for it: that goes to lost/ (aside.h).  No user can keep the
   server from starting by what he does to a Maildir in his home.  What was copied to it stays where it was, even when it was moved away or its
   folder deleted. */
#include "role/store/recover.h"

#include "base/event.h"
#include "role/store/aside.h"
#include "role/store/closed.h"
#include "role/store/failure.h"
#include "role/store/file_systems.h"
#include "role/store/folders.h"
#include "role/store/group.h"
#include "role/store/offline.h"
#include "role/store/places.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* When so many mailboxes were opened, or some with so many messages in all, those that can be are closed. */
enum { PATH_ROOM = MAILDIR_NAME_MAX + 64, MAILBOXES_MAX = 1000, MAILBOXES_LEAST = 16, MESSAGES_MAX = 1 << 21 };

struct recovery {
	struct engine *engine;
	struct offline *mailboxes; /* that records spoke of */
	char path[PATH_MAX]; /* of the account that what follows is about */
	struct offline *current; /* the mailbox that it is about */
	struct offline *removed; /* copies of their messages may lead here */
	struct group *groups;
	struct places *places;
	uint64_t messages, lost;
	size_t opened, loaded; /* mailboxes, messages in them, since some were closed */
};

struct recovery *
recover_new(struct engine *e)
{
	struct recovery *x = NEW(struct recovery);

	x->engine = e;
	return x;
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
		if (!m->is_closed && is_of(m, x->path, guid))
			return m;
	return NULL;
}

/* NULL and *f. */
static struct offline *
open_mailbox(struct recovery *x, const struct record *r, struct fault *f)
{
	struct way account;
	struct bytes name;
	struct offline *m;

	if (way_open(x->engine->mailboxes, x->path, true, &account, f) != 0)
		return NULL;
	if (places_find(&x->places, x->path, &account, r->guid, r->name, &name, f) != 0) {
		disk_close(&account.directory);
		return NULL;
	}
	m = offline_open(account, x->path, name, r->guid.ptr, r->uid_validity, f);
	if (!m || (file_systems_note(x->engine, m->account.directory, ".") == 0 && file_systems_note_folder(x->engine, m->directory) == 0))
		return m;
	(void)fault_errno(f, errno, "open the file systems of %s", x->path);
	offline_drop(&m);
	return NULL;
}

/* The mailbox, or what is taken in its place.  NULL and *f. */
static struct offline *
open_some(struct recovery *x, const struct record *r, struct fault *f)
{
	struct fault why = { 0 };
	struct offline *m = open_mailbox(x, r, &why);

	if (m)
		return m;
	if (why.kind != FAULT_DENIED && why.kind != FAULT_PERM) {
		(void)fault_set(f, why.kind, "recover %s: %.*s", x->path, FAULT_TEXT_MAX / 2, why.text);
		return NULL;
	}
	if (why.kind == FAULT_DENIED)
		(void)failure_report_fault(x->path, &why);
	return aside_open(x->engine, x->path, r, f);
}

/* RECORD_MAILBOX: what follows is about this mailbox. */
static int
enter(struct recovery *x, const struct record *r, struct fault *f)
{
	if (r->path.len >= sizeof x->path || r->guid.len != RECORD_GUID_OCTETS
		|| !maildir_is_folder_name(r->name))
		return fault_set(f, FAULT_SYNTAX, "a record's mailbox can't be");
	memcpy(x->path, r->path.ptr, r->path.len);
	x->path[r->path.len] = '\0';
	x->current = find_open(x, r->guid);
	if (x->current)
		return 0;
	x->current = open_some(x, r, f);
	if (!x->current)
		return -1;
	if (!x->current->is_aside)
		closed_open_again(&x->mailboxes, x->current);
	x->current->next = x->mailboxes;
	x->mailboxes = x->current;
	x->opened++;
	x->loaded += x->current->count;
	return 0;
}

/* The flags that a new file is named by. */
static void
want(struct offline *m, struct offline_message *o, const struct record *r)
{
	if (!o->has_file)
		o->wanted = maildir_state(MAILDIR_IN_NEW, r->flags, offline_letters(m, r->keywords));
}

/* What can't be written in its place.  -1 and *f. */
static int
keep_aside(struct recovery *x, struct offline *m, const struct record *r, struct fault *f)
{
	const struct record mailbox = { .name = bytes_text(m->name), .guid = bytes_of(m->guid, sizeof m->guid) };
	struct offline *aside = m->next;
	struct offline_message *o;

	(void)failure_report("write message", m->path, errno);
	if (!aside || !aside->is_aside || !is_of(aside, m->path, mailbox.guid)) {
		aside = aside_open(x->engine, m->path, &mailbox, f);
		if (!aside)
			return -1;
		aside->next = m->next;
		m->next = aside; /* m is found first, and stays open */
		m->has_sources = true;
	}
	o = offline_add(aside, r->uid, r->base);
	if (!o)
		return fault_set(f, FAULT_TEMP, "no memory to recover %s", m->path);
	o->is_promised = true;
	want(aside, o, r);
	return offline_write(aside, o, r->body, r->date_s) == 0 ? 0 : fault_errno(f, errno, "write message of %s", m->path);
}

static int
append(struct recovery *x, const struct record *r, struct fault *f)
{
	struct offline *m = x->current;
	struct offline_message *o = offline_add(m, r->uid, r->base);

	if (!o)
		return fault_set(f, FAULT_TEMP, "no memory to recover %s", m->path);
	x->messages++;
	o->is_promised = true;
	want(m, o, r);
	if (r->has_body) {
		if (offline_write(m, o, r->body, r->date_s) == 0)
			return 0;
		o->is_promised = false;
		return !m->is_aside && failure_is_refusal(errno) ? keep_aside(x, m, r, f) : fault_errno(f, errno, "write message in %s", m->path);
	}
	if (!o->has_file && offline_fetch_tmp(m, o) != 0 && errno != ENOENT)
		return fault_errno(f, errno, "bring message from tmp/ in %s", m->path);
	return 0;
}

/* A link of the source, as a rule: what is there may be torn.  Where links don't go, what is there, or in tmp/, was synced.  1: it is nowhere, or can't
   be copied.  -1 and *f. */
static int
bring(struct offline *m, struct offline_message *o, const struct offline_message *source, struct fault *f)
{
	char path[PATH_ROOM];
	struct buf out;

	if (source) {
		buf_init_fixed(&out, path, sizeof path);
		offline_put_path(&out, source, source->state);
		if (offline_link(m, o, source->mailbox->directory, path) == 0)
			return 0;
		if (!files_take_no_link(errno) && errno != ENOENT && !failure_is_refusal(errno))
			return fault_errno(f, errno, "link message in %s", m->path);
	}
	if (o->has_file || offline_fetch_tmp(m, o) == 0)
		return 0;
	if (source && offline_copy(m, o, source->mailbox->directory, path) == 0)
		return 0;
	if (source) /* a disk that is full would keep the server from starting for a copy */
		return failure_is_passing(errno) && errno != ENOSPC && errno != EDQUOT ? fault_errno(f, errno, "copy message in %s", m->path) : 1;
	return errno == ENOENT ? 1 : fault_errno(f, errno, "bring message from tmp/ in %s", m->path);
}

/* The message with a file that the record's is a copy of.  NULL: there is none. */
static struct offline_message *
find_source(const struct recovery *x, const struct record *r)
{
	const struct offline *from = find_open(x, r->source_guid);
	struct offline_message *source = from ? offline_find_base(from, r->source_base) : NULL;

	return source && !source->has_file ? source->source : source;
}

static int
copy(struct recovery *x, const struct record *r, struct fault *f)
{
	struct offline *m = x->current;
	struct offline_message *o = offline_add(m, r->uid, r->base), *source = find_source(x, r);
	int result;

	if (!o)
		return fault_set(f, FAULT_TEMP, "no memory to recover %s", m->path);
	o->is_promised = true;
	want(m, o, r);
	result = m->is_aside ? 1 : bring(m, o, source, f);
	if (result <= 0)
		return result;
	o->source = source; /* stays where it was */
	if (source)
		source->mailbox->has_sources = true;
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

			if (r->kind == RECORD_FLAGS)
				set_flags(m, o, r);
			else
				o->is_expunged = true;
		}
		if (r->kind == RECORD_EXPUNGE && range.last >= m->uid_next && range.last < UIDLIST_UID_MAX) {
			m->uid_next = range.last + 1; /* whatever the list says, or that there is none */
			m->has_new_uids = true;
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
	m->next = x->removed;
	x->removed = m;
	x->current = NULL;
}

/* Is a message of it missed elsewhere? */
static bool
is_needed(const struct recovery *x, const struct offline *m)
{
	if (!m->has_sources)
		return false;
	for (const struct offline *other = x->mailboxes; other; other = other->next)
		for (size_t i = 0; i < other->count; i++) {
			const struct offline_message *o = other->messages[i];

			if (!o->is_expunged && o->source && o->source->mailbox == m)
				return true;
		}
	return false;
}

/* A mailbox that was deleted. */
static int
remove_mailbox(struct recovery *x, struct offline *m, struct fault *f)
{
	take_out(x, m);
	if (folders_remove(m->account.directory, bytes_text(m->name), x->engine) != 0 && failure_is_passing(errno))
		return fault_errno(f, errno, "remove folder %s in %s", m->name, m->path);
	if (disk->fsync(m->account.directory) != 0)
		return fault_errno(f, errno, "sync %s", m->path);
	disk_close(&m->directory);
	disk_close(&m->account.directory);
	return 0;
}

static int
delete_mailbox(struct recovery *x, struct fault *f)
{
	struct offline *m = x->current;

	offline_expunge_all(m);
	if (m->is_aside)
		return 0;
	m->is_deleted = true;
	return is_needed(x, m) ? 0 : remove_mailbox(x, m, f);
}

static int
rename_mailbox(struct recovery *x, const struct record *r, struct fault *f)
{
	struct offline *m = x->current;
	char from[MAILDIR_NAME_MAX + 2], to[MAILDIR_NAME_MAX + 2];
	struct buf out;
	struct stat st;

	if (m->is_aside || !maildir_is_folder_name(r->new_name) || bytes_equal(r->new_name, bytes_text(m->name)))
		return 0;
	buf_init_fixed(&out, from, sizeof from);
	maildir_put_folder(&out, bytes_text(m->name));
	buf_init_fixed(&out, to, sizeof to);
	maildir_put_folder(&out, r->new_name);
	if (disk->fstatat(m->account.directory, to, &st, 0) == 0)
		return 0;
	if (disk->renameat(m->account.directory, from, m->account.directory, to, 0) != 0)
		return failure_is_passing(errno) ? fault_errno(f, errno, "rename folder %s in %s", m->name, m->path) : 0;
	if (disk->fsync(m->account.directory) != 0) /* before another takes the name */
		return fault_errno(f, errno, "sync %s", m->path);
	memset(m->name, 0, sizeof m->name);
	memcpy(m->name, r->new_name.ptr, r->new_name.len);
	places_note(x->places, m->path, bytes_of(m->guid, sizeof m->guid), r->new_name);
	return 0;
}

static int
do_entry(struct recovery *x, const struct record *r, struct fault *f)
{
	if (r->kind != RECORD_MAILBOX && !x->current)
		return 0;
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
		return rename_mailbox(x, r, f);
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
	while (take_record(&in, &r))
		if (do_entry(x, &r, f) != 0)
			return -1;
	return in.len ? fault_set(f, FAULT_SYNTAX, "a record of the journal is malformed") : 0;
}

/* Sources of copies that are missed. */
static void
hold_sources(struct recovery *x)
{
	for (struct offline *m = x->mailboxes; m; m = m->next)
		for (size_t i = 0; i < m->count; i++)
			if (m->messages[i]->source && !m->messages[i]->is_expunged)
				m->messages[i]->source->is_expunged = false;
}

static void
count_lost(struct recovery *x, const struct offline *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct offline_message *o = m->messages[i];

		x->lost += o->is_promised && !o->is_expunged && (m->is_aside || !o->has_file);
	}
}

/* Is there something in it that what comes may be about? */
static bool
is_held(const struct offline *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->messages[i]->source)
			return true;
	return m->is_aside || m->is_deleted || m->has_sources;
}

static bool
has_expunged(const struct offline *m)
{
	size_t i = 0;

	while (i < m->count && !m->messages[i]->is_expunged)
		i++;
	return i < m->count;
}

static bool
has_much_open(const struct recovery *x)
{
	return x->opened > MAILBOXES_MAX || (x->opened > MAILBOXES_LEAST && x->loaded > MESSAGES_MAX);
}

/* -1 and *f. */
static int
close_some(struct recovery *x, struct fault *f)
{
	struct offline **at = &x->mailboxes, *m;

	x->current = NULL;
	x->opened = x->loaded = 0;
	while ((m = *at)) {
		if (m->is_closed || is_held(m)) {
			at = &m->next;
			continue;
		}
		count_lost(x, m);
		if (offline_write_down(m, f) != 0)
			return -1;
		if (has_expunged(m)) {
			closed_shrink(m);
			at = &m->next;
		} else {
			*at = m->next;
			offline_drop(&m);
		}
	}
	return 0;
}

int
recover_record(struct recovery *x, struct bytes record, struct fault *f)
{
	struct bytes in = record;
	struct record part;
	struct buf whole;
	int result;

	if (has_much_open(x) && close_some(x, f) != 0)
		return -1;
	if (!take_record(&in, &part) || part.kind != RECORD_PART)
		return do_entries(x, record, f);
	if (!group_add(&x->groups, &part, in, &whole))
		return 0;
	result = whole.has_failed ? fault_set(f, FAULT_LIMIT, "records that count together are too many") : do_entries(x, buf_bytes(&whole), f);
	buf_done(&whole);
	return result;
}

/* -1 and *f. */
static int
write_all_down(struct recovery *x, struct fault *f)
{
	for (struct offline *m = x->mailboxes; m; m = m->next) {
		if (m->is_closed)
			continue;
		count_lost(x, m);
		if (offline_write_down(m, f) != 0 || (m->is_aside && aside_tell(m, f) != 0))
			return -1;
	}
	return file_systems_sync(x->engine, f);
}

/* -1 and *f. */
static int
remove_expunged(struct recovery *x, struct offline *m, struct fault *f)
{
	if (m->is_closed)
		return closed_remove_expunged(x->engine, m, f);
	return m->is_deleted && offline_is_empty(m) ? remove_mailbox(x, m, f) : offline_remove_expunged(m, f);
}

/* -1 and *f. */
static int
remove_all_expunged(struct recovery *x, struct fault *f)
{
	struct offline *next;

	for (struct offline *m = x->mailboxes; m; m = next) {
		next = m->next;
		if (remove_expunged(x, m, f) != 0)
			return -1;
	}
	return file_systems_sync(x->engine, f);
}

static void
drop_all(struct offline **list)
{
	struct offline *m;

	while ((m = *list)) {
		*list = m->next;
		offline_drop(&m);
	}
}

static void
drop_mailboxes(struct recovery *x)
{
	drop_all(&x->mailboxes);
	drop_all(&x->removed);
	x->current = NULL;
}

int
recover_settle(struct recovery *x, struct fault *f)
{
	int result;

	hold_sources(x);
	result = write_all_down(x, f);
	if (result == 0)
		result = remove_all_expunged(x, f);
	drop_mailboxes(x);
	return result;
}

void
recover_free(struct recovery **x, const struct journal_report *report)
{
	struct recovery *was = *x;

	*x = NULL;
	drop_mailboxes(was);
	if (report && report->records)
		event(NULL, EV_STORE_RECOVERED, INT("records", report->records), INT("messages", was->messages),
			INT("lost", was->lost), INT("damaged", report->damaged_records));
	group_free_all(&was->groups);
	places_free(&was->places);
	memory_free(was);
}
