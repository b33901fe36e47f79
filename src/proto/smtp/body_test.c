#include "proto/smtp/body.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
	struct bytes in, body, left;
	unsigned int flaws;
};

#define ROW(in, body, left, flaws) { BYTES_INIT(in), BYTES_INIT(body), BYTES_INIT(left), flaws }

static void
try(const struct row *row, size_t cut)
{
	struct smtp_dots dots = { .has_bare_cr = false };
	struct smtp_text text = { .line_octets_max = 8 };
	struct bytes in = bytes_sub(row->in, 0, cut), run;
	struct buf body;
	enum smtp_dots_kind kind;

	buf_init(&body, 1000);
	while ((kind = smtp_dots_take(&dots, &in, &run)) != SMTP_DOTS_END) {
		if (kind == SMTP_DOTS_MORE) {
			assert_int_equal(in.len, 0);
			if (in.ptr == row->in.ptr + row->in.len)
				fail_msg("%.*s cut at %zu has no end", BYTES_ARG(row->in), cut);
			in = bytes_sub(row->in, cut, row->in.len);
			continue;
		}
		put_bytes(&body, run);
		smtp_text_check(&text, run);
	}
	smtp_text_end(&text);
	if (dots.has_bare_cr)
		text.flaws |= SMTP_FLAW_BARE;
	if (in.ptr + in.len != row->in.ptr + row->in.len)
		in = bytes_sub(row->in, (size_t)(in.ptr - row->in.ptr), row->in.len);
	assert_true(bytes_equal(in, row->left));
	assert_int_equal(text.flaws, row->flaws);
	if (!(row->flaws & SMTP_FLAW_BARE) && !bytes_equal(buf_bytes(&body), row->body))
		fail_msg("%.*s cut at %zu: %.*s", BYTES_ARG(row->in), cut, BYTES_ARG(buf_bytes(&body)));
	buf_done(&body);
}

static void
rfc5321_4_5_2_messages_are_framed_the_same_at_every_split(void **state)
{
	static const struct row rows[] = {
		ROW(".\r\n", "", "", 0),
		ROW(".\r\nQUIT\r\n", "", "QUIT\r\n", 0),
		ROW("\r\n.\r\n.\r\n", "\r\n", ".\r\n", 0),
		ROW("a\r\nb\r\n.\r\n", "a\r\nb\r\n", "", 0),
		ROW("..\r\n.\r\n", ".\r\n", "", 0),
		ROW("...\r\n.\r\n", "..\r\n", "", 0),
		ROW(".a\r\n.\r\n", "a\r\n", "", 0),
		ROW("a.\r\n.\r\n", "a.\r\n", "", 0),
		ROW("a\r\n. \r\n.\r\n", "a\r\n \r\n", "", 0),
		ROW("a\r\n..\r\n..b\r\n.\r\n", "a\r\n.\r\n.b\r\n", "", 0),
		/* what other servers took for an end: CVE-2023-51764, -51765, -51766 */
		ROW("a\n.\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\n.\r\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r.\rb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r.\r\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\n.\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\n.\rb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\n.\r\r\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\n\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\n\r.\r\nb\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("\n.\r\n\r\n.\r\n", "", "", SMTP_FLAW_BARE),
		ROW("a\r\n\0.\r\nb\r\n.\r\n", "a\r\n\0.\r\nb\r\n", "", SMTP_FLAW_NUL),
		ROW("a\r\n.\0\r\nb\r\n.\r\n", "a\r\n\0\r\nb\r\n", "", SMTP_FLAW_NUL),
		ROW("\0\n\r\n.\r\n", "", "", SMTP_FLAW_NUL | SMTP_FLAW_BARE),
		/* lines of 8 octets with their CRLF */
		ROW("123456\r\n..23456\r\n.\r\n", "123456\r\n.23456\r\n", "", 0),
		ROW("1234567\r\n.\r\n", "1234567\r\n", "", SMTP_FLAW_LONG_LINE),
		ROW("1\r\n1234567890\r\n.\r\n", "1\r\n1234567890\r\n", "", SMTP_FLAW_LONG_LINE),
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 0; cut <= rows[i].in.len; cut++)
			try(&rows[i], cut);
}

static void
runs_are_views_as_long_as_can_be(void **state)
{
	struct smtp_dots dots = { .has_bare_cr = false };
	struct bytes all = BYTES("one\r\ntwo. x\r\nthree\r\n..four\r\nfive\r\n.\r\n"), in = all, run;

	(void)state;
	assert_int_equal(smtp_dots_take(&dots, &in, &run), SMTP_DOTS_RUN);
	assert_true(run.ptr == all.ptr && run.len == 20);
	assert_int_equal(smtp_dots_take(&dots, &in, &run), SMTP_DOTS_RUN);
	assert_true(run.ptr == all.ptr + 21 && run.len == 13);
	assert_int_equal(smtp_dots_take(&dots, &in, &run), SMTP_DOTS_END);
}

static void
a_cr_at_the_end_of_the_message_is_bare(void **state)
{
	struct smtp_text text = { .line_octets_max = 0 };

	(void)state;
	smtp_text_check(&text, BYTES("a\r"));
	assert_int_equal(text.flaws, 0);
	smtp_text_end(&text);
	assert_int_equal(text.flaws, SMTP_FLAW_BARE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_4_5_2_messages_are_framed_the_same_at_every_split),
		cmocka_unit_test(runs_are_views_as_long_as_can_be),
		cmocka_unit_test(a_cr_at_the_end_of_the_message_is_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
