#include "view/writer.h"

#include <assert.h>
#include <string.h>

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define PUBLISH(field, value) atomic_store_explicit(&(field), (value), memory_order_release)

size_t
view_octets(uint32_t capacity)
{
	return VIEW_HEAD_OCTETS + (size_t)capacity * sizeof(struct view_record);
}

void
view_writer_move(struct view_writer *w, void *mapping, size_t octets)
{
	size_t room = (octets - VIEW_HEAD_OCTETS) / sizeof(struct view_record);

	assert(octets >= VIEW_HEAD_OCTETS);
	w->head = mapping;
	w->records = (void *)((uint8_t *)mapping + VIEW_HEAD_OCTETS);
	w->capacity = room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

static void
note_head(struct view_writer *w)
{
	w->generation = w->head->generation;
	w->highest_modseq = LOAD(w->head->highest_modseq);
	w->record_count = LOAD(w->head->record_count);
}

bool
view_is_ours(const struct view_writer *w)
{
	const struct view_head *h = w->head;

	return h->magic == VIEW_MAGIC && h->generation == w->generation && LOAD(h->record_count) == w->record_count
		&& LOAD(h->highest_modseq) == w->highest_modseq;
}

uint32_t
view_writer_count(const struct view_writer *w)
{
	uint32_t count = LOAD(w->head->record_count);

	return count < w->capacity ? count : w->capacity;
}

void
view_create(struct view_writer *w, void *mapping, size_t octets, uint32_t uid_validity,
	uint64_t generation)
{
	view_writer_move(w, mapping, octets);
	w->head->uid_validity = uid_validity;
	w->head->generation = generation;
	STORE(w->head->uid_next, 1);
	w->head->version = VIEW_VERSION;
	w->head->magic = VIEW_MAGIC;
	note_head(w);
}

int
view_writer_open(struct view_writer *w, void *mapping, size_t octets, struct fault *f)
{
	struct view v;

	if (view_open(bytes_of(mapping, octets), BYTES_NONE, &v, f) != 0)
		return -1;
	view_writer_move(w, mapping, octets);
	if (LOAD(w->head->is_superseded))
		return fault_set(f, FAULT_SYNTAX, "V5: the view is superseded");
	note_head(w);
	return view_check(w, f);
}

/* V6: one record counts (by = 1) or does not count any more (by = -1). */
static void
count_record(struct view_head *h, uint32_t flags, uint64_t size, int by)
{
	uint32_t one = by > 0 ? 1u : UINT32_MAX; /* modulo 2^32: UINT32_MAX takes one away */

	STORE(h->messages, LOAD(h->messages) + one);
	if (!(flags & VIEW_SEEN))
		STORE(h->unseen, LOAD(h->unseen) + one);
	if (flags & VIEW_DELETED)
		STORE(h->deleted, LOAD(h->deleted) + one);
	STORE(h->size_total, LOAD(h->size_total) + (by > 0 ? size : 0 - size));
}

/* first_unseen stands at the first record that is neither seen nor expunged, or at record_count. */
static void
settle_first_unseen(struct view_writer *w, uint32_t from)
{
	uint32_t count = w->record_count;

	while (from < count && (LOAD(w->records[from].flags) & (VIEW_SEEN | VIEW_EXPUNGED)))
		from++;
	STORE(w->head->first_unseen, from);
}

/* V2, if the records are as they were written. */
static bool
is_behind_all(const struct view_writer *w, uint32_t uid)
{
	return w->record_count == 0 || w->records[w->record_count - 1].uid < uid;
}

/* Another program is at it, whatever the head says. */
static void
disown(struct view_writer *w)
{
	w->generation = 0;
}

uint32_t
view_append(struct view_writer *w, const struct view_entry *e)
{
	struct view_head *h = w->head;
	uint32_t index = w->record_count;
	struct view_record *r = &w->records[index];

	assert(e->uid != 0 && index < w->capacity);
	if (!is_behind_all(w, e->uid))
		disown(w);
	if (!view_is_ours(w))
		return UINT32_MAX;
	r->uid = e->uid;
	STORE(r->flags, e->flags & VIEW_SYSTEM_FLAGS);
	STORE(r->keywords, e->keywords);
	STORE(r->modseq, e->modseq);
	r->date_s = e->date_s;
	r->save_date_s = e->save_date_s;
	STORE(r->size, e->size);
	STORE(r->summary_at, e->summary_at);
	STORE(r->summary_len, e->summary_len);
	r->name_len = e->name_len;
	r->name_at = e->name_at;
	r->store_private = e->store_private;
	memcpy(r->object_id, e->object_id, sizeof r->object_id);
	view_raise_uid_next(w, e->uid + 1);
	count_record(h, e->flags, e->size, 1);
	PUBLISH(h->record_count, index + 1); /* V1 */
	w->record_count = index + 1;
	if (LOAD(h->first_unseen) == index)
		settle_first_unseen(w, index);
	return index;
}

void
view_set_flags(struct view_writer *w, uint32_t index, uint32_t flags, uint64_t keywords,
	uint64_t modseq)
{
	struct view_record *r = &w->records[index];
	uint32_t before = LOAD(r->flags);
	uint64_t size = LOAD(r->size);

	if (before & VIEW_EXPUNGED) /* V4 */
		disown(w);
	if (!view_is_ours(w))
		return;
	flags &= VIEW_SYSTEM_FLAGS;
	count_record(w->head, before, size, -1);
	count_record(w->head, flags, size, 1);
	STORE(r->flags, flags);
	STORE(r->keywords, keywords);
	PUBLISH(r->modseq, modseq); /* V3 */
	if (!(flags & VIEW_SEEN) && index < LOAD(w->head->first_unseen))
		STORE(w->head->first_unseen, index);
	if (index == LOAD(w->head->first_unseen))
		settle_first_unseen(w, index);
}

void
view_expunge(struct view_writer *w, uint32_t index, uint64_t modseq)
{
	struct view_record *r = &w->records[index];
	uint32_t flags = LOAD(r->flags);

	if (flags & VIEW_EXPUNGED || !view_is_ours(w))
		return;
	count_record(w->head, flags, LOAD(r->size), -1);
	STORE(w->head->expunged, LOAD(w->head->expunged) + 1);
	STORE(r->flags, flags | VIEW_EXPUNGED);
	PUBLISH(r->modseq, modseq);
	if (index == LOAD(w->head->first_unseen))
		settle_first_unseen(w, index);
}

void
view_set_summary(struct view_writer *w, uint32_t index, uint64_t at, uint32_t len, uint64_t size)
{
	struct view_record *r = &w->records[index];

	if (!view_is_ours(w))
		return;
	if (size && !(LOAD(r->flags) & VIEW_EXPUNGED))
		STORE(w->head->size_total, LOAD(w->head->size_total) + size - LOAD(r->size));
	if (size)
		STORE(r->size, size);
	STORE(r->summary_len, 0);
	atomic_thread_fence(memory_order_release);
	STORE(r->summary_at, at);
	PUBLISH(r->summary_len, len); /* V7 */
}

void
view_commit(struct view_writer *w, uint64_t modseq)
{
	if (modseq <= w->highest_modseq || !view_is_ours(w))
		return;
	PUBLISH(w->head->highest_modseq, modseq);
	w->highest_modseq = modseq;
}

void
view_raise_uid_next(struct view_writer *w, uint32_t uid)
{
	if (view_is_ours(w) && uid > LOAD(w->head->uid_next))
		STORE(w->head->uid_next, uid);
}

int
view_keyword_number(const struct view_head *head, struct bytes name)
{
	uint32_t count = LOAD(head->keyword_count);

	for (uint32_t i = 0; i < count && i < VIEW_KEYWORDS_MAX; i++) {
		const char *known = head->keywords[i];

		if (bytes_equal_nocase(bytes_of(known, strnlen(known, VIEW_KEYWORD_OCTETS_MAX)), name))
			return (int)i;
	}
	return -1;
}

int
view_add_keyword(struct view_writer *w, struct bytes name)
{
	int number = view_keyword_number(w->head, name);
	uint32_t count = LOAD(w->head->keyword_count);

	if (number >= 0 || !view_is_ours(w))
		return number;
	if (count >= VIEW_KEYWORDS_MAX || name.len == 0 || name.len > VIEW_KEYWORD_OCTETS_MAX)
		return -1;
	memcpy(w->head->keywords[count], name.ptr, name.len);
	PUBLISH(w->head->keyword_count, count + 1);
	return (int)count;
}

void
view_set_full_of_keywords(struct view_writer *w, bool is_full)
{
	STORE(w->head->is_full_of_keywords, is_full);
}

static struct view_entry
entry_of(const struct view_record *r)
{
	struct view_entry e = {
		.uid = r->uid,
		.flags = LOAD(r->flags),
		.keywords = LOAD(r->keywords),
		.modseq = LOAD(r->modseq),
		.date_s = r->date_s,
		.save_date_s = r->save_date_s,
		.size = LOAD(r->size),
		.summary_at = LOAD(r->summary_at),
		.summary_len = LOAD(r->summary_len),
		.name_len = r->name_len,
		.name_at = r->name_at,
		.store_private = r->store_private,
	};

	memcpy(e.object_id, r->object_id, sizeof e.object_id);
	return e;
}

void
view_compact(struct view_writer *to, struct view_writer *from)
{
	uint32_t count = LOAD(from->head->record_count);

	memcpy(to->head->keywords, from->head->keywords, sizeof to->head->keywords);
	STORE(to->head->keyword_count, LOAD(from->head->keyword_count));
	view_set_full_of_keywords(to, LOAD(from->head->is_full_of_keywords) != 0);
	for (uint32_t i = 0; i < count; i++) {
		struct view_entry e = entry_of(&from->records[i]);

		if (!(e.flags & VIEW_EXPUNGED))
			view_append(to, &e);
	}
	view_raise_uid_next(to, LOAD(from->head->uid_next));
	view_commit(to, LOAD(from->head->highest_modseq));
}

void
view_supersede(struct view_writer *w)
{
	PUBLISH(w->head->is_superseded, 1);
}

/* What the head says of the records, counted anew. */
struct counts {
	uint32_t messages, unseen, deleted, expunged;
	uint64_t size_total;
};

static void
count_anew(struct counts *c, uint32_t flags, uint64_t size)
{
	if (flags & VIEW_EXPUNGED) {
		c->expunged++;
		return;
	}
	c->messages++;
	c->unseen += !(flags & VIEW_SEEN);
	c->deleted += !!(flags & VIEW_DELETED);
	c->size_total += size;
}

static bool
counts_agree(const struct counts *c, const struct view_head *h)
{
	return c->messages == LOAD(h->messages) && c->unseen == LOAD(h->unseen)
		&& c->deleted == LOAD(h->deleted) && c->expunged == LOAD(h->expunged)
		&& c->size_total == LOAD(h->size_total);
}

int
view_check(const struct view_writer *w, struct fault *f)
{
	const struct view_head *h = w->head;
	uint32_t count = LOAD(h->record_count), before = 0;
	struct counts c = { 0 };

	if (count > w->capacity)
		return fault_set(f, FAULT_SYNTAX, "V1: %u records do not fit", count);
	if (LOAD(h->highest_modseq) > VIEW_MODSEQ_MAX)
		return fault_set(f, FAULT_SYNTAX, "V3: no modseq is that high");
	for (uint32_t i = 0; i < count; i++) {
		const struct view_record *r = &w->records[i];

		if (r->uid <= before || r->uid >= LOAD(h->uid_next))
			return fault_set(f, FAULT_SYNTAX, "V2: record %u has uid %u", i, r->uid);
		if (LOAD(r->modseq) > LOAD(h->highest_modseq))
			return fault_set(f, FAULT_SYNTAX, "V3: record %u is newer than the head", i);
		before = r->uid;
		count_anew(&c, LOAD(r->flags), LOAD(r->size));
	}
	if (!counts_agree(&c, h))
		return fault_set(f, FAULT_SYNTAX, "V6: the head's counts are wrong");
	return 0;
}
