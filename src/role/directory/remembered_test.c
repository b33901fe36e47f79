#include "role/directory/remembered.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { SECOND_US = 1000000 };

static void
put(struct remembered *r, uint64_t account, const char *dn, const char *password, int64_t now_us)
{
	uint8_t digest[REMEMBERED_DIGEST_OCTETS];

	remembered_digest(r, account, bytes_text(dn), bytes_text(password), digest);
	remembered_put(r, account, digest, now_us);
}

static bool
has(struct remembered *r, uint64_t account, const char *dn, const char *password, int64_t now_us)
{
	uint8_t digest[REMEMBERED_DIGEST_OCTETS];

	remembered_digest(r, account, bytes_text(dn), bytes_text(password), digest);
	return remembered_has(r, account, digest, now_us);
}

static void
refuse(struct remembered *r, uint64_t account, const char *dn, const char *password)
{
	uint8_t digest[REMEMBERED_DIGEST_OCTETS];

	remembered_digest(r, account, bytes_text(dn), bytes_text(password), digest);
	remembered_refuse(r, account, digest);
}

static void
the_password_that_was_right_is_known_and_no_other(void **state)
{
	struct remembered *r = remembered_new(60);

	(void)state;
	put(r, 1, "uid=a", "secret", 5);
	assert_true(has(r, 1, "uid=a", "secret", 6));
	assert_false(has(r, 1, "uid=a", "Secret", 6));
	assert_false(has(r, 1, "uid=a", "", 6));
	assert_false(has(r, 2, "uid=a", "secret", 6));
	assert_false(has(r, 1, "uid=as", "ecret", 6));
	remembered_free(&r);
}

static void
it_is_gone_when_its_time_has_passed(void **state)
{
	struct remembered *r = remembered_new(60);

	(void)state;
	put(r, 1, "uid=a", "one", 0);
	put(r, 2, "uid=b", "two", 10 * SECOND_US);
	assert_int_equal(remembered_expire(r, 0), 60 * SECOND_US);
	assert_true(has(r, 1, "uid=a", "one", 60 * SECOND_US - 1));
	assert_false(has(r, 1, "uid=a", "one", 60 * SECOND_US));
	assert_int_equal(remembered_count(r), 2);
	assert_int_equal(remembered_expire(r, 60 * SECOND_US), 70 * SECOND_US);
	assert_int_equal(remembered_count(r), 1);
	assert_int_equal(remembered_expire(r, 70 * SECOND_US), 0);
	assert_int_equal(remembered_count(r), 0);
	remembered_free(&r);
}

static void
being_right_again_begins_its_time_anew(void **state)
{
	struct remembered *r = remembered_new(60);

	(void)state;
	put(r, 1, "uid=a", "one", 0);
	put(r, 2, "uid=b", "two", 1);
	put(r, 1, "uid=a", "one", 30 * SECOND_US);
	assert_int_equal(remembered_expire(r, 60 * SECOND_US + 1), 90 * SECOND_US);
	assert_true(has(r, 1, "uid=a", "one", 89 * SECOND_US));
	put(r, 1, "uid=a", "new", 89 * SECOND_US);
	assert_false(has(r, 1, "uid=a", "one", 89 * SECOND_US));
	assert_int_equal(remembered_count(r), 1);
	remembered_free(&r);
}

static void
what_was_refused_is_forgotten_but_another_password_is_no_reason(void **state)
{
	struct remembered *r = remembered_new(60);

	(void)state;
	put(r, 1, "uid=a", "one", 0);
	refuse(r, 1, "uid=a", "two");
	refuse(r, 2, "uid=a", "one");
	assert_true(has(r, 1, "uid=a", "one", 1));
	refuse(r, 1, "uid=a", "one");
	assert_false(has(r, 1, "uid=a", "one", 1));
	put(r, 1, "uid=a", "one", 2);
	remembered_forget(r, 1);
	remembered_forget(r, 1);
	assert_int_equal(remembered_count(r), 0);
	remembered_free(&r);
}

static void
so_many_wrong_ones_in_a_minute_and_none_is_compared(void **state)
{
	struct remembered *r = remembered_new(600);

	(void)state;
	put(r, 1, "uid=a", "one", 0);
	put(r, 2, "uid=b", "one", 0);
	for (int i = 0; i < REMEMBERED_WRONG_MAX; i++)
		assert_false(has(r, 1, "uid=a", "two", 70 * SECOND_US + i));
	assert_false(has(r, 1, "uid=a", "one", 71 * SECOND_US));
	assert_true(has(r, 2, "uid=b", "one", 71 * SECOND_US));
	assert_false(has(r, 1, "uid=a", "one", 130 * SECOND_US - 1));
	assert_true(has(r, 1, "uid=a", "one", 130 * SECOND_US));
	remembered_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_password_that_was_right_is_known_and_no_other),
		cmocka_unit_test(it_is_gone_when_its_time_has_passed),
		cmocka_unit_test(being_right_again_begins_its_time_anew),
		cmocka_unit_test(what_was_refused_is_forgotten_but_another_password_is_no_reason),
		cmocka_unit_test(so_many_wrong_ones_in_a_minute_and_none_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
