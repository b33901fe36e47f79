#include "role/directory/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ADDRESSES = 500, STEPS = 20000 };

static struct account *const meaning = (struct account *)(uintptr_t)1;

static struct bytes
address_of(int i, char space[32])
{
	(void)snprintf(space, 32, "n%d@example.org", i);
	return bytes_text(space);
}

/* Against an array. */
static void
expect(const struct names *n, const bool is_there[ADDRESSES])
{
	size_t count = 0, wanted = 0;
	char space[32];

	for (int i = 0; i < ADDRESSES; i++) {
		struct name *name = names_get(n, address_of(i, space));

		assert_int_equal(name != NULL, is_there[i]);
		assert_true(!name || bytes_equal(name_address(name), address_of(i, space)));
		wanted += is_there[i];
	}
	for (size_t at = 0; names_next(n, &at);)
		count++;
	assert_int_equal(count, wanted);
}

static void
what_is_made_is_found_until_it_means_nothing(void **state)
{
	struct names *n = names_new();
	bool is_there[ADDRESSES] = { false };
	char space[32];

	(void)state;
	srand(7);
	for (int step = 0; step < STEPS; step++) {
		int i = rand() % ADDRESSES;
		struct name *name;

		if (is_there[i]) {
			name = names_get(n, address_of(i, space));
			names_drop(n, name);
			assert_ptr_equal(names_get(n, address_of(i, space)), name);
			name->account = NULL;
			names_drop(n, name);
		} else {
			name = names_make(n, address_of(i, space));
			name->account = meaning;
			assert_ptr_equal(names_make(n, address_of(i, space)), name);
		}
		is_there[i] = !is_there[i];
		if (step % 500 == 0)
			expect(n, is_there);
	}
	names_free(&n);
	assert_null(n);
}

static void
a_sweep_forgets_what_means_nothing(void **state)
{
	struct names *n = names_new();
	bool is_there[ADDRESSES];
	char space[32];

	(void)state;
	for (int i = 0; i < ADDRESSES; i++) {
		is_there[i] = i % 3;
		names_make(n, address_of(i, space))->account = is_there[i] ? meaning : NULL;
	}
	names_sweep(n);
	expect(n, is_there);
	names_sweep(n);
	expect(n, is_there);
	names_free(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_found_until_it_means_nothing),
		cmocka_unit_test(a_sweep_forgets_what_means_nothing),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
