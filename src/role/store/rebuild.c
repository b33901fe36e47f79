#include "role/store/scan.h"

#include "base/event.h"
#include "role/store/index.h"
#include "role/store/listing.h"
#include "role/store/names.h"
#include "role/store/uids.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

/* What a rebuild reads and what it makes of it. */
struct rebuild {
	struct mailbox *m;
	struct listing listing;
	struct buf text; /* the uidlist */
	struct uidlist_head head;
	struct bytes lines;
	struct view old;
	void *old_mapping;
	size_t old_octets;
	bool has_old;
	uint64_t modseq;
	uint32_t lines_read, found, saved;
	uint32_t last_uid;
	uint64_t summary_end;
};

/* Reads the uidlist; a damaged one is written anew with the lines that can be read. */
static int
read_uids(struct rebuild *b)
{
	struct uidlist_line line;
	struct bytes in;
	struct buf whole;
	size_t damaged = 0;
	uint32_t last = 0;
	int result;

	if (uids_read(b->m, &b->text, &b->head, &b->lines) != 0)
		return -1;
	buf_init(&whole, UIDLIST_OCTETS_MAX);
	for (in = b->lines; take_uidlist_line(&in, b->head.version, &last, &line, &damaged);)
		put_uidlist_line(&whole, &line);
	if (b->head.uid_next > b->m->uid_next)
		b->m->uid_next = b->head.uid_next;
	if (last >= b->m->uid_next)
		b->m->uid_next = last + 1;
	b->m->uidlist_octets = b->text.len;
	result = 0;
	if (damaged > 0) {
		result = uids_replace(b->m, buf_bytes(&whole));
		buf_reset(&b->text);
		if (result == 0)
			result = uids_read(b->m, &b->text, &b->head, &b->lines);
	}
	buf_done(&whole);
	return result;
}

static void
open_old(struct rebuild *b)
{
	uint32_t count;

	b->has_old = index_map_old(b->m, &b->old, &b->old_mapping, &b->old_octets);
	if (!b->has_old)
		return;
	count = atomic_load(&b->old.head->uid_next);
	if (count > b->m->uid_next && count <= UIDLIST_UID_MAX && b->old.head->uid_validity == b->m->uid_validity)
		b->m->uid_next = count;
	b->modseq = atomic_load(&b->old.head->highest_modseq);
	if (b->modseq > VIEW_MODSEQ_MAX)
		b->modseq = 0;
}

/* The record of the same message in the old view; NULL when there is none that can be believed. */
static const struct view_record *
find_old(const struct rebuild *b, const struct view_entry *e)
{
	uint32_t count, at;

	if (!b->has_old)
		return NULL;
	count = view_count(&b->old);
	at = view_find(&b->old, count, e->uid);
	if (at == count || b->old.records[at].uid != e->uid
		|| memcmp(b->old.records[at].object_id, e->object_id, sizeof e->object_id) != 0)
		return NULL;
	return &b->old.records[at];
}

static void
save_old(struct rebuild *b, struct view_entry *e, const struct view_record *old)
{
	uint64_t at = atomic_load(&old->summary_at);
	uint32_t len = atomic_load(&old->summary_len);

	e->date_s = old->date_s;
	e->save_date_s = old->save_date_s;
	e->size = atomic_load(&old->size);
	if (!index_has_summary(b->m, old->object_id, at, len))
		return;
	e->summary_at = at;
	e->summary_len = len;
	if (at + len > b->summary_end)
		b->summary_end = at + len;
	b->saved++;
}

/* What the file itself says. */
static void
look_at_file(struct rebuild *b, struct view_entry *e, struct bytes base)
{
	char path[MAILDIR_NAME_MAX + 64];
	struct buf out;
	struct stat st;

	e->size = maildir_base_number(base, 'W');
	e->date_s = maildir_base_seconds(base);
	buf_init_fixed(&out, path, sizeof path);
	maildir_put_path(&out, base, e->store_private);
	put_char(&out, '\0');
	if (disk->fstatat(b->m->directory, path, &st, 0) == 0)
		e->date_s = st.st_mtim.tv_sec;
	e->save_date_s = e->date_s;
}

static void
add_record(struct rebuild *b, const struct uidlist_line *line, struct listed *found)
{
	struct view_entry e = {
		.uid = line->uid,
		.flags = (uint32_t)found->state & VIEW_SYSTEM_FLAGS,
		.keywords = mailbox_keywords_of_letters(b->m, maildir_letters(found->state)),
		.name_len = (uint32_t)line->name.len,
		.name_at = (uint64_t)(line->name.ptr - b->text.ptr),
		.store_private = found->state,
		.modseq = b->modseq,
	};
	const struct view_record *old;

	found->is_known = true;
	maildir_object_id(line->name, e.object_id);
	old = find_old(b, &e);
	if (old)
		save_old(b, &e, old);
	else
		look_at_file(b, &e, line->name);
	(void)view_append(&b->m->view, &e);
	b->found++;
}

void
scan_make_canonical(struct mailbox *m, const struct listing *l, struct listed *e)
{
	char from[MAILDIR_NAME_MAX + 8], to[MAILDIR_NAME_MAX + 64];
	struct buf path;

	buf_init_fixed(&path, from, sizeof from);
	put_text(&path, e->is_in_new ? "new/" : "cur/");
	put_bytes(&path, listed_name(l, e));
	put_char(&path, '\0');
	e->state = maildir_state(e->state, (uint32_t)e->state & VIEW_SYSTEM_FLAGS, maildir_letters(e->state));
	buf_init_fixed(&path, to, sizeof to);
	maildir_put_path(&path, listed_base(l, e), e->state);
	put_char(&path, '\0');
	if (names_rename(m, from, to) == 0)
		e->is_canonical = true;
}

static void
fill(struct rebuild *b)
{
	struct uidlist_line line;
	struct bytes in = b->lines;
	size_t damaged = 0;

	for (size_t i = 0; i < b->listing.count; i++)
		if (!b->listing.entries[i].is_canonical)
			scan_make_canonical(b->m, &b->listing, &b->listing.entries[i]);
	while (take_uidlist_line(&in, b->head.version, &b->last_uid, &line, &damaged)) {
		struct listed *found = listing_find(&b->listing, line.name);

		b->lines_read++;
		if (found && !found->is_known)
			add_record(b, &line, found);
	}
	view_raise_uid_next(&b->m->view, b->m->uid_next);
	view_commit(&b->m->view, b->modseq);
}

static int
rebuild(struct rebuild *b)
{
	struct mailbox *m = b->m;

	if (listing_init(&b->listing, m->directory) != 0 || read_uids(b) != 0)
		return -1;
	open_old(b);
	b->modseq = b->modseq >= (uint64_t)time_now().wall_us ? b->modseq + 1 : (uint64_t)time_now().wall_us;
	if (index_create(m, (uint32_t)b->listing.count + (uint32_t)b->listing.count / 4 + m->appending) != 0)
		return -1;
	fill(b);
	index_take_summaries(m, b->summary_end);
	m->recent_from = m->uid_next;
	m->needs_scan = true;
	if (b->has_old || b->lines_read)
		event(NULL, EV_MAILBOX_REBUILT, STR("path", m->account->path), STR("mailbox", m->name),
			INT("messages", b->found), INT("summaries", b->saved));
	return 0;
}

int
scan_rebuild(struct mailbox *m)
{
	struct rebuild b = { .m = m };
	int result, error;

	buf_init(&b.text, UIDLIST_OCTETS_MAX);
	result = rebuild(&b);
	error = errno;
	if (b.has_old)
		(void)disk->unmap(b.old_mapping, b.old_octets);
	listing_done(&b.listing);
	buf_done(&b.text);
	errno = error;
	return result;
}
