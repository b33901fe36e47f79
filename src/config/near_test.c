#include "config/near.h"

#include "config/test_support.h"

static const struct {
	const char *a, *b;
	size_t distance;
} distances[] = {
	{ "", "", 0 },
	{ "", "abc", 3 },
	{ "listen", "listen", 0 },
	{ "Listen", "listen", 0 },
	{ "lsiten", "listen", 1 },
	{ "liste", "listen", 1 },
	{ "listenn", "listen", 1 },
	{ "lishen", "listen", 1 },
	{ "kitten", "sitting", 3 },
};

static void
distance_counts_inserted_dropped_replaced_and_swapped_letters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(distances); i++)
		assert_int_equal(near_distance(bytes_text(distances[i].a), bytes_text(distances[i].b)),
			distances[i].distance);
}

static void
a_name_longer_than_any_of_ours_is_far_from_all(void **state)
{
	uint8_t text[NEAR_NAME_MAX + 1] = { 'a' };

	(void)state;
	assert_int_equal(near_distance(bytes_of(text, sizeof text), BYTES("a")), NEAR_NAME_MAX);
}

static void
the_nearest_name_wins_and_a_far_one_is_not_offered(void **state)
{
	struct near best = { 0 }, none = { 0 };

	(void)state;
	near_try(&best, BYTES("hostnam"), "domain");
	near_try(&best, BYTES("hostnam"), "hostname");
	near_try(&best, BYTES("hostnam"), "hostmane");
	assert_string_equal(best.name, "hostname");
	near_try(&none, BYTES("xyz"), "listen");
	assert_null(none.name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_inserted_dropped_replaced_and_swapped_letters),
		cmocka_unit_test(a_name_longer_than_any_of_ours_is_far_from_all),
		cmocka_unit_test(the_nearest_name_wins_and_a_far_one_is_not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
