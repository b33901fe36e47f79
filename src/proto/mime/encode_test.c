#include "proto/mime/encode.h"

#include "proto/mime/decode.h"
#include "proto/rfc5322/test_rows.h"

/* LF ends a line; in pieces of `piece` octets. */
static void
encode(enum encoder_kind kind, struct bytes in, size_t piece, struct buf *out)
{
	struct encoder e = { .kind = kind };

	while (in.len) {
		size_t end = bytes_find_char(in, '\n'), take = end < piece ? end : piece;

		encoder_put(&e, bytes_sub(in, 0, take), out);
		if (take == end && end < in.len) {
			encoder_end_line(&e, out);
			take++;
		}
		in = bytes_sub(in, take, in.len);
	}
	encoder_end(&e, out);
}

static void
quoted_printable_rfc2045_6_7(void **state)
{
#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "nothing", "", "" },
		{ "plain", "Hello, you!\n", "Hello, you!\n" },
		{ "(1) octets beyond ASCII, controls, the sign itself", "\xc3\xa9=\x01\x7f\r", "=C3=A9=3D=01=7F=0D" },
		{ "(3) spaces at the end of a line", "a b \nc\t\n\n \n", "a b=20\nc=09\n\n=20\n" },
		{ "(3) and of the text", "a  ", "a =20" },
		{ "(4) line ends stay", "\n\na\n", "\n\na\n" },
		{ "(5) 75 fit", SEVENTY "12345\n", SEVENTY "12345\n" },
		{ "(5) more do not", SEVENTY "123456", SEVENTY "12345=\n6" },
		{ "(5) what is quoted is not cut", SEVENTY "123\xa9", SEVENTY "123=\n=A9" },
		{ "(5) nor is it when it fits", SEVENTY "12\xa9" "3", SEVENTY "12=A9=\n3" },
		{ "a space does not end a broken line", SEVENTY "12345 x", SEVENTY "12345=\n x" },
		{ "no new line begins as a delimiter does", SEVENTY "12345--x", SEVENTY "12345=\n=2D-x" },
		{ "nor behind a space", SEVENTY "1234 --x", SEVENTY "1234 =\n=2D-x" },
		{ "none begins as a delimiter does", "--x\n--\n--b\x1d", "=2D-x\n=2D-\n=2D-b=1D" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 100; piece++) {
			struct buf out;

			buf_init(&out, 1000);
			encode(ENCODER_QUOTED_PRINTABLE, bytes_text(rows[i].input), piece, &out);
			assert_text(rows[i].name, &out, rows[i].want);
			buf_done(&out);
		}
}

static void
base64_rfc2045_6_8(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "nothing", "", "" },
		{ "RFC 4648 10", "foobar", "Zm9vYmFy" },
		{ "padded", "foob", "Zm9vYg==" },
		{ "a line end is CRLF", "a\n", "YQ0K" },
		{ "76 characters", SEVENTY, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\nNzg5MDEyMzQ1Njc4OQ==" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 100; piece++) {
			struct buf out;

			buf_init(&out, 1000);
			encode(ENCODER_BASE64, bytes_text(rows[i].input), piece, &out);
			assert_text(rows[i].name, &out, rows[i].want);
			buf_done(&out);
		}
}

static void
assert_lines(struct bytes text)
{
	assert_true(bytes_is_ascii(text));
	while (text.len)
		assert_true(take_until(&text, '\n').len <= 76);
}

/* What is encoded is decoded again, octet for octet. */
static void
any_octets_come_back(void **state)
{
	uint32_t draw = 1;

	(void)state;
	for (size_t round = 0; round < 2000; round++) {
		uint8_t octets[300];
		struct bytes in = bytes_of(octets, round % sizeof octets);
		struct buf out, again, lines;

		for (size_t i = 0; i < in.len; i++) {
			draw = draw * 1664525 + 1013904223;
			octets[i] = round % 3 ? (uint8_t)(draw >> 24) : (uint8_t) " \t-=a\n\xc3\xa9"[draw >> 29];
		}
		buf_init(&out, 4000);
		buf_init(&again, 4000);
		encode(ENCODER_QUOTED_PRINTABLE, in, 1 + draw % 50, &out);
		assert_lines(buf_bytes(&out));
		put_quoted_printable_decoded(&again, buf_bytes(&out));
		assert_true(bytes_equal(buf_bytes(&again), in));
		buf_reset(&out);
		buf_reset(&again);
		encode(ENCODER_BASE64, in, 1 + draw % 50, &out);
		assert_lines(buf_bytes(&out));
		put_base64_decoded(&again, buf_bytes(&out));
		buf_init(&lines, 1000);
		for (size_t i = 0; i < in.len; i++) {
			if (octets[i] == '\n')
				put_char(&lines, '\r');
			put_char(&lines, octets[i]);
		}
		assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&lines)));
		buf_done(&lines);
		buf_done(&out);
		buf_done(&again);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoted_printable_rfc2045_6_7),
		cmocka_unit_test(base64_rfc2045_6_8),
		cmocka_unit_test(any_octets_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
