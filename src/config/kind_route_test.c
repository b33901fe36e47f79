#include "config/route.h"

#include "config/test_support.h"

static void
the_closest_route_counts_rfc5321_5_1(void **state)
{
	static const struct {
		const char *address, *host; /* NULL: no route */
	} rows[] = {
		{ "a@one.example", "by-domain" },
		{ "A@ONE.example", "by-domain" },
		{ "boss@one.example", "by-address" },
		{ "a@x.one.example", "below" },
		{ "a@y.x.one.example", "closer-below" },
		{ "boss+sales@one.example", "by-address" },
		{ "boss+sales+x@one.example", "by-longer-address" },
		{ "boss+sales@x.one.example", "below" },
		{ "bossy@one.example", "by-domain" },
		{ "bos@one.example", "by-domain" },
		{ "\"a@b\"@one.example", "by-domain" },
		{ "a@two.example", "everybody" },
		{ "a@notone.example", "everybody" },
	};
	struct config *c = read_good("route one.example to by-domain.test; route boss@one.example to by-address.test;\n"
		"route boss+sales+x@one.example to by-longer-address.test;\n"
		"route .one.example to below.test; route .x.one.example to closer-below.test; route * to everybody.test;");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct config_route *route = config_find_route(c, bytes_text(rows[i].address));

		assert_non_null(route);
		assert_true(bytes_starts(route->host, bytes_text(rows[i].host)));
	}
	config_free(&c);
	c = read_good("route one.example to x.test;");
	assert_null(config_find_route(c, BYTES("a@two.example")));
	config_free(&c);
}

static void
a_name_counts_however_it_is_spelled_rfc5890_2_3_2_4(void **state)
{
	static const char *const spelled[] = { "bob@one.example", "Bob@ONE.example", "bob@\xef\xbd\x8f\xef\xbd\x8e\xef\xbd\x85.example",
		"bob@one\xe3\x80\x82" "example", "bob+x@\xef\xbd\x8fne.example", "\"bob\"@one.example",
		"\"b\\ob\"@One.example", "\"bob+a b\"@one.example" };
	static const char *const munich[] = { "x@m\xc3\xbcnchen.example", "x@M\xc3\x9cNCHEN.example", "x@xn--mnchen-3ya.example", "x@XN--mnchen-3ya.example" };
	static const struct refused_row rows[] = {
		{ "route m\xc3\xbcnchen.example to a.test; route xn--mnchen-3ya.example to b.test;", "already" },
		{ "relay_for m\xc3\xbcnchen.example any; relay_for xn--mnchen-3ya.example any;", "it is there already" },
		{ "domain m\xc3\xbcnchen.example xn--mnchen-3ya.example;", "is there already" },
		{ "outgoing_tls m\xc3\xbcnchen.example may; outgoing_tls xn--mnchen-3ya.example none;", "is there already" },
	};
	struct config *c = read_good("route bob@one.example to bob.test; route m\xc3\xbcnchen.example to munich.test;\n"
		"sender_route .m\xc3\xbcnchen.example to below.test; relay_for b\xc3\xbc" "cher.example any; domain k\xc3\xb6ln.example;\n"
		"outgoing_tls m\xc3\xbcnchen.example encrypt; outgoing_login a.test n file:/s \xc3\x89mile@m\xc3\xbcnchen.example;");

	(void)state;
	for (size_t i = 0; i < COUNT(spelled); i++)
		assert_non_null(config_find_route(c, bytes_text(spelled[i])));
	for (size_t i = 0; i < COUNT(munich); i++)
		assert_non_null(config_find_route(c, bytes_text(munich[i])));
	assert_non_null(config_find_sender_route(c, BYTES("x@y.\xef\xbd\x8dxn.xn--mnchen-3ya.example")));
	assert_non_null(config_find_relayed(c, BYTES("xn--bcher-kva.example")));
	assert_non_null(config_find_relayed(c, BYTES("B\xc3\x9c" "CHER.example")));
	assert_true(config_has_domain(c, BYTES("xn--kln-sna.example")) && config_has_domain(c, BYTES("K\xc3\x96LN.example")));
	assert_non_null(config_tls_rule_for(c, BYTES("xn--mnchen-3ya.example")));
	assert_non_null(config_login_for(c, BYTES("a.test"), BYTES("\xc3\xa9mile@xn--mnchen-3ya.example")));
	config_free(&c);
	CHECK_REFUSED(rows);
}

static void
targets_read_and_print_as_they_were(void **state)
{
	static const struct {
		const char *text, *host;
		enum config_route_kind kind;
		uint16_t port;
	} rows[] = {
		{ "route a.example to mx.example.org;\n", "mx.example.org", ROUTE_SMTP, 0 },
		{ "route a.example to mx.example.org:2525;\n", "mx.example.org", ROUTE_SMTP, 2525 },
		{ "route a.example to 192.0.2.1:26;\n", "192.0.2.1", ROUTE_SMTP, 26 },
		{ "route a.example to [2001:db8::1]:26;\n", "2001:db8::1", ROUTE_SMTP, 26 },
		{ "route a.example to lmtp:127.0.0.1:24;\n", "127.0.0.1", ROUTE_LMTP, 24 },
		{ "route a.example to mx:b.example;\n", "b.example", ROUTE_MX, 0 },
		{ "route a.example to mailboxes;\n", "", ROUTE_MAILBOXES, 0 },
		{ "route a.example to error \"We moved; write to b.example\";\n", "", ROUTE_REFUSE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = read_good(rows[i].text);

		assert_int_equal(c->route_count, 1);
		assert_int_equal(c->routes[0].kind, rows[i].kind);
		assert_int_equal(c->routes[0].port, rows[i].port);
		assert_true(bytes_equal(c->routes[0].host, bytes_text(rows[i].host)));
		if (!is_told(c, ROLE_QUEUE, rows[i].text))
			fail_msg("%s", rows[i].text);
		config_free(&c);
	}
}

static void
a_relay_host_may_be_written_as_postfix_writes_it(void **state)
{
	struct config *c = read_good("route * to smtp:[mx.example.org]:587;\nroute a.example to smtp:[192.0.2.1];\nroute b.example to lmtp:[::1]:24;\n");

	(void)state;
	assert_true(is_told(c, ROLE_QUEUE, "route * to mx.example.org:587;\nroute a.example to 192.0.2.1;\nroute b.example to lmtp:[::1]:24;\n"));
	config_free(&c);
}

static void
the_closest_route_of_the_sender_counts(void **state)
{
	static const char text[] = "sender_route a.example to host.a.example;\nsender_route boss@a.example to other.example:587;\n"
		"sender_route .a.example to mx:below.example;\n";
	static const struct {
		const char *sender, *host;
	} rows[] = {
		{ "x@A.example", "host.a.example" },
		{ "Boss@a.example", "other.example" },
		{ "boss+list@a.example", "other.example" },
		{ "x@y.a.example", "below.example" },
		{ "x@b.example", NULL },
		{ "x", NULL },
		{ "<>", NULL },
		{ "", NULL },
	};
	struct config *c = read_good(text);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct config_route *route = config_find_sender_route(c, bytes_text(rows[i].sender));

		assert_int_equal(route != NULL, rows[i].host != NULL);
		if (route)
			assert_true(bytes_equal(route->host, bytes_text(rows[i].host)));
	}
	assert_null(config_find_route(c, BYTES("x@a.example")));
	assert_true(is_told(c, ROLE_QUEUE, text));
	config_free(&c);
}

static void
what_is_no_route_or_network_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "sender_route * to relay.example;", "route * to HOST" },
		{ "sender_route a.example to mailboxes;", "relay host" },
		{ "sender_route a.example to error;", "sentence" },
		{ "sender_route a.example to lmtp:127.0.0.1;", "relay host" },
		{ "sender_route a.example to b.example; sender_route A.example to c.example;", "a sender_route for A.example already" },
		{ "sender_route a..example to b.example;", "sender_route" },
		{ "route a.example mx.example.org now;", "route PATTERN to TARGET" },
		{ "route a.example to mx.example.org; route A.example to x.org;", "already" },
		{ "route a..example to mx.example.org;", "route" },
		{ "route a.example to mx.example.org:0;", "the port is a number from 1 to 65535" },
		{ "route a.example to mx.example.org:smtp;", "the port is a number from 1 to 65535" },
		{ "route a.example to 2001:db8::1;", "an IPv6 address stands in brackets" },
		{ "route a.example to smtp:mx.example.org;", "smtp:DOMAIN of Postfix is written mx:DOMAIN" },
		{ "route a.example to smtp:mx.example.org:587;", "smtp:DOMAIN of Postfix is written mx:DOMAIN" },
		{ "route a.example to lmtp:unix:/run/dovecot/lmtp;", "write lmtp:127.0.0.1:24" },
		{ "route a.example to unix:/run/dovecot/lmtp;", "write lmtp:127.0.0.1:24" },
		{ "route a.example to *:25;", "" },
		{ "route a.example to error;", "" },
		{ "route a.example to error \"two\\nlines\";", "one line" },
		{ "route a.example to error \"Parti: \303\251crivez\";", "ASCII" },
		{ "route a.example to error \"\377\";", "ASCII" },
		{ "route a.example to mailboxes \"text\";", "only error" },
		{ "trusted_networks 0.0.0.0/0;", "nearly everybody" },
		{ "trusted_networks ::/0;", "nearly everybody" },
		{ "trusted_networks 8.0.0.0/8 9.0.0.0/32;", "trusted_networks 9.0.0.0/32: with what stands before it that is more of the Internet" },
		{ "trusted_networks 10.0.0.0/8 128.0.0.0/9 129.0.0.0/9; trusted_networks 1.1.1.1;", "trusted_networks 1.1.1.1: with what stands" },
		{ "trusted_networks 2001:db8::/19;", "behind those that count" },
		{ "trusted_networks 2001::/19;", "more of the Internet" },
		{ "trusted_networks 2000::/8;", "more of the Internet" },
		{ "trusted_networks ::/8;", "more of the Internet" },
		{ "trusted_networks 2a00::/20 2a01::/64;", "trusted_networks 2a01::/64: with what" },
		{ "trusted_networks 192.0.2.1/24;", "behind those that count" },
		{ "trusted_networks 192.0.2.0/33;", "how many bits" },
		{ "trusted_networks example.org;", "a network is needed" },
		{ "trusted_networks *;", "a network is needed" },
	};

	(void)state;
	CHECK_REFUSED(rows);
}

static void
as_many_as_anybody_has_and_all_that_are_not_public_may_be_trusted(void **state)
{
	struct config *c = read_good("trusted_networks 10.0.0.0/8 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 8.0.0.0/8 fc00::/7 fe80::/10 ::1 2a00::/20;");

	(void)state;
	assert_int_equal(c->trusted_network_count, 11);
	config_free(&c);
}

static void
only_those_of_a_trusted_network_are_trusted(void **state)
{
	static const uint8_t in[] = { 192, 0, 2, 77 }, out[] = { 192, 0, 3, 77 }, edge[] = { 10, 1, 255, 255 }, over[] = { 10, 2, 0, 0 };
	static const uint8_t v6[16] = { 0x20, 1, 0x0d, 0xb8, 0, 1 }, v6_out[16] = { 0x20, 1, 0x0d, 0xb9 };
	struct config *c = read_good("trusted_networks 192.0.2.0/24 10.0.0.0/15 2001:db8::/32;");

	(void)state;
	assert_true(config_trusts(c, in, 4));
	assert_false(config_trusts(c, out, 4));
	assert_true(config_trusts(c, edge, 4));
	assert_false(config_trusts(c, over, 4));
	assert_true(config_trusts(c, v6, 16));
	assert_false(config_trusts(c, v6_out, 16));
	assert_false(config_trusts(c, v6, 0));
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_route_counts_rfc5321_5_1),
		cmocka_unit_test(a_name_counts_however_it_is_spelled_rfc5890_2_3_2_4),
		cmocka_unit_test(targets_read_and_print_as_they_were),
		cmocka_unit_test(a_relay_host_may_be_written_as_postfix_writes_it),
		cmocka_unit_test(the_closest_route_of_the_sender_counts),
		cmocka_unit_test(what_is_no_route_or_network_is_told),
		cmocka_unit_test(as_many_as_anybody_has_and_all_that_are_not_public_may_be_trusted),
		cmocka_unit_test(only_those_of_a_trusted_network_are_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
