#include "role/relay/relay_internal.h"
#include "role/relay/test_role.h"

#include "base/memory.h"
#include "sys/net.h"

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

static void
rfc5321_5_1_a_mail_goes_to_the_best_host_and_the_next_one_over_the_same_connection(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO MAIL MAIL BYE));
	send_to(1, HOP_MX, "X.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	send_to(2, HOP_MX, "x.example", "c@x.example");
	run_until("2 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 1);
	assert_int_equal(server_count(servers[0], "\r\nSubject: x\r\n\r\n..hi\r\n.\r\n"), 2);
	assert_non_null(strstr(events, "relay.sent"));
	assert_non_null(strstr(events, "rcpt=b@x.example"));
	/* The end of an idle connection is an orderly one. */
	relay_hooks.drain(&self, 1000);
	for (int i = 0; i < 200 && !server_count(servers[0], "QUIT\r\n"); i++)
		run_a_little();
	assert_int_equal(server_count(servers[0], "QUIT\r\n"), 1);
}

static void
what_dns_says_decides_what_becomes_of_it(void **state)
{
	static const struct {
		const char *zone, *want;
	} rows[] = {
		{ "NONE x.example", "-550 5.1.2 the domain x.example does not exist" },
		{ "LATER x.example", "~451 4.4.3 the mail servers of x.example can't be looked up now" },
		/* RFC 7505 */
		{ "MX x.example 0 .", "-556 5.1.10 the domain x.example takes no mail (null MX)" },
		/* RFC 5321 5.1 */
		{ "MX x.example 10 us.example, 20 mx.x.example", "-554 5.4.6 mail for x.example comes back to us" },
		{ "MX x.example 10 mx.x.example", "-550 5.4.4 mx.x.example has no address" },
		{ "MX x.example 10 mx.x.example\nLATER mx.x.example", "~451 4.4.3 the address of mx.x.example can't be looked up now" },
		{ "", "-550 5.4.4 x.example has no address" },
	};
	char want[200];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		set_dns(rows[i].zone);
		trace[0] = '\0';
		send_to(i + 1, HOP_MX, "x.example", "b@x.example");
		snprintf(want, sizeof want, "%zu  tls= dsn=0: 0%s;\n", i + 1, rows[i].want);
		expect(want);
	}
}

static void
rfc5321_5_1_without_mx_the_domain_itself_is_the_host(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

static void
rfc5321_4_1_3_address_literals_need_no_dns(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "[127.0.0.1]", "b@[127.0.0.1]");
	expect("1 127.0.0.1 tls= dsn=0: 0=250 2.0.0 taken;\n");
	send_to(2, HOP_SMTP, "127.0.0.1", "b@x.example");
	run_until("2 127.0.0.1 tls= dsn=0: 0=250 2.0.0 taken;\n");
	send_to(3, HOP_MX, "[x]", "b@[x]");
	run_until("3  tls= dsn=0: 0-550 5.1.2 [x] is no address;\n");
}

static void
a_domain_does_not_lead_to_this_machine_itself(void **state)
{
	(void)state;
	set_dns(ZONE);
	config.outgoing_loopback = OUTGOING_LOOPBACK_NO;
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1  tls= dsn=0: 0-554 5.4.6 the address of mx2.x.example is this machine's own;\n");
	set_dns("A x.example 0.0.0.0\nAAAA x.example ::1, ::, ::ffff:127.0.0.1, ::ffff:0.0.0.1\n");
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2  tls= dsn=0: 0-554 5.4.6 the address of x.example is this machine's own;\n");
	send_to(3, HOP_MX, "[127.0.0.1]", "b@[127.0.0.1]");
	run_until("3  tls= dsn=0: 0-554 5.4.6 the address [127.0.0.1] is this machine's own;\n");
	/* The administrator's word. */
	set_dns("A x.example 127.0.0.1\n");
	send_to(4, HOP_SMTP, "x.example", "b@x.example");
	run_until("4 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

static void
a_host_that_does_not_answer_makes_way_for_the_next(void **state)
{
	(void)state;
	set_dns("MX x.example 20 mx2.x.example, 10 mx1.x.example\nA mx1.x.example 127.0.0.3, 127.0.0.1\nA mx2.x.example 127.0.0.2\n");
	serve("127.0.0.1", SCRIPT("S 450 busy\nC QUIT\nX"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx2.x.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_non_null(strstr(events, "connection to mx1.x.example (127.0.0.3): Connection refused"));
	assert_non_null(strstr(events, "450 busy"));
}

#define TO_US "S 220 US.example ESMTP\nC QUIT\nX"

static void
rfc5321_5_1_a_host_that_is_ourselves_by_another_name_ends_the_way_and_the_mail_waits(void **state)
{
	(void)state;
	set_dns("MX x.example 10 mx1.x.example, 20 mx2.x.example, 30 mx3.x.example\nA mx1.x.example 127.0.0.1\n"
		"A mx2.x.example 127.0.0.2, 127.0.0.4\nA mx3.x.example 127.0.0.3\nA y.example 127.0.0.2\n");
	serve("127.0.0.2", SCRIPT(TO_US, "S 220 us.example\nC EHLO us.example\nS 250 mx\n" MAIL "W"));
	serve("127.0.0.3", SCRIPT(HELLO MAIL "W"));
	serve("127.0.0.4", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1  tls= dsn=0: 0~451 4.4.6 the server greets with our own name: the mail would come back to us [mx2.x.example (127.0.0.2)];\n");
	assert_int_equal(server_connections(servers[1]) + server_connections(servers[2]), 0);
	/* The administrator's word. */
	send_to(2, HOP_SMTP, "y.example", "b@x.example");
	run_until("2 y.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

static void
a_host_of_the_configuration_that_greets_with_our_name_is_ourselves_at_a_port_of_ours_alone(void **state)
{
	char at[32];
	struct config_listener ours;

	(void)state;
	set_dns("A y.example 127.0.0.2\n");
	serve("127.0.0.2", SCRIPT(TO_US));
	(void)snprintf(at, sizeof at, "*:%u", port_of_servers());
	ours = (struct config_listener){ .service = SERVICE_SMTP, .address = bytes_text(at) };
	config.listeners = &ours;
	config.listener_count = 1;
	send_to(1, HOP_SMTP, "y.example", "b@x.example");
	expect("1  tls= dsn=0: 0~451 4.4.6 the server greets with our own name: the mail would come back to us [y.example (127.0.0.2)];\n");
}

static void
when_no_host_answers_it_is_later(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.9", SCRIPT("W"));
	send_to(1, HOP_MX, "x.example", "b@x.example c@x.example");
	run_until("\n");
	assert_non_null(strstr(trace, "0~451 4.4.1 connection to mx2.x.example (127.0.0.2): Connection refused; 1~451 4.4.1"));
}

static void
a_host_that_is_busy_has_not_answered(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 450 4.3.2 busy\nC QUIT\nX"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0 silent: 0~450 4.3.2 busy;\n");
}

static void
a_host_that_refuses_for_good_is_the_answer(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT("S 554 no mail here\n" BYE));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0-554 no mail here;\n");
	assert_int_equal(server_connections(servers[1]), 0);
}

static void
each_recipient_has_its_result(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250-DSN\nS 250 PIPELINING\nC DATA\nS 250 ok\nS 250 ok\n"
		"S 450 4.2.0 greylisted\nS 550 5.1.1 who\nS 354 go\nC .\nS 250 taken\nW"));
	send_to(1, HOP_MX, "x.example", "b@x.example c@x.example d@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=1: 1~450 4.2.0 greylisted; 2-550 5.1.1 who; 0=250 taken;\n");
}

static void
rfc2033_4_2_over_lmtp_the_message_has_an_answer_for_each(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT("S 220 mx LMTP\nC LHLO\nS 250-mx\nS 250 PIPELINING\nC DATA\nS 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n"
		"C .\nS 250 one\nS 452 4.2.2 full\nW"));
	send_to(1, HOP_LMTP, "127.0.0.1", "b@x.example c@x.example");
	expect("1 127.0.0.1 tls= dsn=0: 0=250 one; 1~452 4.2.2 full;\n");
}

static void
rfc5321_3_8_a_server_that_goes_away_in_the_middle_is_later(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nS 250 ok\nC RCPT\nS 421 4.3.2 going down\nX",
		HELLO "C MAIL\nS 250 ok\nC RCPT\nX", HELLO "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nC .\nX"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0~421 4.3.2 going down;\n");
	trace[0] = '\0';
	send_to(2, HOP_MX, "x.example", "b@x.example");
	expect("2 mx1.x.example (127.0.0.1) tls= dsn=0: 0~451 4.4.2 connection lost before the answer to RCPT;\n");
	/* RFC 1047 */
	trace[0] = '\0';
	send_to(3, HOP_MX, "x.example", "b@x.example");
	expect("3 mx1.x.example (127.0.0.1) tls= dsn=0: 0~451 4.4.2 connection lost after the end of the message: it may have been "
	       "taken, and may arrive twice;\n");
}

static void
an_idle_connection_that_is_gone_costs_nothing(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO MAIL "C MAIL\nX", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 2);
}

#define OFFERS_TLS "S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\n"

static void
rfc3207_tls_is_spoken_when_it_is_offered(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(OFFERS_TLS "S 220 go\nT\nC EHLO us.example\nS 250 mx\n" MAIL MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 mx1.x.example (127.0.0.1) tls=TLSv1.3 dsn=0: 0=250 2.0.0 taken;\n");
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 mx1.x.example (127.0.0.1) tls=TLSv1.3 dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 1);
}

static void
broken_tls_is_done_without_over_a_new_connection(void **state)
{
	static const char *const broken[] = { "S 454 4.7.0 not now\n" BYE, "S 220 go\nG\nW", "S 220 go\nX",
		"S 220 go\nS 250 injected\nW" };

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		char first[300];

		snprintf(first, sizeof first, "%s%s", OFFERS_TLS, broken[i]);
		set_dns(ZONE);
		serve("127.0.0.1", SCRIPT(first, "S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\n" MAIL BYE));
		trace[0] = events[0] = '\0';
		send_to(i + 1, HOP_MX, "x.example", "b@x.example");
		run_until("mx1.x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
		assert_int_equal(server_connections(servers[0]), 2);
		assert_non_null(strstr(events, "tls.failed"));
		assert_non_null(strstr(events, "next=clear"));
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void
a_reply_that_never_ends_is_the_end(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nL\nW"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("1  tls= dsn=0: 0~451 4.4.2 the server said what is no SMTP reply before the answer to EHLO [x.example (127.0.0.1)];\n");
}

static void
one_slow_server_costs_nobody_else(void **state)
{
	(void)state;
	config.outgoing_max = 3;
	set_dns("A slow.example 127.0.0.1\nA x.example 127.0.0.2\n");
	serve("127.0.0.1", SCRIPT("W"));
	serve("127.0.0.2", SCRIPT(HELLO MAIL MAIL "W"));
	for (uint64_t i = 1; i < 8; i++)
		send_to(i, HOP_MX, "slow.example", "b@slow.example");
	send_to(8, HOP_MX, "x.example", "b@x.example");
	expect("8 x.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 2);
}

static void
what_waits_goes_over_the_connection_that_is_free(void **state)
{
	(void)state;
	config.outgoing_per_host_max = 1;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL MAIL MAIL "W"));
	for (uint64_t i = 1; i < 4; i++)
		send_to(i, HOP_MX, "x.example", "b@x.example");
	run_until("3 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 1);
}

static void
no_more_connections_are_idle_than_mails_may_be_under_way(void **state)
{
	(void)state;
	config.outgoing_max = 1;
	set_dns("A x.example 127.0.0.1\nA y.example 127.0.0.2\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL BYE));
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("1 x.example");
	assert_int_equal(server_count(servers[0], "QUIT"), 0);
	send_to(2, HOP_MX, "y.example", "b@y.example");
	run_until("2 y.example");
	/* Sooner than it would go by itself. */
	for (int i = 0; i < 60 && !server_count(servers[0], "QUIT"); i++)
		run_a_little();
	assert_int_equal(server_count(servers[0], "QUIT"), 1);
	assert_int_equal(server_count(servers[1], "QUIT"), 0);
}

static void
servers_that_do_not_let_go_are_left(void **state)
{
	char want[64];

	(void)state;
	config.outgoing_max = 1;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 450 busy\nW"));
	for (uint64_t i = 1; i <= 20; i++) {
		send_to(i, HOP_MX, "x.example", "b@x.example");
		snprintf(want, sizeof want, "%u x.example (127.0.0.1) tls= dsn=0 silent: 0~450 busy", (unsigned int)i);
		run_until(want);
	}
	for (int i = 0; i < 200 && server_open(servers[0]) > 8; i++)
		run_a_little();
	assert_in_range(server_open(servers[0]), 1, 8);
}

static void
rfc8305_5_a_second_address_is_tried_beside_one_that_takes_its_time(void **state)
{
	struct net_address full;
	struct fault f;
	int listener, fillers[3];

	(void)state;
	set_dns("A x.example 127.0.0.1, 127.0.0.2\n");
	serve("127.0.0.2", SCRIPT(HELLO MAIL "W"));
	/* Nobody accepts there and the backlog is full: the kernel says nothing to who comes. */
	assert_int_equal(net_address_parse(BYTES("127.0.0.1"), server_port(servers[0]), &full, &f), 0);
	listener = net_listen(&full, 0, &f);
	assert_true(listener >= 0);
	for (size_t i = 0; i < 3; i++)
		fillers[i] = net_connect_start(&full, NULL);
	run_a_little();
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.2) tls= dsn=0: 0=250 2.0.0 taken;\n");
	for (size_t i = 0; i < 3; i++)
		net_close(fillers[i]);
	net_close(listener);
}

static void
a_large_message_goes_whole(void **state)
{
	size_t count = 3 << 20;
	char *octets = memory_new(count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		octets[i] = i % 64 == 63 ? '\n' : '.';
	set_message(bytes_of(octets, count));
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	/* Each line of 64 octets has a dot and a CR more. */
	assert_in_range(server_heard(servers[0]).len, count / 64 * 66, count / 64 * 66 + 200);
	memory_free(octets);
}

static void
without_its_queue_nothing_is_sent(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nW", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	for (int i = 0; i < 200 && !server_count(servers[0], "MAIL"); i++)
		run_a_little();
	connect_queue();
	run_until("[lost]");
	trace[0] = '\0';
	send_to(7, HOP_MX, "x.example", "b@x.example");
	expect("7 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
}

static void
a_send_that_makes_no_sense_is_answered_and_one_that_is_full_is_sent(void **state)
{
	struct buf list;

	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 554 nobody\n" BYE));
	send_raw(1, HOP_MX, "x.example", BYTES("\x03\0a@b\0\0\x09\0a@b"));
	expect("1  tls= dsn=0:\n");
	send_raw(2, HOP_MX, "x.example", BYTES_NONE);
	run_until("2  tls= dsn=0:\n");
	/* As many recipients as fit into the frame: there is no room for what the server said, but all are told of. */
	buf_init(&list, 65536);
	while (list.len + 7 <= 65536)
		put_bytes(&list, BYTES("\x03\0a@b\0\0"));
	send_raw(3, HOP_MX, "x.example", buf_bytes(&list));
	run_until("3 x.example (127.0.0.1) tls= dsn=0: 0-5; 1-5; ");
	buf_done(&list);
}

static void
who_drains_takes_no_new_mail_and_finishes_the_old(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL BYE));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	for (int i = 0; i < 200 && !server_connections(servers[0]); i++)
		run_a_little();
	relay_hooks.drain(&self, 10000);
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	run_until("2  tls= dsn=0:\n");
}

static void
connections_come_from_the_source_address(void **state)
{
	static struct bytes source[] = { BYTES_INIT("127.0.0.77") };
	struct fault f;

	(void)state;
	config.source_addresses = (struct config_texts){ source, 1 };
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_string_equal(server_last_host(servers[0]), "127.0.0.77");
}

/* The session with a mail on it, whose time is over. */
static void
let_time_pass(const char *heard)
{
	const struct relay *relay = self.state;

	do
		run_a_little();
	while (!server_count(servers[0], heard));
	session_lose(TAILQ_FIRST(&relay->active)->session, BYTES("timed out"));
}

static void
a_server_that_falls_silent_has_not_answered(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nW", HELLO "C MAIL\nS 250 ok\nC RCPT TO:\nS 450 no\nC RSET\nS 250 ok\nC MAIL FROM:<a@us.example>\nW", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	let_time_pass("MAIL");
	run_until("1 x.example (127.0.0.1) tls= dsn=0 silent: 0~451 4.4.2 timed out before the answer to MAIL");
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 x.example (127.0.0.1) tls= dsn=0: 0~450 no");
	send_to(3, HOP_MX, "x.example", "c@x.example");
	let_time_pass("MAIL");
	run_until("3 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken");
}

/* What is asked of TLS may be more then. */
static void
a_connection_that_was_open_before_a_reload_carries_no_other_mail_after_it(void **state)
{
	struct fault f;

	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO "C MAIL\nS 250 ok\nC RCPT\nS 550 who\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\n" MAIL "W", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example c@x.example");
	run_until_event("relay.refused");
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	run_until("1 x.example (127.0.0.1) tls= dsn=0: 0-550 who; 1=250 taken;\n");
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_connections(servers[0]), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_falls_silent_has_not_answered),
		TEST(rfc5321_5_1_a_mail_goes_to_the_best_host_and_the_next_one_over_the_same_connection),
		TEST(what_dns_says_decides_what_becomes_of_it),
		TEST(rfc5321_5_1_without_mx_the_domain_itself_is_the_host),
		TEST(rfc5321_4_1_3_address_literals_need_no_dns),
		TEST(a_domain_does_not_lead_to_this_machine_itself),
		TEST(a_host_that_does_not_answer_makes_way_for_the_next),
		TEST(rfc5321_5_1_a_host_that_is_ourselves_by_another_name_ends_the_way_and_the_mail_waits),
		TEST(a_host_of_the_configuration_that_greets_with_our_name_is_ourselves_at_a_port_of_ours_alone),
		TEST(when_no_host_answers_it_is_later),
		TEST(a_host_that_is_busy_has_not_answered),
		TEST(a_host_that_refuses_for_good_is_the_answer),
		TEST(each_recipient_has_its_result),
		TEST(rfc2033_4_2_over_lmtp_the_message_has_an_answer_for_each),
		TEST(rfc5321_3_8_a_server_that_goes_away_in_the_middle_is_later),
		TEST(an_idle_connection_that_is_gone_costs_nothing),
		TEST(rfc3207_tls_is_spoken_when_it_is_offered),
		TEST(broken_tls_is_done_without_over_a_new_connection),
		TEST(a_reply_that_never_ends_is_the_end),
		TEST(one_slow_server_costs_nobody_else),
		TEST(what_waits_goes_over_the_connection_that_is_free),
		TEST(no_more_connections_are_idle_than_mails_may_be_under_way),
		TEST(servers_that_do_not_let_go_are_left),
		TEST(rfc8305_5_a_second_address_is_tried_beside_one_that_takes_its_time),
		TEST(a_large_message_goes_whole),
		TEST(without_its_queue_nothing_is_sent),
		TEST(a_send_that_makes_no_sense_is_answered_and_one_that_is_full_is_sent),
		TEST(who_drains_takes_no_new_mail_and_finishes_the_old),
		TEST(a_connection_that_was_open_before_a_reload_carries_no_other_mail_after_it),
		TEST(connections_come_from_the_source_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
