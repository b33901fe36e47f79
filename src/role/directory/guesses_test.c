#include "role/directory/guesses.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MINUTES(n) ((int64_t)(n) * 60 * 1000000)

static void
who_guessed_wrong_so_often_waits_until_some_are_forgotten(void **state)
{
	struct guesses *g = guesses_new();
	const struct bytes a = BYTES("\xc0\0\2\1"), b = BYTES("\xc0\0\2\2");

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(guesses_may_try(g, a, 5, MINUTES(1)));
		guesses_note(g, a, 5, MINUTES(1));
	}
	assert_false(guesses_may_try(g, a, 5, MINUTES(1)));
	assert_true(guesses_may_try(g, b, 5, MINUTES(1)));
	assert_false(guesses_may_try(g, a, 5, MINUTES(3) - 1));
	assert_true(guesses_may_try(g, a, 5, MINUTES(3)));
	guesses_note(g, a, 5, MINUTES(3));
	assert_false(guesses_may_try(g, a, 5, MINUTES(3)));
	/* Nothing is saved up beyond. */
	for (int i = 0; i < 5; i++) {
		assert_true(guesses_may_try(g, a, 5, MINUTES(1000)));
		guesses_note(g, a, 5, MINUTES(1000));
	}
	assert_false(guesses_may_try(g, a, 5, MINUTES(1000)));
	guesses_free(&g);
}

static void
who_is_no_party_may_try_and_so_may_all_without_a_limit(void **state)
{
	struct guesses *g = guesses_new();

	(void)state;
	for (int i = 0; i < 100; i++) {
		guesses_note(g, BYTES_NONE, 5, 0);
		guesses_note(g, BYTES("\xc0\0\2\1"), 0, 0);
	}
	assert_true(guesses_may_try(g, BYTES_NONE, 5, 0));
	assert_true(guesses_may_try(g, BYTES("\xc0\0\2\1"), 5, 0));
	guesses_note(g, BYTES("\xc0\0\2\1"), 1, 0);
	assert_true(guesses_may_try(g, BYTES("\xc0\0\2\1"), 0, 0));
	guesses_free(&g);
}

static void
guesses_from_everywhere_fill_no_memory(void **state)
{
	struct guesses *g = guesses_new();
	uint8_t octets[4];

	(void)state;
	for (uint32_t i = 0; i < 70000; i++) {
		struct buf b;

		buf_init_fixed(&b, octets, sizeof octets);
		put_u32(&b, i);
		guesses_note(g, buf_bytes(&b), 1, 0);
		assert_false(guesses_may_try(g, buf_bytes(&b), 1, 0));
	}
	/* The first was forgotten, the last was not. */
	assert_true(guesses_may_try(g, BYTES("\0\0\0\0"), 1, 0));
	assert_false(guesses_may_try(g, bytes_of(octets, 4), 1, 0));
	guesses_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_guessed_wrong_so_often_waits_until_some_are_forgotten),
		cmocka_unit_test(who_is_no_party_may_try_and_so_may_all_without_a_limit),
		cmocka_unit_test(guesses_from_everywhere_fill_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
