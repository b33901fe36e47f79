#include "config/apply.h"

#include "config/test_support.h"

#include <stdlib.h>

static void
assert_slice(const struct config *c, const char *want)
{
	struct config *again;
	struct buf got;
	size_t at;

	buf_init(&got, 100000);
	config_put_slice(c, ROLE_RESOLVER, &got);
	at = bytes_find(buf_bytes(&got), bytes_text(want));
	if (at == got.len)
		fail_msg("no \"%s\" in \"%.*s\"", want, BYTES_ARG(buf_bytes(&got)));
	assert_int_equal(config_read_slice(buf_bytes(&got), &again, NULL), 0);
	assert_int_equal(again->resolver_count, c->resolver_count);
	for (size_t i = 0; i < c->resolver_count; i++)
		assert_true(bytes_equal(again->resolvers[i].address, c->resolvers[i].address) &&
			again->resolvers[i].is_trusted == c->resolvers[i].is_trusted &&
			again->resolvers[i].is_of_system == c->resolvers[i].is_of_system);
	config_free(&again);
	buf_done(&got);
}

static void
resolvers_are_addresses_with_a_port_or_without(void **state)
{
	struct config *c = read_good("resolver 192.0.2.1; resolver [2001:db8::1]:5353 trusted; resolver 127.0.0.1:53;");

	(void)state;
	assert_int_equal(c->resolver_count, 3);
	assert_slice(c, "resolver 192.0.2.1:53;\nresolver [2001:db8::1]:5353 trusted;\nresolver 127.0.0.1:53;\n");
	config_free(&c);
}

static void
what_is_no_resolver(void **state)
{
	static const struct refused_row rows[] = {
		{ "resolver *;", "resolver *: an address is needed" },
		{ "resolver dns.example;", "resolver dns.example: an address is needed" },
		{ "resolver 192.0.2.1 untrusted;", "behind the address stands \"trusted\" or nothing" },
		{ "resolver 192.0.2.1 trusted trusted;", "behind the address stands \"trusted\" or nothing" },
		{ "resolver 192.0.2.1:0x;", "resolver 192.0.2.1:0x" },
		{ "resolver 192.0.2.1; resolver 192.0.2.1:53;", "resolver 192.0.2.1:53 is there already" },
	};

	(void)state;
	CHECK_REFUSED(rows);
}

static void
nobody_writes_that_one_is_of_the_system(void **state)
{
	struct config_errors *errors = calloc(1, sizeof *errors);
	struct config_reading r = { .config = config_new(), .errors = errors };
	const struct config_value values[] = { { .text = BYTES_INIT("192.0.2.1") }, { .text = BYTES_INIT("system") } };
	const struct config_place at = { .line = 1 };
	const struct config_setting s = { .directive = &directives[DIRECTIVE_resolvers], .at = &at, .values = values, .count = 2 };

	(void)state;
	assert_false(kind_read_resolver(&r, &s));
	assert_int_equal(errors->count, 1);
	config_free(&r.config);
	free(errors);
}

static void
those_of_resolv_conf_5(void **state)
{
	static const struct {
		const char *text, *want;
		size_t count;
	} rows[] = {
		{ "", "resolver 127.0.0.1:53 system;\n", 1 },
		{ "search example\n# nameserver 192.0.2.9\n;nameserver 192.0.2.9\n", "resolver 127.0.0.1:53 system;\n", 1 },
		{ "nameserver 192.0.2.1\nnameserver\t2001:db8::1  \nnameserver 192.0.2.1\n",
			"resolver 192.0.2.1:53 system;\nresolver [2001:db8::1]:53 system;\n", 2 },
		{ "nameserver fe80::1%eth0\nnameserver localhost\nnameserver\nnameserver 192.0.2.1:54\nnameserver 192.0.2.3",
			"resolver 192.0.2.3:53 system;\n", 1 },
		{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
			"resolver 192.0.2.3:53 system;\n", 3 },
		{ "nameserver 192.0.2.1\noptions edns0 trust-ad\n", "resolver 192.0.2.1:53 trusted system;\n", 1 },
		{ "nameserver 192.0.2.1\noptions no-trust-ad\n", "resolver 192.0.2.1:53 system;\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = config_new();
		struct buf shown;

		kind_add_system_resolvers(c, bytes_text(rows[i].text));
		assert_int_equal(c->resolver_count, rows[i].count);
		assert_slice(c, rows[i].want);
		buf_init(&shown, 100000);
		config_put_text(c, true, &shown);
		assert_int_equal(bytes_find(buf_bytes(&shown), BYTES("\nresolver ")), shown.len);
		buf_done(&shown);
		config_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolvers_are_addresses_with_a_port_or_without),
		cmocka_unit_test(what_is_no_resolver),
		cmocka_unit_test(nobody_writes_that_one_is_of_the_system),
		cmocka_unit_test(those_of_resolv_conf_5),
	};

	return cmocka_run_group_tests_name("config/kind_resolver", tests, NULL, NULL);
}
