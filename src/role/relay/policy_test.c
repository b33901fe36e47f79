/* MTA-STS (RFC 8461) from the record to the connection, with a server for the policies. */
#include "role/relay/relay_internal.h"
#include "role/relay/test_role.h"
#include "sys/time.h"

#include <stdio.h>
#include <string.h>

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SECURE \
	"S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\nC MAIL FROM:<a@us.example>\n" \
	"S 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nC QUIT\nX"
#define SECURE_REPORT \
	"S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\nC MAIL FROM:<>\nS 250 ok\n" \
	"C RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nC QUIT\nX"
#define PLAIN "S 220 mx\nC EHLO\nS 250 mx\nC MAIL FROM:\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nC QUIT\nX"
#define HTTP(status, head, body) "T\nC GET /.well-known/mta-sts.txt HTTP/1.1\nS HTTP/1.1 " status "\nS Content-Type: text/plain\n" head "S \n" body "X"
#define POLICY(mode, mx) "S version: STSv1\nS mode: " mode "\nS mx: " mx "\nS max_age: 86400\n"
#define ENFORCE(mx) HTTP("200 OK", "", POLICY("enforce", mx))
#define ZONE "MX sts.example 10 mx.sts.example\nA mx.sts.example 127.0.0.1\nA mta-sts.sts.example 127.0.0.2\n"
#define RECORD(id) "TXT _mta-sts.sts.example v=STSv1; id=" id ";\n"

static struct relay *
relay(void)
{
	return self.state;
}

/* A mail server at 127.0.0.1, one for policies at 127.0.0.2. */
static void
start(const char *const *mail, const char *const *policies)
{
	config.mta_sts = MTA_STS_YES;
	serve("127.0.0.1", mail);
	serve("127.0.0.2", policies);
	policies_set_port(relay()->policies, port_of_servers());
	set_dns(ZONE RECORD("1"));
}

/* Over a connection of its own. */
static void
expect(const char *want, const char *level)
{
	struct fault f;

	trace[0] = events[0] = '\0';
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	send_to(1, HOP_MX, "sts.example", "b@sts.example");
	run_until(";\n");
	if (!strstr(trace, want) || !strstr(events, level))
		fail_msg("no \"%s\", \"%s\" in %s\n%s", want, level, trace, events);
}

static void
keep(const char *domain, const char *id, uint64_t until_s, const char *text)
{
	struct message m = { .type = MESSAGE_POLICY };

	m.u.policy = (struct ipc_policy){ bytes_text(domain), bytes_text(id), until_s, bytes_text(text) };
	relay_hooks.message(&self, of_queue, &m);
}

static uint64_t
in_seconds(int64_t seconds)
{
	return (uint64_t)(loop_now(loop).wall_us / 1000000 + seconds);
}

enum { HEADERS = 250 };

#define KEPT "version: STSv1\nmode: enforce\nmx: mx.sts.example\nmax_age: 86400\n"
#define BY_POLICY "level=verify cause=mta-sts"
#define BY_DEFAULT "level=may cause=default"
#define TAKEN "0=250 taken;"

static void
rfc8461_3_3_a_policy_is_fetched_once_and_kept(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("mx.sts.example")));
	expect(TAKEN, BY_POLICY);
	assert_non_null(strstr(trace, "[sts.example 1 67]"));
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 1);
	assert_non_null(strstr((const char *)server_heard(servers[1]).ptr, "Host: mta-sts.sts.example:"));
}

static void
rfc8461_3_1_another_id_means_another_policy(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("mx.sts.example"), ENFORCE("other.sts.example"), ENFORCE("*.sts.example")));
	expect(TAKEN, BY_POLICY);
	set_dns(ZONE RECORD("2"));
	expect("0~451 4.7.5 the MTA-STS policy of the domain does not name its host mx.sts.example", "sts.mismatch");
	set_dns(ZONE RECORD("3"));
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 3);
}

static void
rfc8461_5_1_what_is_kept_holds_while_no_other_can_be_fetched(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(HTTP("500 Oh", "", "")));
	keep("sts.example", "0", in_seconds(60), KEPT);
	expect(TAKEN, BY_POLICY);
	assert_non_null(strstr(events, "sts.failed"));
	assert_non_null(strstr(events, "policy=kept"));
	/* RFC 8461 3.3: nor is the server asked again at once. */
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 1);
	/* RFC 8461 3.1: a record that is gone takes no policy away. */
	set_dns(ZONE);
	expect(TAKEN, BY_POLICY);
	set_dns(ZONE "LATER _mta-sts.sts.example\n");
	expect(TAKEN, BY_POLICY);
}

static void
rfc8461_3_2_a_policy_holds_for_max_age(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(HTTP("404 Gone", "", "")));
	keep("sts.example", "1", in_seconds(-1), KEPT);
	expect(TAKEN, BY_DEFAULT);
	keep("other.example", "1", in_seconds(60), "no policy at all");
	set_dns("MX other.example 10 mx.sts.example\nA mx.sts.example 127.0.0.1\n");
	trace[0] = events[0] = '\0';
	send_to(1, HOP_MX, "other.example", "b@other.example");
	run_until(TAKEN);
	assert_non_null(strstr(events, BY_DEFAULT));
}

static void
rfc8461_3_3_what_is_old_is_fetched_anew_without_any_mail(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(HTTP("500 Oh", "", ""), ENFORCE("mx.sts.example")));
	keep("sts.example", "1", in_seconds(60), KEPT);
	keep("old.example", "1", in_seconds(-1), KEPT);
	config.mta_sts = MTA_STS_NO;
	policies_look(relay()->policies);
	run_a_little();
	assert_string_equal(trace, "");
	assert_string_equal(events, "");
	config.mta_sts = MTA_STS_YES;
	policies_look(relay()->policies);
	/* The one holds no more; the other one stays though its server has trouble. */
	run_until("[old.example 1 0]");
	run_until_event("policy=kept");
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 1);
	/* Once a day is enough. */
	policies_look(relay()->policies);
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 1);
}

static void
of_too_many_domains_what_was_looked_at_longest_ago_is_forgotten(void **state)
{
	char name[40];

	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("mx.sts.example")));
	expect(TAKEN, BY_POLICY);
	for (int i = 0; i < POLICY_DOMAINS_MAX; i++) {
		snprintf(name, sizeof name, "d%d.example", i);
		keep(name, "1", in_seconds(60), KEPT);
	}
	run_until(" 1 0]");
	assert_null(strstr(trace, "[sts.example 1 0]"));
	expect(TAKEN, BY_POLICY);
	assert_int_equal(server_connections(servers[1]), 1);
}

static void
rfc7672_2_2_beside_records_that_cannot_be_used_the_policy_counts(void **state)
{
	char zone[600];

	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("mx.sts.example")));
	snprintf(zone, sizeof zone, "SIGNED\n" ZONE RECORD("1") "TLSA _%u._tcp.mx.sts.example 1 1 1 %064d\n", port_of_servers(), 0);
	set_dns(zone);
	expect(TAKEN, BY_POLICY);
}

static void
rfc8461_3_3_no_redirect_is_followed(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(HTTP("302 There", "S Location: https://mta-sts.sts.example/\n", ""), ENFORCE("mx.sts.example")));
	expect(TAKEN, BY_DEFAULT);
	assert_non_null(strstr(events, "the server answered 302"));
	assert_int_equal(server_connections(servers[1]), 1);
}

static void
rfc8461_4_2_the_certificate_has_to_be_the_hosts(void **state)
{
	(void)state;
	start(SCRIPT(SECURE, SECURE, PLAIN), SCRIPT(ENFORCE("*.sts.example")));
	set_dns("MX sts.example 10 mx2.sts.example\nA mx2.sts.example 127.0.0.1\nA mta-sts.sts.example 127.0.0.2\n" RECORD("1"));
	expect("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [", "level=verify cause=mta-sts next=later");
	set_dns(ZONE RECORD("1"));
	expect(TAKEN, BY_POLICY);
	expect("0~451 4.7.4 the server does not offer TLS", "sts");
}

static void
rfc8461_5_the_next_host_is_tried_when_one_is_not_named(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("mx.sts.example")));
	set_dns("MX sts.example 10 unnamed.sts.example, 20 mx.sts.example\nA unnamed.sts.example 127.0.0.1\nA mx.sts.example 127.0.0.1\n"
		"A mta-sts.sts.example 127.0.0.2\n" RECORD("1"));
	expect("mx.sts.example (127.0.0.1)", BY_POLICY);
	assert_int_equal(server_connections(servers[0]), 1);
}

static void
rfc8461_2_dane_comes_first(void **state)
{
	char zone[600];

	(void)state;
	start(SCRIPT(PLAIN), SCRIPT(ENFORCE("mx.sts.example")));
	snprintf(zone, sizeof zone, "SIGNED\n" ZONE RECORD("1") "TLSA _%u._tcp.mx.sts.example 3 1 1 %064d\n", port_of_servers(), 0);
	set_dns(zone);
	expect("0~451 4.7.4 the server does not offer TLS", "sts.example");
	assert_int_equal(server_connections(servers[1]), 0);
}

static void
a_domain_does_not_lead_to_a_server_of_this_machine_itself(void **state)
{
	(void)state;
	start(SCRIPT("W"), SCRIPT(ENFORCE("mx.sts.example")));
	config.outgoing_loopback = OUTGOING_LOOPBACK_NO;
	expect("0-554 5.4.6", "relay.refused");
	/* The host is the administrator's word, the policy's server is not. */
	set_dns("A mx.sts.example 127.0.0.1\nTXT _mta-sts.mx.sts.example v=STSv1; id=1\nA mta-sts.mx.sts.example 127.0.0.2\n");
	send_to(2, HOP_SMTP, "mx.sts.example", "b@sts.example");
	run_until_event("its server has no address");
	assert_int_equal(server_connections(servers[1]), 0);
}

static void
rfc8461_3_4_of_a_relay_host_its_own_policy_counts(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT(ENFORCE("other.sts.example"), ENFORCE("sts.example")));
	set_dns("A sts.example 127.0.0.1\nA mta-sts.sts.example 127.0.0.2\n" RECORD("1") "TXT _mta-sts.example v=STSv1; id=1\n");
	trace[0] = '\0';
	send_to(1, HOP_SMTP, "sts.example", "b@elsewhere.example");
	run_until("0~451 4.7.5 the MTA-STS policy of the domain does not name its host sts.example");
	/* RFC 8461 3.4: a domain above does not speak for what is below it. */
	set_dns("MX x.sts.example 10 mx.sts.example\nA mx.sts.example 127.0.0.1\nA mta-sts.sts.example 127.0.0.2\n" RECORD("2"));
	send_to(2, HOP_MX, "x.sts.example", "b@x.sts.example");
	run_until("2 mx.sts.example (127.0.0.1)");
	assert_non_null(strstr(events, BY_DEFAULT));
}

static void
what_the_configuration_or_the_sender_says_comes_first(void **state)
{
	static struct config_tls_rule rule = { .domain = BYTES_INIT("sts.example"), .level = TLS_LEVEL_NONE };

	(void)state;
	start(SCRIPT(PLAIN), SCRIPT(ENFORCE("mx.sts.example")));
	config.tls_rules = &rule;
	config.tls_rule_count = 1;
	expect(TAKEN, "level=none cause=outgoing_tls");
	config.tls_rule_count = 0;
	config.mta_sts = MTA_STS_NO;
	expect(TAKEN, BY_DEFAULT);
	config.mta_sts = MTA_STS_YES;
	/* RFC 8689 4.2.2 */
	set_flags(SEND_TLS_OPTIONAL);
	expect(TAKEN, BY_DEFAULT);
	assert_int_equal(server_connections(servers[1]), 0);
}

#define REQUIRES \
	"S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250-mx\nS 250 REQUIRETLS\n" \
	"C MAIL FROM:<a@us.example> REQUIRETLS\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nC QUIT\nX"

static void
rfc8689_4_2_1_a_host_has_to_be_shown_to_be_the_domains(void **state)
{
	(void)state;
	start(SCRIPT(REQUIRES), SCRIPT(HTTP("500 Oh", "", "")));
	set_flags(SEND_REQUIRE_TLS);
	set_dns(ZONE);
	expect("0-550 5.7.30 REQUIRETLS support required: nothing shows that mx.sts.example is the domain's server;", "relay.refused");
	config.mta_sts = MTA_STS_NO;
	expect("0-550 5.7.30 REQUIRETLS support required: nothing shows that", "relay.refused");
	config.mta_sts = MTA_STS_YES;
	/* What may be shown later comes back to nobody. */
	set_dns(ZONE "LATER _mta-sts.sts.example\n");
	expect("0~451 4.7.30 REQUIRETLS support required: nothing shows that mx.sts.example is the domain's server yet;", "relay.later");
	set_dns(ZONE RECORD("1"));
	expect("0~451 4.7.30 REQUIRETLS", "sts.failed");
	assert_int_equal(server_connections(servers[0]), 0);
	set_dns("SIGNED\n" ZONE);
	expect(TAKEN, "level=verify cause=requiretls");
	/* RFC 5321 5.1: where there are no MX records none has to be shown. */
	set_dns("A mx.sts.example 127.0.0.1\n");
	trace[0] = '\0';
	send_to(2, HOP_MX, "mx.sts.example", "b@mx.sts.example");
	run_until(TAKEN);
}

static void
rfc8689_4_2_1_a_policy_shows_that_a_host_is_the_domains(void **state)
{
	(void)state;
	start(SCRIPT(REQUIRES), SCRIPT(ENFORCE("mx.sts.example"), HTTP("200 OK", "", POLICY("testing", "mx.sts.example")),
		HTTP("200 OK", "", POLICY("testing", "other.sts.example"))));
	set_flags(SEND_REQUIRE_TLS);
	expect(TAKEN, BY_POLICY);
	set_dns(ZONE RECORD("2"));
	expect(TAKEN, "level=verify cause=requiretls");
	set_dns(ZONE RECORD("3"));
	expect("0-550 5.7.30", "sts.mismatch");
}

static void
rfc8689_5_a_report_needs_nothing_shown(void **state)
{
	(void)state;
	start(SCRIPT(SECURE_REPORT), SCRIPT("X"));
	set_flags(SEND_REQUIRE_TLS);
	set_sender("");
	set_dns(ZONE);
	expect(TAKEN, "level=verify cause=requiretls");
}

static void
rfc8689_4_2_1_mail_follows_no_report_to_a_host_of_which_nothing_is_shown(void **state)
{
	(void)state;
	start(SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250-mx\nS 250 REQUIRETLS\n"
		"C MAIL FROM:<>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\n"
		"C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nW"), SCRIPT("X"));
	set_flags(SEND_REQUIRE_TLS);
	set_sender("");
	set_dns(ZONE);
	expect(TAKEN, "level=verify cause=requiretls");
	set_sender("a@us.example");
	trace[0] = '\0';
	send_to(2, HOP_MX, "sts.example", "b@sts.example");
	run_until(";\n");
	assert_non_null(strstr(trace, "0-550 5.7.30 REQUIRETLS support required: nothing shows that mx.sts.example is the domain's server;"));
}

static void
rfc8689_4_2_1_the_certificate_is_for_the_host_and_not_for_the_domain(void **state)
{
	(void)state;
	start(SCRIPT(REQUIRES), SCRIPT("X"));
	set_flags(SEND_REQUIRE_TLS);
	set_dns("SIGNED\nMX mx.sts.example 10 mx2.sts.example\nA mx2.sts.example 127.0.0.1\n");
	trace[0] = '\0';
	send_to(1, HOP_MX, "mx.sts.example", "b@mx.sts.example");
	run_until("0~451 4.7.5 the certificate is not trusted: hostname mismatch");
}

static void
many_wait_for_one_fetch_and_others_do_not(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT("T\nC GET\nW"));
	send_to(1, HOP_MX, "sts.example", "b@sts.example");
	send_to(2, HOP_MX, "sts.example", "b@sts.example");
	set_dns(ZONE RECORD("1") "A y.example 127.0.0.1\n");
	send_to(3, HOP_MX, "y.example", "b@y.example");
	run_until("3 y.example");
	assert_null(strstr(trace, "sts.example"));
	assert_int_equal(server_connections(servers[1]), 1);
	/* They are forgotten while they wait; the answer finds nobody. */
	connect_queue();
	run_until("[lost]");
	server_free(&servers[1]);
	run_until_event("sts.failed");
}

static int
count(const char *in, const char *what)
{
	int found = 0;

	while ((in = strstr(in, what))) {
		found++;
		in++;
	}
	return found;
}

static void
so_many_are_fetched_at_a_time_and_the_rest_waits(void **state)
{
	static char zone[65536];
	int64_t begin_us = time_now().mono_us;
	char domain[20], address[24];
	struct buf b;

	(void)state;
	start(SCRIPT(SECURE), SCRIPT("W"));
	config.outgoing_max = POLICY_FETCHES_MAX;
	config.outgoing_per_host_max = POLICY_FETCHES_MAX + 10; /* all have one host */
	buf_init_fixed(&b, zone, sizeof zone - 1);
	put_text(&b, "A mx.sts.example 127.0.0.1\n");
	for (int i = 0; i < POLICY_FETCHES_MAX + 10; i++)
		put_format(&b, "MX d%d.example 10 mx.sts.example\nA mta-sts.d%d.example 127.0.0.2\nTXT _mta-sts.d%d.example v=STSv1; id=1\n", i, i, i);
	assert_false(b.has_failed);
	set_dns(zone);
	for (int i = 0; i < POLICY_FETCHES_MAX + 10; i++) {
		snprintf(domain, sizeof domain, "d%d.example", i);
		snprintf(address, sizeof address, "b@d%d.example", i);
		send_to((uint64_t)i + 1, HOP_MX, domain, address);
	}
	while (server_connections(servers[1]) < POLICY_FETCHES_MAX)
		run_a_little();
	run_a_little();
	assert_int_equal(server_connections(servers[1]), POLICY_FETCHES_MAX);
	assert_null(strstr(trace, TAKEN));
	/* Of so many some have less time. */
	while (server_connections(servers[1]) < POLICY_FETCHES_MAX + 10)
		run_a_little();
	run_until(TAKEN);
	assert_in_range(time_now().mono_us - begin_us, 0, 30000000);
	/* Their ends let the others begin, and end; every mail has its answer. */
	server_free(&servers[1]);
	while (relay()->active_count > 0)
		run_a_little();
	run_a_little();
	assert_int_equal(count(trace, TAKEN), POLICY_FETCHES_MAX + 10);
}

static void
what_a_queue_says_of_no_domain_is_not_believed(void **state)
{
	static const char *const names[] = { "", ".sts.example", "sts.example/x", "sts.example:1", "a@sts.example", "a\nb" };

	(void)state;
	start(SCRIPT(SECURE), SCRIPT("X"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		keep(names[i], "1", in_seconds(60), KEPT);
	policies_look(relay()->policies);
	run_a_little();
	assert_string_equal(events, "");
	assert_int_equal(server_connections(servers[1]), 0);
}

static void
what_is_asked_for_at_the_end_is_let_go(void **state)
{
	(void)state;
	start(SCRIPT(SECURE), SCRIPT("W"));
	send_to(1, HOP_MX, "sts.example", "b@sts.example");
	while (server_connections(servers[1]) == 0)
		run_a_little();
}

/* The server for policies says this; there is no policy then, and an end. */
static void
expect_none(const char *script)
{
	start(SCRIPT(SECURE), SCRIPT(script));
	expect(TAKEN, BY_DEFAULT);
	assert_non_null(strstr(events, "sts.failed"));
}

#define FLOOD "L\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\nL\n"

static void
a_policy_that_never_ends_is_cut_off(void **state)
{
	(void)state;
	expect_none(HTTP("200 OK", "", FLOOD));
	assert_non_null(strstr(events, "Failed writing"));
}

static void
a_header_line_that_never_ends_is_cut_off(void **state)
{
	(void)state;
	expect_none("T\nC GET\nS HTTP/1.1 200 OK\n" FLOOD "W");
}

static void
headers_that_never_end_are_cut_off(void **state)
{
	static char script[HEADERS * 1000];
	struct buf b;

	(void)state;
	buf_init_fixed(&b, script, sizeof script - 1);
	put_text(&b, "T\nC GET\nS HTTP/1.1 200 OK\n");
	for (int i = 0; i < HEADERS; i++)
		put_format(&b, "S X-%d: %0900d\n", i, i);
	put_text(&b, "W");
	expect_none(script);
}

/* RFC 9112 7.1.1: libcurl takes no notice of it. */
static void
a_chunk_extension_that_never_ends_is_cut_off(void **state)
{
	static char script[1000];
	struct buf b;

	(void)state;
	buf_init_fixed(&b, script, sizeof script - 1);
	put_text(&b, "T\nC GET\nS HTTP/1.1 200 OK\nS Transfer-Encoding: chunked\nS \n");
	for (int i = 0; i < 40; i++)
		put_text(&b, "L\n");
	put_text(&b, "W");
	expect_none(script);
	assert_non_null(strstr(events, "too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc8461_3_3_a_policy_is_fetched_once_and_kept),
		TEST(rfc8461_3_1_another_id_means_another_policy),
		TEST(rfc8461_5_1_what_is_kept_holds_while_no_other_can_be_fetched),
		TEST(rfc8461_3_2_a_policy_holds_for_max_age),
		TEST(rfc8461_3_3_what_is_old_is_fetched_anew_without_any_mail),
		TEST(of_too_many_domains_what_was_looked_at_longest_ago_is_forgotten),
		TEST(rfc7672_2_2_beside_records_that_cannot_be_used_the_policy_counts),
		TEST(rfc8461_3_3_no_redirect_is_followed),
		TEST(rfc8461_4_2_the_certificate_has_to_be_the_hosts),
		TEST(rfc8461_5_the_next_host_is_tried_when_one_is_not_named),
		TEST(rfc8461_2_dane_comes_first),
		TEST(a_domain_does_not_lead_to_a_server_of_this_machine_itself),
		TEST(rfc8461_3_4_of_a_relay_host_its_own_policy_counts),
		TEST(what_the_configuration_or_the_sender_says_comes_first),
		TEST(rfc8689_4_2_1_a_host_has_to_be_shown_to_be_the_domains),
		TEST(rfc8689_4_2_1_a_policy_shows_that_a_host_is_the_domains),
		TEST(rfc8689_5_a_report_needs_nothing_shown),
		TEST(rfc8689_4_2_1_mail_follows_no_report_to_a_host_of_which_nothing_is_shown),
		TEST(rfc8689_4_2_1_the_certificate_is_for_the_host_and_not_for_the_domain),
		TEST(many_wait_for_one_fetch_and_others_do_not),
		TEST(so_many_are_fetched_at_a_time_and_the_rest_waits),
		TEST(what_a_queue_says_of_no_domain_is_not_believed),
		TEST(what_is_asked_for_at_the_end_is_let_go),
		TEST(a_policy_that_never_ends_is_cut_off),
		TEST(a_header_line_that_never_ends_is_cut_off),
		TEST(headers_that_never_end_are_cut_off),
		TEST(a_chunk_extension_that_never_ends_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
