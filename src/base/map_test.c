#include "base/map.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t reference_key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* The vectors of the authors' reference implementation (vectors_sip64), octets 00 01 02 … */
static void
siphash_gives_the_reference_values(void **state)
{
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
		{ 16, 0x3f2acc7f57c29bdb },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_true(map_hash(bytes_of(reference_key, rows[i].len)) == rows[i].want);
}

enum { KEYS = 3000, OPERATIONS = 100000 };

static uint64_t chance = 88172645463325252u;

static uint64_t
next(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance;
}

/* Keys of 2 to 40 octets, on both sides of what stands in the entry itself. */
static struct bytes
key_of(unsigned int n, uint8_t memory[40])
{
	size_t len = 2 + n % 39;

	memset(memory, 'k', 40);
	memory[0] = (uint8_t)n;
	memory[1] = (uint8_t)(n >> 8);
	return bytes_of(memory, len);
}

static void
check_walk(const struct map *m, char *const model[KEYS])
{
	size_t at = 0, seen = 0;
	struct bytes key;
	void *value;

	while (map_next(m, &at, &key, &value)) {
		unsigned int n = (unsigned int)(key.ptr[0] | key.ptr[1] << 8);
		uint8_t memory[40];

		assert_true(bytes_equal(key, key_of(n, memory)));
		assert_ptr_equal(value, model[n]);
		seen++;
	}
	assert_int_equal(seen, map_count(m));
}

static void
it_behaves_as_a_table_does(void **state)
{
	static char values[4];
	static char *model[KEYS];
	struct map *m = map_new();
	size_t count = 0;

	(void)state;
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		unsigned int n = (unsigned int)(next() % (i % 20000 < 10000 ? KEYS : 50));
		uint8_t memory[40];
		struct bytes key = key_of(n, memory);
		char *value = &values[next() % 4];

		switch (next() % 3) {
		case 0:
			assert_ptr_equal(map_put(m, key, value), model[n]);
			count += !model[n];
			model[n] = value;
			break;
		case 1:
			assert_ptr_equal(map_remove(m, key), model[n]);
			count -= !!model[n];
			model[n] = NULL;
			break;
		default:
			assert_ptr_equal(map_get(m, key), model[n]);
			break;
		}
		assert_int_equal(map_count(m), count);
		if (i % 5000 == 0)
			check_walk(m, model);
	}
	map_free(&m);
	assert_null(m);
	map_free(&m);
}

static void
the_empty_key_and_numbers_are_keys(void **state)
{
	struct map *m = map_new();
	int one, two;

	(void)state;
	assert_null(map_get(m, BYTES_NONE));
	assert_null(map_remove(m, BYTES("a")));
	assert_null(map_put(m, BYTES_NONE, &one));
	assert_ptr_equal(map_get(m, BYTES("")), &one);
	assert_null(map_put_number(m, 0, &two));
	assert_null(map_put_number(m, UINT64_MAX, &one));
	assert_ptr_equal(map_get_number(m, 0), &two);
	assert_ptr_equal(map_remove_number(m, UINT64_MAX), &one);
	assert_null(map_get_number(m, UINT64_MAX));
	assert_int_equal(map_count(m), 2);
	map_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_reference_values),
		cmocka_unit_test(it_behaves_as_a_table_does),
		cmocka_unit_test(the_empty_key_and_numbers_are_keys),
	};

	map_seed(reference_key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
