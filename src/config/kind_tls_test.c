#include "config/config.h"

#include "config/test_support.h"

static void
rules_are_found_and_print_as_they_were(void **state)
{
	static const char rules[] = "outgoing_tls a.example encrypt;\noutgoing_tls b.example verify mx.b.example .c.example;\n"
				    "outgoing_tls * none;\n";
	struct config *c = read_good(rules);
	const struct config_tls_rule *rule = config_tls_rule_for(c, BYTES("A.example"));

	(void)state;
	assert_true(rule && rule->level == TLS_LEVEL_ENCRYPT && rule->names.count == 0);
	rule = config_tls_rule_for(c, BYTES("b.example"));
	assert_true(rule && rule->level == TLS_LEVEL_VERIFY && bytes_equal(rule->names.at[1], BYTES(".c.example")));
	rule = config_tls_rule_for(c, BYTES("x.a.example"));
	assert_true(rule && rule->level == TLS_LEVEL_NONE);
	assert_true(is_told(c, ROLE_RELAY, rules));
	config_free(&c);
	c = read_good("outgoing_tls 192.0.2.1 encrypt;\noutgoing_tls [2001:db8:0::1] verify;\n");
	assert_true(config_tls_rule_for(c, BYTES("192.0.2.1"))->level == TLS_LEVEL_ENCRYPT);
	assert_true(config_tls_rule_for(c, BYTES("2001:db8::1"))->level == TLS_LEVEL_VERIFY);
	config_free(&c);
	c = read_good("");
	assert_null(config_tls_rule_for(c, BYTES("a.example")));
	config_free(&c);
}

static void
what_is_no_rule_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "outgoing_tls a.example;", "is written: outgoing_tls DOMAIN|*" },
		{ "outgoing_tls a.example:587 may;", "the host stands here without its port" },
		{ "outgoing_tls a.example always;", "one of none, may, encrypt, verify, not" },
		{ "outgoing_tls \"a b\" may;", "outgoing_tls \"a b\": " },
		{ "outgoing_tls a.example may; outgoing_tls A.example none;", "is there already" },
		{ "outgoing_tls a.example may mx.a.example;", "names are for \"verify\"" },
		{ "outgoing_tls a.example verify *.a.example;", "outgoing_tls" },
	};

	(void)state;
	CHECK_REFUSED(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_found_and_print_as_they_were),
		cmocka_unit_test(what_is_no_rule_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
