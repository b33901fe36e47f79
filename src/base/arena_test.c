#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
what_is_taken_is_zero_aligned_and_apart(void **state)
{
	struct arena *a = arena_new("test", 100000, ARENA_PLAIN);
	uint8_t *at[200];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 200; i++) {
			at[i] = arena_take(a, i);
			assert_non_null(at[i]);
			assert_int_equal((uintptr_t)at[i] % alignof(max_align_t), 0);
			for (size_t k = 0; k < i; k++)
				assert_int_equal(at[i][k], 0);
			memset(at[i], (int)i, i);
		}
		for (size_t i = 0; i < 200; i++)
			for (size_t k = 0; k < i; k++)
				assert_int_equal(at[i][k], i);
		if (round == 0)
			arena_reset(a);
		else
			arena_release(a);
		assert_int_equal(arena_used(a), 0);
	}
	assert_string_equal(arena_name(a), "test");
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

static void
the_cap_holds_and_a_reset_gives_all_back(void **state)
{
	struct arena *a = arena_new("test", 100, ARENA_SECRET);
	struct bytes copy = BYTES("x");

	(void)state;
	assert_null(arena_take(a, 101));
	assert_null(arena_take(a, SIZE_MAX));
	assert_int_equal(arena_used(a), 0);
	for (int round = 0; round < 3; round++) {
		assert_non_null(arena_take(a, 99));
		assert_null(arena_take(a, 16));
		assert_false(arena_copy(a, BYTES("0123456789"), &copy));
		assert_int_equal(copy.len, 0);
		arena_reset(a);
	}
	assert_non_null(arena_take(a, 100));
	arena_free(&a);
}

static void
a_copy_is_its_own(void **state)
{
	struct arena *a = arena_new("test", 100, ARENA_PLAIN);
	uint8_t text[] = "abc";
	struct bytes copy;

	(void)state;
	assert_true(arena_copy(a, bytes_of(text, 3), &copy));
	text[0] = 'x';
	assert_true(bytes_equal(copy, BYTES("abc")));
	assert_true(arena_copy(a, BYTES_NONE, &copy));
	assert_int_equal(copy.len, 0);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_zero_aligned_and_apart),
		cmocka_unit_test(the_cap_holds_and_a_reset_gives_all_back),
		cmocka_unit_test(a_copy_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
