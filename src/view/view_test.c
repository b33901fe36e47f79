/* The reader's side: what it must bear from a file that is not what it should be. */
#include "view/writer.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

struct space {
	uint8_t *octets;
	size_t count;
	struct view_writer w;
};

static void
make(struct space *s, uint32_t capacity)
{
	s->count = view_octets(capacity);
	s->octets = memory_new(s->count);
	view_create(&s->w, s->octets, s->count, 7, 1);
}

static struct view
opened(const struct space *s, struct bytes summaries)
{
	struct view v;

	assert_int_equal(view_open(bytes_of(s->octets, s->count), summaries, &v, NULL), 0);
	return v;
}

static void
append(struct space *s, uint32_t uid)
{
	(void)view_append(&s->w, &(struct view_entry){ .uid = uid, .modseq = uid });
	view_commit(&s->w, uid);
}

static void
a_short_file_is_no_view(void **state)
{
	struct space s;
	struct view v;
	struct fault f;

	(void)state;
	make(&s, 1);
	assert_int_equal(view_open(bytes_of(s.octets, VIEW_HEAD_OCTETS - 1), BYTES_NONE, &v, &f), -1);
	s.w.head->version++;
	assert_int_equal(view_open(bytes_of(s.octets, s.count), BYTES_NONE, &v, &f), -1);
	memory_free(s.octets);
}

static void
a_count_beyond_the_mapping_is_cut(void **state)
{
	struct space s;
	struct view v;

	(void)state;
	make(&s, 2);
	append(&s, 1);
	append(&s, 2);
	v = opened(&s, BYTES_NONE);
	assert_int_equal(view_count(&v), 2);
	atomic_store(&s.w.head->record_count, 1000000);
	assert_int_equal(view_count(&v), 2);
	atomic_store(&s.w.head->keyword_count, 1000000);
	assert_int_equal(view_keyword_count(&v), VIEW_KEYWORDS_MAX);
	memory_free(s.octets);
}

static void
find_gives_the_first_uid_at_or_above(void **state)
{
	static const struct { uint32_t uid, want; } rows[] = {
		{ 0, 0 }, { 1, 0 }, { 3, 0 }, { 4, 1 }, { 5, 1 }, { 6, 2 }, { 9, 2 }, { 10, 3 },
	};
	struct space s;
	struct view v;

	(void)state;
	make(&s, 3);
	append(&s, 3);
	append(&s, 5);
	append(&s, 9);
	v = opened(&s, BYTES_NONE);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(view_find(&v, view_count(&v), rows[i].uid), rows[i].want);
	assert_int_equal(view_find(&v, 0, 5), 0);
	memory_free(s.octets);
}

static void
a_summary_outside_its_file_is_none(void **state)
{
	static const struct { uint64_t at; uint32_t len; size_t want; } rows[] = {
		{ 0, 4, 4 }, { 2, 8, 8 }, { 2, 9, 0 }, { 10, 1, 0 }, { UINT64_MAX, 2, 0 }, { 3, 0, 0 },
	};
	struct space s;
	struct view v;

	(void)state;
	make(&s, 1);
	append(&s, 1);
	v = opened(&s, BYTES("0123456789"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		view_set_summary(&s.w, 0, rows[i].at, rows[i].len, 0);
		assert_int_equal(view_summary(&v, &v.records[0]).len, rows[i].want);
	}
	memory_free(s.octets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_file_is_no_view),
		cmocka_unit_test(a_count_beyond_the_mapping_is_cut),
		cmocka_unit_test(find_gives_the_first_uid_at_or_above),
		cmocka_unit_test(a_summary_outside_its_file_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
