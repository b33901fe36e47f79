#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(rows) (sizeof(rows) / sizeof *(rows))

static void
empty_views_may_have_no_pointer(void **state)
{
	struct bytes in = BYTES_NONE, out;
	uint64_t number;

	(void)state;
	assert_true(bytes_equal(BYTES_NONE, BYTES("")));
	assert_true(bytes_equal_nocase(BYTES_NONE, BYTES("")));
	assert_true(bytes_equal_secret(BYTES_NONE, BYTES("")));
	assert_int_equal(bytes_compare(BYTES_NONE, BYTES("")), 0);
	assert_int_equal(bytes_find(BYTES_NONE, BYTES("a")), 0);
	assert_int_equal(bytes_find_char(BYTES_NONE, 'a'), 0);
	assert_int_equal(bytes_find_last_char(BYTES_NONE, 'a'), 0);
	assert_int_equal(bytes_trim(BYTES_NONE).len, 0);
	assert_true(bytes_is_utf8(BYTES_NONE));
	assert_true(bytes_all_class(BYTES_NONE, CLASS_ALPHA));
	assert_false(take_char(&in, 'a'));
	assert_false(take_class(&in, CLASS_ALPHA, &out));
	assert_false(take_number(&in, 10, &number));
	assert_int_equal(take_until(&in, ',').len, 0);
	assert_int_equal(bytes_text(NULL).len, 0);
	assert_int_equal(bytes_sub(BYTES_NONE, 3, 4).len, 0);
}

static void
octets_compare_in_octet_order(void **state)
{
	static const struct {
		struct bytes a, b;
		int want;
	} rows[] = {
		{ BYTES_INIT("a"), BYTES_INIT("a"), 0 },
		{ BYTES_INIT("a"), BYTES_INIT("b"), -1 },
		{ BYTES_INIT("a"), BYTES_INIT("aa"), -1 },
		{ BYTES_INIT("\xff"), BYTES_INIT("a"), 1 },
		{ BYTES_INIT("a\0b"), BYTES_INIT("a\0a"), 1 },
		{ BYTES_INIT(""), BYTES_INIT("a"), -1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int order = bytes_compare(rows[i].a, rows[i].b);

		assert_int_equal((order > 0) - (order < 0), rows[i].want);
		order = bytes_compare(rows[i].b, rows[i].a);
		assert_int_equal((order > 0) - (order < 0), -rows[i].want);
		assert_int_equal(bytes_equal(rows[i].a, rows[i].b), rows[i].want == 0);
		assert_int_equal(bytes_equal_secret(rows[i].a, rows[i].b), rows[i].want == 0);
	}
}

static void
only_letters_of_ascii_are_the_same_in_both_cases(void **state)
{
	(void)state;
	assert_true(bytes_equal_nocase(BYTES("InBoX"), BYTES("iNbOx")));
	assert_false(bytes_equal_nocase(BYTES("[@"), BYTES("{`")));
	assert_false(bytes_equal_nocase(BYTES("\xc3\xa9"), BYTES("\xc3\x89")));
	assert_true(bytes_starts_nocase(BYTES("MAIL FROM:"), BYTES("mail")));
	assert_false(bytes_starts_nocase(BYTES("MAI"), BYTES("mail")));
	assert_true(bytes_ends_nocase(BYTES("a.ORG"), BYTES(".org")));
	assert_false(bytes_ends_nocase(BYTES("org"), BYTES(".org")));
	assert_true(bytes_starts(BYTES("abc"), BYTES("")));
	assert_false(bytes_starts(BYTES("abc"), BYTES("B")));
	for (unsigned int c = 0; c < 256; c++) {
		bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';

		assert_int_equal(byte_lower((uint8_t)c), is_upper ? c + 32 : c);
		assert_int_equal(byte_upper((uint8_t)c), is_lower ? c - 32 : c);
	}
}

static void
parts_are_clipped_to_what_is_there(void **state)
{
	struct bytes in = BYTES("abcdef");

	(void)state;
	assert_true(bytes_equal(bytes_sub(in, 2, 3), BYTES("cde")));
	assert_true(bytes_equal(bytes_sub(in, 4, 30), BYTES("ef")));
	assert_true(bytes_equal(bytes_sub(in, 4, SIZE_MAX), BYTES("ef")));
	assert_int_equal(bytes_sub(in, 6, 1).len, 0);
	assert_int_equal(bytes_sub(in, SIZE_MAX, SIZE_MAX).len, 0);
	assert_true(bytes_equal(bytes_between(in, bytes_sub(in, 4, 2)), BYTES("abcd")));
	assert_true(bytes_equal(bytes_between(in, bytes_sub(in, 9, 2)), in));
}

static void
things_are_found_where_they_are(void **state)
{
	struct bytes in = BYTES("a,b,,c");

	(void)state;
	assert_int_equal(bytes_find_char(in, ','), 1);
	assert_int_equal(bytes_find_last_char(in, ','), 4);
	assert_int_equal(bytes_find_char(in, 'x'), 6);
	assert_int_equal(bytes_find_last_char(in, 'x'), 6);
	assert_int_equal(bytes_find(in, BYTES(",,")), 3);
	assert_int_equal(bytes_find(in, BYTES("c")), 5);
	assert_int_equal(bytes_find(in, BYTES("cc")), 6);
	assert_int_equal(bytes_find(in, BYTES("")), 0);
	assert_int_equal(bytes_find(BYTES("a"), BYTES("ab")), 1);
	assert_true(bytes_equal(bytes_trim(BYTES(" \t\r\n a b \n")), BYTES("a b")));
	assert_int_equal(bytes_trim(BYTES(" \t\r\n")).len, 0);
}

/* The grammars, written out once more. */
static void
rfc5322_3_2_3_and_others_classes_hold_exactly_their_octets(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		uint8_t c = (uint8_t)i;
		bool is_alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'), is_digit = c >= '0' && c <= '9';
		bool is_hex = is_digit || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
		bool is_printable = c >= 32 && c <= 126;

		assert_int_equal(byte_is_class(c, CLASS_ALPHA), is_alpha);
		assert_int_equal(byte_is_class(c, CLASS_DIGIT), is_digit);
		assert_int_equal(byte_is_class(c, CLASS_HEX), is_hex);
		assert_int_equal(byte_is_class(c, CLASS_SPACE), c == ' ' || c == '\t');
		assert_int_equal(byte_is_class(c, CLASS_ATEXT),
			c && (is_alpha || is_digit || strchr("!#$%&'*+-/=?^_`{|}~", c)));
		assert_int_equal(byte_is_class(c, CLASS_QTEXT), c > 32 && is_printable && c != '"' && c != '\\');
		assert_int_equal(byte_is_class(c, CLASS_PRINT), is_printable);
		assert_int_equal(byte_is_class(c, CLASS_CONTROL), c < 32 || c == 127);
		assert_int_equal(byte_is_class(c, CLASS_IMAP_ATOM), c > 32 && is_printable && !strchr("(){%*\"\\]", c));
		assert_int_equal(byte_is_class(c, CLASS_TOKEN),
			c > 32 && is_printable && !strchr("()<>@,;:\\\"/[]?=", c));
		assert_int_equal(byte_is_class(c, CLASS_HIGH), c >= 128);
		assert_int_equal(byte_is_class(c, CLASS_FTEXT), c > 32 && is_printable && c != ':');
	}
}

static void
rfc3629_only_well_formed_utf8_is_utf8(void **state)
{
	static const struct {
		struct bytes in;
		bool want;
	} rows[] = {
		{ BYTES_INIT("Am\xc3\xa9rique"), true },
		{ BYTES_INIT("\x7f"), true },
		{ BYTES_INIT("\xc2\x80"), true },
		{ BYTES_INIT("\xdf\xbf"), true },
		{ BYTES_INIT("\xe0\xa0\x80"), true },
		{ BYTES_INIT("\xed\x9f\xbf"), true },
		{ BYTES_INIT("\xee\x80\x80"), true },
		{ BYTES_INIT("\xef\xbf\xbf"), true },
		{ BYTES_INIT("\xf0\x90\x80\x80"), true },
		{ BYTES_INIT("\xf4\x8f\xbf\xbf"), true },
		{ BYTES_INIT("a\0b"), true },
		{ BYTES_INIT("\x80"), false },
		{ BYTES_INIT("\xbf"), false },
		{ BYTES_INIT("\xc0\x80"), false }, /* overlong NUL */
		{ BYTES_INIT("\xc1\xbf"), false },
		{ BYTES_INIT("\xc3"), false },
		{ BYTES_INIT("\xc3\xc3"), false },
		{ BYTES_INIT("\xe0\x9f\xbf"), false },
		{ BYTES_INIT("\xe0\xa0"), false },
		{ BYTES_INIT("\xe0\xa0\x41"), false },
		{ BYTES_INIT("\xed\xa0\x80"), false }, /* a surrogate */
		{ BYTES_INIT("\xed\xbf\xbf"), false },
		{ BYTES_INIT("\xf0\x8f\xbf\xbf"), false },
		{ BYTES_INIT("\xf0\x90\x80"), false },
		{ BYTES_INIT("\xf4\x90\x80\x80"), false }, /* beyond U+10FFFF */
		{ BYTES_INIT("\xf5\x80\x80\x80"), false },
		{ BYTES_INIT("\xff"), false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(bytes_is_utf8(rows[i].in), rows[i].want);
		assert_int_equal(bytes_is_ascii(rows[i].in), i == 1 || i == 10);
	}
}

static void
a_failed_take_changes_nothing(void **state)
{
	struct bytes in = BYTES("abc123"), out = BYTES("before");
	uint64_t number = 5;

	(void)state;
	assert_false(take_char(&in, 'b'));
	assert_false(take_text(&in, BYTES("abd")));
	assert_false(take_text_nocase(&in, BYTES("ABD")));
	assert_false(take_class(&in, CLASS_DIGIT, &out));
	assert_false(take_octets(&in, 7, &out));
	assert_false(take_number(&in, UINT64_MAX, &number));
	assert_true(bytes_equal(in, BYTES("abc123")));
	assert_true(bytes_equal(out, BYTES("before")));
	assert_int_equal(number, 5);
}

static void
a_take_steps_over_what_it_took(void **state)
{
	struct bytes in = BYTES("aBC\t 12,x,"), out;
	uint64_t number;

	(void)state;
	assert_true(take_char(&in, 'a'));
	assert_true(take_text_nocase(&in, BYTES("b")));
	assert_true(take_text(&in, BYTES("C")));
	take_spaces(&in);
	take_spaces(&in);
	assert_true(take_number(&in, 12, &number));
	assert_int_equal(number, 12);
	assert_true(take_octets(&in, 1, &out));
	assert_true(bytes_equal(out, BYTES(",")));
	assert_true(bytes_equal(take_until(&in, ','), BYTES("x")));
	assert_int_equal(in.len, 0);
	in = BYTES("last");
	assert_true(bytes_equal(take_until(&in, ','), BYTES("last")));
	assert_int_equal(in.len, 0);
	assert_true(take_octets(&in, 0, &out));
}

static void
numbers_are_taken_up_to_their_limit(void **state)
{
	static const struct {
		struct bytes in;
		uint64_t max, want;
		bool is_ok;
	} rows[] = {
		{ BYTES_INIT("0"), 0, 0, true },
		{ BYTES_INIT("1"), 0, 0, false },
		{ BYTES_INIT("9"), 8, 0, false },
		{ BYTES_INIT("007"), 7, 7, true },
		{ BYTES_INIT("4294967295"), UINT32_MAX, UINT32_MAX, true },
		{ BYTES_INIT("4294967296"), UINT32_MAX, 0, false },
		{ BYTES_INIT("18446744073709551615"), UINT64_MAX, UINT64_MAX, true },
		{ BYTES_INIT("18446744073709551616"), UINT64_MAX, 0, false },
		{ BYTES_INIT("99999999999999999999999"), UINT64_MAX, 0, false },
		{ BYTES_INIT("-1"), 5, 0, false },
		{ BYTES_INIT(" 1"), 5, 0, false },
		{ BYTES_INIT("+1"), 5, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct bytes in = rows[i].in;
		uint64_t number = 77;

		assert_int_equal(take_number(&in, rows[i].max, &number), rows[i].is_ok);
		assert_true(number == (rows[i].is_ok ? rows[i].want : 77));
		assert_int_equal(in.len, rows[i].is_ok ? 0 : rows[i].in.len);
	}
}

static void
dotted_runs_have_something_on_both_sides_of_each_dot(void **state)
{
	static const struct {
		struct bytes in, taken; /* taken: of the front; empty: nothing */
	} rows[] = {
		{ BYTES_INIT("a"), BYTES_INIT("a") },
		{ BYTES_INIT("a.b.c"), BYTES_INIT("a.b.c") },
		{ BYTES_INIT("a.b@c"), BYTES_INIT("a.b") },
		{ BYTES_INIT(""), BYTES_INIT("") },
		{ BYTES_INIT(".a"), BYTES_INIT("") },
		{ BYTES_INIT("a."), BYTES_INIT("") },
		{ BYTES_INIT("a..b"), BYTES_INIT("") },
		{ BYTES_INIT("1"), BYTES_INIT("") },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct bytes in = rows[i].in, out = BYTES_NONE;

		assert_int_equal(take_dotted(&in, CLASS_ALPHA, &out), rows[i].taken.len > 0);
		assert_true(bytes_equal(out, rows[i].taken));
		assert_int_equal(in.len, rows[i].in.len - rows[i].taken.len);
		assert_int_equal(bytes_is_dotted(rows[i].in, CLASS_ALPHA), rows[i].taken.len > 0 && in.len == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dotted_runs_have_something_on_both_sides_of_each_dot),
		cmocka_unit_test(empty_views_may_have_no_pointer),
		cmocka_unit_test(octets_compare_in_octet_order),
		cmocka_unit_test(only_letters_of_ascii_are_the_same_in_both_cases),
		cmocka_unit_test(parts_are_clipped_to_what_is_there),
		cmocka_unit_test(things_are_found_where_they_are),
		cmocka_unit_test(rfc5322_3_2_3_and_others_classes_hold_exactly_their_octets),
		cmocka_unit_test(rfc3629_only_well_formed_utf8_is_utf8),
		cmocka_unit_test(a_failed_take_changes_nothing),
		cmocka_unit_test(a_take_steps_over_what_it_took),
		cmocka_unit_test(numbers_are_taken_up_to_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
