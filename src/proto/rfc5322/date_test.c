#include "proto/rfc5322/date.h"

#include "proto/rfc5322/test_rows.h"

static void
dates_are_read(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "RFC 5322 A.1.1", "Fri, 21 Nov 1997 09:55:06 -0600",
			"Fri, 21 Nov 1997 09:55:06 -0600" },
		{ "RFC 5322 A.1.3", "Thu, 13 Feb 1969 23:32:54 -0330",
			"Thu, 13 Feb 1969 23:32:54 -0330" },
		{ "RFC 5322 A.5",
			"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
			"               -0330 (Newfoundland Time)",
			"Thu, 13 Feb 1969 23:32:00 -0330" },
		{ "RFC 5322 A.6.2", "21 Nov 97 09:55:06 GMT", "Fri, 21 Nov 1997 09:55:06 +0000" },
		{ "RFC 5322 A.6.3", "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
			"Fri, 21 Nov 1997 09:55:06 -0600" },
		{ "RFC 3501 8", "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
			"Wed, 17 Jul 1996 02:23:25 -0700" },
		{ "no day name", "1 Jan 2024 00:00:00 +0000", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "wrong day name", "Fri, 1 Jan 2024 00:00:00 +0000",
			"Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "no comma", "Mon 1 Jan 2024 00:00:00 +0000", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "no seconds", "Mon, 1 Jan 2024 01:02 +0100", "Mon, 01 Jan 2024 01:02:00 +0100" },
		{ "no zone", "Mon, 1 Jan 2024 01:02:03", "Mon, 01 Jan 2024 01:02:03 +0000" },
		{ "no time", "1 Jan 2024", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "-0000", "1 Jan 2024 00:00:00 -0000", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "leap second", "31 Dec 2016 23:59:60 +0000", "Sun, 01 Jan 2017 00:00:00 +0000" },
		{ "leap day", "29 Feb 2000 12:00:00 +0000", "Tue, 29 Feb 2000 12:00:00 +0000" },
		{ "two digits 49", "1 Jan 49 00:00:00 +0000", "Fri, 01 Jan 2049 00:00:00 +0000" },
		{ "two digits 50", "1 Jan 50 00:00:00 +0000", "Sun, 01 Jan 1950 00:00:00 +0000" },
		{ "three digits", "1 Jan 124 00:00:00 +0000", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "UT", "1 Jan 2024 00:00:00 UT", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "EDT", "1 Jan 2024 00:00:00 EDT", "Mon, 01 Jan 2024 00:00:00 -0400" },
		{ "EST", "1 Jan 2024 00:00:00 EST", "Mon, 01 Jan 2024 00:00:00 -0500" },
		{ "CDT", "1 Jan 2024 00:00:00 CDT", "Mon, 01 Jan 2024 00:00:00 -0500" },
		{ "CST", "1 Jan 2024 00:00:00 CST", "Mon, 01 Jan 2024 00:00:00 -0600" },
		{ "MDT", "1 Jan 2024 00:00:00 MDT", "Mon, 01 Jan 2024 00:00:00 -0600" },
		{ "MST", "1 Jan 2024 00:00:00 MST", "Mon, 01 Jan 2024 00:00:00 -0700" },
		{ "PDT", "1 Jan 2024 00:00:00 pdt", "Mon, 01 Jan 2024 00:00:00 -0700" },
		{ "PST", "1 Jan 2024 00:00:00 PST", "Mon, 01 Jan 2024 00:00:00 -0800" },
		{ "military", "1 Jan 2024 00:00:00 K", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "unknown name", "1 Jan 2024 00:00:00 MESZ", "Mon, 01 Jan 2024 00:00:00 +0000" },
		{ "zone with colon", "1 Jan 2024 00:00:00 +05:30",
			"Mon, 01 Jan 2024 00:00:00 +0530" },
		{ "short zone", "1 Jan 2024 00:00:00 +2", "Mon, 01 Jan 2024 00:00:00 +0200" },
		{ "fraction", "1 Jan 2024 00:00:00.123 +0200", "Mon, 01 Jan 2024 00:00:00 +0200" },
		{ "asctime", "Mon Feb  7 21:52:25 1994", "Mon, 07 Feb 1994 21:52:25 +0000" },
		{ "date(1)", "Mon Feb  7 21:52:25 PST 1994", "Mon, 07 Feb 1994 21:52:25 -0800" },
		{ "hyphens", "07-Feb-1994 21:52:25 -0800", "Mon, 07 Feb 1994 21:52:25 -0800" },
		{ "long names", "Monday, 7 February 1994 21:52:25 -0800",
			"Mon, 07 Feb 1994 21:52:25 -0800" },
		{ "lower case", "mon, 7 feb 1994 21:52:25 -0800",
			"Mon, 07 Feb 1994 21:52:25 -0800" },
		{ "largest", "31 Dec 9999 23:59:59 +0000", "Fri, 31 Dec 9999 23:59:59 +0000" },
	};
	struct rfc5322_date date;
	struct buf got;

	(void)state;
	buf_init(&got, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		if (!rfc5322_parse_date(bytes_text(rows[i].input), &date))
			fail_msg("%s: not read", rows[i].name);
		clock_put_rfc5322(&got, date.unix_s, date.zone_minutes);
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
what_is_no_date_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"Mon,",
		"yesterday",
		"32 Jan 2024 00:00:00 +0000",
		"30 Feb 2024 00:00:00 +0000",
		"29 Feb 1900 00:00:00 +0000",
		"0 Jan 2024",
		"1 Foo 2024",
		"1 Jan",
		"1 Jan 1",
		"1 Jan 12345",
		"1",
		"1 1 2024",
		"2024-01-01T00:00:00Z",
		"\xff\xfe",
		"(comment",
		"Jan",
	};
	struct rfc5322_date date = { 7, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rfc5322_parse_date(bytes_text(rows[i]), &date))
			fail_msg("%s: was read", rows[i]);
	assert_int_equal(date.unix_s, 7);
	assert_int_equal(date.zone_minutes, 7);
}

static void
seconds_since_1970_are_right(void **state)
{
	struct rfc5322_date date;

	(void)state;
	assert_true(rfc5322_parse_date(BYTES("Thu, 1 Jan 1970 01:00:00 +0100"), &date));
	assert_int_equal(date.unix_s, 0);
	assert_int_equal(date.zone_minutes, 60);
	assert_true(rfc5322_parse_date(BYTES("Fri, 21 Nov 1997 09:55:06 -0600"), &date));
	assert_int_equal(date.unix_s, 880127706);
	assert_int_equal(date.zone_minutes, -360);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(seconds_since_1970_are_right),
	};

	return cmocka_run_group_tests_name("rfc5322/date", tests, NULL, NULL);
}
