#include "proto/imap/test_view.h"

#include "base/memory.h"
#include "proto/mime/message.h"

#include <string.h>

static const struct message_limits limits = { .parts_max = 100, .depth_max = 20, .header_octets_max = 65536 };

struct test_view *
test_view_new(uint32_t capacity, uint32_t uid_validity)
{
	struct test_view *v = NEW(struct test_view);
	uint8_t *mapping = memory_new(VIEW_HEAD_OCTETS + (size_t)capacity * sizeof(struct view_record));

	v->head = (void *)mapping;
	v->records = (void *)(mapping + VIEW_HEAD_OCTETS);
	v->octets = memory_new_array(capacity ? capacity : 1, sizeof *v->octets);
	v->summaries_size = (size_t)capacity * 600;
	v->summaries = memory_new(v->summaries_size);
	v->head->magic = VIEW_MAGIC;
	v->head->version = VIEW_VERSION;
	v->head->uid_validity = uid_validity;
	v->head->generation = 1;
	v->head->uid_next = 1;
	v->view = (struct view){ v->head, v->records, capacity, bytes_of(v->summaries, 0) };
	return v;
}

void
test_view_free(struct test_view **v)
{
	if (!*v)
		return;
	for (uint32_t i = 0; i < (*v)->head->record_count; i++)
		memory_free((void *)(uintptr_t)(*v)->octets[i].ptr);
	memory_free((*v)->octets);
	memory_free((*v)->summaries);
	memory_free((*v)->head);
	memory_free(*v);
	*v = NULL;
}

uint64_t
test_view_modseq(const struct test_view *v)
{
	return v->head->highest_modseq + 1;
}

static void
count(struct test_view *v)
{
	uint32_t messages = 0, unseen = 0, deleted = 0, expunged = 0;

	for (uint32_t i = 0; i < v->head->record_count; i++) {
		uint32_t flags = v->records[i].flags;

		expunged += (flags & VIEW_EXPUNGED) != 0;
		messages += !(flags & VIEW_EXPUNGED);
		unseen += !(flags & (VIEW_EXPUNGED | VIEW_SEEN));
		deleted += (flags & VIEW_DELETED) && !(flags & VIEW_EXPUNGED);
	}
	v->head->messages = messages;
	v->head->unseen = unseen;
	v->head->deleted = deleted;
	v->head->expunged = expunged;
}

void
test_view_publish(struct test_view *v, uint64_t modseq)
{
	count(v);
	v->head->highest_modseq = modseq;
}

static bool
add_summary(struct test_view *v, struct view_record *r, struct bytes octets)
{
	struct message_parser *parser = message_parser_new(&limits, BYTES_NONE);
	struct buf summary;
	bool fits;

	buf_init(&summary, SUMMARY_MAX);
	message_parser_feed(parser, octets);
	message_parser_finish(parser, &summary);
	fits = summary.len <= v->summaries_size - v->view.summaries.len;
	if (fits) {
		memcpy(v->summaries + v->view.summaries.len, summary.ptr, summary.len);
		r->summary_at = v->view.summaries.len;
		r->summary_len = (uint32_t)summary.len;
		r->size = message_parser_facts(parser).size;
		v->view.summaries.len += summary.len;
	}
	buf_done(&summary);
	message_parser_free(&parser);
	return fits;
}

static struct bytes
copy_of(struct bytes octets)
{
	uint8_t *copy = memory_new(octets.len ? octets.len : 1);

	if (octets.len)
		memcpy(copy, octets.ptr, octets.len);
	return bytes_of(copy, octets.len);
}

uint32_t
test_view_add(struct test_view *v, struct bytes octets, uint32_t flags, uint64_t keywords, int64_t date_s,
	bool has_summary)
{
	uint32_t index = v->head->record_count, uid = v->head->uid_next;
	struct view_record *r = &v->records[index];

	if (index == v->view.capacity || (has_summary && !add_summary(v, r, octets)))
		return 0;
	r->uid = uid;
	r->flags = flags;
	r->keywords = keywords;
	r->modseq = test_view_modseq(v);
	r->date_s = date_s;
	v->octets[index] = copy_of(octets);
	v->head->uid_next = uid + 1;
	v->head->record_count = index + 1;
	test_view_publish(v, test_view_modseq(v));
	return uid;
}

uint64_t
test_view_keyword(struct test_view *v, struct bytes name)
{
	uint32_t n = v->head->keyword_count;

	for (uint32_t i = 0; i < n; i++)
		if (bytes_equal_nocase(view_keyword(&v->view, i), name))
			return (uint64_t)1 << i;
	if (n == VIEW_KEYWORDS_MAX || name.len > VIEW_KEYWORD_OCTETS_MAX)
		return 0;
	memcpy(v->head->keywords[n], name.ptr, name.len);
	v->head->keyword_count = n + 1;
	return (uint64_t)1 << n;
}

void
test_view_set(struct test_view *v, uint32_t index, uint32_t flags, uint64_t keywords, uint64_t modseq)
{
	struct view_record *r = &v->records[index];

	r->flags = flags | (r->flags & VIEW_EXPUNGED);
	r->keywords = keywords;
	r->modseq = modseq;
}

void
test_view_expunge(struct test_view *v, uint32_t index, uint64_t modseq)
{
	v->records[index].flags |= VIEW_EXPUNGED;
	v->records[index].modseq = modseq;
}

struct test_view *
test_view_next(const struct test_view *v, uint32_t capacity)
{
	struct test_view *next = test_view_new(capacity, v->head->uid_validity);
	uint32_t to = 0;

	memcpy(next->head->keywords, v->head->keywords, sizeof v->head->keywords);
	next->head->keyword_count = v->head->keyword_count;
	next->head->generation = v->head->generation + 1;
	next->head->uid_next = v->head->uid_next;
	for (uint32_t i = 0; i < v->head->record_count && to < capacity; i++) {
		if (v->records[i].flags & VIEW_EXPUNGED)
			continue;
		memcpy(&next->records[to], &v->records[i], sizeof v->records[i]);
		next->records[to].summary_len = 0;
		if (v->records[i].summary_len)
			(void)add_summary(next, &next->records[to], v->octets[i]);
		next->octets[to++] = copy_of(v->octets[i]);
	}
	next->head->record_count = to;
	test_view_publish(next, v->head->highest_modseq);
	return next;
}

struct bytes
test_view_octets(const struct test_view *v, uint32_t uid)
{
	uint32_t n = v->head->record_count, index = view_find(&v->view, n, uid);

	return index < n && v->records[index].uid == uid ? v->octets[index] : BYTES_NONE;
}
