/* LMTP, and what a server offers in its answer to EHLO. */
#include "proto/smtp/test_client.h"

static void
rfc2033_4_2_each_recipient_has_its_answer(void **state)
{
	struct smtp_envelope e = envelope(2);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.is_lmtp = true;
	play(p, "S: 220 mx.example LMTP\nC: LHLO out.example\n" PIPELINING ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\nS: 452 4.2.2 full\n"
		"= <one@x.example> taken: 250 ok\n= <two@x.example> later: 452 4.2.2 full\n= sent\n" BYE);
	play(p, "S: 220 mx.example LMTP\nC: LHLO out.example\n" PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\n= <one@x.example> never: 550 no\nC: Hi\nC: \nC: ..x\nC: .\n"
		"S: 250 ok\n= <two@x.example> taken: 250 ok\n= sent\n" BYE);
	play(p, "S: 220 mx.example LMTP\nC: LHLO out.example\n" PIPELINING ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n"
		"= <one@x.example> taken: 250 ok\nL: timed out\n= <two@x.example> later: 451 4.4.2 timed out after the end of the "
		"message: it may have been taken, and may arrive twice\n= sent\n= close\n");
}

static void
rfc2033_4_1_without_lhlo_it_is_no_lmtp(void **state)
{
	struct smtp_envelope e = envelope(2);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.is_lmtp = true;
	play(p, "S: 220 mx.example\nC: LHLO out.example\nS: 500 what\n= failed at hello never: 500 what\n" BYE);
}

#define CHUNKING "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
#define CHUNK_ENVELOPE "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<one@x.example>\nC: RCPT TO:<two@x.example>\n"

static void
rfc3030_2_a_message_goes_in_chunks_without_dots(void **state)
{
	struct smtp_envelope e = envelope(2);
	struct client_player p = player(&e, 1);

	(void)state;
	play_cut(p, HELLO CHUNKING CHUNK_ENVELOPE "S: 250 ok\nS: 250 ok\nS: 550 no\n= <two@x.example> never: 550 no\n"
		"C: BDAT 10 LAST\nC: Hi\nC: \nC: .x\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE, 5);
	p.piece = 4;
	p.message = BYTES("abc\nxyz\nend");
	play_cut(p, HELLO CHUNKING CHUNK_ENVELOPE "S: 250 ok\nS: 250 ok\nS: 550 no\n= <two@x.example> never: 550 no\n"
		"C: BDAT 5\nC: abc\nC: BDAT 5\nC: xyz\nC: BDAT 5 LAST\nC: end\nS: 250 ok\nS: 250 ok\nS: 250 ok\n"
		"= <one@x.example> taken: 250 ok\n= sent\n" BYE, 5);
	/* Without PIPELINING each chunk waits for its answer. */
	play_cut(p, HELLO "S: 250-x\nS: 250 CHUNKING\n" "C: MAIL FROM:<a@b.example>\nS: 250 ok\n"
		"C: RCPT TO:<one@x.example>\nS: 250 ok\nC: RCPT TO:<two@x.example>\nS: 250 ok\n"
		"C: BDAT 5\nC: abc\nS: 250 ok\nC: BDAT 5\nC: xyz\nS: 250 ok\nC: BDAT 5 LAST\nC: end\nS: 250 ok\n"
		"= <one@x.example> taken: 250 ok\n= <two@x.example> taken: 250 ok\n= sent\n" BYE, 5);
}

static void
rfc3030_2_no_chunk_follows_one_that_was_refused(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	p.piece = 4;
	p.message = BYTES("abc\nxyz\nend");
	play_cut(p, HELLO "S: 250-x\nS: 250 CHUNKING\n" "C: MAIL FROM:<a@b.example>\nS: 250 ok\n"
		"C: RCPT TO:<one@x.example>\nS: 250 ok\nC: BDAT 5\nC: abc\nS: 552 5.3.4 too large\n"
		"= <one@x.example> never: 552 5.3.4 too large\n= sent\n= close\n", 5);
	/* After the last one: RSET. */
	p.piece = 0;
	play_cut(p, HELLO "S: 250-x\nS: 250 CHUNKING\n" "C: MAIL FROM:<a@b.example>\nS: 250 ok\n"
		"C: RCPT TO:<one@x.example>\nS: 250 ok\nC: BDAT 15 LAST\nC: abc\nC: xyz\nC: end\nS: 554 no\n"
		"= <one@x.example> never: 554 no\n= sent\nC: RSET\nS: 250 ok\n" BYE, 5);
}

static void
rfc3207_4_2_after_starttls_everything_said_before_is_forgotten(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.tls = SMTP_CLIENT_TLS_MAY;
	play(p, HELLO "S: 250-mx.example\nS: 250-SIZE 5\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n= tls\nC: EHLO out.example\n"
		"S: 250 mx.example\nC: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\nS: 250 ok\nC: DATA\n"
		"S: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
	play(p, HELLO "S: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 no\n= failed at tls later: 454 4.7.0 no\n" BYE);
	play(p, HELLO "S: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\nL: timed out\n"
		"= failed at tls later: 451 4.4.2 timed out before the answer to STARTTLS\n= close\n");
	p.settings.tls = SMTP_CLIENT_TLS_MUST;
	play(p, HELLO "S: 250-mx.example\nS: 250 SIZE\n"
		"= failed at tls never: 554 5.7.4 the server does not offer TLS, which is required\n" BYE);
}

static void
rfc3207_4_2_what_comes_behind_the_answer_to_starttls_is_refused(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.tls = SMTP_CLIENT_TLS_MAY;
	client_player_start(&p);
	client_player_hear(&p, BYTES("220 x\r\n"));
	client_player_hear(&p, BYTES("250-x\r\n250 STARTTLS\r\n"));
	client_player_hear(&p, BYTES("220 go\r\n250 injected\r\n"));
	assert_true(bytes_equal(buf_bytes(&p.text), BYTES("C: EHLO out.example\nC: STARTTLS\n= failed at tls later: "
		"451 4.7.5 the server said more than its answer to STARTTLS\n= close\n")));
	client_player_done(&p);
}

static void
rfc4954_4_a_log_in_comes_before_everything_else(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.tls = SMTP_CLIENT_TLS_MUST;
	p.settings.login_name = BYTES("tim");
	p.settings.secret_login_password = BYTES("tanstaaftanstaaf"); /* RFC 4616 4 */
#define TO_AUTH                                                                                                      \
	HELLO "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n= tls\nC: EHLO out.example\n"                      \
	      "S: 250-x\nS: 250 AUTH LOGIN plain\nC: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\n"
	play(p, TO_AUTH "S: 235 2.7.0 welcome\nC: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\nS: 250 ok\n"
		"C: DATA\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
	/* A password that is wrong is our own trouble: nobody's mail comes back. */
	play(p, TO_AUTH "S: 535 5.7.8 no\n= failed at login later: 535 5.7.8 no\n" BYE);
	play(p, TO_AUTH "S: 334 \n= failed at login later: 334\n" BYE);
	play(p, TO_AUTH "L: timed out\n= failed at login later: 451 4.4.2 timed out before the answer to AUTH\n= close\n");
#undef TO_AUTH
	play(p, HELLO "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n= tls\nC: EHLO out.example\nS: 250-x\nS: 250 AUTH LOGIN\n"
		"= failed at login later: 451 4.7.0 the server does not offer AUTH PLAIN\n" BYE);
	/* Never in the clear. */
	p.settings.tls = SMTP_CLIENT_TLS_MAY;
	play(p, HELLO "S: 250-x\nS: 250 AUTH PLAIN\n"
		"= failed at login later: 451 4.7.11 TLS is needed for the log-in, and there is none\n" BYE);
}

static void
what_a_peer_cannot_take_is_not_tried(void **state)
{
	struct smtp_envelope e = envelope(1);

	(void)state;
#define NEVER(name, text)                                                                                            \
	e = envelope(1);                                                                                               \
	e.name;                                                                                                        \
	play(player(&e, 1), HELLO PIPELINING "= <one@x.example> never: " text "\n= sent\n" BYE)
	/* RFC 1870 5, 6152 3, 6531 3.5, 8689 4.2.1 */
	NEVER(size = 1001, "552 5.3.4 the message has 1001 octets, and the server takes 1000");
	NEVER(is_utf8 = true, "550 5.6.9 a header field is not ASCII, and the server has no SMTPUTF8");
	NEVER(sender = BYTES("\xc3\xa9@b.example"),
		"550 5.6.7 an address is not ASCII, and the server has no SMTPUTF8");
	NEVER(needs_require_tls = true, "550 5.7.30 REQUIRETLS support required");
#undef NEVER
	e = envelope(1);
	e.is_8bit = true;
	play(player(&e, 1), HELLO BASIC
		"= <one@x.example> never: 554 5.6.3 the message is 8-bit, the server has no 8BITMIME, and it can't be converted\n= sent\n" BYE);
}

static void
rfc6531_3_2_an_address_beyond_ascii_fails_alone_where_there_is_no_smtputf8(void **state)
{
	static const struct smtp_envelope_recipient mixed[] = { { BYTES("jos\xc3\xa9@x.example"), BYTES_NONE }, { BYTES("one@x.example"), BYTES_NONE },
		{ BYTES("zo\xc3\xab@x.example"), BYTES_NONE }, { BYTES("two@x.example"), BYTES_NONE } };
	struct smtp_envelope e = envelope(1);
	struct client_player p;

	(void)state;
	e.recipients = mixed;
	e.recipient_count = 4;
#define ALONE(address) "= <" address "@x.example> never: 550 5.6.7 an address is not ASCII, and the server has no SMTPUTF8\n"
	play(player(&e, 1), HELLO PIPELINING ALONE("jos\xc3\xa9") ALONE("zo\xc3\xab") ENVELOPE "S: 250 ok\nS: 250 ok\nS: 450 no\nS: 354 go\n"
		"= <two@x.example> later: 450 no\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
	play(player(&e, 1), HELLO BASIC ALONE("jos\xc3\xa9") ALONE("zo\xc3\xab") "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\n"
		"S: 250 ok\nC: RCPT TO:<two@x.example>\nL: gone\n= <one@x.example> later: 451 4.4.2 gone before the answer to RCPT\n"
		"= <two@x.example> later: 451 4.4.2 gone before the answer to RCPT\n= sent\n= close\n");
	play(player(&e, 1), HELLO BASIC ALONE("jos\xc3\xa9") ALONE("zo\xc3\xab") "C: MAIL FROM:<a@b.example>\nS: 451 no\n"
		"= <one@x.example> later: 451 no\n= <two@x.example> later: 451 no\n= sent\nC: RSET\nS: 250 ok\n" BYE);
	/* Over LMTP each has an answer of its own. */
	p = player(&e, 1);
	p.settings.is_lmtp = true;
	play(p, "S: 220 mx.example ESMTP\nC: LHLO out.example\n" PIPELINING ALONE("jos\xc3\xa9") ALONE("zo\xc3\xab") ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n"
		"S: 452 full\n= <two@x.example> later: 452 full\n= sent\n" BYE);
	/* Nobody is left. */
	e.recipient_count = 1;
	play(player(&e, 1), HELLO PIPELINING ALONE("jos\xc3\xa9") "= sent\n" BYE);
	/* With it all of them go. */
	e.recipient_count = 2;
	play(player(&e, 1), HELLO "S: 250-x\nS: 250-PIPELINING\nS: 250 SMTPUTF8\nC: MAIL FROM:<a@b.example> SMTPUTF8\nC: RCPT TO:<jos\xc3\xa9@x.example>\n"
		"C: RCPT TO:<one@x.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n"
		"= <jos\xc3\xa9@x.example> taken: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
#undef ALONE
}

static void
rfc6152_6531_3461_8689_parameters_are_said_when_they_are_known(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	e.is_8bit = e.is_utf8 = e.needs_require_tls = true;
	e.parameters = BYTES("RET=HDRS ENVID=QQ314159");
	p.is_verified = true;
	p.settings.tls = SMTP_CLIENT_TLS_MAY;
	play(p, HELLO "S: 250-x\nS: 250 starttls\nC: STARTTLS\nS: 220 go\n= tls\nC: EHLO out.example\n"
		"S: 250-x\nS: 250-size 0\nS: 250-8BitMime\nS: 250-SMTPUTF8\nS: 250-DSN\nS: 250 REQUIRETLS\n"
		"C: MAIL FROM:<a@b.example> SIZE=12 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=QQ314159\nS: 250 ok\n"
		"C: RCPT TO:<one@x.example> NOTIFY=NEVER\nS: 250 ok\nC: DATA\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n"
		"= <one@x.example> taken: 250 ok\n= sent\n" BYE);
}

#define REST_OF_MAIL "S: 250 ok\nC: RCPT TO:<one@x.example>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n" \
	"= <one@x.example> taken: 250 ok\n= sent\n" BYE

static void
rfc2852_4_1_what_is_to_come_back_in_time_goes_to_who_promises_that_alone(void **state)
{
	struct smtp_envelope e = envelope(1);

	(void)state;
	e.by = (struct smtp_by){ SMTP_BY_RETURN, true, 120 };
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 DELIVERBY 120\nC: MAIL FROM:<a@b.example> BY=120;RT\n" REST_OF_MAIL);
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 DELIVERBY\nC: MAIL FROM:<a@b.example> BY=120;RT\n" REST_OF_MAIL);
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 DELIVERBY 121\n"
		"= <one@x.example> never: 550 5.4.7 the server does not deliver within the time that is left\n= sent\n" BYE);
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 8BITMIME\n"
		"= <one@x.example> never: 550 5.3.3 the message has to be delivered in time or come back, and the server has no DELIVERBY\n"
		"= sent\n" BYE);
	e.by.within_s = 0;
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 DELIVERBY\n"
		"= <one@x.example> never: 550 5.4.7 the server does not deliver within the time that is left\n= sent\n" BYE);
	/* Who only wants to be told may have it go anywhere, and late. */
	e.by = (struct smtp_by){ SMTP_BY_NOTIFY, false, -5 };
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 DELIVERBY 600\nC: MAIL FROM:<a@b.example> BY=-5;N\n" REST_OF_MAIL);
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 8BITMIME\nC: MAIL FROM:<a@b.example>\n" REST_OF_MAIL);
}

static void
rfc6710_4_the_priority_is_said_to_who_knows_it(void **state)
{
	struct smtp_envelope e = envelope(1);

	(void)state;
	e.priority = -4;
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 MT-PRIORITY MIXER\nC: MAIL FROM:<a@b.example> MT-PRIORITY=-4\n" REST_OF_MAIL);
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 8BITMIME\nC: MAIL FROM:<a@b.example>\n" REST_OF_MAIL);
	e.priority = 0;
	play(player(&e, 1), HELLO "S: 250-x\nS: 250 MT-PRIORITY\nC: MAIL FROM:<a@b.example>\n" REST_OF_MAIL);
}

static void
rfc8689_5_a_report_goes_to_a_server_without_requiretls_too(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	e.needs_require_tls = true;
	e.sender = BYTES("");
	p.is_verified = true;
	p.settings.tls = SMTP_CLIENT_TLS_MUST;
#define UNDER_TLS HELLO "S: 250-x\nS: 250 starttls\nC: STARTTLS\nS: 220 go\n= tls\nC: EHLO out.example\n"
	play(p, UNDER_TLS "S: 250 x\nC: MAIL FROM:<>\n" REST_OF_MAIL);
	play(p, UNDER_TLS "S: 250-x\nS: 250 REQUIRETLS\nC: MAIL FROM:<> REQUIRETLS\n" REST_OF_MAIL);
	/* Protected as the mail was, for all that. */
	p.is_verified = false;
	play(p, UNDER_TLS "S: 250 x\n= <one@x.example> never: 550 5.7.30 REQUIRETLS support required\n= sent\n" BYE);
#undef UNDER_TLS
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc2033_4_2_each_recipient_has_its_answer),
		cmocka_unit_test(rfc2033_4_1_without_lhlo_it_is_no_lmtp),
		cmocka_unit_test(rfc3030_2_a_message_goes_in_chunks_without_dots),
		cmocka_unit_test(rfc3030_2_no_chunk_follows_one_that_was_refused),
		cmocka_unit_test(rfc3207_4_2_after_starttls_everything_said_before_is_forgotten),
		cmocka_unit_test(rfc3207_4_2_what_comes_behind_the_answer_to_starttls_is_refused),
		cmocka_unit_test(rfc4954_4_a_log_in_comes_before_everything_else),
		cmocka_unit_test(what_a_peer_cannot_take_is_not_tried),
		cmocka_unit_test(rfc6531_3_2_an_address_beyond_ascii_fails_alone_where_there_is_no_smtputf8),
		cmocka_unit_test(rfc6152_6531_3461_8689_parameters_are_said_when_they_are_known),
		cmocka_unit_test(rfc2852_4_1_what_is_to_come_back_in_time_goes_to_who_promises_that_alone),
		cmocka_unit_test(rfc6710_4_the_priority_is_said_to_who_knows_it),
		cmocka_unit_test(rfc8689_5_a_report_goes_to_a_server_without_requiretls_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
