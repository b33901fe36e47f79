#include "config/unit.h"

#include "config/test_support.h"

struct row {
	const char *text;
	uint64_t value;
	const char *canonical; /* NULL: not accepted */
};

static const struct row sizes[] = {
	{ "0", 0, "0" },
	{ "1", 1, "1" },
	{ "1024", 1024, "1K" },
	{ "50M", 52428800, "50M" },
	{ "50m", 52428800, "50M" },
	{ "12k", 12288, "12K" },
	{ "3G", 3221225472, "3G" },
	{ "1025", 1025, "1025" },
	{ "18446744073709551615", UINT64_MAX, "18446744073709551615" },
	{ "18446744073709551616", 0, NULL },
	{ "17179869184G", 0, NULL },
	{ "", 0, NULL },
	{ "M", 0, NULL },
	{ "-1", 0, NULL },
	{ "1 M", 0, NULL },
	{ "1T", 0, NULL },
	{ "1MB", 0, NULL },
};

static const struct row times[] = {
	{ "0", 0, "0ms" },
	{ "1", 1000, "1s" },
	{ "1s", 1000, "1s" },
	{ "1500ms", 1500, "1500ms" },
	{ "5m", 300000, "5m" },
	{ "300", 300000, "5m" },
	{ "2h", 7200000, "2h" },
	{ "7d", 604800000, "7d" },
	{ "90m", 5400000, "90m" },
	{ "5M", 0, NULL },
	{ "5min", 0, NULL },
	{ "", 0, NULL },
	{ "s", 0, NULL },
	{ "99999999999999999999s", 0, NULL },
	{ "18446744073709551615d", 0, NULL },
};

static void
check_rows(const struct row *rows, size_t count, bool (*parse)(struct bytes, uint64_t *),
	void (*put)(struct buf *, uint64_t))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 77;
		char text[32] = "";
		struct buf out;

		buf_init_fixed(&out, text, sizeof text - 1);
		assert_int_equal(parse(bytes_text(rows[i].text), &value), rows[i].canonical != NULL);
		if (!rows[i].canonical)
			continue;
		assert_int_equal(value, rows[i].value);
		put(&out, value);
		assert_string_equal(text, rows[i].canonical);
	}
}

static void
sizes_are_octets_with_a_power_of_1024(void **state)
{
	(void)state;
	check_rows(sizes, COUNT(sizes), unit_parse_size, unit_put_size);
}

static void
times_are_seconds_or_have_a_unit(void **state)
{
	(void)state;
	check_rows(times, COUNT(times), unit_parse_time, unit_put_time);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_octets_with_a_power_of_1024),
		cmocka_unit_test(times_are_seconds_or_have_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
