#include "proto/smtp/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 10 };

struct want {
	enum smtp_line_kind kind;
	const char *text;
};

static const struct {
	const char *in;
	struct want want[4];
	const char *left;
} rows[] = {
	{ "", { { SMTP_LINE_NONE, "" } }, "" },
	{ "NOOP", { { SMTP_LINE_NONE, "" } }, "NOOP" },
	{ "NOOP\r", { { SMTP_LINE_NONE, "" } }, "NOOP\r" },
	{ "NOOP\r\n", { { SMTP_LINE_WHOLE, "NOOP" } }, "" },
	{ "\r\n\r\nx", { { SMTP_LINE_WHOLE, "" }, { SMTP_LINE_WHOLE, "" } }, "x" },
	/* RFC 5321 2.3.8: a bare LF or CR ends nothing */
	{ "A\nB\r\nC\r\n", { { SMTP_LINE_BARE, "" }, { SMTP_LINE_WHOLE, "C" } }, "" },
	{ "A\rB\r\nC\r\n", { { SMTP_LINE_BARE, "" }, { SMTP_LINE_WHOLE, "C" } }, "" },
	{ "A\r\r\nC\r\n", { { SMTP_LINE_BARE, "" }, { SMTP_LINE_WHOLE, "C" } }, "" },
	{ "\n\r\nC\r\n", { { SMTP_LINE_BARE, "" }, { SMTP_LINE_WHOLE, "C" } }, "" },
	{ "\n\n\n", { { SMTP_LINE_NONE, "" } }, "\n\n\n" },
	/* the limit counts the CRLF */
	{ "12345678\r\nA\r\n", { { SMTP_LINE_WHOLE, "12345678" }, { SMTP_LINE_WHOLE, "A" } }, "" },
	{ "123456789\r\nA\r\n", { { SMTP_LINE_LONG, "" }, { SMTP_LINE_WHOLE, "A" } }, "" },
	{ "1234567890123456789012345\r\nA\r\n", { { SMTP_LINE_LONG, "" }, { SMTP_LINE_WHOLE, "A" } }, "" },
	{ "1234567890\n2345\r678\r\r\nA\r\n", { { SMTP_LINE_LONG, "" }, { SMTP_LINE_WHOLE, "A" } }, "" },
	{ "\r\r\r\r\r\r\r\r\r\r\r\r\nA\r\n", { { SMTP_LINE_LONG, "" }, { SMTP_LINE_WHOLE, "A" } }, "" },
};

static void
try(const char *text, const struct want *want, const char *left, size_t cut)
{
	struct bytes all = bytes_text(text), in = bytes_sub(all, 0, cut), line;
	struct smtp_lines lines = { false };
	size_t lines_seen = 0;

	for (;;) {
		enum smtp_line_kind kind = smtp_take_line(&lines, &in, MAX, &line);
		bool is_first_piece = in.ptr + in.len != all.ptr + all.len;

		if (kind == SMTP_LINE_NONE) {
			assert_true(in.len < MAX);
			if (!is_first_piece)
				break;
			in = bytes_sub(all, (size_t)(in.ptr - all.ptr), all.len);
			continue;
		}
		if (kind != want[lines_seen].kind || !bytes_equal(line, bytes_text(want[lines_seen].text)))
			fail_msg("%s cut at %zu: line %zu is %d", text, cut, lines_seen, kind);
		lines_seen++;
	}
	assert_true(lines_seen == 4 || want[lines_seen].kind == SMTP_LINE_NONE);
	assert_true(bytes_equal(in, bytes_text(left)));
}

static void
lines_are_framed_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 0; cut <= bytes_text(rows[i].in).len; cut++)
			try(rows[i].in, rows[i].want, rows[i].left, cut);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_framed_the_same_at_every_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
