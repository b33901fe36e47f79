#include "role/relay/idle.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 3000 };

static struct idle_set set;

static void
the_oldest_of_a_key_is_found_and_none_that_left(void **state)
{
	struct idle x[3] = { 0 }, y = { 0 };

	(void)state;
	idle_init(&set);
	for (size_t i = 0; i < 3; i++)
		idle_add(&set, &x[i], BYTES("mx 25 x.example"));
	idle_add(&set, &y, BYTES("mx 25 y.example"));
	idle_add(&set, &y, BYTES("mx 25 y.example"));
	assert_int_equal(set.count, 4);
	assert_ptr_equal(idle_find(&set, BYTES("mx 25 x.example")), &x[0]);
	idle_remove(&set, &x[1]);
	idle_remove(&set, &x[0]);
	idle_remove(&set, &x[0]);
	assert_ptr_equal(idle_find(&set, BYTES("mx 25 x.example")), &x[2]);
	assert_ptr_equal(idle_oldest(&set), &x[2]);
	idle_remove(&set, &x[2]);
	assert_null(idle_find(&set, BYTES("mx 25 x.example")));
	assert_ptr_equal(idle_oldest(&set), &y);
	idle_remove(&set, &y);
	assert_null(idle_oldest(&set));
	assert_int_equal(set.count, 0);
}

static void
many_keys_are_told_apart_and_no_chain_holds_more_than_a_few(void **state)
{
	static struct idle list[MANY];
	static char keys[MANY][32];

	(void)state;
	idle_init(&set);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(keys[i], sizeof keys[i], "mx 25 d%zu.example", i);
		idle_add(&set, &list[i], bytes_text(keys[i]));
	}
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(idle_find(&set, bytes_text(keys[i])), &list[i]);
	for (size_t i = 0; i < IDLE_CHAINS; i++) {
		size_t length = 0;
		struct idle *at;

		TAILQ_FOREACH (at, &set.chains[i], alike)
			length++;
		assert_in_range(length, 0, 30);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_of_a_key_is_found_and_none_that_left),
		cmocka_unit_test(many_keys_are_told_apart_and_no_chain_holds_more_than_a_few),
	};

	return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
