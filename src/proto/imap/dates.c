#include "proto/imap/grammar.h"

#include "base/clock.h"

enum { DAY_S = 86400 };

/* Exactly `count` digits. */
static bool
take_digits(struct bytes *in, size_t count, int *out)
{
	struct bytes digits;
	uint64_t value;

	if (!take_octets(in, count, &digits) || !bytes_all_class(digits, CLASS_DIGIT) ||
		!take_number(&digits, 9999, &value))
		return false;
	*out = (int)value;
	return true;
}

static bool
is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool
is_day(const struct civil *c)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return c->day >= 1 &&
		c->day <= days[c->month - 1] + (c->month == 2 && is_leap_year(c->year));
}

/* "-" date-month "-" date-year, after the day. */
static bool
take_month_and_year(struct bytes *in, struct civil *c)
{
	struct bytes month;

	if (!take_char(in, '-') || !take_octets(in, 3, &month) || !take_char(in, '-') ||
		!take_digits(in, 4, &c->year))
		return false;
	c->month = clock_month(month);
	return c->month != 0 && is_day(c);
}

/* date-text = date-day "-" date-month "-" date-year        date-day = 1*2DIGIT */
static bool
take_date_text(struct bytes *in, int64_t *day)
{
	struct bytes rest = *in;
	struct civil c = { 0 };
	size_t digits = rest.len > 1 && byte_is_class(rest.ptr[1], CLASS_DIGIT) ? 2 : 1;

	if (!take_digits(&rest, digits, &c.day) || !take_month_and_year(&rest, &c))
		return false;
	*day = clock_unix(&c) / DAY_S;
	if (clock_unix(&c) < 0 && clock_unix(&c) % DAY_S != 0)
		(*day)--;
	*in = rest;
	return true;
}

bool
take_imap_date(struct bytes *in, int64_t *day)
{
	struct bytes rest = *in;

	if (!take_char(&rest, '"'))
		return take_date_text(in, day);
	if (!take_date_text(&rest, day) || !take_char(&rest, '"'))
		return false;
	*in = rest;
	return true;
}

/* time = 2DIGIT ":" 2DIGIT ":" 2DIGIT */
static bool
take_time(struct bytes *in, struct civil *c)
{
	return take_digits(in, 2, &c->hour) && take_char(in, ':') && take_digits(in, 2, &c->minute) &&
		take_char(in, ':') && take_digits(in, 2, &c->second) && c->hour < 24 && c->minute < 60 &&
		c->second <= 60;
}

/* zone = ("+" / "-") 4DIGIT */
static bool
take_zone(struct bytes *in, struct civil *c)
{
	bool is_west = take_char(in, '-');
	int hours, minutes;

	if (!is_west && !take_char(in, '+'))
		return false;
	if (!take_digits(in, 2, &hours) || !take_digits(in, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	c->zone_minutes = is_west ? -(hours * 60 + minutes) : hours * 60 + minutes;
	return true;
}

bool
take_imap_date_time(struct bytes *in, int64_t *unix_s)
{
	struct bytes rest = *in;
	struct civil c = { 0 };

	if (!take_char(&rest, '"'))
		return false;
	/* date-day-fixed = (SP DIGIT) / 2DIGIT */
	if (!take_digits(&rest, take_char(&rest, ' ') ? 1 : 2, &c.day))
		return false;
	if (!take_month_and_year(&rest, &c) || !take_char(&rest, ' ') || !take_time(&rest, &c) ||
		!take_char(&rest, ' ') || !take_zone(&rest, &c) || !take_char(&rest, '"'))
		return false;
	*unix_s = clock_unix(&c);
	*in = rest;
	return true;
}
