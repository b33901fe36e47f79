#include "role/directory/sync_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UUID "0123456789abcdef"
#define OTHER "fedcba9876543210"

/* What was parsed, as text; "-" when it is none. */
static void
print_state(struct bytes in, char out[256])
{
	struct sync_state s;

	if (sync_parse_state(in, &s))
		(void)snprintf(out, 256, "%d %.*s %.*s", (int)s.change, BYTES_ARG(s.uuid), BYTES_ARG(s.cookie));
	else
		(void)snprintf(out, 256, "-");
}

static void
print_info(struct bytes in, char out[256])
{
	struct sync_info i;
	struct bytes uuid;
	struct buf b;

	buf_init_fixed(&b, out, 255);
	if (sync_parse_info(in, &i)) {
		put_format(&b, "%d %.*s %d %d", (int)i.kind, BYTES_ARG(i.cookie), i.is_done, i.has_deletes);
		while (sync_take_uuid(&i.uuids, &uuid))
			put_format(&b, " %.*s", BYTES_ARG(uuid));
	} else {
		put_text(&b, "-");
	}
	put_char(&b, 0);
}

struct row {
	struct bytes in;
	const char *want;
};

static void
rfc4533_2_3_a_state_is_a_change_an_entry_and_sometimes_a_cookie(void **state)
{
	static const struct row rows[] = {
		{ BYTES_INIT("\x30\x15\x0a\x01\x01\x04\x10" UUID), "1 " UUID " " },
		{ BYTES_INIT("\x30\x15\x0a\x01\x00\x04\x10" UUID), "0 " UUID " " },
		{ BYTES_INIT("\x30\x19\x0a\x01\x03\x04\x10" UUID "\x04\x02" "ck"), "3 " UUID " ck" },
		{ BYTES_INIT("\x30\x81\x19\x0a\x01\x02\x04\x81\x10" UUID "\x04\x01" "c"), "2 " UUID " c" },
		{ BYTES_INIT("\x30\x81\x19\x0a\x01\x02\x04\x81\x10" UUID "\x04\x01" "c" "x"), "-" },
		{ BYTES_INIT("\x30\x82\x00\x19\x0a\x01\x02\x04\x81\x10" UUID "\x04\x01" "c"), "2 " UUID " c" },
		{ BYTES_INIT("\x30\x15\x0a\x01\x04\x04\x10" UUID), "-" },
		{ BYTES_INIT("\x30\x14\x0a\x01\x01\x04\x0f" "0123456789abcde"), "-" },
		{ BYTES_INIT("\x30\x15\x0a\x01\x01\x04\x10" UUID "x"), "-" },
		{ BYTES_INIT("\x30\x80\x0a\x01\x01\x04\x10" UUID "\0\0"), "-" },
		{ BYTES_INIT("\x30\x85\0\0\0\0\x15\x0a\x01\x01\x04\x10" UUID), "-" },
		{ BYTES_INIT(""), "-" },
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_state(rows[i].in, got);
		assert_string_equal(got, rows[i].want);
	}
}

static void
rfc4533_2_5_an_information_is_one_of_four(void **state)
{
	static const struct row rows[] = {
		{ BYTES_INIT("\x80\x02" "ck"), "0 ck 0 0" },
		{ BYTES_INIT("\xa1\x00"), "1  1 0" },
		{ BYTES_INIT("\xa1\x03\x01\x01\x00"), "1  0 0" },
		{ BYTES_INIT("\xa2\x07\x04\x02" "ck" "\x01\x01\xff"), "2 ck 1 0" },
		{ BYTES_INIT("\xa2\x04\x04\x02" "ck"), "2 ck 1 0" },
		{ BYTES_INIT("\xa3\x02\x31\x00"), "3  0 0" },
		{ BYTES_INIT("\xa3\x14\x31\x12\x04\x10" UUID), "3  0 0 " UUID },
		{ BYTES_INIT("\xa3\x2d\x04\x02" "ck" "\x01\x01\xff\x31\x24\x04\x10" UUID "\x04\x10" OTHER), "3 ck 0 1 " UUID " " OTHER },
		{ BYTES_INIT("\xa3\x14\x31\x12\x04\x0f" UUID "x"), "-" },
		{ BYTES_INIT("\xa3\x02\x30\x00"), "-" },
		{ BYTES_INIT("\xa1\x04\x01\x02\x00\x00"), "-" },
		{ BYTES_INIT("\xa1\x00x"), "-" },
		{ BYTES_INIT("\xa4\x00"), "-" },
		{ BYTES_INIT(""), "-" },
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_info(rows[i].in, got);
		assert_string_equal(got, rows[i].want);
	}
}

static void
what_is_cut_anywhere_is_none(void **state)
{
	struct bytes whole = BYTES("\xa3\x2d\x04\x02" "ck" "\x01\x01\xff\x31\x24\x04\x10" UUID "\x04\x10" OTHER);
	struct sync_info i;

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		assert_false(sync_parse_info(bytes_sub(whole, 0, len), &i));
	assert_true(sync_parse_info(whole, &i));
}

static void
rfc4533_2_2_a_request_has_a_mode_and_sometimes_a_cookie(void **state)
{
	uint8_t space[64];
	struct buf b;

	(void)state;
	buf_init_fixed(&b, space, sizeof space);
	sync_put_request(&b, BYTES_NONE);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("\x30\x82\x00\x03\x0a\x01\x03")));
	buf_reset(&b);
	sync_put_request(&b, BYTES("ck"));
	assert_true(bytes_equal(buf_bytes(&b), BYTES("\x30\x82\x00\x09\x0a\x01\x03\x04\x82\x00\x02" "ck")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc4533_2_3_a_state_is_a_change_an_entry_and_sometimes_a_cookie),
		cmocka_unit_test(rfc4533_2_5_an_information_is_one_of_four),
		cmocka_unit_test(what_is_cut_anywhere_is_none),
		cmocka_unit_test(rfc4533_2_2_a_request_has_a_mode_and_sometimes_a_cookie),
	};

	return cmocka_run_group_tests_name("sync_value", tests, NULL, NULL);
}
