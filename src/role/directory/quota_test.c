#include "role/directory/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
quotas_are_read_as_administrators_write_them(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
		struct quota want;
	} rows[] = {
		{ "1073741824", true, { 1073741824, 0 } },
		{ "0", true, { 0, 0 } },
		{ "100M", true, { 104857600, 0 } },
		{ "100m", true, { 104857600, 0 } },
		{ "1G", true, { 1073741824, 0 } },
		{ "1GB", true, { 1073741824, 0 } },
		{ "2T", true, { UINT64_C(2199023255552), 0 } },
		{ "512K", true, { 524288, 0 } },
		{ "10000000S,1000C", true, { 10000000, 1000 } },
		{ "1000C,10000000S", true, { 10000000, 1000 } },
		{ "10000000S", true, { 10000000, 0 } },
		{ "1000C", true, { 0, 1000 } },
		{ "9223372036854775807", true, { INT64_MAX, 0 } },
		{ "9223372036854775808", false, { 0, 0 } },
		{ "8388608T", false, { 0, 0 } },
		{ "", false, { 0, 0 } },
		{ "G", false, { 0, 0 } },
		{ "-1", false, { 0, 0 } },
		{ "1 G", false, { 0, 0 } },
		{ "1.5G", false, { 0, 0 } },
		{ "1GX", false, { 0, 0 } },
		{ "1S,", false, { 0, 0 } },
		{ ",1S", false, { 0, 0 } },
		{ "1S,2X", false, { 0, 0 } },
		{ "NOQUOTA", false, { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quota quota = { 7, 8 };
		bool is_good = quota_parse(bytes_text(rows[i].text), &quota);

		if (is_good != rows[i].is_good)
			print_error("row %zu: %s\n", i, rows[i].text);
		assert_int_equal(is_good, rows[i].is_good);
		assert_int_equal(quota.octets, is_good ? rows[i].want.octets : 7);
		assert_int_equal(quota.messages, is_good ? rows[i].want.messages : 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_are_read_as_administrators_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
