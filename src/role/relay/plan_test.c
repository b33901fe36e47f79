#include "role/relay/test_role.h"

#include <string.h>

#define ZONE "MX x.example 20 mx2.x.example, 10 mx1.x.example\nAAAA mx1.x.example ::1\nA mx1.x.example 127.0.0.1\nLATER mx2.x.example\n"
#define DEFAULT "\ttls=may\tcause=default\trule=\tauthentic=0\ttrouble=\n"

static void
expect_plan(enum ipc_hop hop, const char *host, const char *want)
{
	trace[0] = '\0';
	ask_for_plan(hop, host);
	run_until("end\n");
	assert_string_equal(trace, want);
}

static void
hosts_are_told_in_the_order_of_their_preference_and_nobody_is_connected_to(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", (const char *const[]){ "X\n", NULL });
	expect_plan(HOP_MX, "X.example",
		"planned\nhost\tname=mx1.x.example\tpreference=10\taddresses=::1,127.0.0.1" DEFAULT
		"host\tname=mx2.x.example\tpreference=20\taddresses=\ttls=may\tcause=default\trule=\tauthentic=0\t"
		"trouble=451 4.4.3 the address of mx2.x.example can't be looked up now\nend\n");
	assert_int_equal(server_connections(servers[0]), 0);
}

static void
what_a_mail_would_get_without_any_host_is_told(void **state)
{
	(void)state;
	set_dns("MX null.example 0 .\nLATER late.example\nNONE gone.example\nMX us.test 10 us.example\nA plain.example 192.0.2.7\n");
	expect_plan(HOP_MX, "null.example",
		"planned\ntrouble\toutcome=never\treply=556 5.1.10 the domain null.example takes no mail (null MX)\nend\n");
	expect_plan(HOP_MX, "late.example",
		"planned\ntrouble\toutcome=later\treply=451 4.4.3 the mail servers of late.example can't be looked up now\nend\n");
	expect_plan(HOP_MX, "gone.example", "planned\ntrouble\toutcome=never\treply=550 5.1.2 the domain gone.example does not exist\nend\n");
	expect_plan(HOP_MX, "us.test", "planned\ntrouble\toutcome=never\treply=554 5.4.6 mail for us.test comes back to us\nend\n");
	/* RFC 5321 5.1: the domain itself. */
	expect_plan(HOP_MX, "plain.example", "planned\nhost\tname=plain.example\tpreference=-1\taddresses=192.0.2.7" DEFAULT "end\n");
	expect_plan(HOP_MX, "[192.0.2.8]", "planned\nhost\tname=\tpreference=-1\taddresses=192.0.2.8" DEFAULT "end\n");
	expect_plan(HOP_LMTP, "127.0.0.1", "planned\nhost\tname=\tpreference=-1\taddresses=127.0.0.1" DEFAULT "end\n");
}

static void
the_level_of_tls_is_told_with_the_directive_that_it_is_of(void **state)
{
	static struct config_tls_rule rule = { .domain = BYTES_INIT("*"), .level = TLS_LEVEL_ENCRYPT };
	static struct config_login login = { .host = BYTES_INIT("mx1.x.example"), .name = BYTES_INIT("me@x"), .file = BYTES_INIT("/s"),
		.secret_password = BYTES_INIT("azerty") };
	static struct bytes source[1] = { BYTES_INIT("192.0.2.1") };
	struct fault f;

	(void)state;
	set_dns("A mx1.x.example 127.0.0.1\n");
	config.logins = &login;
	config.login_count = 1;
	config.source_addresses = (struct config_texts){ source, 1 };
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	expect_plan(HOP_SMTP, "mx1.x.example",
		"planned\nsource\taddress=192.0.2.1\nlogin\thost=mx1.x.example\tname=me@x\n"
		"host\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1\ttls=verify\tcause=outgoing_login\trule=mx1.x.example\t"
		"authentic=0\ttrouble=\nend\n");
	assert_null(strstr(trace, "azerty"));
	login.sender = BYTES("a@us.example");
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	expect_plan(HOP_SMTP, "mx1.x.example",
		"planned\nsource\taddress=192.0.2.1\nlogin\thost=mx1.x.example\tname=me@x\n"
		"host\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1\ttls=verify\tcause=outgoing_login\trule=mx1.x.example\t"
		"authentic=0\ttrouble=\nend\n");
	login.sender = BYTES("b@us.example");
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	expect_plan(HOP_SMTP, "mx1.x.example", "planned\nsource\taddress=192.0.2.1\n"
		"host\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1" DEFAULT "end\n");
	login.sender = BYTES_NONE;
	config.tls_rules = &rule;
	config.tls_rule_count = 1;
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	expect_plan(HOP_LMTP, "mx1.x.example",
		"planned\nsource\taddress=192.0.2.1\nhost\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1\ttls=encrypt\t"
		"cause=outgoing_tls\trule=*\tauthentic=0\ttrouble=\nend\n");
	/* The directive that says more than the log-in asks for is the one that counts. */
	expect_plan(HOP_SMTP, "mx1.x.example",
		"planned\nsource\taddress=192.0.2.1\nlogin\thost=mx1.x.example\tname=me@x\n"
		"host\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1\ttls=encrypt\tcause=outgoing_tls\trule=*\tauthentic=0\t"
		"trouble=\nend\n");
}

static void
rfc7672_2_2_a_signed_domain_with_tlsa_records_is_told_as_dane(void **state)
{
	(void)state;
	set_dns("SIGNED\nMX x.example 10 mx1.x.example\nA mx1.x.example 127.0.0.1\n"
		"TLSA _25._tcp.mx1.x.example 3 1 1 0000000000000000000000000000000000000000000000000000000000000000\n");
	expect_plan(HOP_MX, "x.example",
		"planned\nhost\tname=mx1.x.example\tpreference=10\taddresses=127.0.0.1\ttls=dane\tcause=dane\trule=\tauthentic=1\t"
		"trouble=\nend\n");
}

static void
plans_end_with_their_queue_and_leave_mail_alone(void **state)
{
	(void)state;
	set_dns("A mx1.x.example 127.0.0.1\n");
	for (int i = 0; i < 40; i++)
		ask_for_plan(HOP_SMTP, "mx1.x.example");
	connect_queue();
	expect_plan(HOP_SMTP, "mx1.x.example", "planned\nhost\tname=mx1.x.example\tpreference=-1\taddresses=127.0.0.1" DEFAULT "end\n");
	for (int i = 0; i < 40; i++)
		ask_for_plan(HOP_SMTP, "mx1.x.example");
	run_until("planned\ntrouble\toutcome=later\treply=too many ask at a time\nend\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts_are_told_in_the_order_of_their_preference_and_nobody_is_connected_to),
		TEST(what_a_mail_would_get_without_any_host_is_told),
		TEST(the_level_of_tls_is_told_with_the_directive_that_it_is_of),
		TEST(rfc7672_2_2_a_signed_domain_with_tlsa_records_is_told_as_dane),
		TEST(plans_end_with_their_queue_and_leave_mail_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
