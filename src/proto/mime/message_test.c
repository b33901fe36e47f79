#include "proto/mime/message.h"

#include "proto/mime/test_message.h"

static void
the_example_of_rfc3501_8_is_told_as_there(void **state)
{
	/* The envelope and structure that section 8 shows, for a message that has them. */
	static const char message[] =
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
	put_text(&text, message);
	/* 92 lines of 3028 octets. */
	for (int i = 0; i < 91; i++)
		put_text(&text, "0123456789012345678901234567890\n");
	put_text(&text, "012345678\n");
	parse(&got, buf_bytes(&text));
	assert_bytes("envelope", got.summary.envelope,
		BYTES("(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
		      "\"IMAP4rev1 WG mtg summary and minutes\" "
		      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		      "((NIL NIL \"imap\" \"cac.washington.edu\")) "
		      "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
		      "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
		      "\"<B27397-0100000@cac.washington.edu>\")"));
	assert_bytes("body", got.summary.body,
		BYTES("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3014 92)"));
	parsed_done(&got);
	buf_done(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc3501_8_is_told_as_there),
	};

	return cmocka_run_group_tests_name("mime/message", tests, NULL, NULL);
}
