#include "role/supervisor/supervisor_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
a_turn_makes_a_key_and_keeps_the_one_before(void **state)
{
	struct ticket_keys keys = { .has_current = false };
	uint8_t before[IPC_TICKET_KEY_OCTETS];

	(void)state;
	ticket_keys_turn(&keys);
	assert_true(keys.has_current);
	assert_false(keys.has_previous);
	for (int i = 0; i < 3; i++) {
		memcpy(before, keys.secret_current, sizeof before);
		ticket_keys_turn(&keys);
		assert_true(keys.has_previous);
		assert_memory_equal(keys.secret_previous, before, sizeof before);
		assert_memory_not_equal(keys.secret_current, before, sizeof before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_makes_a_key_and_keeps_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
