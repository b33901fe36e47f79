#include "role/resolver/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static const int64_t s = 1000000;
static const struct cache_result one = { ANSWER_FOUND, true, BYTES_INIT("b.example"), BYTES_INIT("\1\2\3\4") };

static void
an_answer_is_there_until_its_time_is_over_rfc1035_3_2_1(void **state)
{
	struct cache *c = cache_new(10000);
	struct cache_result got;
	uint32_t ttl_s;
	bool is_due;

	(void)state;
	assert_false(cache_get(c, RECORD_A, BYTES("a.example"), 0, &got, &ttl_s, &is_due));
	cache_put(c, RECORD_A, BYTES("a.example"), &one, 10, 5 * s);
	assert_true(cache_get(c, RECORD_A, BYTES("A.Example"), 5 * s, &got, &ttl_s, &is_due)); /* RFC 4343 */
	assert_int_equal(ttl_s, 10);
	assert_int_equal(got.answer, ANSWER_FOUND);
	assert_true(got.is_authentic);
	assert_true(bytes_equal(got.canonical, one.canonical) && bytes_equal(got.records, one.records));
	assert_false(cache_get(c, RECORD_AAAA, BYTES("a.example"), 5 * s, &got, &ttl_s, &is_due));
	assert_true(cache_get(c, RECORD_A, BYTES("a.example"), 15 * s - 1, &got, &ttl_s, &is_due));
	assert_int_equal(ttl_s, 1);
	assert_false(cache_get(c, RECORD_A, BYTES("a.example"), 15 * s, &got, &ttl_s, &is_due));
	assert_int_equal(cache_count(c), 0);
	cache_free(&c);
	assert_null(c);
}

static void
a_ttl_of_0_is_not_kept_and_replaces_rfc1035_3_2_1(void **state)
{
	const struct cache_result none = { .answer = ANSWER_NO_NAME };
	struct cache *c = cache_new(10000);
	struct cache_result got;
	uint32_t ttl_s;
	bool is_due;

	(void)state;
	cache_put(c, RECORD_MX, BYTES("a"), &one, 10, 0);
	cache_put(c, RECORD_MX, BYTES("a"), &none, 10, 0);
	assert_int_equal(cache_count(c), 1);
	assert_true(cache_get(c, RECORD_MX, BYTES("a"), 0, &got, &ttl_s, &is_due));
	assert_int_equal(got.answer, ANSWER_NO_NAME);
	cache_put(c, RECORD_MX, BYTES("a"), &one, 0, 0);
	assert_int_equal(cache_count(c), 0);
	cache_free(&c);
}

static void
there_is_room_for_so_many_octets_and_the_least_used_goes_first(void **state)
{
	struct cache *c = cache_new(10000);
	struct cache_result got;
	uint32_t ttl_s;
	size_t count;
	bool is_due;
	char name[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		cache_put(c, RECORD_A, bytes_text(name), &one, 100, 0);
		assert_true(cache_get(c, RECORD_A, BYTES("0"), 0, &got, &ttl_s, &is_due));
	}
	count = cache_count(c);
	assert_true(count > 10 && count < 100);
	assert_true(cache_get(c, RECORD_A, BYTES("999"), 0, &got, &ttl_s, &is_due));
	assert_false(cache_get(c, RECORD_A, BYTES("1"), 0, &got, &ttl_s, &is_due));
	cache_limit(c, 1000);
	assert_true(cache_count(c) < 5 && cache_count(c) > 0);
	assert_true(cache_get(c, RECORD_A, BYTES("999"), 0, &got, &ttl_s, &is_due));
	cache_limit(c, 10);
	assert_int_equal(cache_count(c), 0);
	cache_put(c, RECORD_A, BYTES("0"), &one, 100, 0);
	assert_int_equal(cache_count(c), 0);
	cache_free(&c);
}

static void
what_is_asked_for_again_is_due_once_before_its_end(void **state)
{
	struct cache *c = cache_new(10000);
	struct cache_result got;
	uint32_t ttl_s;
	bool is_due;

	(void)state;
	cache_put(c, RECORD_A, BYTES("a"), &one, 100, 0);
	assert_true(cache_get(c, RECORD_A, BYTES("a"), 95 * s, &got, &ttl_s, &is_due));
	assert_false(is_due); /* the first time it is asked for */
	assert_true(cache_get(c, RECORD_A, BYTES("a"), 96 * s, &got, &ttl_s, &is_due));
	assert_true(is_due);
	assert_true(cache_get(c, RECORD_A, BYTES("a"), 97 * s, &got, &ttl_s, &is_due));
	assert_false(is_due);
	cache_put(c, RECORD_A, BYTES("a"), &one, 100, 0);
	for (int i = 0; i < 5; i++) {
		assert_true(cache_get(c, RECORD_A, BYTES("a"), 80 * s, &got, &ttl_s, &is_due));
		assert_false(is_due);
	}
	cache_put(c, RECORD_A, BYTES("a"), &one, 9, 0);
	for (int i = 0; i < 5; i++) {
		assert_true(cache_get(c, RECORD_A, BYTES("a"), 9 * s - 1, &got, &ttl_s, &is_due));
		assert_false(is_due);
	}
	cache_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_there_until_its_time_is_over_rfc1035_3_2_1),
		cmocka_unit_test(a_ttl_of_0_is_not_kept_and_replaces_rfc1035_3_2_1),
		cmocka_unit_test(there_is_room_for_so_many_octets_and_the_least_used_goes_first),
		cmocka_unit_test(what_is_asked_for_again_is_due_once_before_its_end),
	};

	return cmocka_run_group_tests_name("resolver/cache", tests, NULL, NULL);
}
