#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
addresses_are_one_of_a_family_and_print_as_they_were(void **state)
{
	static const char *const rows[] = { "source_address 192.0.2.1;\n", "source_address 2001:db8::1 192.0.2.1;\n" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = NULL;
		struct fault f;
		struct buf out;

		buf_init(&out, 1 << 20);
		assert_int_equal(config_read_slice(bytes_text(rows[i]), &c, &f), 0);
		assert_int_equal(c->source_addresses.count, i + 1);
		config_put_slice(c, ROLE_RELAY, &out);
		assert_true(bytes_find(buf_bytes(&out), bytes_text(rows[i])) < out.len);
		buf_reset(&out);
		config_put_slice(c, ROLE_STORE, &out);
		assert_true(bytes_find(buf_bytes(&out), BYTES("source_address")) == out.len);
		buf_done(&out);
		config_free(&c);
	}
}

static void
what_is_no_address_to_connect_from_is_told(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "source_address *;", "an address is needed, such as 192.0.2.1 or 2001:db8::1, without a port" },
		{ "source_address 192.0.2.1:25;", "without a port" },
		{ "source_address \"[::1]\";", "without a port" },
		{ "source_address mx.example.org;", "an address is needed" },
		{ "source_address 192.0.2.1 192.0.2.2;", "of two, one is IPv4 and the other IPv6" },
		{ "source_address ::1 ::2;", "of two, one is IPv4 and the other IPv6" },
		{ "source_address ::1 192.0.2.1 192.0.2.2;", "is written: source_address ADDRESS [ADDRESS]" },
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
		cmocka_unit_test(addresses_are_one_of_a_family_and_print_as_they_were),
		cmocka_unit_test(what_is_no_address_to_connect_from_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
