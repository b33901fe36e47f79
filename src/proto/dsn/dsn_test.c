#include "proto/dsn/dsn.h"

#include "proto/dsn/test_dsn.h"

static void
a_failure_is_told_whole_rfc3464_2_rfc6522_3(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct buf got;

	(void)state;
	assert_int_equal(put(&got, &r), 0);
	assert_text("failed", &got,
		"From: Mail delivery system <mailer-daemon@mail.amerique.iut>\n"
		"To: <alice@amerique.iut>\n"
		"Subject: Your message was not delivered\n"
		"Date: Fri, 21 Nov 1997 09:55:10 -0600\n"
		"Message-ID: <01ARZ3NDEKTSV4RRFFQ69G5FAW@mail.amerique.iut>\n"
		"In-Reply-To: <one@amerique.iut>\n"
		"References: <one@amerique.iut>\n"
		"Auto-Submitted: auto-replied\n"
		"MIME-Version: 1.0\n"
		"Content-Type: multipart/report; report-type=delivery-status;\n"
		"\tboundary=\"=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\"\n"
		"\n"
		"\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\n"
		"Content-Type: text/plain; charset=utf-8\n"
		"Content-Language: en\n"
		"\n"
		"Your message did not reach bob@afrique.iut.\n"
		"\n"
		"There is no mailbox with this address.\n"
		"Check the address and send your message again.\n"
		"\n"
		"The server mx.afrique.iut (192.0.2.1) said:\n"
		"    550 5.1.1 no such user\n"
		"\n"
		"Subject: Hello\n"
		"Sent: 21 November 1997, 09:55 (UTC-06:00)\n"
		"Number of the message: 01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
		"\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\n"
		"Content-Type: message/delivery-status\n"
		"\n"
		"Original-Envelope-Id: QQ 314159\n"
		"Reporting-MTA: dns; mail.amerique.iut\n"
		"Arrival-Date: Fri, 21 Nov 1997 09:55:00 -0600\n"
		"X-Mermoz-Mail-Id: 01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
		"\n"
		"Original-Recipient: rfc822; bob+x@afrique.iut\n"
		"Final-Recipient: rfc822; bob@afrique.iut\n"
		"Action: failed\n"
		"Status: 5.1.1\n"
		"Remote-MTA: dns; mx.afrique.iut (192.0.2.1)\n"
		"Diagnostic-Code: smtp; 550 5.1.1 no such user\n"
		"Last-Attempt-Date: Fri, 21 Nov 1997 09:55:06 -0600\n"
		"\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\n"
		"Content-Type: text/rfc822-headers\n"
		"\n" CONTENT_HEADER "\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0--\n");
	buf_done(&got);
}

static void
the_message_goes_back_whole_when_it_shall_rfc3461_4_3(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct report_parts parts;
	struct buf got;

	(void)state;
	r.returns_whole = true;
	r.content = BYTES(CONTENT_HEADER "\nb\xc3\xb6"
					 "dy\nwithout end");
	assert_int_equal(put(&got, &r), DSN_NEEDS_8BIT);
	parts = report_split(buf_bytes(&got));
	assert_bytes("type", report_field(parts.parts[2], "content-type"), BYTES("message/rfc822"));
	assert_bytes("encoding", report_field(parts.parts[2], "content-transfer-encoding"), BYTES("8bit"));
	assert_bytes("of all (RFC 2045 6.4)", report_field(parts.header, "content-transfer-encoding"), BYTES("8bit"));
	assert_bytes("octet for octet", report_body(parts.parts[2]), r.content);
	buf_done(&got);
}

static void
status_follows_reply_and_outcome_rfc3463_2_rfc2034_4(void **state)
{
	static const struct {
		enum dsn_action action;
		const char *reply, *action_name, *status;
	} rows[] = {
		{ DSN_FAILED, "550 5.1.1 x", "failed", "5.1.1" },
		{ DSN_FAILED, "550 no such user", "failed", "5.0.0" },
		{ DSN_FAILED, "550", "failed", "5.0.0" },
		{ DSN_FAILED, "", "failed", "5.0.0" },
		{ DSN_FAILED, "451 4.4.1 timed out", "failed", "4.4.1" },
		{ DSN_FAILED, "550 4.1.1 the class is another's", "failed", "5.0.0" },
		{ DSN_FAILED, "250 2.0.0 ok", "failed", "5.0.0" },
		{ DSN_FAILED, "554 5.7.999 x", "failed", "5.7.999" },
		{ DSN_FAILED, "554 5.7.1000 x", "failed", "5.0.0" },
		{ DSN_FAILED, "554 5.7", "failed", "5.0.0" },
		{ DSN_FAILED, "999 9.1.1", "failed", "5.0.0" },
		{ DSN_FAILED, "5.1.1 no code", "failed", "5.0.0" },
		{ DSN_DELAYED, "451 4.7.1 greylisted", "delayed", "4.7.1" },
		{ DSN_DELAYED, "550 5.1.1 x", "delayed", "4.0.0" },
		{ DSN_DELIVERED, "250 2.1.5 stored", "delivered", "2.1.5" },
		{ DSN_RELAYED, "250 ok", "relayed", "2.0.0" },
		{ DSN_EXPANDED, "", "expanded", "2.0.0" },
		{ DSN_DELIVERED, "451 4.4.1 x", "delivered", "2.0.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dsn_recipient recipient = unknown;
		struct dsn_report r = report_of(&recipient, 1);
		struct bytes status;
		struct buf got;

		recipient.action = rows[i].action;
		recipient.reply = bytes_text(rows[i].reply);
		put(&got, &r);
		status = report_body(report_split(buf_bytes(&got)).parts[1]);
		status = bytes_sub(status, bytes_find(status, BYTES("\n\n")) + 2, status.len);
		assert_bytes(rows[i].reply, report_field(status, "Action"), bytes_text(rows[i].action_name));
		assert_bytes(rows[i].reply, report_field(status, "Status"), bytes_text(rows[i].status));
		buf_done(&got);
	}
}

static void
a_delay_says_until_when_rfc3464_2_3_9(void **state)
{
	struct dsn_recipient recipient = unknown;
	struct dsn_report r = report_of(&recipient, 1);
	struct bytes status;
	struct buf got, shown;

	(void)state;
	recipient.action = DSN_DELAYED;
	recipient.reply = BYTES("451 4.4.1 connection to mx.afrique.iut timed out");
	recipient.server = BYTES_NONE;
	recipient.will_retry_until_s = r.arrival_s + 5 * 86400;
	put(&got, &r);
	status = report_split(buf_bytes(&got)).parts[1];
	assert_true(has(status, "\nWill-Retry-Until: Wed, 26 Nov 1997 09:55:00 -0600\n"));
	assert_true(has(status, "\nDiagnostic-Code: X-Mermoz; 451 4.4.1 connection to mx.afrique.iut timed out\n"));
	assert_false(has(status, "Remote-MTA"));
	put_shown(&shown, &got);
	assert_true(has(buf_bytes(&shown), "We keep trying until 26 November 1997, 09:55 (UTC-06:00): you need not send\nit again."));
	assert_true(has(buf_bytes(&shown), "In detail:\n    451 4.4.1"));
	buf_done(&got);
	buf_done(&shown);
}

static void
what_the_sender_asked_of_times_is_told_rfc4865_rfc2852(void **state)
{
	struct dsn_recipient recipient = unknown;
	struct dsn_report r = report_of(&recipient, 1);
	struct bytes status;
	struct buf got;

	(void)state;
	r.release_s = r.arrival_s + 3600;
	r.deliver_by_s = r.arrival_s + 7200;
	put(&got, &r);
	status = report_split(buf_bytes(&got)).parts[1];
	assert_true(has(status, "\nFuture-Release-Request: until;1997-11-21T16:55:00Z\nDeliver-By-Date: Fri, 21 Nov 1997 11:55:00 -0600\n"));
	buf_done(&got);
}

static void
every_recipient_stands_in_it_rfc3464_2_3(void **state)
{
	struct dsn_recipient recipients[4] = { unknown, unknown, unknown, unknown };
	struct dsn_report r = report_of(recipients, 4);
	struct buf got, shown;

	(void)state;
	recipients[0].action = DSN_RELAYED;
	recipients[0].final = BYTES("carol@afrique.iut");
	recipients[2].final = BYTES("dave@afrique.iut");
	recipients[3].action = DSN_DELIVERED;
	put(&got, &r);
	assert_bytes("the worst first", report_field(buf_bytes(&got), "subject"), BYTES("Your message was not delivered"));
	put_shown(&shown, &got);
	assert_true(bytes_starts(buf_bytes(&shown),
		BYTES("Your message did not reach these recipients:\n\n  bob@afrique.iut\n    There is no mailbox")));
	assert_true(has(buf_bytes(&shown), "\n\n  dave@afrique.iut\n"));
	assert_true(has(buf_bytes(&shown), "passed on to the mail server of carol@afrique.iut.\n"));
	assert_true(has(buf_bytes(&shown), "was delivered to bob@afrique.iut.\n"));
	assert_false(has(buf_bytes(&shown), "\n\n\n"));
	assert_int_equal(count_of(report_split(buf_bytes(&got)).parts[1], BYTES("\n\nOriginal-Recipient: ")), 4);
	buf_done(&got);
	buf_done(&shown);
}

static void
addresses_in_utf8_rfc6533_3(void **state)
{
	static const struct {
		bool is_utf8;
		const char *type, *final, *original;
	} rows[] = {
		{ true, "message/global-delivery-status", "\nFinal-Recipient: utf-8; b\xc3\xbc@x.example\n",
			"\nOriginal-Recipient: utf-8; \xe2\x82\xac@x.example\n" },
		{ false, "message/delivery-status", "\nFinal-Recipient: utf-8; b\\x{FC}@x.example\n",
			"\nOriginal-Recipient: utf-8; \\x{20AC}@x.example\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dsn_recipient recipient = unknown;
		struct dsn_report r = report_of(&recipient, 1);
		struct bytes part;
		struct buf got;

		recipient.final = BYTES("b\xc3\xbc@x.example");
		recipient.original = BYTES("utf-8;\\x{20AC}@x.example");
		r.is_utf8 = rows[i].is_utf8;
		assert_int_equal(put(&got, &r), r.is_utf8 ? DSN_NEEDS_8BIT : 0);
		part = report_split(buf_bytes(&got)).parts[1];
		assert_bytes("type", report_field(part, "content-type"), bytes_text(rows[i].type));
		assert_true(has(part, rows[i].final));
		assert_true(has(part, rows[i].original));
		buf_done(&got);
	}
}

static void
what_programs_compare_is_octet_for_octet_rfc3461_6_3(void **state)
{
	struct dsn_recipient recipient = unknown;
	struct dsn_report r = report_of(&recipient, 1);
	struct bytes status;
	struct buf got;

	(void)state;
	r.envelope_id = BYTES("a+20+20+2Bb+3D");
	recipient.original = BYTES("rfc822;\"a+20+20b\"@afrique.iut");
	recipient.final = BYTES("\"a  b\"@afrique.iut");
	put(&got, &r);
	status = report_split(buf_bytes(&got)).parts[1];
	assert_true(has(status, "\nOriginal-Envelope-Id: a  +b=\n"));
	assert_true(has(status, "\nOriginal-Recipient: rfc822; \"a  b\"@afrique.iut\n"));
	assert_true(has(status, "\nFinal-Recipient: rfc822; \"a  b\"@afrique.iut\n"));
	buf_done(&got);
}

static void
an_ascii_report_is_not_global_rfc6533_4(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct buf got;

	(void)state;
	r.is_utf8 = true;
	put(&got, &r);
	assert_bytes("type", report_field(report_split(buf_bytes(&got)).parts[1], "content-type"),
		BYTES("message/delivery-status"));
	buf_done(&got);
}

static void
headers_in_utf8_go_back_as_global_rfc6533_5(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct buf got;

	(void)state;
	r.content = BYTES("Subject: b\xc3\xbc\n\nbody\n");
	r.is_utf8 = true;
	assert_int_equal(put(&got, &r), DSN_NEEDS_8BIT);
	assert_bytes("header", report_field(report_split(buf_bytes(&got)).parts[2], "content-type"),
		BYTES("message/global-headers"));
	buf_done(&got);
	r.returns_whole = true;
	r.sender = BYTES("\xc3\xa4@x.example");
	assert_int_equal(put(&got, &r), DSN_NEEDS_8BIT | DSN_NEEDS_UTF8);
	assert_bytes("whole", report_field(report_split(buf_bytes(&got)).parts[2], "content-type"), BYTES("message/global"));
	buf_done(&got);
}

static void
nobody_forges_a_header_or_a_part(void **state)
{
	static const struct bytes texts[] = {
		BYTES_INIT("x\r\nX-Forged: 1\r\n\r\nbody"),
		BYTES_INIT("x\nX-Forged: 1"),
		BYTES_INIT("x\rX-Forged: 1"),
		BYTES_INIT("x\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\n\nX-Forged: 1"),
		BYTES_INIT("x\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0--\n"),
		BYTES_INIT("--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0 --=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0"),
		BYTES_INIT("x\0y\x01\x7f"),
		BYTES_INIT("\x80\xff\n"),
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof texts / sizeof *texts; i++) {
		struct dsn_recipient recipient = unknown;
		struct dsn_report r = report_of(&recipient, 1);
		struct report_parts parts;
		struct buf got;

		r.hostname = r.sender = r.envelope_id = r.mail_id = texts[i / 2];
		recipient.original = recipient.final = recipient.reply = recipient.server = texts[i / 2];
		r.is_utf8 = i % 2;
		put(&got, &r);
		parts = report_split(buf_bytes(&got));
		assert_int_equal(parts.count, 3);
		assert_true(parts.is_closed);
		assert_false(has(buf_bytes(&got), "\nX-Forged"));
		assert_int_equal(bytes_find_char(buf_bytes(&got), '\r'), got.len);
		assert_int_equal(bytes_find_char(buf_bytes(&got), 0), got.len);
		buf_done(&got);
	}
}

static void
the_boundary_is_not_in_the_message_rfc2046_5_1_1(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct report_parts parts;
	struct buf got;

	(void)state;
	r.returns_whole = true;
	r.content = BYTES("Subject: x\n\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.0\n--=_01ARZ3NDEKTSV4RRFFQ69G5FAW.1--\n");
	put(&got, &r);
	parts = report_split(buf_bytes(&got));
	assert_int_equal(parts.count, 3);
	assert_bytes("whole", report_body(parts.parts[2]), r.content);
	buf_done(&got);
}

static void
long_texts_are_cut_and_folded(void **state)
{
	static uint8_t words[5000];
	struct dsn_recipient recipient = unknown;
	struct dsn_report r = report_of(&recipient, 1);
	struct buf got;

	(void)state;
	for (size_t i = 0; i < sizeof words; i++)
		words[i] = i % 10 == 9 ? ' ' : 'a';
	recipient.reply = bytes_of(words, sizeof words);
	put(&got, &r);
	assert_true(got.len < 5000);
	for (struct bytes rest = buf_bytes(&got); rest.len;)
		assert_true(take_until(&rest, '\n').len <= 78);
	buf_done(&got);
	memset(words, 'a', sizeof words);
	put(&got, &r);
	for (struct bytes rest = buf_bytes(&got); rest.len;)
		assert_true(take_until(&rest, '\n').len <= 998); /* RFC 5322 2.1.1 */
	buf_done(&got);
}

static void
a_report_that_has_no_room_fails(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	dsn_put(&got, &r);
	assert_true(got.has_failed);
	buf_done(&got);
}

static void
languages_of_a_message_rfc3282(void **state)
{
	static const struct {
		const char *in;
		int want; /* -1: none */
	} rows[] = {
		{ "Accept-Language: fr-FR, en-US\n\n", DSN_FRENCH },
		{ "Accept-Language: de, en-GB;q=0.8, fr\n\n", DSN_ENGLISH },
		{ "Content-Language: fr\nAccept-Language: en\n\n", DSN_ENGLISH },
		{ "Content-Language: FR\n\n", DSN_FRENCH },
		{ "Content-Language: frr\n\n", -1 },
		{ "Accept-Language: en;q=0, fr\n\n", DSN_FRENCH },
		{ "Accept-Language: en-GB ; Q=0.000 , fr;q=0.001\n\n", DSN_FRENCH },
		{ "Accept-Language: fr;q=0\n\n", -1 },
		{ "Accept-Language: ,;,-,\n\n", -1 },
		{ "Subject: x\n\nContent-Language: fr\n", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum dsn_language language = DSN_LANGUAGES;

		assert_int_equal(dsn_find_language(bytes_text(rows[i].in), &language), rows[i].want >= 0);
		assert_int_equal(language, rows[i].want >= 0 ? rows[i].want : DSN_LANGUAGES);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_is_told_whole_rfc3464_2_rfc6522_3),
		cmocka_unit_test(the_message_goes_back_whole_when_it_shall_rfc3461_4_3),
		cmocka_unit_test(status_follows_reply_and_outcome_rfc3463_2_rfc2034_4),
		cmocka_unit_test(a_delay_says_until_when_rfc3464_2_3_9),
		cmocka_unit_test(what_the_sender_asked_of_times_is_told_rfc4865_rfc2852),
		cmocka_unit_test(every_recipient_stands_in_it_rfc3464_2_3),
		cmocka_unit_test(addresses_in_utf8_rfc6533_3),
		cmocka_unit_test(what_programs_compare_is_octet_for_octet_rfc3461_6_3),
		cmocka_unit_test(an_ascii_report_is_not_global_rfc6533_4),
		cmocka_unit_test(headers_in_utf8_go_back_as_global_rfc6533_5),
		cmocka_unit_test(nobody_forges_a_header_or_a_part),
		cmocka_unit_test(the_boundary_is_not_in_the_message_rfc2046_5_1_1),
		cmocka_unit_test(long_texts_are_cut_and_folded),
		cmocka_unit_test(a_report_that_has_no_room_fails),
		cmocka_unit_test(languages_of_a_message_rfc3282),
	};

	return cmocka_run_group_tests_name("dsn/dsn", tests, NULL, NULL);
}
