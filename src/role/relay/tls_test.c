/* How mail is protected: by the configuration (outgoing_tls), by DANE (RFC 7672). */
#include "role/relay/test_role.h"

#include "config/test_certificate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/sha.h>

#define MAIL "C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\n"
#define PLAIN "S 220 mx\nC EHLO\nS 250 mx\n" MAIL "W"
#define OFFERS "S 220 mx\nC EHLO\nS 250-mx\nS 250 STARTTLS\n"
#define SECURE OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\n" MAIL "W"
#define SECURE_ONCE OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\n" MAIL "X"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TAKEN_SECURELY "x.example (127.0.0.1) tls=TLSv1.3 dsn=0: 0=250 taken;\n"

static struct config_tls_rule rule;
static struct bytes names[1];

static void
set_rule(const char *domain, enum config_tls_level level, const char *name)
{
	struct fault f;

	names[0] = bytes_text(name);
	rule = (struct config_tls_rule){ .domain = bytes_text(domain), .level = level, .names = { names, name ? 1 : 0 } };
	config.tls_rules = &rule;
	config.tls_rule_count = 1;
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
}

static void
expect(const char *want)
{
	trace[0] = events[0] = '\0';
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("\n");
	if (!strstr(trace, want))
		fail_msg("no \"%s\" in %s", want, trace);
}

/* The same, and TLS fails; how the log calls that (RFC 8460 4.3). */
static void
expect_failure(const char *want, const char *failure)
{
	char text[100];

	expect(want);
	snprintf(text, sizeof text, " failure=%s level=", failure);
	if (!strstr(events, text))
		fail_msg("no \"%s\" in %s", text, events);
}

static void
rfc3207_none_speaks_in_the_clear_though_tls_is_offered(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(OFFERS MAIL "W"));
	set_rule("x.example", TLS_LEVEL_NONE, NULL);
	expect("tls= dsn=0: 0=250 taken");
	assert_non_null(strstr(events, "level=none cause=outgoing_tls"));
}

static void
encrypt_never_speaks_in_the_clear(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX",
		OFFERS "C STARTTLS\nS 502 what\nC QUIT\nX", OFFERS "C STARTTLS\nS 220 go\nG\nW", SECURE, PLAIN));
	set_rule("*", TLS_LEVEL_ENCRYPT, NULL);
	expect_failure("0~451 4.7.4 the server does not offer TLS, or refuses it, and it is required [", "starttls-not-supported");
	expect_failure("0~451 4.7.4 the server does not offer TLS, or refuses it, and it is required [", "starttls-not-supported");
	expect_failure("0~451 4.7.5 TLS handshake", "validation-failure");
	assert_int_equal(server_connections(servers[0]), 3);
	/* The certificate is for localhost: nobody looks. */
	expect(TAKEN_SECURELY);
}

static void
rfc6125_6_4_verify_wants_a_certificate_of_one_of_the_names(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(SECURE));
	set_rule("x.example", TLS_LEVEL_VERIFY, NULL);
	expect_failure("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [", "certificate-host-mismatch");
	set_rule("x.example", TLS_LEVEL_VERIFY, ".localhost");
	expect_failure("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [", "certificate-host-mismatch");
	set_rule("x.example", TLS_LEVEL_VERIFY, "localhost");
	expect(TAKEN_SECURELY);
	assert_null(strstr(events, "tls.failed"));
}

static void
verify_wants_a_certificate_that_is_trusted(void **state)
{
	struct fault f;

	(void)state;
	relay_hooks.end(&self);
	config.outgoing_ca_file = BYTES("/nowhere/at/all");
	events[0] = '\0';
	assert_int_equal(relay_hooks.before_jail(&self, &f), 0);
	assert_int_equal(relay_hooks.start(&self, &f), 0);
	assert_non_null(strstr(events, "tls.certificate"));
	connect_peers();
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(SECURE));
	set_rule("x.example", TLS_LEVEL_VERIFY, "localhost");
	expect_failure("0~451 4.7.5 the certificate is not trusted: self-signed certificate in the TLS handshake [", "certificate-not-trusted");
}

static void
rfc4954_4_a_relay_host_is_told_the_password_under_verified_tls_only(void **state)
{
	static struct config_login login = { .host = BYTES_INIT("x.example"), .name = BYTES_INIT("tim"), .file = BYTES_INIT("/s"),
		.secret_password = BYTES_INIT("azerty") };
	static const char *const hello = OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250-mx\nS 250 AUTH PLAIN\n";
	char good[600], bad[600];

	(void)state;
	snprintf(good, sizeof good, "%sC AUTH PLAIN AHRpbQBhemVydHk=\nS 235 ok\n%s%sW", hello, MAIL, MAIL);
	snprintf(bad, sizeof bad, "%sC AUTH\nS 535 5.7.8 no\nC QUIT\nX", hello);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(SECURE, bad, good));
	config.logins = &login;
	config.login_count = 1;
	trace[0] = '\0';
	send_to(1, HOP_SMTP, "x.example", "b@elsewhere.example");
	run_until("1  tls= dsn=0: 0~451 4.7.5 the certificate is not trusted: hostname mismatch");
	set_rule("x.example", TLS_LEVEL_VERIFY, "localhost");
	send_to(2, HOP_SMTP, "x.example", "b@elsewhere.example");
	run_until("2 x.example (127.0.0.1) tls= dsn=0 silent: 0~535 5.7.8 no;\n");
	/* Once for a connection. */
	send_to(3, HOP_SMTP, "x.example", "b@elsewhere.example");
	run_until("3 " TAKEN_SECURELY);
	send_to(4, HOP_SMTP, "x.example", "b@elsewhere.example");
	run_until("4 " TAKEN_SECURELY);
	assert_int_equal(server_connections(servers[0]), 3);
	assert_null(strstr(events, "azerty"));
	assert_null(strstr(events, "AHRpbQ"));
}

static void
who_has_a_log_in_of_his_own_shares_no_connection_with_others(void **state)
{
	static struct config_login logins[] = {
		{ .host = BYTES_INIT("x.example"), .name = BYTES_INIT("tim"), .file = BYTES_INIT("/s"), .secret_password = BYTES_INIT("azerty") },
		{ .host = BYTES_INIT("x.example"), .sender = BYTES_INIT("b@us.example"), .name = BYTES_INIT("bob"), .file = BYTES_INIT("/s"),
			.secret_password = BYTES_INIT("qsdfgh") },
	};
	static const char *const hello = OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250-mx\nS 250 AUTH PLAIN\n";
	static const char *const mail_of_bob = "C MAIL FROM:<b@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\n";
	char tim[600], bob[600];

	(void)state;
	snprintf(tim, sizeof tim, "%sC AUTH PLAIN AHRpbQBhemVydHk=\nS 235 ok\n%s%sW", hello, MAIL, MAIL);
	snprintf(bob, sizeof bob, "%sC AUTH PLAIN AGJvYgBxc2RmZ2g=\nS 235 ok\n%sW", hello, mail_of_bob);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(tim, bob));
	config.logins = logins;
	config.login_count = 2;
	set_rule("x.example", TLS_LEVEL_VERIFY, "localhost");
	trace[0] = '\0';
	send_to(1, HOP_SMTP, "x.example", "c@elsewhere.example");
	run_until("1 " TAKEN_SECURELY);
	set_sender("b@us.example");
	send_to(2, HOP_SMTP, "x.example", "c@elsewhere.example");
	run_until("2 " TAKEN_SECURELY);
	set_sender("a@us.example");
	send_to(3, HOP_SMTP, "x.example", "c@elsewhere.example");
	run_until("3 " TAKEN_SECURELY);
	assert_int_equal(server_connections(servers[0]), 2);
}

/* A TLSA record of the servers' certificate: with that usage, selector and matching, and the digest of its key. */
static char zone_text[600];

static void
set_signed_zone(const char *fields, bool is_right)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], *key = NULL;
	BIO *bio = BIO_new_mem_buf(testing_chain, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);

	SHA256(key, (size_t)len, digest);
	digest[0] ^= !is_right;
	snprintf(zone_text, sizeof zone_text, "SIGNED\nMX x.example 10 mx.x.example\nA mx.x.example 127.0.0.1\nTLSA _%u._tcp.mx.x.example %s ",
		port_of_servers(), fields);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(zone_text + strlen(zone_text), sizeof zone_text - strlen(zone_text), "%02x", digest[i]);
	strncat(zone_text, "\n", 2);
	set_dns(zone_text);
	OPENSSL_free(key);
	X509_free(certificate);
	BIO_free(bio);
}

static void
rfc7672_3_1_1_the_certificate_is_what_the_domain_says(void **state)
{
	struct fault f;

	(void)state;
	serve("127.0.0.1", SCRIPT(SECURE));
	set_signed_zone("3 1 1", true);
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "relay.sent"));
	assert_non_null(strstr(events, "level=dane cause=dane"));
	/* Not over the same connection. */
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	set_signed_zone("3 1 1", false);
	expect_failure("0~451 4.7.5 the certificate is not trusted: ", "validation-failure");
	assert_non_null(strstr(events, "level=dane cause=dane next=later"));
}

/* That, and a right TLSA record of the name. */
static void
set_alias_zone(const char *hosts, const char *base)
{
	static char zone[900];
	const char *tlsa;

	set_signed_zone("3 1 1", true);
	tlsa = strstr(zone_text, "3 1 1");
	snprintf(zone, sizeof zone, "SIGNED\n%sTLSA _%u._tcp.%s %s", hosts, port_of_servers(), base, tlsa);
	set_dns(zone);
}

#define ALIAS "MX x.example 10 mx.x.example\nCNAME mx.x.example real.y.example\nA real.y.example 127.0.0.1\n"

static void
rfc7672_2_2_3_records_are_looked_for_where_an_alias_leads_then_at_its_own_name(void **state)
{
	char zone[300];

	(void)state;
	serve("127.0.0.1", SCRIPT(SECURE_ONCE));
	set_alias_zone(ALIAS, "real.y.example");
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "level=dane cause=dane"));
	set_alias_zone(ALIAS, "mx.x.example");
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "level=dane cause=dane"));
	/* RFC 7672 2.1.1 */
	snprintf(zone, sizeof zone, ALIAS "LATER _%u._tcp.real.y.example\n", port_of_servers());
	set_alias_zone(zone, "mx.x.example");
	expect("0~451 4.7.5 the TLSA records of mx.x.example can't be looked up now;");
}

static void
rfc7672_2_2_2_where_an_alias_leads_out_of_what_is_signed_its_own_name_has_the_records(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX", SECURE_ONCE));
	set_alias_zone(ALIAS "INSECURE real.y.example\n", "mx.x.example");
	expect("0~451 4.7.4 the server does not offer TLS");
	assert_non_null(strstr(events, "level=dane cause=dane"));
	set_alias_zone(ALIAS "INSECURE real.y.example\n", "mx.x.example");
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "level=dane cause=dane"));
}

static void
rfc7672_2_2_2_an_alias_that_is_not_signed_or_records_where_it_leads_out_are_no_dane(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT(SECURE_ONCE));
	set_alias_zone(ALIAS "INSECURE real.y.example\nINSECURE mx.x.example\n", "mx.x.example");
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "level=may cause=default"));
	set_alias_zone(ALIAS "INSECURE real.y.example\n", "real.y.example");
	expect("mx." TAKEN_SECURELY);
	assert_non_null(strstr(events, "level=may cause=default"));
}

static void
rfc7672_2_1_1_who_makes_one_family_fail_takes_no_dane_away(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX"));
	set_alias_zone("MX x.example 10 mx.x.example\nLATER-AAAA mx.x.example\nA mx.x.example 127.0.0.1\n", "mx.x.example");
	expect("0~451 4.7.4 the server does not offer TLS");
	assert_non_null(strstr(events, "level=dane cause=dane"));
}

static void
rfc7672_2_2_2_without_mx_records_the_domains_own_name_counts_too(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT(SECURE_ONCE));
	set_alias_zone("CNAME x.example real.y.example\nA real.y.example 127.0.0.1\n", "x.example");
	expect("real.y.example (127.0.0.1) tls=TLSv1.3");
	assert_non_null(strstr(events, "level=dane cause=dane"));
	set_alias_zone("CNAME x.example real.y.example\nA real.y.example 127.0.0.1\n", "real.y.example");
	expect("real.y.example (127.0.0.1) tls=TLSv1.3");
	assert_non_null(strstr(events, "level=dane cause=dane"));
}

static void
rfc7672_2_2_without_starttls_mail_for_a_domain_with_dane_waits(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX"));
	set_signed_zone("3 1 1", true);
	expect("0~451 4.7.4 the server does not offer TLS, or refuses it, and it is required [");
}

static void
rfc7672_2_2_records_that_cannot_be_used_still_ask_for_tls(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX", SECURE));
	set_signed_zone("1 1 1", false);
	expect("0~451 4.7.4 the server does not offer TLS, or refuses it, and it is required [");
	expect("mx." TAKEN_SECURELY);
}

static void
rfc7672_2_1_1_records_that_cannot_be_looked_up_make_mail_wait(void **state)
{
	char zone[300];

	(void)state;
	serve("127.0.0.1", SCRIPT(PLAIN));
	snprintf(zone, sizeof zone, "SIGNED\nA x.example 127.0.0.1\nLATER _%u._tcp.x.example\n", port_of_servers());
	set_dns(zone);
	expect("0~451 4.7.5 the TLSA records of x.example can't be looked up now;");
	assert_int_equal(server_connections(servers[0]), 0);
}

static void
rfc7672_2_2_records_that_are_not_signed_count_for_nothing(void **state)
{
	char zone[300];

	(void)state;
	serve("127.0.0.1", SCRIPT(SECURE));
	snprintf(zone, sizeof zone, "A x.example 127.0.0.1\nTLSA _%u._tcp.x.example 3 1 1 00\n", port_of_servers());
	set_dns(zone);
	expect(TAKEN_SECURELY);
}

static void
rfc8689_4_2_1_what_requires_tls_goes_to_a_server_that_has_it_all_or_comes_back(void **state)
{
	struct fault f;

	(void)state;
	set_dns("A x.example 127.0.0.1\nA localhost 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX", SECURE, OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250 mx\nW",
		OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\nS 250-mx\nS 250 REQUIRETLS\n"
		"C MAIL FROM:<a@us.example> REQUIRETLS\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nW"));
	set_flags(SEND_REQUIRE_TLS);
	expect("tls= dsn=0: 0-550 5.7.30 REQUIRETLS support required: the server has no TLS [");
	/* The certificate is for localhost. */
	expect("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [");
	trace[0] = '\0';
	send_to(2, HOP_MX, "localhost", "b@localhost");
	run_until("0-550 5.7.30 REQUIRETLS support required: the server has it not [");
	/* Not over the same connection. */
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	send_to(3, HOP_MX, "localhost", "b@localhost");
	run_until("0=250 taken;\n");
}

#define UNDER_TLS OFFERS "C STARTTLS\nS 220 go\nT\nC EHLO us.example\n"

static void
rfc8689_4_2_1_a_host_without_requiretls_makes_way_for_the_next(void **state)
{
	struct fault f;

	(void)state;
	set_dns("A localhost 127.0.0.1, 127.0.0.2, 127.0.0.3\n");
	serve("127.0.0.1", SCRIPT(UNDER_TLS "S 250 mx\nC QUIT\nX"));
	serve("127.0.0.2", SCRIPT(UNDER_TLS "S 250-mx\nS 250 REQUIRETLS\nC MAIL FROM:<a@us.example> REQUIRETLS\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 taken\nW"));
	set_flags(SEND_REQUIRE_TLS);
	send_to(1, HOP_MX, "localhost", "b@localhost");
	run_until("1 localhost (127.0.0.2) tls=TLSv1.3 dsn=0: 0=250 taken;\n");
	/* What may have it, and can't be reached now, is waited for. */
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	set_dns("A localhost 127.0.0.1, 127.0.0.3\n");
	send_to(2, HOP_MX, "localhost", "b@localhost");
	run_until("2  tls= dsn=0: 0~451 4.4.1 connection to localhost (127.0.0.3): Connection refused;\n");
}

static void
what_one_mail_asks_of_tls_says_nothing_of_the_server(void **state)
{
	(void)state;
	set_dns("A x.example 127.0.0.1\nMX y.example 10 x.example\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250 mx\nC QUIT\nX", SECURE, SECURE));
	set_flags(SEND_REQUIRE_TLS);
	expect("0-550 5.7.30 REQUIRETLS support required: the server has no TLS [");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	expect("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	trace[0] = '\0';
	send_to(2, HOP_MX, "y.example", "b@y.example");
	run_until("0-550 5.7.30 REQUIRETLS support required: nothing shows that x.example is the domain's server;\n");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	set_flags(0);
	set_rule("x.example", TLS_LEVEL_VERIFY, "mx.example.net");
	expect("0~451 4.7.5 the certificate is not trusted: hostname mismatch in the TLS handshake [");
	assert_int_equal(last_destination, DESTINATION_SILENT);
}

static void
who_cannot_be_reached_is_silent_and_what_dns_says_for_good_is_not(void **state)
{
	(void)state;
	set_dns("LATER x.example\nNONE y.example\nMX z.example 0 .\n");
	expect("0~451 4.4.3 ");
	assert_int_equal(last_destination, DESTINATION_SILENT);
	send_to(2, HOP_MX, "y.example", "b@y.example");
	run_until("0-550 5.1.2 ");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	last_destination = DESTINATION_SILENT;
	send_to(3, HOP_MX, "z.example", "b@z.example");
	run_until("0-556 5.1.10 ");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
}

static void
rfc8689_4_2_2_what_need_not_go_over_tls_is_not_bound_by_dane(void **state)
{
	(void)state;
	serve("127.0.0.1", SCRIPT(PLAIN));
	set_signed_zone("3 1 1", true);
	set_flags(SEND_TLS_OPTIONAL);
	expect("mx.x.example (127.0.0.1) tls= dsn=0: 0=250 taken;");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc3207_none_speaks_in_the_clear_though_tls_is_offered),
		TEST(encrypt_never_speaks_in_the_clear),
		TEST(rfc6125_6_4_verify_wants_a_certificate_of_one_of_the_names),
		TEST(verify_wants_a_certificate_that_is_trusted),
		TEST(rfc4954_4_a_relay_host_is_told_the_password_under_verified_tls_only),
		TEST(who_has_a_log_in_of_his_own_shares_no_connection_with_others),
		TEST(rfc7672_3_1_1_the_certificate_is_what_the_domain_says),
		TEST(rfc7672_2_2_3_records_are_looked_for_where_an_alias_leads_then_at_its_own_name),
		TEST(rfc7672_2_2_2_where_an_alias_leads_out_of_what_is_signed_its_own_name_has_the_records),
		TEST(rfc7672_2_2_2_an_alias_that_is_not_signed_or_records_where_it_leads_out_are_no_dane),
		TEST(rfc7672_2_1_1_who_makes_one_family_fail_takes_no_dane_away),
		TEST(rfc7672_2_2_2_without_mx_records_the_domains_own_name_counts_too),
		TEST(rfc7672_2_2_without_starttls_mail_for_a_domain_with_dane_waits),
		TEST(rfc7672_2_2_records_that_cannot_be_used_still_ask_for_tls),
		TEST(rfc7672_2_1_1_records_that_cannot_be_looked_up_make_mail_wait),
		TEST(rfc7672_2_2_records_that_are_not_signed_count_for_nothing),
		TEST(rfc8689_4_2_1_what_requires_tls_goes_to_a_server_that_has_it_all_or_comes_back),
		TEST(rfc8689_4_2_1_a_host_without_requiretls_makes_way_for_the_next),
		TEST(what_one_mail_asks_of_tls_says_nothing_of_the_server),
		TEST(who_cannot_be_reached_is_silent_and_what_dns_says_for_good_is_not),
		TEST(rfc8689_4_2_2_what_need_not_go_over_tls_is_not_bound_by_dane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
