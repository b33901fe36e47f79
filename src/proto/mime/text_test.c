#include "proto/mime/message.h"

#include "proto/rfc5322/test_rows.h"

struct row {
	const char *name, *input, *want;
};

static void
check_header_texts(const struct row *rows, size_t count)
{
	struct buf got;

	buf_init(&got, 1000);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&got);
		put_header_text(&got, bytes_text(rows[i].input));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
the_examples_of_rfc2047_8_are_shown_as_there(void **state)
{
	static const struct row rows[] = {
		{ "one", "(=?ISO-8859-1?Q?a?=)", "(a)" },
		{ "with text", "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
		{ "two", "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "two spaces", "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "folded", "(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "underscore", "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
		{ "two charsets", "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)" },
		{ "From", "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
			"Keith Moore <moore@cs.utk.edu>" },
		{ "To", "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
			"Keld J\xc3\xb8rn Simonsen <keld@dkuug.dk>" },
		{ "CC", "=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>",
			"Andr\xc3\xa9 Pirard <PIRARD@vm1.ulg.ac.be>" },
		{ "Subject",
			"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
			" =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
			"If you can read this you understand the example." },
		{ "Hebrew", "=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=",
			"\xd7\x9d\xd7\x95\xd7\x9c\xd7\xa9 \xd7\x9f\xd7\x91 "
			"\xd7\x99\xd7\x9c\xd7\x98\xd7\xa4\xd7\xa0" },
	};

	(void)state;
	check_header_texts(rows, sizeof rows / sizeof *rows);
}

static void
header_texts_are_for_people(void **state)
{
	static const struct row rows[] = {
		{ "plain", " Hello", "Hello" },
		{ "unfolded", " Hello\r\n world\r\n", "Hello world" },
		{ "UTF-8", "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "Latin 1", "caf\xe9", "caf\xc3\xa9" },
		{ "text between words", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c" },
		{ "text before and behind", "x =?utf-8?q?a?= y", "x a y" },
		{ "no space before", "x=?utf-8?q?a?=", "xa" },
		{ "a character cut between two words",
			"=?utf-8?b?w6?= =?utf-8?b?nQ==?= =?utf-8?q?=C3?= =?utf-8?q?=A9?=",
			"\xc3\x9d\xc3\xa9" },
		{ "language (RFC 2231 5)", "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
		{ "lower case", "=?UTF-8?b?w6k=?=", "\xc3\xa9" },
		{ "spaces within", "=?utf-8?Q?a b?=", "a b" },
		{ "question mark within", "=?utf-8?Q?a?b?=", "a?b" },
		{ "empty",
			"=?utf-8?Q?"
			"?=",
			"" },
		{ "equal sign first", "=?utf-8?Q?=41?=", "A" },
		{ "wrong encoding is kept", "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "unknown charset is kept", "=?x-none?q?a?=", "=?x-none?q?a?=" },
		{ "a wrong one between two",
			"=?utf-8?q?a?= =?x?q?b?= =?utf-8?q?c?=", "a =?x?q?b?= c" },
		{ "no end is kept", "=?utf-8?q?a", "=?utf-8?q?a" },
		{ "no end, then more", "=?utf-8?q?a =?utf-8?q?b", "=?utf-8?q?a =?utf-8?q?b" },
		{ "no end at once", "=?", "=?" },
		{ "spaces behind a word", "=?utf-8?q?a?=  b", "a  b" },
	};

	(void)state;
	check_header_texts(rows, sizeof rows / sizeof *rows);
}

static void
headers_of_broken_words_take_linear_time(void **state)
{
	static const char *const rows[] = { "=?a?q?", "=?utf-8?q? ", "=?utf-8?", "=?" };
	struct buf in, got;

	(void)state;
	buf_init(&in, 4 << 20);
	buf_init(&got, 4 << 20);
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		buf_reset(&in);
		buf_reset(&got);
		for (int i = 0; i < 200000; i++)
			put_text(&in, rows[row]);
		put_header_text(&got, buf_bytes(&in));
		assert_int_equal(got.len, bytes_trim(buf_bytes(&in)).len);
	}
	buf_done(&in);
	buf_done(&got);
}

static void
part_texts_are_decoded(void **state)
{
	static const struct {
		const char *name, *header, *body, *want;
	} rows[] = {
		{ "no header", "", "abc\r\n", "abc\r\n" },
		{ "quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n",
			"caf=C3=A9=\r\n!\r\n", "caf\xc3\xa9!\r\n" },
		{ "base64 and a charset",
			"Content-Type: text/plain;\r\n "
			"charset=iso-8859-1\r\nContent-Transfer-Encoding: BASE64\r\n\r\n",
			"Y2Fm6Q==\r\n", "caf\xc3\xa9" },
		{ "charset alone", "Content-Type: text/html; charset=\"windows-1251\"\n", "\xcf",
			"\xd0\x9f" },
		{ "no text is only decoded",
			"Content-Type: application/pdf; "
			"charset=iso-8859-1\nContent-Transfer-Encoding: base64\n",
			"6Q==", "\xe9" },
		{ "unknown charset goes through", "Content-Type: text/plain; charset=x-none\n",
			"\xe9", "\xe9" },
		{ "unknown encoding goes through", "Content-Transfer-Encoding: x-uue\n", "abc",
			"abc" },
		{ "broken type is text", "Content-Type: text\n", "\xe9", "\xc3\xa9" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		put_part_text(&got, bytes_text(rows[i].header), bytes_text(rows[i].body));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
what_fits_of_a_part_is_there(void **state)
{
	static const char *const headers[] = { "", "Content-Type: text/plain; charset=iso-8859-1\n",
		"Content-Transfer-Encoding: quoted-printable\n" };

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct buf got;

		buf_init(&got, 5);
		put_part_text(&got, bytes_text(headers[i]), BYTES("abc"));
		assert_text("first", &got, "abc");
		assert_false(got.has_failed);
		put_part_text(&got, bytes_text(headers[0]), BYTES("defgh"));
		assert_text("second", &got, "abcde");
		assert_true(got.has_failed);
		put_part_text(&got, bytes_text(headers[i]), BYTES("x"));
		assert_text("third", &got, "abcde");
		buf_done(&got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc2047_8_are_shown_as_there),
		cmocka_unit_test(header_texts_are_for_people),
		cmocka_unit_test(headers_of_broken_words_take_linear_time),
		cmocka_unit_test(part_texts_are_decoded),
		cmocka_unit_test(what_fits_of_a_part_is_there),
	};

	return cmocka_run_group_tests_name("mime/text", tests, NULL, NULL);
}
