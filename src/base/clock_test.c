#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FIRST_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define LAST_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Day by day through the whole range, with a plain calendar beside it. */
static void
every_day_of_the_years_0_to_9999_goes_and_comes_back(void **state)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = 0, month = 1, day = 1, weekday = 6;

	(void)state;
	for (int64_t s = FIRST_S; s <= LAST_S; s += 86400) {
		int64_t within = s + (s / 86400 % 86400 + 86400) % 86400;
		struct civil c = clock_civil(within, 0);
		int length = lengths[month - 1] + (month == 2 && is_leap(year));

		if (c.year != year || c.month != month || c.day != day || c.weekday != weekday)
			fail_msg("%04d-%02d-%02d came out as %04d-%02d-%02d", year, month, day, c.year, c.month, c.day);
		if (clock_unix(&c) != within)
			fail_msg("%04d-%02d-%02d does not come back", year, month, day);
		weekday = (weekday + 1) % 7;
		if (day++ < length)
			continue;
		day = 1;
		year += month == 12;
		month = month % 12 + 1;
	}
	assert_int_equal(year, 10000);
}

static void
zones_shift_and_come_back(void **state)
{
	(void)state;
	for (int zone = -14 * 60; zone <= 14 * 60; zone += 15)
		for (int64_t s = FIRST_S + 86400; s < LAST_S - 86400; s += 2000000011) {
			struct civil c = clock_civil(s, zone), utc = clock_civil(s + zone * 60, 0);

			assert_true(clock_unix(&c) == s);
			assert_int_equal(c.hour, utc.hour);
			assert_int_equal(c.day, utc.day);
			assert_int_equal(c.weekday, utc.weekday);
			assert_int_equal(c.zone_minutes, zone);
		}
}

static void
dates_print_as_their_rfcs_say(void **state)
{
	static const struct {
		int64_t s;
		int zone;
		const char *rfc5322, *imap, *rfc3339;
	} rows[] = {
		{ 760686745, -480, "Mon, 07 Feb 1994 21:52:25 -0800", " 7-Feb-1994 21:52:25 -0800",
			"1994-02-08T05:52:25.000000Z" },
		{ 0, 0, "Thu, 01 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00.000000Z" },
		{ 951782400, 330, "Tue, 29 Feb 2000 05:30:00 +0530", "29-Feb-2000 05:30:00 +0530",
			"2000-02-29T00:00:00.000000Z" },
		{ -1, -30, "Wed, 31 Dec 1969 23:29:59 -0030", "31-Dec-1969 23:29:59 -0030",
			"1969-12-31T23:59:59.000000Z" },
		{ LAST_S, 0, "Fri, 31 Dec 9999 23:59:59 +0000", "31-Dec-9999 23:59:59 +0000",
			"9999-12-31T23:59:59.000000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[128] = { 0 };
		struct buf b;

		buf_init_fixed(&b, text, sizeof text - 1);
		clock_put_rfc5322(&b, rows[i].s, rows[i].zone);
		assert_string_equal(text, rows[i].rfc5322);
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = '\0';
		buf_reset(&b);
		clock_put_imap(&b, rows[i].s, rows[i].zone);
		assert_string_equal(text, rows[i].imap);
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = '\0';
		buf_reset(&b);
		clock_put_rfc3339(&b, rows[i].s * 1000000);
		assert_string_equal(text, rows[i].rfc3339);
	}
}

static void
microseconds_before_1970_count_forward(void **state)
{
	char text[40] = { 0 };
	struct buf b;

	(void)state;
	buf_init_fixed(&b, text, sizeof text - 1);
	clock_put_rfc3339(&b, -1);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static void
months_are_known_without_regard_to_case(void **state)
{
	(void)state;
	assert_int_equal(clock_month(BYTES("Jan")), 1);
	assert_int_equal(clock_month(BYTES("dEC")), 12);
	assert_int_equal(clock_month(BYTES("anF")), 0);
	assert_int_equal(clock_month(BYTES("")), 0);
	assert_int_equal(clock_month(BYTES("June")), 0);
}

static void
rfc3339_5_6_date_times_are_taken(void **state)
{
	static const struct {
		const char *in;
		int64_t want; /* -1: malformed */
		const char *rest;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0, "" },
		{ "1985-04-12T23:20:50.52Z", 482196050, "" },
		{ "1996-12-19T16:39:57-08:00", 851042397, "" },
		{ "1990-12-31T23:59:60Z", 662688000, "" },
		{ "1990-12-31T15:59:60-08:00", 662688000, "" },
		{ "1937-01-01T12:00:27.87+00:20", -1041337173, "" },
		{ "2000-02-29t00:00:00z tail", 951782400, " tail" },
		{ "2100-02-29T00:00:00Z", -1, "" },
		{ "2023-02-29T00:00:00Z", -1, "" },
		{ "2023-04-31T00:00:00Z", -1, "" },
		{ "2023-13-01T00:00:00Z", -1, "" },
		{ "2023-00-01T00:00:00Z", -1, "" },
		{ "2023-01-00T00:00:00Z", -1, "" },
		{ "2023-01-01T24:00:00Z", -1, "" },
		{ "2023-01-01T00:60:00Z", -1, "" },
		{ "2023-01-01T00:00:61Z", -1, "" },
		{ "2023-01-01T00:00:00.Z", -1, "" },
		{ "2023-01-01T00:00:00", -1, "" },
		{ "2023-01-01T00:00:00+0100", -1, "" },
		{ "2023-01-01T00:00:00+24:00", -1, "" },
		{ "2023-01-01 00:00:00Z", -1, "" },
		{ "023-01-01T00:00:00Z", -1, "" },
		{ "2023-1-01T00:00:00Z", -1, "" },
		{ "", -1, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].in);
		int64_t got = -7;
		bool is_good = clock_take_rfc3339(&in, &got);

		if (is_good != (rows[i].want != -1) || (is_good && got != rows[i].want))
			fail_msg("%s: %lld", rows[i].in, (long long)got);
		assert_true(bytes_equal(in, bytes_text(is_good ? rows[i].rest : rows[i].in)));
		assert_true(is_good || got == -7);
	}
}

static void
what_is_printed_as_rfc3339_is_taken_again(void **state)
{
	(void)state;
	for (int64_t s = -62167219200; s < 253402300800; s += 86400 * 31 + 12345) {
		char text[40];
		struct buf b;
		struct bytes in;
		int64_t got;

		buf_init_fixed(&b, text, sizeof text);
		clock_put_rfc3339_s(&b, s);
		in = buf_bytes(&b);
		assert_true(clock_take_rfc3339(&in, &got) && in.len == 0);
		assert_int_equal(got, s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_the_years_0_to_9999_goes_and_comes_back),
		cmocka_unit_test(zones_shift_and_come_back),
		cmocka_unit_test(dates_print_as_their_rfcs_say),
		cmocka_unit_test(microseconds_before_1970_count_forward),
		cmocka_unit_test(rfc3339_5_6_date_times_are_taken),
		cmocka_unit_test(what_is_printed_as_rfc3339_is_taken_again),
		cmocka_unit_test(months_are_known_without_regard_to_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
