#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
an_id_is_26_characters_that_sort_by_time(void **state)
{
	uint8_t random[10];
	struct mail_id before = { { 0 } }, id, parsed;

	(void)state;
	for (int64_t ms = 0; ms < INT64_C(1) << 48; ms = ms * 3 + 1) {
		memset(random, (int)(ms & 0xff), sizeof random);
		id = mail_id_make(ms * 1000 + 999, random);
		assert_int_equal(strlen(id.text), MAIL_ID_LEN);
		assert_true(strncmp(before.text, id.text, 10) < 0);
		assert_true(mail_id_parse(bytes_text(id.text), &parsed));
		assert_string_equal(parsed.text, id.text);
		before = id;
	}
}

static void
the_parts_stand_where_a_ulid_has_them(void **state)
{
	static const uint8_t none[10], all[10] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };

	(void)state;
	assert_string_equal(mail_id_make(0, none).text, "00000000000000000000000000");
	assert_string_equal(mail_id_make(0, all).text, "0000000000ZZZZZZZZZZZZZZZZ");
	assert_string_equal(mail_id_make(INT64_C(1469918176385) * 1000, none).text, "01ARYZ6S410000000000000000");
}

static void
only_its_alphabet_is_an_id(void **state)
{
	static const char *const rows[] = { "", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
		"01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01arz3ndektsv4rrffq69g5fav",
		"01ARZ3NDEKTSV4RRFFQ69G5FA " };
	struct mail_id id = { "before" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_false(mail_id_parse(bytes_text(rows[i]), &id));
		assert_string_equal(id.text, "before");
	}
	assert_false(mail_id_parse(BYTES("01ARZ3NDEKTSV4RRFFQ69G5FA\0"), &id));
	assert_true(mail_id_parse(BYTES("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_26_characters_that_sort_by_time),
		cmocka_unit_test(the_parts_stand_where_a_ulid_has_them),
		cmocka_unit_test(only_its_alphabet_is_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
