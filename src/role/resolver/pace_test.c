#include "role/resolver/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct pace p;

static void
learn(int count, int64_t took_us, bool was_again)
{
	while (count-- > 0)
		pace_learn(&p, took_us, was_again);
}

static void
a_server_nearby_gets_short_slices_and_a_far_one_long_ones(void **state)
{
	(void)state;
	pace_init(&p);
	assert_int_equal(pace_slice_us(&p, 0, false), PACE_MOST_US);
	learn(50, 1000, false);
	assert_int_equal(pace_slice_us(&p, 0, false), PACE_LEAST_US);
	learn(50, 6000, false);
	assert_in_range(pace_slice_us(&p, 0, false), 20000, 28000);
	learn(50, 30000, false);
	assert_int_equal(pace_slice_us(&p, 0, false), PACE_MOST_US);
}

/* Silent names teach nothing; one in five that was cut off too soon does. */
static void
slices_that_are_too_short_for_many_get_longer(void **state)
{
	(void)state;
	pace_init(&p);
	learn(50, 1000, false);
	for (int i = 0; i < 50; i++) {
		learn(4, 1000, false);
		learn(1, 500, true);
	}
	assert_in_range(pace_slice_us(&p, 0, false), 30000, PACE_MOST_US);
	learn(50, INT64_MAX, true);
	learn(50, INT64_MAX, false);
	assert_int_equal(pace_slice_us(&p, 0, false), PACE_MOST_US);
	learn(50, 1000, false);
	assert_int_equal(pace_slice_us(&p, 0, false), PACE_LEAST_US);
}

static void
what_is_asked_for_again_has_longer_each_second_time(void **state)
{
	(void)state;
	pace_init(&p);
	learn(50, 1000, false);
	assert_int_equal(pace_slice_us(&p, 1, false), PACE_MOST_US);
	assert_int_equal(pace_slice_us(&p, 2, false), 2 * PACE_MOST_US);
	assert_int_equal(pace_slice_us(&p, 3, false), 2 * PACE_MOST_US);
	assert_int_equal(pace_slice_us(&p, 4, false), 4 * PACE_MOST_US);
	assert_int_equal(pace_slice_us(&p, 4, true), PACE_MOST_US);
	assert_true(pace_slice_us(&p, UINT32_MAX, false) > 60000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_nearby_gets_short_slices_and_a_far_one_long_ones),
		cmocka_unit_test(slices_that_are_too_short_for_many_get_longer),
		cmocka_unit_test(what_is_asked_for_again_has_longer_each_second_time),
	};

	return cmocka_run_group_tests_name("resolver/pace", tests, NULL, NULL);
}
