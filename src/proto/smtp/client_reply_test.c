#include "proto/smtp/client_reply.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The text of each whole reply with a "|" behind it, "!" for what is none, and then what is left of the input. */
static void
read_all(struct bytes all, size_t cut, struct buf *out)
{
	struct smtp_incoming reply = { .lines = 0 };
	struct bytes in = bytes_sub(all, 0, cut);

	for (;;) {
		enum smtp_incoming_kind kind = smtp_incoming_take(&reply, &in);

		if (kind == SMTP_INCOMING_NONE && in.ptr + in.len == all.ptr + all.len)
			break;
		if (kind == SMTP_INCOMING_NONE)
			in = bytes_sub(all, (size_t)(in.ptr - all.ptr), all.len);
		if (kind == SMTP_INCOMING_BAD) {
			put_char(out, '!');
			return;
		}
		if (kind == SMTP_INCOMING_WHOLE) {
			put_bytes(out, smtp_incoming_text(&reply));
			put_char(out, '|');
		}
	}
	put_bytes(out, in);
}

static void
rfc5321_4_2_replies_are_read_the_same_at_every_split(void **state)
{
	static const struct {
		struct bytes in;
		const char *want;
	} rows[] = {
		{ BYTES_INIT("250 ok\r\n"), "250 ok|" },
		{ BYTES_INIT("250\r\n"), "250|" },
		{ BYTES_INIT("250 \r\n"), "250|" },
		{ BYTES_INIT("250-\r\n250-a\r\n250\r\n"), "250 a|" },
		{ BYTES_INIT("250 ok\n354 go\n"), "250 ok|354 go|" },
		{ BYTES_INIT("250 ok\r\n25"), "250 ok|25" },
		{ BYTES_INIT("550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n"), "550 5.1.1 no such user|" },
		{ BYTES_INIT("550-5.1.1 no\r\n550 1.2 x\r\n"), "550 5.1.1 no 1.2 x|" },
		{ BYTES_INIT("550 a\tb\xc3\xa9\x01\rc\r\n"), "550 a?b????c|" },
		{ BYTES_INIT("250-a\r\n251 b\r\n"), "!" },
		{ BYTES_INIT("hello\r\n"), "!" },
		{ BYTES_INIT("2500 x\r\n"), "!" },
		{ BYTES_INIT("25 x\r\n"), "!" },
		{ BYTES_INIT("150 x\r\n"), "!" },
		{ BYTES_INIT("650 x\r\n"), "!" },
		{ BYTES_INIT("250_x\r\n"), "!" },
		{ BYTES_INIT("+50 x\r\n"), "!" },
		{ BYTES_INIT("\r\n"), "!" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 10000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 0; cut <= rows[i].in.len; cut++) {
			buf_reset(&got);
			read_all(rows[i].in, cut, &got);
			if (!bytes_equal(buf_bytes(&got), bytes_text(rows[i].want)))
				fail_msg("%.*s cut at %zu: %.*s", BYTES_ARG(rows[i].in), cut, BYTES_ARG(buf_bytes(&got)));
		}
	buf_done(&got);
}

static void
try_long(size_t lines, size_t octets, bool is_good)
{
	struct buf in, got;

	buf_init(&in, 1 << 20);
	buf_init(&got, 10000);
	for (size_t i = 1; i <= lines; i++) {
		put_text(&in, i < lines ? "250-" : "250 ");
		for (size_t o = 6; o < octets; o++)
			put_char(&in, 'x');
		put_text(&in, "\r\n");
	}
	read_all(buf_bytes(&in), in.len, &got);
	if (is_good)
		assert_in_range(got.len, 5, SMTP_REPLY_TEXT_MAX + 1);
	else
		assert_true(bytes_equal(buf_bytes(&got), BYTES("!")));
	buf_done(&in);
	buf_done(&got);
}

static void
replies_that_never_end_are_bounded(void **state)
{
	(void)state;
	try_long(1, SMTP_REPLY_LINE_OCTETS_MAX, true);
	try_long(1, SMTP_REPLY_LINE_OCTETS_MAX + 1, false);
	try_long(SMTP_REPLY_LINES_MAX, 80, true);
	try_long(SMTP_REPLY_LINES_MAX + 1, 80, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_4_2_replies_are_read_the_same_at_every_split),
		cmocka_unit_test(replies_that_never_end_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
