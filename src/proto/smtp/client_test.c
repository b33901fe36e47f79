#include "proto/smtp/test_client.h"

#include <stdio.h>
#include <string.h>

/* With one message for both. */
static void
play_both(const char *script)
{
	struct smtp_envelope e = envelope(2);

	play(player(&e, 1), script);
}

static void
rfc5321_3_3_a_message_is_sent_command_by_command(void **state)
{
	(void)state;
	play_both(HELLO BASIC
		"C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\nS: 250 ok\nC: RCPT TO:<two@x.example>\n"
		"S: 251 will forward\nC: DATA\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 2.0.0 ok: 1\n"
		"= <one@x.example> taken: 250 2.0.0 ok: 1\n= <two@x.example> taken: 250 2.0.0 ok: 1\n= sent\n" BYE);
}

static void
rfc2920_3_1_commands_go_in_one_group(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 5.1.1 no such user\nS: 250 ok\nS: 354 go\n"
		"= <one@x.example> never: 550 5.1.1 no such user\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n"
		"= <two@x.example> taken: 250 ok\n= sent\n" BYE);
}

static void
rfc2920_3_1_data_that_nobody_gets_is_ended_with_a_dot(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 no\nS: 450 4.2.0 greylisted\nS: 354 go\n"
		"= <one@x.example> never: 550 no\n= <two@x.example> later: 450 4.2.0 greylisted\n= sent\n"
		"C: .\nS: 554 no valid recipients\n" BYE);
}

static void
when_nobody_is_taken_the_transaction_is_reset(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550-5.1.1 no\nS: 550 5.1.1 such user\nS: 450 wait\nS: 503 no recipients\n"
		"= <one@x.example> never: 550 5.1.1 no such user\n= <two@x.example> later: 450 wait\n= sent\n"
		"C: RSET\nS: 250 ok\n" BYE);
	play_both(HELLO BASIC
		"C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\nS: 550 no\n"
		"= <one@x.example> never: 550 no\nC: RCPT TO:<two@x.example>\nS: 550 no\n"
		"= <two@x.example> never: 550 no\n= sent\nC: RSET\nS: 250 ok\n" BYE);
}

static void
a_sender_that_is_refused_is_everybodys_result(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 451 4.7.1 later\nS: 503 no\nS: 503 no\nS: 503 no\n"
		"= <one@x.example> later: 451 4.7.1 later\n= <two@x.example> later: 451 4.7.1 later\n= sent\n"
		"C: RSET\nS: 250 ok\n" BYE);
	play_both(HELLO PIPELINING ENVELOPE
		"S: 550 5.7.1 never\nS: 250 strange\nS: 503 no\nS: 354 stranger\n"
		"= <one@x.example> never: 550 5.7.1 never\n= <two@x.example> never: 550 5.7.1 never\n= sent\n"
		"C: .\nS: 250 ok\n" BYE);
	play_both(HELLO BASIC
		"C: MAIL FROM:<a@b.example>\nS: 550 never\n"
		"= <one@x.example> never: 550 never\n= <two@x.example> never: 550 never\n= sent\nC: RSET\nS: 250 ok\n" BYE);
}

static void
rfc5321_4_5_3_1_10_too_many_recipients_are_tried_again(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 552 too many\nS: 354 go\n= <two@x.example> later: 552 too many\n"
		"C: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 552 5.2.2 full\nS: 552 5.5.3 too many\nS: 451 no\n= <one@x.example> never: 552 5.2.2 full\n"
		"= <two@x.example> later: 552 5.5.3 too many\n= sent\nC: RSET\nS: 250 ok\n" BYE);
}

static void
data_that_is_refused_is_the_result_of_who_was_taken(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 no\nS: 250 ok\nS: 452 4.3.1 full\n= <one@x.example> never: 550 no\n"
		"= <two@x.example> later: 452 4.3.1 full\n= sent\nC: RSET\nS: 250 ok\n" BYE);
	/* RFC 5321 4.2: 2yz does not ask for the message. */
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 no\nS: 250 ok\nS: 250 what\n= <one@x.example> never: 550 no\n"
		"= <two@x.example> later: 451 4.4.2 the server said what makes no sense there before the answer to DATA\n"
		"= sent\n= close\n");
}

static void
the_answer_to_the_message_is_the_result(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\n"
		"S: 554-5.7.1 this is\nS: 554 5.7.1 spam\n"
		"= <one@x.example> never: 554 5.7.1 this is spam\n= <two@x.example> never: 554 5.7.1 this is spam\n= sent\n" BYE);
}

static void
rfc5321_3_8_after_421_nothing_more_is_said(void **state)
{
	(void)state;
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 550 no\nS: 421 4.3.2 going down\n= <one@x.example> never: 550 no\n"
		"= <two@x.example> later: 421 4.3.2 going down\n= sent\n= close\n");
	play_both(HELLO PIPELINING ENVELOPE
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 421 going down\n"
		"= <one@x.example> later: 421 going down\n= <two@x.example> later: 421 going down\n= sent\n= close\n");
	play_both("S: 421 busy\n= failed at greeting later: 421 busy\n= close\n");
}

static void
a_connection_that_is_lost_is_later_at_each_stage(void **state)
{
	(void)state;
#define LOST(where)                                                                                                  \
	"L: connection lost\n= <one@x.example> later: 451 4.4.2 connection lost " where "\n"                          \
	"= <two@x.example> later: 451 4.4.2 connection lost " where "\n= sent\n= close\n"
	play_both("L: connection lost\n= failed at greeting later: 451 4.4.2 connection lost before the greeting\n= close\n");
	play_both(HELLO "L: connection lost\n"
		"= failed at hello later: 451 4.4.2 connection lost before the answer to EHLO\n= close\n");
	play_both(HELLO BASIC "C: MAIL FROM:<a@b.example>\n" LOST("before the answer to MAIL"));
	play_both(HELLO PIPELINING ENVELOPE LOST("before the answer to MAIL"));
	play_both(HELLO PIPELINING ENVELOPE "S: 250 ok\nS: 250 ok\n" LOST("before the answer to RCPT"));
	play_both(HELLO PIPELINING ENVELOPE "S: 250 ok\nS: 250 ok\nS: 250 ok\n" LOST("before the answer to DATA"));
	play_both(HELLO PIPELINING ENVELOPE "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\n"
		LOST("after the end of the message: it may have been taken, and may arrive twice"));
	play_both(HELLO PIPELINING ENVELOPE "S: 250 ok\nS: 550 no\nS: 550 no\nS: 503 no\n"
		"= <one@x.example> never: 550 no\n= <two@x.example> never: 550 no\n= sent\nC: RSET\nL: connection lost\n= close\n");
#undef LOST
}

static void
rfc5321_3_2_a_server_without_ehlo_gets_helo(void **state)
{
	struct smtp_envelope e = envelope(1);

	(void)state;
	play(player(&e, 1), HELLO "S: 502 what\nC: HELO out.example\nS: 250-mx.example\nS: 250 PIPELINING\n"
		"C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<one@x.example>\nS: 250 ok\nC: DATA\nS: 354 go\n"
		"C: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
	play(player(&e, 1), HELLO "S: 502 what\nC: HELO out.example\nS: 550 go away\n"
		"= failed at hello never: 550 go away\n" BYE);
	play(player(&e, 1), HELLO "S: 451 not now\n= failed at hello later: 451 not now\n" BYE);
}

/* Until it wants more; the name that it heard. */
static struct bytes
name_after(struct smtp_client *c, const char *greeting)
{
	struct bytes in = bytes_text(greeting);
	struct smtp_client_effect effect;

	while (smtp_client_step(c, &in, &effect) != SMTP_CLIENT_NEED_INPUT)
		;
	return smtp_client_peer_name(c);
}

static void
rfc5321_4_2_a_greeting_has_the_servers_name(void **state)
{
	static const char part[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
	const struct {
		const char *greeting;
		size_t len; /* of the name */
	} rows[] = { { "220 mx.example ready\r\n", 10 }, { "220-mx.example\r\n220 ready\r\n", 10 }, { "220\r\n", 0 }, { "220 mx.exam", 0 } };
	struct smtp_client_settings settings = { .hostname = BYTES("us.example") };
	struct smtp_client *c;
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		c = smtp_client_new(&settings);
		assert_int_equal(name_after(c, rows[i].greeting).len, rows[i].len);
		smtp_client_free(&c);
	}
	snprintf(text, sizeof text, "220 %s%s%s%s ready\r\n", part, part, part, part);
	c = smtp_client_new(&settings);
	assert_int_equal(name_after(c, text).len, SMTP_CLIENT_NAME_MAX);
	smtp_client_free(&c);
}

static void
rfc5321_3_1_a_greeting_may_refuse(void **state)
{
	(void)state;
	play_both("S: 554-mx.example\nS: 554 no mail here\n= failed at greeting never: 554 mx.example no mail here\n" BYE);
	play_both("S: 450 later\n= failed at greeting later: 450 later\n" BYE);
}

static void
rfc5321_5_1_who_greets_with_our_name_is_ourselves_where_dns_led(void **state)
{
	struct smtp_envelope e = envelope(2);
	struct client_player p = player(&e, 1);

	(void)state;
	p.settings.may_be_ourselves = true;
	play(p, "S: 220 Out.Example ESMTP\n= failed at ourselves later: 451 4.4.6 the server greets with our own name: the mail would come back to us\n" BYE);
	play(p, "S: 421 out.example too many\n= failed at ourselves later: 451 4.4.6 the server greets with our own name: the mail would come back to us\n= close\n");
	play(p, HELLO BASIC "C: MAIL FROM:<a@b.example>\nS: 550 no\n= <one@x.example> never: 550 no\n= <two@x.example> never: 550 no\n= sent\nC: RSET\nS: 250 ok\n" BYE);
	/* What the configuration names may be another server of this machine. */
	play_both("S: 220 out.example ESMTP\nC: EHLO out.example\n" BASIC
		"C: MAIL FROM:<a@b.example>\nS: 550 no\n= <one@x.example> never: 550 no\n= <two@x.example> never: 550 no\n= sent\nC: RSET\nS: 250 ok\n" BYE);
}

static void
what_is_no_reply_ends_the_session(void **state)
{
	(void)state;
	play_both("S: SSH-2.0-x\n= failed at greeting later: 451 4.4.2 the server said what is no SMTP reply before the greeting\n"
		"= close\n");
	play_both(HELLO PIPELINING ENVELOPE "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\n"
		"S: 250-ok\nS: 251 ok\n"
		"= <one@x.example> later: 451 4.4.2 the server said what is no SMTP reply after the end of the message: it may have "
		"been taken, and may arrive twice\n"
		"= <two@x.example> later: 451 4.4.2 the server said what is no SMTP reply after the end of the message: it may have "
		"been taken, and may arrive twice\n= sent\n= close\n");
}

static void
several_transactions_share_a_connection(void **state)
{
	struct smtp_envelope two[] = { envelope(1), envelope(1) };

	(void)state;
	two[1].sender = BYTES_NONE;
	play(player(two, 2), HELLO PIPELINING
		"C: MAIL FROM:<a@b.example> SIZE=12\nC: RCPT TO:<one@x.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
		"C: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n"
		"C: MAIL FROM:<> SIZE=12\nC: RCPT TO:<one@x.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
		"C: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n= <one@x.example> taken: 250 ok\n= sent\n" BYE);
}

static void
a_server_that_speaks_unasked_is_left(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	p.may_quit = false;
	play(p, HELLO PIPELINING "C: MAIL FROM:<a@b.example> SIZE=12\nC: RCPT TO:<one@x.example>\nC: DATA\n"
		"S: 250 ok\nS: 250 ok\nS: 354 go\nC: Hi\nC: \nC: ..x\nC: .\nS: 250 ok\n"
		"= <one@x.example> taken: 250 ok\n= sent\nS: 421 idle for too long\n= close\n");
}

static void
an_answer_before_the_end_of_the_message_is_the_end(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);
	struct bytes in = BYTES_NONE;
	struct smtp_client_effect effect;
	struct smtp_client *c = smtp_client_new(&p.settings);

	(void)state;
#define STEPS(text, until)                                                                                           \
	in = bytes_text(text);                                                                                         \
	do                                                                                                             \
		smtp_client_step(c, &in, &effect);                                                                     \
	while (effect.kind == SMTP_CLIENT_OUTPUT);                                                                     \
	assert_int_equal(effect.kind, until)
	STEPS("220 x\r\n", SMTP_CLIENT_NEED_INPUT);
	STEPS("250 x\r\n", SMTP_CLIENT_READY);
	smtp_client_send(c, &e);
	STEPS("", SMTP_CLIENT_NEED_INPUT);
	STEPS("250 x\r\n", SMTP_CLIENT_NEED_INPUT);
	STEPS("250 x\r\n", SMTP_CLIENT_NEED_INPUT);
	STEPS("354 x\r\n", SMTP_CLIENT_NEED_BODY);
	assert_int_equal(smtp_client_timeout_s(c), 180);
	smtp_client_body(c, BYTES("x\n"), false);
	STEPS("552 5.3.4 too large\r\n", SMTP_CLIENT_RESULT);
	assert_int_equal(effect.outcome, SMTP_CLIENT_NEVER);
	STEPS("", SMTP_CLIENT_SENT);
	/* No dot is said: the message is not whole. */
	STEPS("", SMTP_CLIENT_CLOSE);
#undef STEPS
	smtp_client_free(&c);
}

static void
an_address_with_a_control_character_is_not_said(void **state)
{
	struct smtp_envelope_recipient bad = { BYTES("a@b.example>\r\nRSET\r\n"), BYTES_NONE };
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	e.recipients = &bad;
	client_player_start(&p);
	client_player_hear(&p, BYTES("220 x\r\n"));
	client_player_hear(&p, BYTES("250 x\r\n"));
	assert_true(bytes_ends_nocase(buf_bytes(&p.text),
		BYTES("later: 451 4.3.0 an address of the envelope can't be sent\n= sent\nC: QUIT\n")));
	client_player_done(&p);
}

static void
no_more_replies_are_waited_for_than_buffers_hold(void **state)
{
	struct smtp_envelope_recipient many[120];
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 120; i++)
		many[i] = both[0];
	e.recipients = many;
	e.recipient_count = 120;
	client_player_start(&p);
	client_player_hear(&p, BYTES("220 x\r\n"));
	client_player_hear(&p, BYTES("250-x\r\n250 PIPELINING\r\n"));
	for (size_t at = 0; at < p.said.len; at++)
		count += p.said.ptr[at] == '\n';
	assert_int_equal(count, 51);
	for (size_t i = 0; i < 121; i++)
		client_player_hear(&p, BYTES("250 x\r\n"));
	client_player_hear(&p, BYTES("354 x\r\n"));
	client_player_hear(&p, BYTES("250 x\r\n"));
	assert_true(bytes_ends_nocase(buf_bytes(&p.text), BYTES("= sent\nC: QUIT\n")));
	client_player_done(&p);
}

static void
rfc5321_4_5_3_2_each_stage_has_its_time(void **state)
{
	struct smtp_envelope e = envelope(1);
	struct client_player p = player(&e, 1);

	(void)state;
	client_player_start(&p);
#define HEARS(text, seconds)                                                                                         \
	client_player_hear(&p, BYTES(text));                                                                           \
	assert_int_equal(smtp_client_timeout_s(p.client), seconds)
	HEARS("", 300);
	HEARS("220 x\r\n", 300);
	HEARS("250 x\r\n", 300);
	HEARS("250 x\r\n", 300);
	HEARS("250 x\r\n", 120);
	HEARS("354 x\r\n", 600);
	HEARS("250 x\r\n", 10);
#undef HEARS
	client_player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_3_3_a_message_is_sent_command_by_command),
		cmocka_unit_test(rfc2920_3_1_commands_go_in_one_group),
		cmocka_unit_test(rfc2920_3_1_data_that_nobody_gets_is_ended_with_a_dot),
		cmocka_unit_test(when_nobody_is_taken_the_transaction_is_reset),
		cmocka_unit_test(a_sender_that_is_refused_is_everybodys_result),
		cmocka_unit_test(rfc5321_4_5_3_1_10_too_many_recipients_are_tried_again),
		cmocka_unit_test(data_that_is_refused_is_the_result_of_who_was_taken),
		cmocka_unit_test(the_answer_to_the_message_is_the_result),
		cmocka_unit_test(rfc5321_3_8_after_421_nothing_more_is_said),
		cmocka_unit_test(a_connection_that_is_lost_is_later_at_each_stage),
		cmocka_unit_test(rfc5321_3_2_a_server_without_ehlo_gets_helo),
		cmocka_unit_test(rfc5321_4_2_a_greeting_has_the_servers_name),
		cmocka_unit_test(rfc5321_3_1_a_greeting_may_refuse),
		cmocka_unit_test(rfc5321_5_1_who_greets_with_our_name_is_ourselves_where_dns_led),
		cmocka_unit_test(what_is_no_reply_ends_the_session),
		cmocka_unit_test(several_transactions_share_a_connection),
		cmocka_unit_test(a_server_that_speaks_unasked_is_left),
		cmocka_unit_test(an_answer_before_the_end_of_the_message_is_the_end),
		cmocka_unit_test(an_address_with_a_control_character_is_not_said),
		cmocka_unit_test(no_more_replies_are_waited_for_than_buffers_hold),
		cmocka_unit_test(rfc5321_4_5_3_2_each_stage_has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
