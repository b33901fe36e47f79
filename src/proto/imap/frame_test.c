#include "proto/imap/frame.h"

#include "proto/imap/test_rows.h"

enum { LIMIT = 4096 };

/* Takes it all, accepting literals, and notes the events: "L5" "l5" (without waiting), "D|octets|", "T|octets|". */
static void
note(struct imap_frame *f, struct bytes in, struct buf *out)
{
	while (in.len) {
		switch (imap_frame_take(f, &in)) {
		case IMAP_FRAME_MORE:
			return;
		case IMAP_FRAME_LITERAL:
			put_format(out, "%c%d", f->is_synchronising ? 'L' : 'l', (int)f->literal_octets);
			if (imap_frame_has_room(f))
				imap_frame_accept(f);
			else
				imap_frame_swallow(f);
			break;
		case IMAP_FRAME_DONE:
			put_format(out, "D|%.*s|", BYTES_ARG(imap_frame_octets(f)));
			imap_frame_reset(f);
			break;
		case IMAP_FRAME_TOO_LONG:
			put_format(out, "T|%.10s|", (const char *)imap_frame_octets(f).ptr);
			imap_frame_reset(f);
			break;
		}
	}
}

static void
check(const char *name, struct bytes in, const char *want)
{
	for (size_t cut = 0; cut <= in.len; cut++) {
		struct imap_frame f;
		struct buf out;

		imap_frame_init(&f, LIMIT);
		buf_init(&out, 65536);
		note(&f, bytes_sub(in, 0, cut), &out);
		note(&f, bytes_sub(in, cut, in.len), &out);
		assert_octets(name, buf_bytes(&out), bytes_text(want));
		buf_done(&out);
		imap_frame_done(&f);
	}
}

static void
commands_end_where_rfc3501_says_at_every_split(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "a line", "a NOOP\r\n", "D|a NOOP|" },
		{ "two lines", "a NOOP\r\nb NOOP\r\n", "D|a NOOP|D|b NOOP|" },
		{ "the empty line", "\r\n", "D||" },
		{ "no end", "a NOOP", "" },
		{ "only CRLF ends a line", "a\nb\rc\r\n", "D|a\nb\rc|" },
		{ "CR CR LF", "a\r\r\n", "D|a\r|" },
		{ "a literal", "a X {3}\r\nabc\r\n", "L3D|a X {3}\r\nabc|" },
		{ "a literal with CRLF in it", "a X {4}\r\n\r\n\r\n\r\n", "L4D|a X {4}\r\n\r\n\r\n|" },
		{ "two literals", "a {1}\r\nx {2+}\r\nyz w\r\n", "L1l2D|a {1}\r\nx {2+}\r\nyz w|" },
		{ "an empty literal", "a {0}\r\n\r\n", "L0D|a {0}\r\n|" },
		{ "an announcement within a literal", "a {5}\r\n{9}\r\n\r\n", "L5D|a {5}\r\n{9}\r\n|" },
		{ "not at the end of the line", "a {3} b\r\n", "D|a {3} b|" },
		{ "in quotes", "a \"{3}\"\r\n", "D|a \"{3}\"|" },
		{ "without a number", "a {}\r\n", "D|a {}|" },
		{ "a sign", "a {-3}\r\n", "D|a {-3}|" },
		{ "the plus before", "a {+3}\r\n", "D|a {+3}|" },
		{ "a number out of range", "a {99999999999999999999}\r\n", "D|a {99999999999999999999}|" },
		{ "braces before", "a {1} {2}\r\nxy\r\n", "L2D|a {1} {2}\r\nxy|" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(rows[i].name, bytes_text(rows[i].in), rows[i].want);
}

static void
put_many(struct buf *out, size_t count)
{
	while (count--)
		put_char(out, 'x');
}

static void
what_is_too_long_is_swallowed_to_the_end_of_the_command_at_every_split(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 65536);
	put_text(&in, "a ");
	put_many(&in, LIMIT);
	put_text(&in, "\r\nb NOOP\r\n");
	check("a long line", buf_bytes(&in), "T|a xxxxxxxx|D|b NOOP|");
	buf_reset(&in);
	put_text(&in, "a xxxxxxxx {4000+}\r\n");
	put_many(&in, 4000);
	put_text(&in, " {90+}\r\n");
	put_many(&in, 90);
	put_text(&in, " {7}\r\nb NOOP\r\n");
	check("literals without waiting, then one that waits", buf_bytes(&in), "l4000l90T|a xxxxxxxx|D|b NOOP|");
	buf_reset(&in);
	put_text(&in, "a xxxxxxxx {5000+}\r\n");
	put_many(&in, 5000);
	put_text(&in, "\r\nb NOOP\r\n");
	check("a large literal", buf_bytes(&in), "l5000T|a xxxxxxxx|D|b NOOP|");
	buf_reset(&in);
	put_text(&in, "a ");
	put_many(&in, LIMIT + 2000);
	put_text(&in, " {12+}\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nb NOOP\r\n");
	check("a long line with a literal", buf_bytes(&in), "T|a xxxxxxxx|D|b NOOP|");
	buf_done(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_end_where_rfc3501_says_at_every_split),
		cmocka_unit_test(what_is_too_long_is_swallowed_to_the_end_of_the_command_at_every_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
