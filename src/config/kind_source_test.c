#include "config/config.h"

#include "config/test_support.h"

static void
addresses_are_one_of_a_family_and_print_as_they_were(void **state)
{
	static const char *const rows[] = { "source_address 192.0.2.1;\n", "source_address 2001:db8::1 192.0.2.1;\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = read_good(rows[i]);

		assert_int_equal(c->source_addresses.count, i + 1);
		assert_true(is_told(c, ROLE_RELAY, rows[i]));
		assert_false(is_told(c, ROLE_STORE, "source_address"));
		config_free(&c);
	}
}

static void
what_is_no_address_to_connect_from_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "source_address *;", "an address is needed, such as 192.0.2.1 or 2001:db8::1, without a port" },
		{ "source_address 192.0.2.1:25;", "without a port" },
		{ "source_address \"[::1]\";", "without a port" },
		{ "source_address mx.example.org;", "an address is needed" },
		{ "source_address 192.0.2.1 192.0.2.2;", "of two, one is IPv4 and the other IPv6" },
		{ "source_address ::1 ::2;", "of two, one is IPv4 and the other IPv6" },
		{ "source_address ::1 192.0.2.1 192.0.2.2;", "is written: source_address ADDRESS [ADDRESS]" },
	};

	(void)state;
	CHECK_REFUSED(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_one_of_a_family_and_print_as_they_were),
		cmocka_unit_test(what_is_no_address_to_connect_from_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
