#include "proto/mime/message.h"

#include "proto/mime/test_message.h"

struct envelope_row {
	const char *name, *header, *envelope;
};

static void
check_envelopes(const struct envelope_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct parsed got;

		parse(&got, bytes_text(rows[i].header));
		assert_bytes(rows[i].name, got.summary.envelope, bytes_text(rows[i].envelope));
		assert_false(got.summary.is_cut);
		parsed_done(&got);
	}
}

#define CHECK_ENVELOPES(rows) check_envelopes(rows, sizeof rows / sizeof *rows)
#define GRAY "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))"

static void
the_example_of_rfc3501_8_is_told_as_there(void **state)
{
	static const char header[] =
		"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\n"
		"From: Terry Gray <gray@cac.washington.edu>\n"
		"Subject: IMAP4rev1 WG mtg summary and minutes\n"
		"To: imap@cac.washington.edu\n"
		"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n"
		"Message-Id: <B27397-0100000@cac.washington.edu>\n"
		"MIME-Version: 1.0\n"
		"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n"
		"\n";
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 10000);
	put_text(&text, header);
	for (int i = 0; i < 91; i++)
		put_text(&text, "0123456789012345678901234567890\n");
	put_text(&text, "0123456789012345678901234567890012345678901234567890123456789\n");
	parse(&got, buf_bytes(&text));
	assert_bytes("envelope", got.summary.envelope,
		BYTES("(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and "
		      "minutes\" " GRAY " " GRAY " " GRAY
		      " ((NIL NIL \"imap\" \"cac.washington.edu\")) "
		      "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL "
		      "\"KLENSIN\" \"MIT.EDU\")) "
		      "NIL NIL \"<B27397-0100000@cac.washington.edu>\")"));
	assert_bytes("body", got.summary.body,
		BYTES("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3066 92)"));
	assert_int_equal(got.summary.sent_s, 837595405);
	assert_int_equal(got.summary.sent_zone_minutes, -420);
	parsed_done(&got);
	buf_done(&text);
}

static void
rfc3501_7_4_2_envelopes_have_nil_and_empty_where_they_should(void **state)
{
	static const struct envelope_row rows[] = {
		{ "nothing", "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "present but empty",
			"Date:\nSubject: "
			"\nFrom:\nSender:\nReply-To:\nTo:\nCc:\nBcc:\nIn-Reply-To:\nMessage-ID:"
			"\n\n",
			"(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")" },
		{ "Sender and Reply-To fall back to From", "From: A <a@b>\n\n",
			"(NIL NIL ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL "
			"\"a\" \"b\")) "
			"NIL NIL NIL NIL NIL)" },
		{ "empty ones fall back too", "From: a@b\nSender: (none)\nReply-To: ,\n\n",
			"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" "
			"\"b\")) "
			"NIL NIL NIL NIL NIL)" },
		{ "own Sender and Reply-To", "From: a@b\nSender: c@d\nReply-To: e@f\n\n",
			"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"e\" "
			"\"f\")) "
			"NIL NIL NIL NIL NIL)" },
		{ "all lists",
			"To: a@b\nCc: c@d, e@f\nBcc: g@h\nIn-Reply-To: <1@x> <2@x>\nMessage-ID: "
			"<3@x>\n\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")(NIL "
			"NIL \"e\" \"f\")) "
			"((NIL NIL \"g\" \"h\")) \"<1@x> <2@x>\" \"<3@x>\")" },
		{ "group", "To: Friends: a@b, C <c@d>;, e@f\n\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"Friends\" NIL)(NIL NIL \"a\" "
			"\"b\")(\"C\" NIL \"c\" \"d\")"
			"(NIL NIL NIL NIL)(NIL NIL \"e\" \"f\")) NIL NIL NIL NIL)" },
		{ "empty group", "To: undisclosed-recipients:;\n\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL "
			"NIL NIL)) NIL NIL NIL NIL)" },
		{ "route", "To: <@x,@y:a@b>\n\n",
			"(NIL NIL NIL NIL NIL ((NIL \"@x,@y\" \"a\" \"b\")) NIL NIL NIL NIL)" },
		{ "no domain is no group", "To: root\n\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"root\" \"\")) NIL NIL NIL NIL)" },
		{ "several fields are one list", "To: a@b\nTo: c@d\n\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL "
			"NIL NIL)" },
		{ "the first of several texts", "Subject: one\nSubject: two\n\n",
			"(NIL \"one\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "unfolded, quotes and backslashes escaped", "Subject: a \"b\"\n \\c\n\n",
			"(NIL \"a \\\"b\\\" \\\\c\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "encoded words stay",
			"Subject: =?utf-8?q?a?=\n =?utf-8?q?b?=\nFrom: =?utf-8?q?A?= <a@b>\n\n",
			"(NIL \"=?utf-8?q?a?= =?utf-8?q?b?=\" ((\"=?utf-8?q?A?=\" NIL \"a\" "
			"\"b\")) "
			"((\"=?utf-8?q?A?=\" NIL \"a\" \"b\")) ((\"=?utf-8?q?A?=\" NIL \"a\" "
			"\"b\")) NIL NIL NIL NIL NIL)" },
		{ "high octets are a literal", "Subject: \xc3\xa9t\xc3\xa9\n\n",
			"(NIL {5}\r\n\xc3\xa9t\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "a lone CR is a literal", "Subject: a\rb\n\n",
			"(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "space before the colon", "Subject : a\n\n",
			"(NIL \"a\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
	};

	(void)state;
	CHECK_ENVELOPES(rows);
}

static void
nul_never_leaves(void **state)
{
	struct parsed got;

	(void)state;
	parse(&got, BYTES("Subject: a\0b\nContent-Type: x/y; z=\"\0\"\n\n\0\n"));
	assert_bytes("envelope", got.summary.envelope,
		BYTES("(NIL {3}\r\na?b NIL NIL NIL NIL NIL NIL NIL NIL)"));
	assert_bytes("structure", got.summary.bodystructure,
		BYTES("(\"x\" \"y\" (\"z\" {1}\r\n?) NIL NIL \"7BIT\" 3 NIL NIL NIL NIL)"));
	assert_true(got.facts.has_nul);
	parsed_done(&got);
}

static void
the_server_learns_the_facts(void **state)
{
	static const struct {
		const char *name, *message;
		struct message_facts want;
	} rows[] = {
		{ "nothing", "", { 0 } },
		{ "all there", "Date: x\nFrom: a@b\nMessage-ID: <x>\n\n",
			{ .has_date = true,
				.has_from = true,
				.has_message_id = true,
				.header_at_end = 39,
				.size = 39 } },
		{ "received",
			"Received: a\nReceived: b\n c\nreceived: d\nX-Received: e\n\nReceived: f\n",
			{ .received_count = 3, .header_at_end = 60, .size = 73 } },
		{ "loop", "Delivered-To: alice@example.org\nDelivered-To: BOB@Example.org \n\n",
			{ .has_delivered_to_loop = true, .header_at_end = 67, .size = 67 } },
		{ "loop in brackets", "Delivered-To: <bob@example.org>\n\n",
			{ .has_delivered_to_loop = true, .header_at_end = 35, .size = 35 } },
		{ "no loop", "Delivered-To: alice@example.org\nTo: bob@example.org\n\n",
			{ .header_at_end = 56, .size = 56 } },
		{ "high octets in the header (RFC 6531 3.1)", "Subject: \xc3\xa9\n\nx\n",
			{ .has_high_octets_in_header = true,
				.has_high_octets = true,
				.header_at_end = 15,
				.size = 18 } },
		{ "high octets in the header of a part (RFC 6532 3)",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: \xc3\xa9\n\nx\n--b--\n",
			{ .has_high_octets_in_header = true, .has_high_octets = true, .header_at_end = 45, .size = 87 } },
		{ "high octets in the body of a part", "Content-Type: multipart/mixed; boundary=b\n\n\xe9\n--b\n\n\xe9\n--b--\n",
			{ .has_high_octets = true, .header_at_end = 45, .size = 65 } },
		{ "high octets in the body (RFC 6152 3)", "Subject: e\n\n\xe9\n",
			{ .has_high_octets = true, .header_at_end = 14, .size = 17 } },
		{ "no header", "\nDate: x\n", { .header_at_end = 2, .size = 11 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message_facts want = rows[i].want;
		struct parsed got;

		parse(&got, bytes_text(rows[i].message));
		if (got.facts.received_count != want.received_count ||
			got.facts.has_date != want.has_date ||
			got.facts.has_from != want.has_from ||
			got.facts.has_message_id != want.has_message_id ||
			got.facts.has_delivered_to_loop != want.has_delivered_to_loop ||
			got.facts.has_high_octets_in_header != want.has_high_octets_in_header ||
			got.facts.has_high_octets != want.has_high_octets ||
			got.facts.has_nul != want.has_nul ||
			got.facts.header_at_end != want.header_at_end ||
			got.facts.size != want.size)
			fail_msg("%s: body at %d, size %d", rows[i].name,
				(int)got.facts.header_at_end, (int)got.facts.size);
		parsed_done(&got);
	}
}

static bool
has_long_line(struct bytes before, size_t octets, struct bytes behind, size_t piece)
{
	struct message_parser *p = message_parser_new(&test_limits, BYTES_NONE);
	struct buf in, out;
	bool has;

	buf_init(&in, 4096);
	buf_init(&out, SUMMARY_MAX);
	put_bytes(&in, before);
	while (octets-- > 0)
		put_char(&in, 'x');
	put_bytes(&in, behind);
	for (size_t at = 0; at < in.len; at += piece)
		message_parser_feed(p, bytes_sub(buf_bytes(&in), at, piece));
	message_parser_finish(p, &out);
	has = message_parser_facts(p).has_long_line;
	message_parser_free(&p);
	buf_done(&in);
	buf_done(&out);
	return has;
}

static void
rfc5322_2_1_1_a_line_of_more_than_998_octets_is_noticed(void **state)
{
	static const struct {
		struct bytes before, behind;
	} rows[] = {
		{ BYTES_INIT("Subject: x\n\n"), BYTES_INIT("\n") },
		{ BYTES_INIT("Subject: x\n\n"), BYTES_INIT("\r\nx\r\n") },
		{ BYTES_INIT("Subject: x\n\nx\n"), BYTES_INIT("") },
		{ BYTES_INIT("Subject: x\n"), BYTES_INIT("\n\nx\n") },
		{ BYTES_INIT("Content-Type: application/x\n\n"), BYTES_INIT("\ny\n") },
		{ BYTES_INIT("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"), BYTES_INIT("\r\n--b--\n") },
	};
	static const size_t pieces[] = { 1, 7, 500, 4096 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 0; n < sizeof pieces / sizeof *pieces; n++)
			if (has_long_line(rows[i].before, 998, rows[i].behind, pieces[n]) || !has_long_line(rows[i].before, 999, rows[i].behind, pieces[n]))
				fail_msg("row %zu, pieces of %zu", i, pieces[n]);
}

static void
any_recipient_can_be_looked_for(void **state)
{
	struct message_parser *p = message_parser_new(&test_limits, BYTES_NONE);
	struct buf out;

	(void)state;
	buf_init(&out, SUMMARY_MAX);
	message_parser_feed(p, BYTES("Delivered-To: a@b\nDelivered-To: c@d\n\n"));
	message_parser_finish(p, &out);
	assert_true(message_parser_was_delivered_to(p, BYTES("a@b")));
	assert_true(message_parser_was_delivered_to(p, BYTES("C@D")));
	assert_false(message_parser_was_delivered_to(p, BYTES("e@f")));
	assert_false(message_parser_was_delivered_to(p, BYTES_NONE));
	assert_false(message_parser_facts(p).has_delivered_to_loop);
	message_parser_free(&p);
	buf_done(&out);
}

static void
a_parser_can_be_used_again(void **state)
{
	static const struct bytes first = BYTES_INIT(
		"Received: x\nSubject: one\nContent-Type: multipart/mixed; boundary=b\n\n"
		"--b\n\n\xe9\n--b--\nno end");
	static const struct bytes second = BYTES_INIT("Subject: two\n\nText\n");
	struct message_parser *p = message_parser_new(&test_limits, BYTES_NONE);
	struct parsed want;
	struct buf out;

	(void)state;
	buf_init(&out, SUMMARY_MAX);
	message_parser_feed(p, first);
	message_parser_finish(p, &out);
	buf_reset(&out);
	message_parser_reset(p, BYTES_NONE);
	message_parser_feed(p, second);
	message_parser_finish(p, &out);
	parse(&want, second);
	assert_bytes("again", buf_bytes(&out), buf_bytes(&want.octets));
	assert_false(message_parser_facts(p).has_high_octets);
	assert_int_equal(message_parser_facts(p).received_count, 0);
	parsed_done(&want);
	message_parser_free(&p);
	message_parser_free(&p);
	buf_done(&out);
}

static void
previews_show_the_first_words(void **state)
{
	static const struct {
		const char *name, *message, *want;
	} rows[] = {
		{ "white space is one space", "\n  Hello,\n\n\t world\n", "Hello, world" },
		{ "nothing", "\n", "" },
		{ "quoted-printable",
			"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
			"quoted-printable\n\n"
			"caf=E9=\n au lait\n",
			"caf\xc3\xa9 au lait" },
		{ "base64",
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
			"base64\n\nSGVsbG8s\nIHdvcmxk\n",
			"Hello, world" },
		{ "html",
			"Content-Type: text/html\n\n<html><head><title>T</title><style>p "
			"{}</style></head><body>"
			"<!-- <p> "
			"--><p>A&amp;B&nbsp;<b>bo</b>ld</p><p>&#233;&#x20ac;&unknown;</"
			"p><script>x<y</script>end",
			"A&B bold \xc3\xa9\xe2\x82\xac&unknown; end" },
		{ "the first text of a multipart",
			"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nContent-Type: "
			"image/png\n\nx\n--b\n"
			"Content-Type: text/plain\nContent-Disposition: "
			"attachment\n\nattached\n--b\n\nshown\n--b\n\nnot\n--b--\n",
			"shown" },
		{ "not a forwarded message's", "Content-Type: message/rfc822\n\n\ninner\n", "" },
		{ "broken UTF-8 is left out",
			"Content-Type: text/plain; charset=utf-8\n\na\xff"
			"b\xe2\x82\n",
			"ab" },
		{ "Latin 1 that says nothing", "\ncaf\xe9\n", "caf\xc3\xa9" },
		{ "what senders pad with",
			"Content-Type: text/plain; charset=utf-8\n\na\xe2\x80\x8c \xe2\x80\x8c "
			"\xc2\xa0 b\n",
			"a b" },
		{ "unknown charset", "Content-Type: text/plain; charset=x-none\n\nabc\n", "abc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parsed got;

		parse(&got, bytes_text(rows[i].message));
		assert_bytes(rows[i].name, got.summary.preview, bytes_text(rows[i].want));
		parsed_done(&got);
	}
}

static void
previews_have_200_characters_at_most_rfc8970_3_2(void **state)
{
	struct parsed got;
	struct buf text;

	(void)state;
	buf_init(&text, 10000);
	put_text(&text, "Content-Type: text/plain; charset=utf-8\n\n");
	for (int i = 0; i < 300; i++)
		put_text(&text, i % 3 == 2 ? " " : "\xc3\xa9");
	parse(&got, buf_bytes(&text));
	/* 67 times two letters and 66 spaces between them. */
	assert_int_equal(got.summary.preview.len, 134 * 2 + 66);
	parsed_done(&got);
	buf_reset(&text);
	for (int i = 0; i < 1200; i++)
		put_char(&text, i ? 'a' : '\n');
	parse(&got, buf_bytes(&text));
	assert_int_equal(got.summary.preview.len, 200);
	parsed_done(&got);
	buf_done(&text);
}

static void
dates_that_are_none_are_told_so(void **state)
{
	struct parsed got;

	(void)state;
	parse(&got, BYTES("Date: yesterday\n\n"));
	assert_true(got.summary.sent_s == INT64_MIN);
	parsed_done(&got);
	parse(&got, BYTES("\n"));
	assert_true(got.summary.sent_s == INT64_MIN);
	parsed_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc3501_8_is_told_as_there),
		cmocka_unit_test(rfc3501_7_4_2_envelopes_have_nil_and_empty_where_they_should),
		cmocka_unit_test(nul_never_leaves),
		cmocka_unit_test(the_server_learns_the_facts),
		cmocka_unit_test(any_recipient_can_be_looked_for),
		cmocka_unit_test(rfc5322_2_1_1_a_line_of_more_than_998_octets_is_noticed),
		cmocka_unit_test(a_parser_can_be_used_again),
		cmocka_unit_test(previews_show_the_first_words),
		cmocka_unit_test(previews_have_200_characters_at_most_rfc8970_3_2),
		cmocka_unit_test(dates_that_are_none_are_told_so),
	};

	return cmocka_run_group_tests_name("mime/message", tests, NULL, NULL);
}
