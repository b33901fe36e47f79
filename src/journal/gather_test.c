#include "journal/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* `sessions` append, and each appends again when it was told: what a batch holds, when as many as are wanted can come at all. */
static uint32_t
next_batch(struct gather *g, uint32_t sessions, uint32_t came, uint32_t *vain)
{
	bool is_vain = came < g->wanted && sessions < g->wanted;
	uint32_t count = g->wanted > came ? g->wanted : came;

	count = count < sessions ? count : sessions;
	gather_learn(g, count, is_vain);
	*vain += is_vain;
	return count;
}

static void
one_or_two_never_wait(void **state)
{
	struct gather g = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		gather_learn(&g, 1 + i % 2, false);
		assert_int_equal(g.wanted, 0);
	}
}

static void
a_crowd_fills_the_batches(void **state)
{
	struct gather g = { 0 };
	uint32_t vain = 0, count = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		count = next_batch(&g, 1000, 3, &vain);
	assert_int_equal(count, 64);
	assert_int_equal(vain, 0);
}

static void
a_few_wait_in_vain_seldom_and_are_all_in_each_batch(void **state)
{
	struct gather g = { 0 };
	uint32_t vain = 0, full = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		full += next_batch(&g, 6, 3, &vain) == 6;
	assert_in_range(full, 750, 1000);
	assert_in_range(vain, 1, 1000 / 32 + 1);
}

/* Ten come in GATHER_US, and would go on coming: to wait for them is never in vain. */
static void
many_who_come_slowly_fill_the_time(void **state)
{
	struct gather g = { 0 };
	uint32_t records = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t count = g.wanted < 4 ? 4 : g.wanted < 10 ? g.wanted : 10;

		gather_learn(&g, count, false);
		records += count;
	}
	assert_in_range(records, 9500, 10000);
}

static void
who_is_left_alone_soon_waits_no_more(void **state)
{
	struct gather g = { 0 };
	uint32_t vain = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		next_batch(&g, 1000, 5, &vain);
	assert_int_equal(vain, 0);
	for (int i = 0; i < 100; i++)
		next_batch(&g, 1, 1, &vain);
	assert_in_range(vain, 1, 30);
	assert_int_equal(g.wanted, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_or_two_never_wait),
		cmocka_unit_test(a_crowd_fills_the_batches),
		cmocka_unit_test(a_few_wait_in_vain_seldom_and_are_all_in_each_batch),
		cmocka_unit_test(many_who_come_slowly_fill_the_time),
		cmocka_unit_test(who_is_left_alone_soon_waits_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
