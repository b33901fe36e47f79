#include "view/view.h"

#include <string.h>

int
view_open(struct bytes mapping, struct bytes summaries, struct view *v, struct fault *f)
{
	const struct view_head *head = (const void *)mapping.ptr;
	size_t room;

	if (mapping.len < VIEW_HEAD_OCTETS)
		return fault_set(f, FAULT_SYNTAX, "a view of %zu octets has no head", mapping.len);
	if (head->magic != VIEW_MAGIC || head->version != VIEW_VERSION)
		return fault_set(f, FAULT_SYNTAX, "not a view of version %d", VIEW_VERSION);
	room = (mapping.len - VIEW_HEAD_OCTETS) / sizeof(struct view_record);
	*v = (struct view){
		.head = head,
		.records = (const void *)(mapping.ptr + VIEW_HEAD_OCTETS),
		.capacity = room > UINT32_MAX ? UINT32_MAX : (uint32_t)room,
		.summaries = summaries,
	};
	return 0;
}

uint32_t
view_count(const struct view *v)
{
	uint32_t count = atomic_load_explicit(&v->head->record_count, memory_order_acquire);

	return count < v->capacity ? count : v->capacity;
}

uint32_t
view_flags(const struct view_record *r)
{
	return atomic_load_explicit(&r->flags, memory_order_relaxed);
}

uint64_t
view_modseq(const struct view_record *r)
{
	return atomic_load_explicit(&r->modseq, memory_order_acquire);
}

struct bytes
view_summary(const struct view *v, const struct view_record *r)
{
	uint32_t len = atomic_load_explicit(&r->summary_len, memory_order_acquire);
	uint64_t at = atomic_load_explicit(&r->summary_at, memory_order_relaxed);

	if (len == 0 || at > v->summaries.len || len > v->summaries.len - at)
		return BYTES_NONE;
	return bytes_sub(v->summaries, at, len);
}

uint32_t
view_find(const struct view *v, uint32_t count, uint32_t uid)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (v->records[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
view_keyword_count(const struct view *v)
{
	uint32_t count = atomic_load_explicit(&v->head->keyword_count, memory_order_acquire);

	return count < VIEW_KEYWORDS_MAX ? count : VIEW_KEYWORDS_MAX;
}

struct bytes
view_keyword(const struct view *v, uint32_t n)
{
	const char *name = v->head->keywords[n];

	return bytes_of(name, strnlen(name, VIEW_KEYWORD_OCTETS_MAX));
}
