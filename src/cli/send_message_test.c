#include "cli/send_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define DOMAIN BYTES("us.example")

static void
a_line_with_a_dot_alone_ends_a_mail(void **state)
{
	static const struct {
		const char *input, *want;
	} rows[] = {
		{ "Subject: x\n\na\n.\nb\n", "Subject: x\n\na\n" },
		{ "a\r\n.\r\nb", "a\r\n" },
		{ "a\n.", "a\n" },
		{ "a\n..\n.b\n. \n", "a\n..\n.b\n. \n" },
		{ ".\na\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(bytes_equal(send_message_cut(bytes_text(rows[i].input)), bytes_text(rows[i].want)));
}

/* NULL: no address. */
static void
expect_recipients(bool is_of_header, const char *input, const char *want)
{
	struct arena *arena = arena_new("test", 65536, ARENA_PLAIN);
	struct send_recipients to = { .count = 0 };
	char space[1000];
	struct buf all;
	struct fault f;
	int result = is_of_header ? send_recipients_of(&to, bytes_text(input), DOMAIN, arena, &f)
				  : send_recipients_add(&to, bytes_text(input), DOMAIN, arena, &f);

	buf_init_fixed(&all, space, sizeof space);
	for (size_t i = 0; i < to.count; i++) {
		put_text(&all, i ? " " : "");
		put_bytes(&all, to.at[i]);
	}
	put_char(&all, '\0');
	assert_int_equal(result, want ? 0 : -1);
	if (want)
		assert_string_equal(space, want);
	arena_free(&arena);
}

static void
addresses_are_read_as_header_fields_have_them_rfc5322_3_4(void **state)
{
	(void)state;
	expect_recipients(false, "root", "root@us.example");
	expect_recipients(false, "bob@x.example", "bob@x.example");
	expect_recipients(false, "Bob B <bob@x.example>, alice", "bob@x.example alice@us.example");
	expect_recipients(false, "friends: a@x.example, b@y.example;", "a@x.example b@y.example");
	expect_recipients(false, "\"two words\"@x.example", "\"two words\"@x.example");
	expect_recipients(false, "a@[192.0.2.1]", "a@[192.0.2.1]");
	expect_recipients(false, "\xc3\xa9l\xc3\xa8ve@x.example", "\xc3\xa9l\xc3\xa8ve@x.example");
	expect_recipients(false, "<>", NULL);
	expect_recipients(false, "alice@", NULL);
	expect_recipients(false, "<alice@>", NULL);
	expect_recipients(false, "\"a\\\rRCPT\"@x.example", NULL);
	expect_recipients(false, "", "");
}

static void
recipients_of_the_header_are_those_of_to_cc_and_bcc_or_of_the_last_resending_rfc5322_3_6_6(void **state)
{
	(void)state;
	expect_recipients(true, "To: a@x.example,\n b\ncc: c@x.example\nBCC: d\nReply-To: e@x.example\n\nTo: f@x.example\n",
		"a@x.example b@us.example c@x.example d@us.example");
	expect_recipients(true, "From alice Sun Nov 29\nTo: a@x.example\n\n", "a@x.example");
	expect_recipients(true, "To: a@x.example\nResent-To: b@x.example\nResent-Bcc: c@x.example\n\n", "b@x.example c@x.example");
	expect_recipients(true, "Subject: x\nno header at all\nTo: a@x.example\n", "");
	expect_recipients(true, "To: <>\n\n", NULL);
}

static void
what_is_sent_has_a_sender_and_no_blind_copies(void **state)
{
	static const struct {
		const char *input, *name, *want;
	} rows[] = {
		{ "Subject: x\nBcc: secret@x.example,\n other@x.example\nTo: a@x.example\n\nhi\n", "",
			"From: <me@us.example>\nSubject: x\nTo: a@x.example\n\nhi\n" },
		{ "From: you@x.example\nSubject: x\n\nhi", "", "From: you@x.example\nSubject: x\n\nhi\n" },
		{ "Subject: x\r\n\r\nhi\r\n", "Me \"M\" Self", "From: \"Me \\\"M\\\" Self\" <me@us.example>\nSubject: x\n\nhi\n" },
		{ "just text\n", "", "From: <me@us.example>\n\njust text\n" },
		{ "\njust text\n", "", "From: <me@us.example>\n\njust text\n" },
		{ "", "", "From: <me@us.example>\n\n" },
		{ "Subject: x\n", "", "From: <me@us.example>\nSubject: x\n\n" },
		{ "From alice Sun Nov 29\nSubject: x\n\nFrom here\n", "", "From: <me@us.example>\nSubject: x\n\nFrom here\n" },
		{ "From: you@x.example\nResent-To: a@x.example\nResent-Bcc: b@x.example\n\nhi\n", "",
			"Resent-From: <me@us.example>\nFrom: you@x.example\nResent-To: a@x.example\n\nhi\n" },
		{ "Subject: x\rBcc: y\n\n10%\r20%\r\r\nnul\r\n", "", "From: <me@us.example>\nSubject: x Bcc: y\n\n10%\n20%\nnul\n" },
		{ "Subject: x\n\nhi\n", "Z\xc3\xb6" "e", "From: =?UTF-8?Q?Z=C3=B6e?= <me@us.example>\nSubject: x\n\nhi\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct send_message m;

		send_message_make(&m, bytes_text(rows[i].input), BYTES("me@us.example"), bytes_text(rows[i].name), DOMAIN);
		put_char(&m.text, '\0');
		assert_string_equal((const char *)m.text.ptr, rows[i].want);
		send_message_done(&m);
	}
}

static void
addresses_of_the_header_have_a_domain_and_all_else_stays(void **state)
{
	static const struct {
		const char *header, *want;
	} rows[] = {
		{ "From: root (Cron Daemon)\nTo: alice\n", "From: root@us.example (Cron Daemon)\nTo: alice@us.example\n" },
		{ "From:root\n", "From:root@us.example\n" },
		{ "From: \"Cron, the daemon\" <root>\n", "From: \"Cron, the daemon\" <root@us.example>\n" },
		{ "From: < root (x) > (y)\n", "From: < root@us.example (x) > (y)\n" },
		{ "FROM: (x) \"two words\"\n", "FROM: (x) \"two words\"@us.example\n" },
		{ "From: a . b\n", "From: a . b@us.example\n" },
		{ "From: me@us.example\nTo: alice,\n  b@x.example (b),\n\tcarol (c,\n d) ,dan;\n",
			"From: me@us.example\nTo: alice@us.example,\n  b@x.example (b),\n\tcarol@us.example (c,\n d) ,dan@us.example;\n" },
		{ "From: x@y\nCc: friends: a, <b@x.example>, c (C); , undisclosed:;\n",
			"From: x@y\nCc: friends: a@us.example, <b@x.example>, c@us.example (C); , undisclosed:;\n" },
		{ "From: x@y\nSender: a\nReply-To: b\nResent-From: c\nResent-To: d\nresent-cc: e\nResent-Sender: f\nResent-Reply-To: g\n",
			"From: x@y\nSender: a@us.example\nReply-To: b@us.example\nResent-From: c@us.example\nResent-To: d@us.example\n"
			"resent-cc: e@us.example\nResent-Sender: f@us.example\nResent-Reply-To: g@us.example\n" },
		{ "From: x@y\nSubject: root\nX-To: a\nErrors: a\nResent: a\n", "From: x@y\nSubject: root\nX-To: a\nErrors: a\nResent: a\n" },
		{ "From: x@y\nTo: two words, <>, alice@, \"a\"@x, \xc3\xa9 \xc3\xa8 <b>, bare\r\n",
			"From: x@y\nTo: two words, <>, alice@, \"a\"@x, \xc3\xa9 \xc3\xa8 <b@us.example>, bare@us.example\n" },
		{ "From: x@y\nTo:\nCc: ,\n", "From: x@y\nTo:\nCc: ,\n" },
		{ "From: x@y\nTo: <@a,@b:c>, <@a:c@d>\n", "From: x@y\nTo: <@a,@b:c@us.example>, <@a:c@d>\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct send_message m;

		send_message_make(&m, bytes_text(rows[i].header), BYTES("me@us.example"), BYTES_NONE, DOMAIN);
		m.text.len--; /* the empty line */
		put_char(&m.text, '\0');
		assert_string_equal((const char *)m.text.ptr, rows[i].want);
		send_message_done(&m);
	}
}

static void
rfc2047_2_a_long_name_is_several_words_of_whole_characters(void **state)
{
	struct send_message m;

	(void)state;
	send_message_make(&m, BYTES("\nx\n"), BYTES("me@us.example"),
		BYTES("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9x\xc3\xa9\xc3\xa9"), DOMAIN);
	put_char(&m.text, '\0');
	assert_string_equal((const char *)m.text.ptr,
		"From: =?UTF-8?Q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9x?=\n =?UTF-8?Q?=C3=A9=C3=A9?= <me@us.example>\n\nx\n");
	assert_false(m.is_8bit);
	send_message_done(&m);
	send_message_make(&m, BYTES("Subject: x\n\n\xc3\xa9\n"), BYTES("me@us.example"), BYTES_NONE, DOMAIN);
	assert_true(m.is_8bit);
	send_message_done(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_with_a_dot_alone_ends_a_mail),
		cmocka_unit_test(addresses_are_read_as_header_fields_have_them_rfc5322_3_4),
		cmocka_unit_test(recipients_of_the_header_are_those_of_to_cc_and_bcc_or_of_the_last_resending_rfc5322_3_6_6),
		cmocka_unit_test(what_is_sent_has_a_sender_and_no_blind_copies),
		cmocka_unit_test(addresses_of_the_header_have_a_domain_and_all_else_stays),
		cmocka_unit_test(rfc2047_2_a_long_name_is_several_words_of_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
