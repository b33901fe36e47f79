/* Messages that nobody should send: the parser stays within its limits, its summary within
   SUMMARY_MAX, and both say so. */
#include "proto/mime/test_message.h"

static void
put_repeated(struct buf *out, const char *text, int count)
{
	for (int i = 0; i < count; i++)
		put_text(out, text);
}

static void
a_line_of_a_megabyte_is_only_long(void **state)
{
	struct parsed got, pieces;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Subject: x\n\n");
	put_repeated(&text, "0123456789abcdef", 65536);
	parse(&got, buf_bytes(&text));
	assert_int_equal(summary_part(&got.summary, 0).body_octets, 1 << 20);
	assert_int_equal(got.summary.preview.len, 200);
	parse_limited(&pieces, buf_bytes(&text), 4001, &test_limits);
	assert_bytes("in pieces", buf_bytes(&pieces.octets), buf_bytes(&got.octets));
	parsed_done(&pieces);
	parsed_done(&got);
	buf_done(&text);
}

static void
a_header_line_of_a_megabyte_is_skipped_alone(void **state)
{
	struct parsed got, pieces;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "X-Long: ");
	put_repeated(&text, "0123456789abcdef", 65536);
	put_text(&text, "\n and more of it\nSubject: x\n\nbody\n");
	parse(&got, buf_bytes(&text));
	assert_bytes("envelope", got.summary.envelope,
		BYTES("(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)"));
	assert_int_equal(summary_part(&got.summary, 0).body_octets, 6);
	assert_true(got.summary.is_cut);
	parse_limited(&pieces, buf_bytes(&text), 4001, &test_limits);
	assert_bytes("in pieces", buf_bytes(&pieces.octets), buf_bytes(&got.octets));
	parsed_done(&pieces);
	parsed_done(&got);
	buf_done(&text);
}

static void
a_hundred_thousand_header_fields_are_read_up_to_the_limit(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Subject: first\n");
	put_repeated(&text, "To: a@b\n", 100000);
	put_text(&text, "Message-ID: <last>\n\nbody\n");
	parse(&got, buf_bytes(&text));
	assert_int_equal(summary_part(&got.summary, 0).body_octets, 6);
	assert_int_equal(bytes_find(got.summary.envelope, BYTES("\"first\"")), 5);
	assert_true(got.summary.is_cut);
	parsed_done(&got);
	buf_done(&text);
}

static void
ten_thousand_nested_multiparts_end_at_the_depth(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Content-Type: multipart/mixed; boundary=b0x\n\n");
	for (int i = 0; i < 10000; i++)
		put_format(&text, "--b%dx\nContent-Type: multipart/mixed; boundary=b%dx\n\n", i,
			i + 1);
	parse(&got, buf_bytes(&text));
	assert_in_range(got.summary.part_count, 2, test_limits.depth_max + 1);
	assert_int_equal(summary_part(&got.summary, got.summary.part_count - 1).kind, PART_LEAF);
	parsed_done(&got);
	buf_done(&text);
}

static void
nested_messages_end_at_the_depth(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_repeated(&text, "Content-Type: message/rfc822\n\n", 1000);
	parse(&got, buf_bytes(&text));
	assert_in_range(got.summary.part_count, 2, test_limits.depth_max + 1);
	assert_int_equal(summary_part(&got.summary, got.summary.part_count - 1).kind, PART_LEAF);
	parsed_done(&got);
	buf_done(&text);
}

static void
parts_beyond_the_limit_are_one(void **state)
{
	static const struct message_limits few = {
		.parts_max = 4, .depth_max = 9, .header_octets_max = 1000
	};
	struct summary_part last;
	struct parsed got;

	(void)state;
	parse_limited(&got,
		BYTES("Content-Type: multipart/mixed; "
		      "boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b\n\nthree\n--b\n\nfour\n--b--\n"),
		7, &few);
	assert_int_equal(got.summary.part_count, 4);
	last = summary_part(&got.summary, 3);
	assert_int_equal(last.number, 3);
	assert_int_equal(last.header_at, last.body_at);
	assert_int_equal(last.body_at + last.body_octets, got.summary.size);
	assert_true(bytes_ends_nocase(got.summary.bodystructure,
		BYTES("(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"8BIT\" 29 NIL NIL NIL NIL) "
		      "\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)")));
	assert_true(got.summary.is_cut);
	parsed_done(&got);
}

static void
a_limit_of_one_part_is_the_message(void **state)
{
	static const struct message_limits one = {
		.parts_max = 1, .depth_max = 9, .header_octets_max = 1000
	};
	struct parsed got;

	(void)state;
	parse_limited(&got,
		BYTES("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"), 7, &one);
	assert_int_equal(got.summary.part_count, 1);
	assert_bytes("structure", got.summary.body,
		BYTES("(\"APPLICATION\" \"OCTET-STREAM\" (\"boundary\" \"b\") NIL NIL \"7BIT\" "
		      "19)"));
	parsed_done(&got);
}

static void
a_summary_that_would_be_too_long_tells_the_last_parts_as_one(void **state)
{
	struct summary_part last;
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Subject: many\nFrom: a@b\nContent-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 900; i++)
		put_format(
			&text, "--b\nContent-Type: image/png; name=\"picture-%d.png\"\n\nx\n", i);
	put_text(&text, "--b--\n");
	parse(&got, buf_bytes(&text));
	assert_in_range(got.summary.part_count, 20, 100);
	assert_in_range(got.octets.len, SUMMARY_MAX / 2, SUMMARY_MAX);
	last = summary_part(&got.summary, got.summary.part_count - 1);
	assert_int_equal(last.kind, PART_LEAF);
	assert_int_equal(last.body_at + last.body_octets, got.summary.size);
	assert_true(got.summary.is_cut);
	assert_int_equal(bytes_find(got.summary.envelope, BYTES("\"many\"")), 5);
	parsed_done(&got);
	buf_done(&text);
}

static void
an_envelope_that_would_be_too_long_loses_addresses(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: many\nFrom: "
			"a@b\nMessage-ID: <i@x>\nTo: G:");
	for (int i = 0; i < 1000; i++)
		put_format(&text, "%s\n recipient-%d@example.org", i ? "," : "", i);
	put_text(&text, ";\nCc: c@d\n\nbody\n");
	parse(&got, buf_bytes(&text));
	assert_true(got.summary.is_cut);
	assert_in_range(got.octets.len, SUMMARY_MAX / 2, SUMMARY_MAX);
	assert_true(bytes_ends_nocase(
		got.summary.envelope, BYTES("(NIL NIL NIL NIL)) NIL NIL NIL \"<i@x>\")")));
	assert_bytes("body", got.summary.body,
		BYTES("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 6 1)"));
	parsed_done(&got);
	buf_done(&text);
}

static void
the_least_envelope_holds_when_every_octet_is_escaped(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = { "Subject", "Date", "In-Reply-To", "Message-ID",
			"Content-Type: a/b; c" };

		put_format(&text, i < 4 ? "%s: " : "%s=", names[i]);
		put_repeated(&text, "\"\\\"\\", 2000);
		put_text(&text, "\n");
	}
	put_text(&text, "To: \"");
	put_repeated(&text, "\\\"", 2000);
	put_text(&text, "\" <a@b>\n\nbody\n");
	parse(&got, buf_bytes(&text));
	assert_true(got.summary.is_cut);
	parsed_done(&got);
	buf_done(&text);
}

static void
one_part_with_a_huge_field_is_told_as_octets(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	put_text(&text, "Content-Transfer-Encoding: base64\nContent-Type: text/plain; name=\"");
	put_repeated(&text, "0123456789", 4000);
	put_text(&text, "\"\n\nQUJD\n");
	parse(&got, buf_bytes(&text));
	assert_bytes("body", got.summary.body,
		BYTES("(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"BASE64\" 6)"));
	assert_int_equal(summary_part(&got.summary, 0).encoding, ENCODING_BASE64);
	parsed_done(&got);
	buf_done(&text);
}

static void
boundaries_of_more_than_250_octets_are_none(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 10000);
	for (int len = 249; len <= 251; len++) {
		buf_reset(&text);
		put_text(&text, "Content-Type: multipart/mixed; boundary=");
		put_repeated(&text, "x", len);
		put_text(&text, "\n\n--");
		put_repeated(&text, "x", len);
		put_text(&text, "\n\none\n");
		parse_limited(&got, buf_bytes(&text), 100, &test_limits);
		assert_int_equal(got.summary.part_count, len > 250 ? 1 : 2);
		parsed_done(&got);
	}
	buf_done(&text);
}

static void
odd_octets_do_no_harm(void **state)
{
	static const struct bytes rows[] = {
		BYTES_INIT("\r"),
		BYTES_INIT("\r\r\n\r\r\n"),
		BYTES_INIT("\n\n\n"),
		BYTES_INIT("\0"),
		BYTES_INIT("\0\n\0\n\n\0"),
		BYTES_INIT(":\n:\n\n"),
		BYTES_INIT("no colon\n\nbody"),
		BYTES_INIT(" folded from the start\n\n"),
		BYTES_INIT("Content-Type\n\n"),
		BYTES_INIT("Content-Type:\n\n"),
		BYTES_INIT("Content-Type: /\n\n"),
		BYTES_INIT("Content-Type: multipart/\n\n"),
		BYTES_INIT("Content-Type: a/b;;;=;c=;\"d\"=e;f==\n\n"),
		BYTES_INIT("Content-Type: multipart/mixed; boundary=\"\n\n--\"\n"),
		BYTES_INIT(
			"Content-Disposition: ;\nContent-Language: ,,(\nContent-Location: (\n\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parsed whole, single;

		parse(&whole, rows[i]);
		parse_limited(&single, rows[i], 1, &test_limits);
		assert_bytes("octet by octet", buf_bytes(&single.octets), buf_bytes(&whole.octets));
		parsed_done(&whole);
		parsed_done(&single);
	}
}

/* What opens and never closes, in every field that has a grammar; a reader that began anew at each of them would take
   minutes. */
static void
fields_of_open_comments_take_linear_time(void **state)
{
	static const char *const fields[] = { "From", "Date", "Content-Type: a/b; c=d", "Content-Disposition",
		"Content-Language", "Content-Location", "Content-Transfer-Encoding", "Content-Type" };
	static const char *const opens[] = { "(", "(\\", "\"", "<", ";(", ",(", "; a=\"", "[", "(a) ", ":(" };
	static const struct message_limits wide = { .parts_max = 9, .depth_max = 9, .header_octets_max = 1 << 20 };
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	for (size_t field = 0; field < sizeof fields / sizeof *fields; field++) {
		for (size_t open = 0; open < sizeof opens / sizeof *opens; open++) {
			buf_reset(&text);
			put_format(&text, "%s: ", fields[field]);
			put_repeated(&text, opens[open], 100000);
			put_text(&text, "\n\nbody\n");
			parse_limited(&got, buf_bytes(&text), text.len, &wide);
			assert_int_equal(summary_part(&got.summary, 0).body_octets, 6);
			parsed_done(&got);
		}
	}
	buf_done(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_a_megabyte_is_only_long),
		cmocka_unit_test(a_header_line_of_a_megabyte_is_skipped_alone),
		cmocka_unit_test(a_hundred_thousand_header_fields_are_read_up_to_the_limit),
		cmocka_unit_test(ten_thousand_nested_multiparts_end_at_the_depth),
		cmocka_unit_test(nested_messages_end_at_the_depth),
		cmocka_unit_test(parts_beyond_the_limit_are_one),
		cmocka_unit_test(a_limit_of_one_part_is_the_message),
		cmocka_unit_test(a_summary_that_would_be_too_long_tells_the_last_parts_as_one),
		cmocka_unit_test(an_envelope_that_would_be_too_long_loses_addresses),
		cmocka_unit_test(the_least_envelope_holds_when_every_octet_is_escaped),
		cmocka_unit_test(one_part_with_a_huge_field_is_told_as_octets),
		cmocka_unit_test(boundaries_of_more_than_250_octets_are_none),
		cmocka_unit_test(odd_octets_do_no_harm),
		cmocka_unit_test(fields_of_open_comments_take_linear_time),
	};

	return cmocka_run_group_tests_name("mime/zoo", tests, NULL, NULL);
}
