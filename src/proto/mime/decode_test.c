#include "proto/mime/decode.h"

#include "proto/rfc5322/test_rows.h"

struct row {
	const char *name, *input, *want;
};

static void
check_rows(void (*decode)(struct buf *, struct bytes), const struct row *rows, size_t count)
{
	struct buf got;

	for (size_t i = 0; i < count; i++) {
		struct bytes in = bytes_text(rows[i].input);

		buf_init(&got, in.len);
		decode(&got, in);
		assert_false(got.has_failed);
		assert_text(rows[i].name, &got, rows[i].want);
		buf_done(&got);
	}
}

#define CHECK(decode, rows) check_rows(decode, rows, sizeof rows / sizeof *rows)

static void
base64_is_decoded_rfc2045_6_8(void **state)
{
	/* The first ones are the test vectors of RFC 4648 10. */
	static const struct row rows[] = {
		{ "empty", "", "" },
		{ "f", "Zg==", "f" },
		{ "fo", "Zm8=", "fo" },
		{ "foo", "Zm9v", "foo" },
		{ "foob", "Zm9vYg==", "foob" },
		{ "fooba", "Zm9vYmE=", "fooba" },
		{ "foobar", "Zm9vYmFy", "foobar" },
		{ "all digits", "++//AZaz09", "\xfb\xef\xff\x01\x96\xb3\xd3" },
		{ "lines", "Zm9v\r\nYmFy\r\n", "foobar" },
		{ "lines within groups", "Zm\n9vY\nmFy\n", "foobar" },
		{ "no padding", "Zm9vYg", "foob" },
		{ "one digit", "Z", "" },
		{ "other octets are stepped over", "Z!m*9\xffv", "foo" },
		{ "what follows padding is read on", "Zg==Zg==", "ff" },
		{ "padding alone", "====", "" },
	};

	(void)state;
	CHECK(put_base64_decoded, rows);
}

static void
long_base64_is_decoded(void **state)
{
	struct buf in, got;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&got, 1 << 20);
	for (int i = 0; i < 20000; i++)
		put_text(&in, i % 19 == 18 ? "Zm9v\r\n" : "Zm9v");
	put_base64_decoded(&got, buf_bytes(&in));
	assert_int_equal(got.len, 60000);
	for (size_t i = 0; i < got.len; i += 3)
		assert_memory_equal(got.ptr + i, "foo", 3);
	buf_done(&in);
	buf_done(&got);
}

static void
quoted_printable_is_decoded_rfc2045_6_7(void **state)
{
	static const struct row rows[] = {
		{ "(1) any octet", "=41=3d=3D=0A", "A==\n" },
		{ "(2) literal", "abc!~", "abc!~" },
		{ "(3) white space at the end of a line", "a \t \r\nb \n c", "a\r\nb\n c" },
		{ "(3) at the end", "a \t", "a" },
		{ "(3) but not encoded white space", "a=20\r\n", "a \r\n" },
		{ "(5) soft line break",
			"Now's the time =\r\nfor all folk to come=\r\n to the aid of their "
			"country.",
			"Now's the time for all folk to come to the aid of their country." },
		{ "(5) in disk form", "a=\nb", "ab" },
		{ "(5) with white space behind", "a= \t\r\nb", "ab" },
		{ "(5) at the end", "a=", "a" },
		{ "wrong: kept", "=4 =ZZ =4", "=4 =ZZ =4" },
		{ "wrong: two equal signs", "==41", "=A" },
		{ "empty lines", "\r\n\r\n", "\r\n\r\n" },
	};

	(void)state;
	CHECK(put_quoted_printable_decoded, rows);
}

static void
q_is_decoded_rfc2047_4_2(void **state)
{
	static const struct row rows[] = {
		{ "(2) underscore is a space", "a_b", "a b" },
		{ "(1) any octet", "=41=5F=20_", "A_  " },
		{ "underscores at the ends", "_a_", " a " },
		{ "wrong: kept", "=_", "= " },
	};

	(void)state;
	CHECK(put_q_decoded, rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_decoded_rfc2045_6_8),
		cmocka_unit_test(long_base64_is_decoded),
		cmocka_unit_test(quoted_printable_is_decoded_rfc2045_6_7),
		cmocka_unit_test(q_is_decoded_rfc2047_4_2),
	};

	return cmocka_run_group_tests_name("mime/decode", tests, NULL, NULL);
}
