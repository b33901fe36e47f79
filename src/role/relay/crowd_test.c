/* Who leads many domains to one address, or has many reports written, leaves places for everybody else's mail. */
#include "role/relay/relay_internal.h"
#include "role/relay/test_role.h"

#include <stdio.h>
#include <string.h>

#define HELLO "S 220 mx ESMTP\nC EHLO us.example\nS 250 mx\n"
#define MAIL "C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 2.0.0 taken\n"
#define SILENT HELLO "C MAIL\nW"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TAKEN(request, domain, address) request " " domain " (" address ") tls= dsn=0: 0=250 2.0.0 taken;\n"
#define ZONE "A a.example 127.0.0.1\nA b.example 127.0.0.1\nA c.example 127.0.0.1\nA d.example 127.0.0.2\n" \
	"A both.example 127.0.0.1, 127.0.0.2\nA dead.example 127.0.0.3, 127.0.0.1\n"

static void
send_by_mx(uint64_t request, const char *domain)
{
	char recipient[64];

	snprintf(recipient, sizeof recipient, "b@%s", domain);
	send_to(request, HOP_MX, domain, recipient);
}

static void
expect(const char *want)
{
	trace[0] = '\0';
	run_until("\n");
	assert_string_equal(trace, want);
}

/* Two domains whose server at 127.0.0.1 has a mail of each, and is silent. */
static void
fill_first_server(void)
{
	static const char *const first[] = { SILENT, SILENT, HELLO MAIL "W", NULL }, *const second[] = { HELLO MAIL "W", NULL };

	set_dns(ZONE);
	serve("127.0.0.1", first);
	serve("127.0.0.2", second);
	send_by_mx(1, "a.example");
	send_by_mx(2, "b.example");
	while (server_count(servers[0], "MAIL") < 2)
		run_a_little();
}

static void
one_address_gets_so_many_connections_however_many_domains_lead_there(void **state)
{
	const struct relay *relay = self.state;

	(void)state;
	fill_first_server();
	send_by_mx(3, "c.example");
	expect("3  tls= dsn=0:\n");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	assert_int_equal(server_connections(servers[0]), 2);
	assert_int_equal(relay->active_count, 2);
	send_by_mx(4, "d.example");
	expect(TAKEN("4", "d.example", "127.0.0.2"));
	session_lose(TAILQ_FIRST(&relay->active)->session, BYTES("timed out"));
	run_a_little();
	send_by_mx(5, "c.example");
	expect(TAKEN("5", "c.example", "127.0.0.1"));
}

static void
another_address_of_the_host_is_taken_instead(void **state)
{
	(void)state;
	fill_first_server();
	send_by_mx(3, "both.example");
	expect(TAKEN("3", "both.example", "127.0.0.2"));
}

/* Else it would come again at once each time, and nobody would hear of it. */
static void
what_was_tried_elsewhere_in_vain_waits_as_all_such_mail(void **state)
{
	(void)state;
	fill_first_server();
	send_by_mx(3, "dead.example");
	expect("3  tls= dsn=0: 0~451 4.4.5 too much is being sent to the server's address at the moment;\n");
	assert_int_equal(last_destination, DESTINATION_SILENT);
	assert_int_equal(server_connections(servers[0]), 2);
}

static void
nor_does_an_idle_connection_lead_to_such_an_address(void **state)
{
	(void)state;
	set_dns(ZONE);
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W", SILENT));
	send_by_mx(1, "a.example");
	expect(TAKEN("1", "a.example", "127.0.0.1"));
	send_by_mx(2, "b.example");
	send_by_mx(3, "c.example");
	while (server_count(servers[0], "MAIL") < 3)
		run_a_little();
	send_by_mx(4, "a.example");
	expect("4  tls= dsn=0:\n");
}

static void
hosts_that_the_configuration_names_have_their_own_limit_alone(void **state)
{
	(void)state;
	fill_first_server();
	send_to(3, HOP_SMTP, "127.0.0.1", "b@x.example");
	expect("3 127.0.0.1 tls= dsn=0: 0=250 2.0.0 taken;\n");
}

static void
mail_that_comes_from_nobody_has_a_quarter_of_all_places(void **state)
{
	const struct relay *relay = self.state;

	(void)state;
	config.outgoing_max = 4;
	set_dns("A a.example 127.0.0.1\nA b.example 127.0.0.2\nA c.example 127.0.0.3\n");
	serve("127.0.0.1", SCRIPT(SILENT));
	serve("127.0.0.2", SCRIPT(SILENT));
	serve("127.0.0.3", SCRIPT(HELLO MAIL "C MAIL FROM:<>\nW"));
	set_sender("");
	send_by_mx(1, "a.example");
	send_by_mx(2, "b.example");
	send_by_mx(3, "c.example");
	expect("3  tls= dsn=0:\n");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	set_sender("a@us.example");
	send_by_mx(4, "c.example");
	expect(TAKEN("4", "c.example", "127.0.0.3"));
	while (server_count(servers[0], "MAIL") < 1)
		run_a_little();
	session_lose(TAILQ_FIRST(&relay->active)->session, BYTES("timed out"));
	set_sender("");
	send_by_mx(5, "c.example");
	while (server_count(servers[2], "MAIL FROM:<>") < 1)
		run_a_little();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_address_gets_so_many_connections_however_many_domains_lead_there),
		TEST(another_address_of_the_host_is_taken_instead),
		TEST(what_was_tried_elsewhere_in_vain_waits_as_all_such_mail),
		TEST(nor_does_an_idle_connection_lead_to_such_an_address),
		TEST(hosts_that_the_configuration_names_have_their_own_limit_alone),
		TEST(mail_that_comes_from_nobody_has_a_quarter_of_all_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
