#include "proto/smtp/client_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
convert(struct bytes in, size_t cut, bool has_dots, struct buf *out)
{
	struct smtp_wire wire = { .has_dots = has_dots };

	buf_reset(out);
	smtp_wire_put(&wire, bytes_sub(in, 0, cut), out);
	smtp_wire_put(&wire, bytes_sub(in, cut, in.len), out);
	assert_true(out->len <= 2 * in.len + SMTP_WIRE_MORE_MAX);
	smtp_wire_end(&wire, out);
}

static void
rfc5321_4_5_2_messages_are_put_the_same_at_every_split(void **state)
{
	static const struct {
		struct bytes in, after_data, in_chunks;
	} rows[] = {
		{ BYTES_INIT(""), BYTES_INIT(".\r\n"), BYTES_INIT("") },
		{ BYTES_INIT("a\n"), BYTES_INIT("a\r\n.\r\n"), BYTES_INIT("a\r\n") },
		{ BYTES_INIT("a"), BYTES_INIT("a\r\n.\r\n"), BYTES_INIT("a\r\n") },
		{ BYTES_INIT("\n\n"), BYTES_INIT("\r\n\r\n.\r\n"), BYTES_INIT("\r\n\r\n") },
		{ BYTES_INIT("."), BYTES_INIT("..\r\n.\r\n"), BYTES_INIT(".\r\n") },
		{ BYTES_INIT(".\n"), BYTES_INIT("..\r\n.\r\n"), BYTES_INIT(".\r\n") },
		{ BYTES_INIT("..a\n.b\nc.\n"), BYTES_INIT("...a\r\n..b\r\nc.\r\n.\r\n"), BYTES_INIT("..a\r\n.b\r\nc.\r\n") },
		/* wire form already */
		{ BYTES_INIT("a\r\n.\r\nb\r\n"), BYTES_INIT("a\r\n..\r\nb\r\n.\r\n"), BYTES_INIT("a\r\n.\r\nb\r\n") },
		{ BYTES_INIT("a\r"), BYTES_INIT("a\r\n.\r\n"), BYTES_INIT("a\r\n") },
		/* RFC 5321 2.3.8: no bare CR */
		{ BYTES_INIT("a\rb\n"), BYTES_INIT("a b\r\n.\r\n"), BYTES_INIT("a b\r\n") },
		{ BYTES_INIT("a\r\r\n"), BYTES_INIT("a \r\n.\r\n"), BYTES_INIT("a \r\n") },
		{ BYTES_INIT("\r.\r\n"), BYTES_INIT(" .\r\n.\r\n"), BYTES_INIT(" .\r\n") },
		{ BYTES_INIT("a\n\r.\rb"), BYTES_INIT("a\r\n . b\r\n.\r\n"), BYTES_INIT("a\r\n . b\r\n") },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 0; cut <= rows[i].in.len; cut++) {
			convert(rows[i].in, cut, true, &got);
			if (!bytes_equal(buf_bytes(&got), rows[i].after_data))
				fail_msg("row %zu cut at %zu: %.*s", i, cut, BYTES_ARG(buf_bytes(&got)));
			convert(rows[i].in, cut, false, &got);
			if (!bytes_equal(buf_bytes(&got), rows[i].in_chunks))
				fail_msg("row %zu in chunks cut at %zu: %.*s", i, cut, BYTES_ARG(buf_bytes(&got)));
		}
	buf_done(&got);
}

static void
put_xs(struct buf *out, size_t count)
{
	while (count-- > 0)
		put_char(out, 'x');
}

static void
rfc5321_4_5_3_1_6_a_line_that_is_too_long_is_broken(void **state)
{
	static const struct {
		size_t octets, first, second, third; /* of the lines that become of it, without the space */
	} rows[] = { { 998, 998, 0, 0 }, { 999, 998, 1, 0 }, { 1995, 998, 997, 0 }, { 1996, 998, 997, 1 } };
	struct buf in, got, want;

	(void)state;
	buf_init(&in, 4000);
	buf_init(&got, 5000);
	buf_init(&want, 5000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const size_t lines[] = { rows[i].first, rows[i].second, rows[i].third };

		buf_reset(&in);
		buf_reset(&want);
		put_xs(&in, rows[i].octets);
		put_char(&in, '\n');
		for (size_t n = 0; n < 3 && lines[n] > 0; n++) {
			put_text(&want, n ? " " : "");
			put_xs(&want, lines[n]);
			put_text(&want, "\r\n");
		}
		for (size_t cut = 0; cut <= in.len; cut++) {
			convert(buf_bytes(&in), cut, false, &got);
			assert_true(bytes_equal(buf_bytes(&got), buf_bytes(&want)));
		}
	}
	buf_done(&in);
	buf_done(&got);
	buf_done(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_4_5_2_messages_are_put_the_same_at_every_split),
		cmocka_unit_test(rfc5321_4_5_3_1_6_a_line_that_is_too_long_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
