/* Reports on TLS (RFC 8460): what the queue is told of sessions, where reports go, and that they get there over HTTPS. */
#include "role/relay/relay_internal.h"
#include "role/relay/test_role.h"

#include <stdio.h>
#include <string.h>

#define MAIL "C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\n"
#define PLAIN "S 220 mx.helo ready\nC EHLO\nS 250 mx\n" MAIL "W"
#define OFFERS "S 220 mx.helo\nC EHLO\nS 250-mx\nS 250 STARTTLS\n"
#define SECURE OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\n" MAIL "W"
#define SECURE_TWICE OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\n" MAIL MAIL "W"
#define REFUSES OFFERS "C STARTTLS\nS 502 what\nC QUIT\nX"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FROM_TO " 127.0.0.1 127.0.0.1 mx.helo: "

static void
begin(const char *zone, const char *const *scripts)
{
	config.tls_reports = TLS_REPORTS_YES;
	config.mta_sts = MTA_STS_YES;
	set_dns(zone);
	serve("127.0.0.1", scripts);
}

/* What a mail tells, over a connection of its own. */
static void
expect(enum ipc_hop hop, const char *want)
{
	struct fault f;

	trace[0] = '\0';
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	send_to(1, hop, "x.example", "b@x.example");
	run_until(";\n");
	if (!bytes_starts(bytes_text(trace), bytes_text(want)) || trace[strlen(want)] == '{')
		fail_msg("no \"%s\" in %s", want, trace);
}

static void
rfc8460_4_2_a_session_under_tls_is_a_success(void **state)
{
	(void)state;
	begin("A x.example 127.0.0.1\n", SCRIPT(SECURE_TWICE));
	expect(HOP_MX, "{x.example no-policy-found success x.example" FROM_TO "}1 ");
	/* RFC 8460 4.2 counts sessions, not mails. */
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 x.example");
	assert_null(strstr(strstr(trace, "}") + 1, "{"));
}

static void
rfc8460_4_3_1_a_server_without_tls_is_a_failure(void **state)
{
	(void)state;
	begin("A x.example 127.0.0.1\n", SCRIPT(PLAIN, REFUSES, PLAIN, OFFERS "C STARTTLS\nS 220 go\nG\nW", PLAIN));
	expect(HOP_MX, "{x.example no-policy-found starttls-not-supported x.example" FROM_TO "}1 ");
	/* The session in the clear after it is not told. */
	expect(HOP_MX, "{x.example no-policy-found starttls-not-supported x.example" FROM_TO "}1 ");
	expect(HOP_MX, "{x.example no-policy-found validation-failure x.example" FROM_TO "451 4.7.5 TLS handshake");
	assert_int_equal(server_connections(servers[0]), 5);
}

static void
rfc8460_4_a_relay_host_is_a_policy_domain(void **state)
{
	(void)state;
	begin("A x.example 127.0.0.1\n", SCRIPT(SECURE));
	expect(HOP_SMTP, "{x.example no-policy-found success x.example" FROM_TO "}1 ");
}

static void
rfc8460_4_3_2_1_what_is_wrong_with_dane_is_told(void **state)
{
	char zone[400];

	(void)state;
	begin("", SCRIPT(SECURE, SECURE));
	snprintf(zone, sizeof zone, "SIGNED\nMX x.example 10 mx.x.example\nA mx.x.example 127.0.0.1\nTLSA _%u._tcp.mx.x.example 3 1 1 %064d\n",
		port_of_servers(), 0);
	set_dns(zone);
	expect(HOP_MX, "{x.example tlsa validation-failure mx.x.example" FROM_TO "no matching DANE TLSA records}1 ");
	snprintf(zone, sizeof zone, "SIGNED\nMX x.example 10 mx.x.example\nA mx.x.example 127.0.0.1\nTLSA _%u._tcp.mx.x.example 1 1 1 00\n",
		port_of_servers());
	set_dns(zone);
	/* RFC 7672 2.2: it asks for TLS, all the same. */
	expect(HOP_MX, "{x.example tlsa tlsa-invalid mx.x.example" FROM_TO "}1 ");
	snprintf(zone, sizeof zone, "SIGNED\nMX x.example 10 mx.x.example\nA mx.x.example 127.0.0.1\nLATER _%u._tcp.mx.x.example\n", port_of_servers());
	set_dns(zone);
	expect(HOP_MX, "{x.example tlsa dnssec-invalid mx.x.example   : }1 ");
}

static void
keep_policy(const char *mode, const char *mx)
{
	struct message m = { .type = MESSAGE_POLICY };
	char text[200];

	snprintf(text, sizeof text, "version: STSv1\nmode: %s\nmx: %s\nmax_age: 86400\n", mode, mx);
	m.u.policy = (struct ipc_policy){ BYTES("x.example"), BYTES("1"), 99999999999, bytes_text(text) };
	relay_hooks.message(&self, of_queue, &m);
}

#define STS_ZONE "A x.example 127.0.0.1\nTXT _mta-sts.x.example v=STSv1; id=1;\n"

static void
rfc8461_5_a_policy_in_testing_is_tried_and_the_mail_goes(void **state)
{
	(void)state;
	begin(STS_ZONE, SCRIPT(SECURE, PLAIN));
	keep_policy("testing", "x.example");
	/* The certificate is for localhost. */
	expect(HOP_MX, "{x.example sts certificate-host-mismatch x.example" FROM_TO "hostname mismatch}1 x.example (127.0.0.1) tls=TLSv1.3 dsn=0: 0=250 taken");
	expect(HOP_MX, "{x.example sts starttls-not-supported x.example" FROM_TO "}1 x.example (127.0.0.1) tls= dsn=0: 0=250 taken");
}

static void
a_host_that_the_policy_does_not_name_is_told(void **state)
{
	(void)state;
	begin(STS_ZONE, SCRIPT(SECURE));
	keep_policy("testing", "other.example");
	expect(HOP_MX, "{x.example sts validation-failure x.example" FROM_TO "the policy does not name this MX host}1 x.example");
}

static void
a_host_that_the_policy_forbids_is_told_without_a_session(void **state)
{
	(void)state;
	begin(STS_ZONE, SCRIPT(SECURE));
	keep_policy("enforce", "other.example");
	expect(HOP_MX, "{x.example sts validation-failure x.example   : the policy does not name this MX host}1 ");
	assert_int_equal(server_connections(servers[0]), 0);
}

static void
rfc8460_4_3_2_2_a_policy_that_can_not_be_fetched_is_told(void **state)
{
	(void)state;
	begin(STS_ZONE, SCRIPT(SECURE));
	expect(HOP_MX, "{x.example sts sts-policy-fetch-error x.example" FROM_TO "}1 x.example");
}

static void
what_the_configuration_settles_is_not_told(void **state)
{
	struct config_tls_rule rule = { .domain = BYTES("x.example"), .level = TLS_LEVEL_VERIFY };

	(void)state;
	begin("A x.example 127.0.0.1\n", SCRIPT(SECURE, PLAIN, PLAIN, PLAIN, SECURE));
	config.tls_rules = &rule;
	config.tls_rule_count = 1;
	expect(HOP_MX, "1 ");
	rule.level = TLS_LEVEL_NONE;
	expect(HOP_MX, "1 ");
	config.tls_rule_count = 0;
	/* RFC 8460 3: "SHOULD NOT include this SMTP session in the next report" */
	set_flags(SEND_TLS_OPTIONAL);
	expect(HOP_MX, "1 ");
	set_flags(0);
	/* Nobody looked for a policy. */
	config.mta_sts = MTA_STS_NO;
	expect(HOP_MX, "1 ");
	config.mta_sts = MTA_STS_YES;
	config.tls_reports = TLS_REPORTS_NO;
	expect(HOP_MX, "1 ");
}

static void
rfc8460_3_a_domain_says_where_its_reports_go(void **state)
{
	static const struct {
		const char *zone, *want;
	} rows[] = {
		{ "TXT _smtp._tls.x.example v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/d\n", "targets 0 0=a@b.example 1=https://c.example:443/d end\n" },
		{ "TXT _smtp._tls.x.example v=TLSRPTv1; rua=ftp://c.example/d\n", "targets 0 end\n" },
		{ "TXT _smtp._tls.x.example v=spf1 -all\n", "targets 2 end\n" },
		{ "TXT _smtp._tls.x.example v=TLSRPTv1; more=1\n", "targets 2 end\n" },
		{ "", "targets 2 end\n" },
		{ "NONE _smtp._tls.x.example\n", "targets 1 end\n" },
		{ "LATER _smtp._tls.x.example\n", "targets 3 end\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		trace[0] = '\0';
		set_dns(rows[i].zone);
		find_targets("x.example");
		run_until("end\n");
		assert_string_equal(trace, rows[i].want);
	}
	trace[0] = '\0';
	find_targets("a/b");
	run_until("targets 3 end\n");
}

/* Mail may go to a domain below which DNS has no room for "_smtp._tls" any more. */
static void
a_domain_that_is_too_long_to_ask_for_reports_has_none(void **state)
{
	char domain[246];

	(void)state;
	memset(domain, 'a', 245);
	domain[245] = '\0';
	for (size_t len = 245; len > 240; domain[--len] = '\0') {
		trace[0] = '\0';
		find_targets(domain);
		run_until(len > 242 ? "targets 1 end\n" : "targets 2 end\n");
	}
}

#define HTTP "T\nC POST /v1 HTTP/1.1\nC the report\nS HTTP/1.1 %s\nS Content-Length: 0\nS \nX"

static void
expect_posted(const char *url, const char *want)
{
	trace[0] = '\0';
	post_report(url, "the report\r\n");
	run_until("end\n");
	if (!strstr(trace, want))
		fail_msg("no \"%s\" in %s", want, trace);
}

static void
rfc8460_5_4_a_report_is_posted(void **state)
{
	char url[100], good[200], created[200], bad[200];

	(void)state;
	snprintf(good, sizeof good, HTTP, "200 OK");
	snprintf(created, sizeof created, HTTP, "201 Created");
	snprintf(bad, sizeof bad, HTTP, "503 Later");
	begin("A localhost 127.0.0.1\nA elsewhere.example 127.0.0.1\n", SCRIPT(good, created, bad, good));
	snprintf(url, sizeof url, "https://localhost:%u/v1", port_of_servers());
	expect_posted(url, "posted 0  end");
	expect_posted(url, "posted 0  end");
	expect_posted(url, "posted 1 the server answered 503 end");
	snprintf(url, sizeof url, "https://elsewhere.example:%u/v1", port_of_servers());
	expect_posted(url, "posted 1 SSL");
	expect_posted("https://nobody.example/", "posted 1 its server has no address");
	expect_posted("http://localhost/", "posted 1 it is no URL");
	expect_posted("mailto:a@b.example", "posted 1 it is no URL");
	config.outgoing_loopback = OUTGOING_LOOPBACK_NO;
	snprintf(url, sizeof url, "https://localhost:%u/v1", port_of_servers());
	expect_posted(url, "posted 1 its server has no address");
	/* Nor, with a path that a stranger chose, to servers of our own network. */
	set_dns("A inside.example 192.168.0.1, 10.0.0.1\nAAAA inside.example fd00::1\n");
	expect_posted("https://inside.example/restart?all=1", "posted 1 its server has no address");
}

static void
a_queue_that_is_gone_is_not_answered(void **state)
{
	(void)state;
	begin("A localhost 127.0.0.1\n", SCRIPT("W"));
	for (int i = 0; i < TLS_CALLS_MAX + 2; i++)
		post_report("https://localhost:9/", "x");
	run_until("posted 1 the relay has too much to do, or lacks something end\n");
	connect_queue();
	expect_posted("https://nobody.example/", "posted 1 its server has no address");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc8460_4_2_a_session_under_tls_is_a_success),
		TEST(rfc8460_4_3_1_a_server_without_tls_is_a_failure),
		TEST(rfc8460_4_a_relay_host_is_a_policy_domain),
		TEST(rfc8460_4_3_2_1_what_is_wrong_with_dane_is_told),
		TEST(rfc8461_5_a_policy_in_testing_is_tried_and_the_mail_goes),
		TEST(a_host_that_the_policy_does_not_name_is_told),
		TEST(a_host_that_the_policy_forbids_is_told_without_a_session),
		TEST(rfc8460_4_3_2_2_a_policy_that_can_not_be_fetched_is_told),
		TEST(what_the_configuration_settles_is_not_told),
		TEST(rfc8460_3_a_domain_says_where_its_reports_go),
		TEST(a_domain_that_is_too_long_to_ask_for_reports_has_none),
		TEST(rfc8460_5_4_a_report_is_posted),
		TEST(a_queue_that_is_gone_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
