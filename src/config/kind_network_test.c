#include "config/route.h"

#include "config/test_support.h"

static void
what_is_no_network_or_everybody_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "trusted_networks ::ffff:0:0/96;", "of IPv4: write it so" },
		{ "trusted_networks ::ffff:10.0.0.0/8;", "of IPv4: write it so" },
		{ "trusted_networks 64:ff9b::/96;", "more of the Internet" },
		{ "trusted_networks 64:ff9b::/64;", "more of the Internet" },
		{ "trusted_networks 64:ff9b::/32;", "more of the Internet" },
		{ "trusted_networks 64:ff9b::8.0.0.0/103;", "more of the Internet" },
		{ "trusted_networks 8.0.0.0/8 64:ff9b::1.2.3.4;", "64:ff9b::1.2.3.4: with what stands before it" },
		{ "trusted_networks 64:ff9b:1::/48;", "more of the Internet" },
		{ "trusted_networks 64:ff9b:1:fffe::/96;", "more of the Internet" },
		{ "trusted_networks 2002::/16;", "more of the Internet" },
		{ "trusted_networks 2002:800::/23;", "more of the Internet" },
		{ "trusted_networks 8.0.0.0/8 2002:102:304::/48;", "2002:102:304::/48: with what stands before it" },
	};
	struct config *c;

	(void)state;
	CHECK_REFUSED(rows);
	c = read_good("trusted_networks ::ffff:192.0.2.1 64:ff9b::10.0.0.0/104 64:ff9b::192.0.2.0/120 64:ff9b:1:fffe::192.0.2.0/120 2002:c000:200::/40 2002:a00::/24 64:ff9a::/32;");
	assert_int_equal(c->trusted_network_count, 7);
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_no_network_or_everybody_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
