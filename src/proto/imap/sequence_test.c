#include "proto/imap/sequence.h"

#include "proto/imap/test_rows.h"

static struct arena *arena;

static void
sets_are_taken_and_settled(void **state)
{
	static const struct {
		const char *in;
		uint32_t star;
		const char *want; /* NULL: refused */
		const char *rest;
	} rows[] = {
		{ "1", 9, "1", "" },
		{ "1:5", 9, "1:5", "" },
		{ "5:1", 9, "1:5", "" },
		{ "*", 9, "9", "" },
		{ "*:4", 9, "4:9", "" },
		{ "4:*", 9, "4:9", "" },
		{ "12:*", 9, "9:12", "" },
		{ "*:*", 9, "9", "" },
		{ "2,4:7,9,12:*", 15, "2,4:7,9,12:15", "" },
		{ "1,3,2", 9, "1:3", "" },
		{ "5,1:3,2:4", 9, "1:5", "" },
		{ "1:4294967295", 9, "1:4294967295", "" },
		{ "4294967295,4294967294,1", 9, "1,4294967294:4294967295", "" },
		{ "4294967295,4294967295", 9, "4294967295", "" },
		{ "1 FLAGS", 9, "1", " FLAGS" },
		{ "1:2)", 9, "1:2", ")" },
		{ "*", 0, "", "" },
		{ "1:*,3", 0, "3", "" },
		{ "0", 9, NULL, NULL },
		{ "01", 9, NULL, NULL },
		{ "1:0", 9, NULL, NULL },
		{ "1,", 9, NULL, NULL },
		{ ",1", 9, NULL, NULL },
		{ "1:", 9, NULL, NULL },
		{ ":1", 9, NULL, NULL },
		{ "4294967296", 9, NULL, NULL },
		{ "", 9, NULL, NULL },
		{ "$", 9, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in);
		struct imap_set set;
		struct buf out;

		if (take_imap_set(&in, arena, &set) != (rows[i].want != NULL))
			fail_msg("%s", rows[i].in);
		assert_octets(rows[i].in, in, bytes_text(rows[i].want ? rows[i].rest : rows[i].in));
		if (!rows[i].want)
			continue;
		imap_set_settle(&set, rows[i].star);
		buf_init(&out, 1000);
		put_imap_set(&out, set.ranges, set.count);
		assert_octets(rows[i].in, buf_bytes(&out), bytes_text(rows[i].want));
		buf_done(&out);
	}
}

static void
a_settled_set_knows_its_numbers(void **state)
{
	struct bytes in = BYTES("9,2:4,7");
	struct imap_set set;

	(void)state;
	assert_true(take_imap_set(&in, arena, &set));
	imap_set_settle(&set, 100);
	for (uint32_t i = 1; i < 12; i++)
		assert_int_equal(imap_set_has(&set, i), (i >= 2 && i <= 4) || i == 7 || i == 9);
}

static void
numbers_that_follow_each_other_share_a_range(void **state)
{
	struct imap_set set = { 0 };
	size_t size = 0;

	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		if (i % 10)
			assert_true(imap_set_add(&set, arena, &size, i));
	assert_int_equal(set.count, 10);
	assert_int_equal(set.ranges[3].first, 31);
	assert_int_equal(set.ranges[3].last, 39);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_are_taken_and_settled),
		cmocka_unit_test(a_settled_set_knows_its_numbers),
		cmocka_unit_test(numbers_that_follow_each_other_share_a_range),
	};
	int failed;

	arena = arena_new("test", 1U << 20, ARENA_PLAIN);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
