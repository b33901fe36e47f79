#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
rules_are_found_and_print_as_they_were(void **state)
{
	const struct bytes rules = BYTES("outgoing_tls a.example encrypt;\noutgoing_tls b.example verify mx.b.example .c.example;\n"
					 "outgoing_tls * none;\n");
	const struct config_tls_rule *rule;
	struct config *c = NULL;
	struct fault f;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(config_read_slice(rules, &c, &f), 0);
	rule = config_tls_rule_for(c, BYTES("A.example"));
	assert_true(rule && rule->level == TLS_LEVEL_ENCRYPT && rule->names.count == 0);
	rule = config_tls_rule_for(c, BYTES("b.example"));
	assert_true(rule && rule->level == TLS_LEVEL_VERIFY && bytes_equal(rule->names.at[1], BYTES(".c.example")));
	rule = config_tls_rule_for(c, BYTES("x.a.example"));
	assert_true(rule && rule->level == TLS_LEVEL_NONE);
	config_put_slice(c, ROLE_RELAY, &out);
	assert_true(bytes_find(buf_bytes(&out), rules) < out.len);
	buf_done(&out);
	config_free(&c);
	assert_int_equal(config_read_slice(BYTES_NONE, &c, &f), 0);
	assert_null(config_tls_rule_for(c, BYTES("a.example")));
	config_free(&c);
}

static void
what_is_no_rule_is_told(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "outgoing_tls a.example;", "is written: outgoing_tls DOMAIN|*" },
		{ "outgoing_tls a.example always;", "one of none, may, encrypt, verify, not" },
		{ "outgoing_tls \"a b\" may;", "outgoing_tls \"a b\": " },
		{ "outgoing_tls a.example may; outgoing_tls A.example none;", "is there already" },
		{ "outgoing_tls a.example may mx.a.example;", "names are for \"verify\"" },
		{ "outgoing_tls a.example verify *.a.example;", "outgoing_tls" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = NULL;
		struct fault f;

		assert_int_equal(config_read_slice(bytes_text(rows[i].text), &c, &f), -1);
		if (!strstr(f.text, rows[i].want))
			fail_msg("%s: %s", rows[i].text, f.text);
	}
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
