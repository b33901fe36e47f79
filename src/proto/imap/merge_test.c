#include "proto/imap/merge.h"

#include "proto/imap/test_rows.h"

static int
by_value(const void *arg, uint32_t a, uint32_t b)
{
	const uint32_t *values = arg;

	return (values[a] > values[b]) - (values[a] < values[b]);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* Of every length around powers of two, stopped after each number of comparisons. */
static void
every_length_is_sorted_and_equal_ones_keep_their_order(void **state)
{
	uint32_t values[70], seed = 1;

	(void)state;
	for (size_t count = 0; count <= 70; count++) {
		struct arena *arena = arena_new("merge", 1U << 20, ARENA_PLAIN);
		struct imap_merge m;

		for (size_t i = 0; i < count; i++)
			values[i] = next_random(&seed) % 10;
		assert_true(imap_merge_start(&m, count, arena));
		while (!imap_merge_step(&m, by_value, values, 1 + count % 5))
			;
		for (size_t i = 1; i < count; i++) {
			int order = by_value(values, m.from[i - 1], m.from[i]);

			assert_true(order < 0 || (order == 0 && m.from[i - 1] < m.from[i]));
		}
		arena_free(&arena);
	}
}

static void
what_does_not_fit_is_not_begun(void **state)
{
	struct arena *arena = arena_new("merge", 1000, ARENA_PLAIN);
	struct imap_merge m;

	(void)state;
	assert_false(imap_merge_start(&m, 1000, arena));
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_sorted_and_equal_ones_keep_their_order),
		cmocka_unit_test(what_does_not_fit_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
