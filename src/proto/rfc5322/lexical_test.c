#include "proto/rfc5322/lexical.h"

#include "proto/rfc5322/test_rows.h"

static void
cfws_is_stepped_over(void **state)
{
	static const struct {
		const char *name, *input, *comment, *rest;
	} rows[] = {
		{ "none", "a", "", "a" },
		{ "spaces", " \t a", "", "a" },
		{ "folded", "\r\n a", "", "a" },
		{ "comment", "(x) a", "x", "a" },
		{ "two comments", "(x)(y)a", "x", "a" },
		{ "empty first", "() (y)a", "y", "a" },
		{ "nested", "(x(y)z)a", "x(y)z", "a" },
		{ "quoted pair", "(x\\)y)a", "x\\)y", "a" },
		{ "no end", "(x a", "x a", "" },
		{ "backslash at the end", "(x\\", "x\\", "" },
		{ "open at the end", "(", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].input), comment = BYTES_NONE;

		take_cfws(&in, &comment);
		assert_bytes(rows[i].name, comment, bytes_text(rows[i].comment));
		assert_bytes(rows[i].name, in, bytes_text(rows[i].rest));
	}
}

static void
quoted_strings_lose_their_quotes(void **state)
{
	static const struct {
		const char *name, *input, *want, *rest;
		bool is_taken;
	} rows[] = {
		{ "plain", "\"a b\" c", "a b", " c", true },
		{ "quoted pairs", "\"a\\\"b\\\\\"", "a\"b\\", "", true },
		{ "folded", "\"a\r\n b\n c\"", "a b c", "", true },
		{ "lone CR", "\"a\rb\"", "a\rb", "", true },
		{ "empty", "\"\"x", "", "x", true },
		{ "no end", "\"abc", "abc", "", true },
		{ "backslash at the end", "\"a\\", "a\\", "", true },
		{ "a quote alone", "\"", "", "", true },
		{ "none", "abc", "", "abc", false },
		{ "nothing", "", "", "", false },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].input);

		buf_reset(&got);
		assert_int_equal(take_quoted_string(&in, &got), rows[i].is_taken);
		assert_text(rows[i].name, &got, rows[i].want);
		assert_bytes(rows[i].name, in, bytes_text(rows[i].rest));
	}
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cfws_is_stepped_over),
		cmocka_unit_test(quoted_strings_lose_their_quotes),
	};

	return cmocka_run_group_tests_name("rfc5322/lexical", tests, NULL, NULL);
}
