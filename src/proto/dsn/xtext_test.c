#include "proto/dsn/xtext.h"

#include "proto/rfc5322/test_rows.h"

struct row {
	const char *decoded, *encoded;
};

static void
check(const struct row *row, void (*put)(struct buf *, struct bytes), bool (*put_decoded)(struct buf *, struct bytes))
{
	struct buf got;

	buf_init(&got, 4096);
	put(&got, bytes_text(row->decoded));
	assert_text(row->decoded, &got, row->encoded);
	buf_reset(&got);
	assert_true(put_decoded(&got, bytes_text(row->encoded)));
	assert_text(row->encoded, &got, row->decoded);
	buf_done(&got);
}

static void
there_and_back_rfc3461_4(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "bob@example.org", "bob@example.org" },
		{ "a+b=c", "a+2Bb+3Dc" },
		{ "\"a b\"@c.example", "\"a+20b\"@c.example" },
		{ "!~", "!~" },
		{ "\x01\x7f\xff", "+01+7F+FF" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i], put_xtext, put_xtext_decoded);
}

static void
what_is_no_xtext_rfc3461_4(void **state)
{
	static const char *const rows[] = { "+", "+2", "+2b", "+G0", "a b", "a=b", "a\x7f", "\xc3\xb6", "\t", "+2B+" };
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_false(is_xtext(bytes_text(rows[i])));
		assert_false(put_xtext_decoded(&got, bytes_text(rows[i])));
		assert_int_equal(got.len, 0);
	}
	buf_done(&got);
}

static void
utf8_there_and_back_rfc6533_3(void **state)
{
	static const struct row rows[] = {
		{ "bob@example.org", "bob@example.org" },
		{ "b\xc3\xbc@x.example", "b\\x{FC}@x.example" },
		{ "\xe2\x82\xac@x", "\\x{20AC}@x" },
		{ "\xf0\x9f\x93\xae@x", "\\x{1F4EE}@x" },
		{ "\xf4\x8f\xbf\xbf", "\\x{10FFFF}" },
		{ "\xdf\xbf\xe0\xa0\x80", "\\x{7FF}\\x{800}" },
		{ "a+b=c d\\", "a\\x{2B}b\\x{3D}c\\x{20}d\\x{5C}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i], put_utf8_xtext, put_utf8_xtext_decoded);
}

static void
unitext_holds_utf8_as_it_is_rfc6533_3(void **state)
{
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	assert_true(put_utf8_xtext_decoded(&got, BYTES("b\xc3\xbc\\x{2B}x@y")));
	assert_text("unitext", &got, "b\xc3\xbc+x@y");
	buf_done(&got);
}

static void
what_is_no_utf8_xtext_rfc6533_3(void **state)
{
	static const char *const rows[] = {
		"", "a b", "a+b", "a=b", "\\", "\\x", "\\x{}", "\\x{4}", "\\x{41}", "\\x{0FC}", "\\x{00FC}", "\\x{D800}", "\\x{DFFF}",
		"\\x{110000}", "\\x{1000000}", "\\x{FC", "\\x{G0}", "\\x{00}", "\xff", "\xc3", "a\x01",
	};
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	put_text(&got, "kept");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (put_utf8_xtext_decoded(&got, bytes_text(rows[i])))
			fail_msg("\"%s\" was taken", rows[i]);
		assert_text(rows[i], &got, "kept");
	}
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back_rfc3461_4),
		cmocka_unit_test(what_is_no_xtext_rfc3461_4),
		cmocka_unit_test(utf8_there_and_back_rfc6533_3),
		cmocka_unit_test(unitext_holds_utf8_as_it_is_rfc6533_3),
		cmocka_unit_test(what_is_no_utf8_xtext_rfc6533_3),
	};

	return cmocka_run_group_tests_name("dsn/xtext", tests, NULL, NULL);
}
