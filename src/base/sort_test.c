#include "base/sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS_MAX = 300 };

struct row {
	uint32_t key;
	uint8_t more[3]; /* of the key */
};

static int
compare(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	return (a->key > b->key) - (a->key < b->key);
}

/* Against qsort, of each length and with many equal ones. */
static void
items_are_in_order_and_none_is_lost(void **state)
{
	struct row rows[ITEMS_MAX], want[ITEMS_MAX];

	(void)state;
	srand(3);
	for (size_t count = 0; count <= ITEMS_MAX; count++) {
		for (size_t i = 0; i < count; i++) {
			uint32_t key = (uint32_t)rand() % (count % 2 ? 20 : 100000);

			rows[i] = (struct row){ key, { (uint8_t)key, (uint8_t)(key >> 8), (uint8_t)(key >> 16) } };
		}
		memcpy(want, rows, sizeof rows);
		if (count)
			qsort(want, count, sizeof *want, compare);
		sort_in_place(rows, count, sizeof *rows, compare);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(rows[i].key, want[i].key);
			assert_memory_equal(rows[i].more, want[i].more, sizeof want[i].more);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_in_order_and_none_is_lost),
	};

	return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}
