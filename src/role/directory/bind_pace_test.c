#include "role/directory/bind_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { MS_US = 1000 };

static const int64_t max_us = 10000 * MS_US;

static void
a_refusal_takes_longer_than_the_longest_answer_by_half(void **state)
{
	static const struct {
		int64_t took_ms, want_ms;
	} rows[] = { { 0, 250 }, { 1, 250 }, { 166, 250 }, { 167, 500 }, { 250, 500 }, { 400, 1000 }, { 3000, 8000 }, { 6000, 10000 },
		{ 60000, 10000 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bind_pace p = { 0 };

		assert_int_equal(bind_pace_hold_us(&p, 5, max_us), 250 * MS_US);
		bind_pace_learn(&p, rows[i].took_ms * MS_US, 5);
		bind_pace_learn(&p, 0, 6);
		assert_int_equal(bind_pace_hold_us(&p, 7, max_us), rows[i].want_ms * MS_US);
	}
}

static void
no_refusal_takes_longer_than_the_time_out(void **state)
{
	struct bind_pace p = { 0 };

	(void)state;
	assert_int_equal(bind_pace_hold_us(&p, 0, 100 * MS_US), 100 * MS_US);
}

static void
what_was_slow_is_forgotten_after_the_next_window(void **state)
{
	struct bind_pace p = { 0 };

	(void)state;
	bind_pace_learn(&p, 400 * MS_US, 1);
	bind_pace_learn(&p, MS_US, BIND_PACE_WINDOW_US);
	assert_int_equal(bind_pace_hold_us(&p, BIND_PACE_WINDOW_US, max_us), 1000 * MS_US);
	bind_pace_learn(&p, MS_US, 2 * BIND_PACE_WINDOW_US - 1);
	assert_int_equal(bind_pace_hold_us(&p, 2 * BIND_PACE_WINDOW_US - 1, max_us), 1000 * MS_US);
	bind_pace_learn(&p, MS_US, 2 * BIND_PACE_WINDOW_US);
	assert_int_equal(bind_pace_hold_us(&p, 2 * BIND_PACE_WINDOW_US, max_us), 250 * MS_US);
}

static void
what_was_slow_is_forgotten_when_nobody_came_for_long(void **state)
{
	struct bind_pace p = { 0 };

	(void)state;
	bind_pace_learn(&p, 400 * MS_US, 1);
	assert_int_equal(bind_pace_hold_us(&p, 2 * BIND_PACE_WINDOW_US - 1, max_us), 1000 * MS_US);
	assert_int_equal(bind_pace_hold_us(&p, 2 * BIND_PACE_WINDOW_US, max_us), 250 * MS_US);
	bind_pace_learn(&p, MS_US, 3 * BIND_PACE_WINDOW_US);
	assert_int_equal(bind_pace_hold_us(&p, 3 * BIND_PACE_WINDOW_US, max_us), 250 * MS_US);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_takes_longer_than_the_longest_answer_by_half),
		cmocka_unit_test(no_refusal_takes_longer_than_the_time_out),
		cmocka_unit_test(what_was_slow_is_forgotten_after_the_next_window),
		cmocka_unit_test(what_was_slow_is_forgotten_when_nobody_came_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
