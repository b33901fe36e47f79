/* A host that fails a mail once it has greeted makes way for the next one, where nothing of the message went to it. */
#include "role/relay/relay_internal.h"
#include "role/relay/test_role.h"

#include <stdio.h>
#include <string.h>

#define ZONE "MX x.example 20 mx2.x.example, 10 mx1.x.example\nA mx1.x.example 127.0.0.1\nA mx2.x.example 127.0.0.2\n"
#define HELLO "S 220 mx ESMTP\nC EHLO us.example\nS 250 mx\n"
#define MAIL "C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 2.0.0 taken\n"
#define BYE "C QUIT\nS 221 bye\nX\n"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
expect(const char *want)
{
	run_until(want);
	assert_string_equal(trace, want);
}

#define TO_NEXT "1 mx2.x.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken;\n"

static void
rfc5321_5_1_a_host_that_fails_before_the_message_makes_way_for_the_next(void **state)
{
	static const char *const failing[] = { "C MAIL\nS 451 4.3.0 no\nC RSET\nS 250 ok\nC QUIT\nX", "C MAIL\nS 421 4.3.2 going down\nX", "C MAIL\nX",
		"C MAIL\nS 250 ok\nC RCPT\nS 450 4.2.0 greylisted\nC RSET\nW", "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 451 no\nC RSET\nX",
		"C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nX" };

	for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
		char script[300];

		snprintf(script, sizeof script, "%s%s", HELLO, failing[i]);
		set_dns(ZONE);
		serve("127.0.0.1", SCRIPT(script));
		serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
		send_to(1, HOP_MX, "x.example", "b@x.example");
		expect(TO_NEXT);
		assert_int_equal(server_connections(servers[0]), 1);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void
where_a_message_began_or_a_recipient_has_his_answer_no_other_host_is_asked(void **state)
{
	static const struct {
		const char *script, *want;
	} rows[] = {
		{ "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 450 no\nC DATA\nS 354 go\nC .\nS 451 4.3.0 no\nW", "1~450 no; 0~451 4.3.0 no;" },
		{ "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 450 no\nC DATA\nS 354 go\nC Subject\nX",
			"1~450 no; 0~451 4.4.2 connection lost after the end of the message: it may have been taken, and may arrive twice;" },
		{ "C MAIL\nS 250 ok\nC RCPT\nS 550 who\nC RCPT\nS 450 no\nC RSET\nW", "0-550 who; 1~450 no;" },
	};
	char script[400], want[300];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(script, sizeof script, "%s%s", HELLO, rows[i].script);
		snprintf(want, sizeof want, "1 mx1.x.example (127.0.0.1) tls= dsn=0: %s\n", rows[i].want);
		set_dns(ZONE);
		serve("127.0.0.1", SCRIPT(script));
		serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
		send_to(1, HOP_MX, "x.example", "b@x.example c@x.example");
		expect(want);
		assert_int_equal(server_connections(servers[1]), 0);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

#define GREYLISTS HELLO "C MAIL\nS 250 ok\nC RCPT\nS 450 4.2.0 greylisted\nC RSET\nS 250 ok\n"

static void
the_last_host_that_answered_a_mail_is_its_result(void **state)
{
	(void)state;
	set_dns("MX x.example 10 mx1.x.example, 20 mx2.x.example, 30 mx3.x.example, 40 none.x.example\nA mx1.x.example 127.0.0.1\n"
		"A mx2.x.example 127.0.0.2\nA mx3.x.example 127.0.0.3\n");
	serve("127.0.0.1", SCRIPT(GREYLISTS "W"));
	/* mx2 can't be reached, and mx3 has no mail for us. */
	serve("127.0.0.3", SCRIPT("S 554 no mail here\n" BYE));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0~450 4.2.0 greylisted;\n");
	assert_int_equal(server_connections(servers[1]), 1);
}

static void
three_hosts_that_do_not_take_it_now_are_enough(void **state)
{
	static const char *const script[] = { GREYLISTS "W", NULL };

	(void)state;
	set_dns("A x.example 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4\n");
	for (size_t i = 1; i <= 4; i++) {
		static char address[4][16];

		snprintf(address[i - 1], sizeof address[i - 1], "127.0.0.%zu", i);
		serve(address[i - 1], script);
	}
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.3) tls= dsn=0: 0~450 4.2.0 greylisted;\n");
	assert_int_equal(server_connections(servers[3]), 0);
}

static void
a_host_that_fails_over_an_idle_connection_is_not_asked_again(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO MAIL "C MAIL\nS 451 no\nC RSET\nS 250 ok\nC QUIT\nX"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(7, HOP_MX, "x.example", "b@x.example");
	run_until("7 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	trace[0] = '\0';
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect(TO_NEXT);
	assert_int_equal(server_connections(servers[0]), 1);
}

/* Done to the one session with a mail on it, once the first server heard that. */
static struct sending *
when_heard(const char *what)
{
	const struct relay *relay = self.state;

	do
		run_a_little();
	while (!server_count(servers[0], what));
	return TAILQ_FIRST(&relay->active);
}

static void
a_host_that_falls_silent_makes_way_for_the_next(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nW"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	session_lose(when_heard("MAIL")->session, BYTES("timed out"));
	expect(TO_NEXT);
}

static void
a_mail_whose_time_is_over_goes_to_no_other_host(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nW"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	timer_start(&when_heard("MAIL")->deadline, 1, 0);
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0 silent: 0~451 4.4.2 it took too long before the answer to MAIL;\n");
}

static void
a_mail_whose_time_is_over_before_a_host_greets_goes_to_no_other_host_either(void **state)
{
	const struct relay *relay = self.state;

	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT("W"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	while (!server_connections(servers[0]))
		run_a_little();
	timer_start(&TAILQ_FIRST(&relay->active)->deadline, 1, 0);
	expect("1  tls= dsn=0: 0~451 4.4.7 it took too long to reach a server;\n");
	assert_int_equal(server_connections(servers[1]), 0);
}

/* Else it would arrive twice. */
static void
rfc5321_4_5_3_2_6_a_server_that_has_the_whole_mail_has_the_time_to_answer(void **state)
{
	struct sending *s;

	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nW"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	s = when_heard("\r\n.\r\n");
	timer_start(&s->deadline, 1, 0);
	run_a_little();
	assert_string_equal(trace, "");
	assert_true(s->is_late);
	session_lose(s->session, BYTES("timed out"));
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0 silent: 0~451 4.4.2 timed out after the end of the message: it may have been taken, and may arrive twice;\n");
	assert_int_equal(server_connections(servers[1]), 0);
}

static void
a_mail_whose_time_is_over_is_not_tried_over_a_new_connection_either(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO MAIL "C MAIL FROM:<a@us.example>\nW", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	trace[0] = '\0';
	send_to(2, HOP_MX, "x.example", "b@x.example");
	while (server_count(servers[0], "MAIL") < 2)
		run_a_little();
	timer_start(&when_heard("MAIL")->deadline, 1, 0);
	run_until("\n");
	assert_non_null(strstr(trace, "0~451 4.4.7 it took too long to reach a server;\n"));
	assert_int_equal(server_connections(servers[0]), 1);
}

static void
a_host_that_asks_for_tls_is_not_sent_to_in_the_clear_because_another_address_had_to_be(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1, 127.0.0.2\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 454 4.7.0 not now\nX", HELLO "C MAIL\nX"));
	serve("127.0.0.2", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nT\nC EHLO\nS 250 mx\n" MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.2) tls=TLSv1.3 dsn=0: 0=250 2.0.0 taken;\n");
}

static void
rfc6531_3_2_an_address_that_a_server_cannot_have_keeps_no_other_from_the_next_host(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(GREYLISTS "W"));
	serve("127.0.0.2", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 SMTPUTF8\nC MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 2.0.0 taken\nW"));
	send_to(1, HOP_MX, "x.example", "\xc3\xa9@x.example b@x.example");
	expect("1 mx2.x.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken; 1=250 2.0.0 taken;\n");
}

static void
rfc6531_3_2_nor_from_a_new_connection_when_an_idle_one_was_gone(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "C MAIL\nX", HELLO MAIL "W"));
	send_to(7, HOP_MX, "x.example", "b@x.example");
	run_until("7 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	trace[0] = '\0';
	send_to(1, HOP_MX, "x.example", "\xc3\xa9@x.example b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0-550 5.6.7 an address is not ASCII, and the server has no SMTPUTF8; 1=250 2.0.0 taken;\n");
}

/* Nobody accepts at the first address, whose backlog is full, until the second has the connection. */
static void
rfc8305_5_an_address_that_lost_the_race_is_asked_when_the_winner_does_not_take_it(void **state)
{
	struct net_address full;
	struct fault f;
	int listener, fillers[3];

	(void)state;
	set_dns("A x.example 127.0.0.1, 127.0.0.2\n");
	serve("127.0.0.2", SCRIPT(GREYLISTS "W"));
	assert_int_equal(net_address_parse(BYTES("127.0.0.1"), server_port(servers[0]), &full, &f), 0);
	listener = net_listen(&full, 0, &f);
	assert_true(listener >= 0);
	for (size_t i = 0; i < 3; i++)
		fillers[i] = net_connect_start(&full, NULL);
	run_a_little();
	send_to(1, HOP_MX, "x.example", "b@x.example");
	while (!server_connections(servers[0]))
		run_a_little();
	for (size_t i = 0; i < 3; i++)
		net_close(fillers[i]);
	net_close(listener);
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

/* As those of IPv6 are where there is none. */
static void
addresses_that_no_connection_can_be_made_to_do_not_use_up_the_tries(void **state)
{
	(void)state;
	set_dns("MX x.example 10 mx1.x.example, 20 mx2.x.example, 30 mx3.x.example, 40 mx4.x.example\n"
		"A mx1.x.example 255.255.255.255, 255.255.255.255, 255.255.255.255, 255.255.255.255\n"
		"A mx2.x.example 255.255.255.255, 255.255.255.255, 255.255.255.255, 255.255.255.255\n"
		"A mx3.x.example 255.255.255.255, 255.255.255.255, 255.255.255.255, 255.255.255.255\n"
		"A mx4.x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx4.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

#define OFFERS "S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\n"

/* Else as many connections a second are made as the machine can make. */
static void
a_server_that_says_more_than_it_was_asked_gets_two_connections(void **state)
{
	static const struct {
		enum ipc_hop hop;
		const char *script;
	} rows[] = {
		{ HOP_MX, "S 220 mx\nC EHLO\nS 250 mx\t250 more\nW" },
		{ HOP_MX, "S 220 mx\nC EHLO\nS 250 mx\t421 4.3.2 going down\nX" },
		{ HOP_MX, "S 220 mx\nC EHLO\nS 250 mx\t221 bye\nX" },
		{ HOP_MX, "S 220 mx\t250 mx\t250 more\nW" },
		{ HOP_MX, "S 220 mx\t250 mx\t421 more\nX" },
		{ HOP_MX, "S 220 mx\nC EHLO\nS 502 what\nC HELO\nS 250 mx\t250 more\nW" },
		{ HOP_MX, OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO\nS 250 mx\t250 more\nW" },
		{ HOP_MX, OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO\nS 250 mx\t421 4.3.2 going down\nX" },
		{ HOP_LMTP, "S 220 mx\nC LHLO\nS 250 mx\t250 more\nW" },
		{ HOP_LMTP, "S 220 mx\nC LHLO\nS 250 mx\t421 4.3.2 going down\nX" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		set_dns("A x.example 127.0.0.1\n");
		serve("127.0.0.1", SCRIPT(rows[i].script));
		send_to(1, rows[i].hop, "x.example", "b@x.example");
		expect("1  tls= dsn=0: 0~451 4.4.2 connection lost [x.example (127.0.0.1)];\n");
		assert_int_equal(server_connections(servers[0]), 2);
		assert_int_equal(last_destination, DESTINATION_SILENT);
		assert_non_null(strstr(events, "relay.unreachable"));
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void
one_that_says_more_on_each_of_its_addresses_gets_one_more_connection_in_all(void **state)
{
	static const char *const script[] = { "S 220 mx\nC EHLO\nS 250 mx\t250 more\nW", NULL };

	(void)state;
	set_dns("A x.example 127.0.0.1, 127.0.0.2\n");
	serve("127.0.0.1", script);
	serve("127.0.0.2", script);
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1  tls= dsn=0: 0~451 4.4.2 connection lost [x.example (127.0.0.2)];\n");
	assert_int_equal(server_connections(servers[0]), 2);
	assert_int_equal(server_connections(servers[1]), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc5321_5_1_a_host_that_fails_before_the_message_makes_way_for_the_next),
		TEST(where_a_message_began_or_a_recipient_has_his_answer_no_other_host_is_asked),
		TEST(the_last_host_that_answered_a_mail_is_its_result),
		TEST(three_hosts_that_do_not_take_it_now_are_enough),
		TEST(a_host_that_fails_over_an_idle_connection_is_not_asked_again),
		TEST(a_host_that_falls_silent_makes_way_for_the_next),
		TEST(a_mail_whose_time_is_over_goes_to_no_other_host),
		TEST(a_mail_whose_time_is_over_before_a_host_greets_goes_to_no_other_host_either),
		TEST(rfc5321_4_5_3_2_6_a_server_that_has_the_whole_mail_has_the_time_to_answer),
		TEST(a_mail_whose_time_is_over_is_not_tried_over_a_new_connection_either),
		TEST(rfc6531_3_2_an_address_that_a_server_cannot_have_keeps_no_other_from_the_next_host),
		TEST(rfc6531_3_2_nor_from_a_new_connection_when_an_idle_one_was_gone),
		TEST(rfc8305_5_an_address_that_lost_the_race_is_asked_when_the_winner_does_not_take_it),
		TEST(addresses_that_no_connection_can_be_made_to_do_not_use_up_the_tries),
		TEST(a_host_that_asks_for_tls_is_not_sent_to_in_the_clear_because_another_address_had_to_be),
		TEST(a_server_that_says_more_than_it_was_asked_gets_two_connections),
		TEST(one_that_says_more_on_each_of_its_addresses_gets_one_more_connection_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
