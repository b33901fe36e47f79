/* The invariants of view.h, by number. */
#include "view/writer.h"

#include "base/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct space {
	void *octets;
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

static void
append(struct view_writer *w, uint32_t uid, uint32_t flags, uint64_t size)
{
	uint64_t modseq = atomic_load(&w->head->highest_modseq) + 1;

	(void)view_append(w, &(struct view_entry){ .uid = uid, .flags = flags, .size = size, .modseq = modseq });
	view_commit(w, modseq);
}

static void
assert_valid(const struct view_writer *w)
{
	struct fault f = { 0 };

	if (view_check(w, &f) != 0)
		fail_msg("%s", f.text);
}

static void
v1_v2_a_record_counts_when_it_is_whole(void **state)
{
	struct space s;

	(void)state;
	make(&s, 3);
	append(&s.w, 4, VIEW_SEEN, 10);
	append(&s.w, 9, 0, 20);
	assert_int_equal(atomic_load(&s.w.head->record_count), 2);
	assert_int_equal(atomic_load(&s.w.head->uid_next), 10);
	assert_valid(&s.w);
	s.w.records[1].uid = 4;
	assert_int_equal(view_check(&s.w, NULL), -1);
	memory_free(s.octets);
}

static void
v3_the_head_is_as_new_as_its_newest_record(void **state)
{
	struct space s;

	(void)state;
	make(&s, 1);
	append(&s.w, 1, 0, 1);
	view_set_flags(&s.w, 0, VIEW_SEEN, 3, 17);
	assert_int_equal(view_check(&s.w, NULL), -1);
	view_commit(&s.w, 17);
	assert_int_equal(atomic_load(&s.w.head->highest_modseq), 17);
	view_commit(&s.w, 5);
	assert_int_equal(atomic_load(&s.w.head->highest_modseq), 17);
	assert_valid(&s.w);
	view_commit(&s.w, VIEW_MODSEQ_MAX);
	assert_valid(&s.w);
	view_commit(&s.w, VIEW_MODSEQ_MAX + 1);
	assert_int_equal(view_check(&s.w, NULL), -1);
	memory_free(s.octets);
}

static void
v4_an_expunge_stays(void **state)
{
	struct space s;

	(void)state;
	make(&s, 2);
	append(&s.w, 1, VIEW_DELETED, 1);
	append(&s.w, 2, 0, 1);
	view_expunge(&s.w, 0, 5);
	view_expunge(&s.w, 0, 6);
	view_commit(&s.w, 6);
	assert_int_equal(view_flags(&s.w.records[0]), VIEW_DELETED | VIEW_EXPUNGED);
	assert_int_equal(view_modseq(&s.w.records[0]), 5);
	assert_int_equal(atomic_load(&s.w.head->record_count), 2);
	assert_valid(&s.w);
	memory_free(s.octets);
}

static void
v5_the_next_generation_has_what_is_left(void **state)
{
	struct space s, next;

	(void)state;
	make(&s, 4);
	assert_int_equal(view_add_keyword(&s.w, BYTES("$Work")), 0);
	view_set_full_of_keywords(&s.w, true);
	for (uint32_t uid = 1; uid <= 4; uid++)
		append(&s.w, uid * 10, uid == 2 ? VIEW_SEEN : 0, uid);
	view_expunge(&s.w, 0, 50);
	view_expunge(&s.w, 3, 50);
	view_commit(&s.w, 50);
	make(&next, 2);
	view_compact(&next.w, &s.w);
	view_supersede(&s.w);
	assert_int_equal(atomic_load(&next.w.head->record_count), 2);
	assert_int_equal(next.w.records[0].uid, 20);
	assert_int_equal(next.w.records[1].uid, 30);
	assert_int_equal(atomic_load(&next.w.head->uid_next), 41);
	assert_int_equal(atomic_load(&next.w.head->highest_modseq), 50);
	assert_int_equal(view_keyword_number(next.w.head, BYTES("$work")), 0);
	assert_true(atomic_load(&next.w.head->is_full_of_keywords));
	assert_valid(&next.w);
	assert_int_equal(view_writer_open(&s.w, s.octets, s.count, NULL), -1);
	memory_free(s.octets);
	memory_free(next.octets);
}

/* Anything, in any order. */
static void
v6_counts_hold_after_any_change(void **state)
{
	struct space s;
	uint32_t uid = 1;

	(void)state;
	srand(4);
	make(&s, 200);
	for (int i = 0; i < 5000; i++) {
		uint32_t count = atomic_load(&s.w.head->record_count);
		uint32_t index = count ? (uint32_t)rand() % count : 0;
		uint64_t modseq = atomic_load(&s.w.head->highest_modseq) + 1;
		bool is_gone = count && view_flags(&s.w.records[index]) & VIEW_EXPUNGED;

		if (count == 0 || (count < 200 && rand() % 8 == 0))
			append(&s.w, uid++, (uint32_t)rand() & VIEW_SYSTEM_FLAGS, (uint64_t)(rand() % 1000));
		else if (rand() % 40 == 0)
			view_expunge(&s.w, index, modseq);
		else if (!is_gone)
			view_set_flags(&s.w, index, (uint32_t)rand() & VIEW_SYSTEM_FLAGS, 0, modseq);
		else
			view_set_summary(&s.w, index, 1, 2, 3);
		view_commit(&s.w, modseq);
		assert_valid(&s.w);
	}
	memory_free(s.octets);
}

static void
first_unseen_stands_at_the_first_unseen(void **state)
{
	struct space s;

	(void)state;
	make(&s, 4);
	append(&s.w, 1, VIEW_SEEN, 1);
	assert_int_equal(atomic_load(&s.w.head->first_unseen), 1);
	append(&s.w, 2, 0, 1);
	append(&s.w, 3, VIEW_SEEN, 1);
	append(&s.w, 4, 0, 1);
	assert_int_equal(atomic_load(&s.w.head->first_unseen), 1);
	view_set_flags(&s.w, 1, VIEW_SEEN, 0, 9);
	assert_int_equal(atomic_load(&s.w.head->first_unseen), 3);
	view_set_flags(&s.w, 0, 0, 0, 9);
	assert_int_equal(atomic_load(&s.w.head->first_unseen), 0);
	view_expunge(&s.w, 0, 9);
	assert_int_equal(atomic_load(&s.w.head->first_unseen), 3);
	memory_free(s.octets);
}

static void
keywords_that_differ_in_case_are_one(void **state)
{
	static const char digits[] = "0123456789";
	struct space s;
	char name[VIEW_KEYWORD_OCTETS_MAX + 2];

	(void)state;
	make(&s, 0);
	assert_int_equal(view_add_keyword(&s.w, BYTES("$Forwarded")), 0);
	assert_int_equal(view_add_keyword(&s.w, BYTES("$FORWARDED")), 0);
	memset(name, 'k', sizeof name);
	assert_int_equal(view_add_keyword(&s.w, bytes_of(name, VIEW_KEYWORD_OCTETS_MAX)), 1);
	assert_int_equal(view_add_keyword(&s.w, bytes_of(name, VIEW_KEYWORD_OCTETS_MAX + 1)), -1);
	assert_int_equal(view_add_keyword(&s.w, BYTES_NONE), -1);
	for (uint32_t i = 2; i < VIEW_KEYWORDS_MAX; i++) {
		name[0] = digits[i / 10];
		name[1] = digits[i % 10];
		assert_int_equal(view_add_keyword(&s.w, bytes_of(name, 2)), i);
	}
	assert_int_equal(view_add_keyword(&s.w, BYTES("more")), -1);
	assert_int_equal(view_keyword_number(s.w.head, BYTES("more")), -1);
	memory_free(s.octets);
}

enum { RACE_RECORDS = 20000 };

static void *
write_all(void *arg)
{
	struct view_writer *w = arg;

	for (uint32_t uid = 1; uid <= RACE_RECORDS; uid++)
		append(w, uid, 0, 1);
	return NULL;
}

static void
v1_a_reader_beside_the_writer_sees_whole_records(void **state)
{
	struct space s;
	struct view v;
	pthread_t writer;
	uint32_t count;

	(void)state;
	make(&s, RACE_RECORDS);
	assert_int_equal(view_open(bytes_of(s.octets, s.count), BYTES_NONE, &v, NULL), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &s.w), 0);
	do {
		count = view_count(&v);
		if (count)
			assert_int_equal(v.records[count - 1].uid, count);
	} while (count < RACE_RECORDS);
	assert_int_equal(pthread_join(writer, NULL), 0);
	memory_free(s.octets);
}

static void
what_others_wrote_is_not_ours(void **state)
{
	struct space s;
	uint8_t *copy;

	(void)state;
	make(&s, 4);
	assert_true(view_is_ours(&s.w));
	(void)view_append(&s.w, &(struct view_entry){ .uid = 1, .modseq = 2 });
	view_commit(&s.w, 2);
	assert_true(view_is_ours(&s.w));
	copy = memory_new(s.count);
	memcpy(copy, s.octets, s.count);
	view_set_flags(&s.w, 0, VIEW_SEEN, 0, 3);
	view_commit(&s.w, 3);
	assert_true(view_is_ours(&s.w));
	memcpy(s.octets, copy, s.count);
	assert_false(view_is_ours(&s.w));
	/* Nothing makes it ours again. */
	assert_int_equal(view_append(&s.w, &(struct view_entry){ .uid = 2, .modseq = 4 }), UINT32_MAX);
	view_set_flags(&s.w, 0, VIEW_FLAGGED, 0, 4);
	view_expunge(&s.w, 0, 4);
	view_set_summary(&s.w, 0, 1, 2, 3);
	view_raise_uid_next(&s.w, 77);
	assert_int_equal(view_add_keyword(&s.w, BYTES("new")), -1);
	view_commit(&s.w, 4);
	assert_memory_equal(s.octets, copy, s.count);
	assert_false(view_is_ours(&s.w));
	memset(s.octets, 0, s.count);
	assert_false(view_is_ours(&s.w));
	memset(s.octets, 0xff, s.count);
	assert_int_equal(view_writer_count(&s.w), 4);
	memory_free(copy);
	memory_free(s.octets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_v2_a_record_counts_when_it_is_whole),
		cmocka_unit_test(v3_the_head_is_as_new_as_its_newest_record),
		cmocka_unit_test(v4_an_expunge_stays),
		cmocka_unit_test(v5_the_next_generation_has_what_is_left),
		cmocka_unit_test(v6_counts_hold_after_any_change),
		cmocka_unit_test(first_unseen_stands_at_the_first_unseen),
		cmocka_unit_test(keywords_that_differ_in_case_are_one),
		cmocka_unit_test(what_others_wrote_is_not_ours),
		cmocka_unit_test(v1_a_reader_beside_the_writer_sees_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
