#include "base/clock.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

enum { DAY_S = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

/* The proleptic Gregorian calendar, counted from 1 March of year 0 so that the leap day ends
   the year (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
struct civil
clock_civil(int64_t unix_s, int zone_minutes)
{
	int64_t local = unix_s + (int64_t)zone_minutes * 60;
	int64_t days = local / DAY_S, rest = local % DAY_S, era, year;
	int64_t day_of_era, year_of_era, day_of_year, month;

	if (rest < 0) {
		rest += DAY_S;
		days--;
	}
	era = (days + EPOCH_DAYS >= 0 ? days + EPOCH_DAYS : days + EPOCH_DAYS - ERA_DAYS + 1) / ERA_DAYS;
	day_of_era = days + EPOCH_DAYS - era * ERA_DAYS;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	year = year_of_era + era * 400 + (month >= 10);
	return (struct civil){
		.year = (int)year,
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
		.hour = (int)(rest / 3600),
		.minute = (int)(rest / 60 % 60),
		.second = (int)(rest % 60),
		.weekday = (int)(((days + 4) % 7 + 7) % 7),
		.zone_minutes = zone_minutes,
	};
}

int64_t
clock_unix(const struct civil *c)
{
	int64_t year = c->year - (c->month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = c->month > 2 ? c->month - 3 : c->month + 9;
	int64_t day_of_year = (153 * month + 2) / 5 + c->day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	int64_t days = era * ERA_DAYS + day_of_era - EPOCH_DAYS;

	return days * DAY_S + c->hour * 3600 + c->minute * 60 + c->second - (int64_t)c->zone_minutes * 60;
}

static void
put_time_and_zone(struct buf *b, const struct civil *c)
{
	int zone = c->zone_minutes < 0 ? -c->zone_minutes : c->zone_minutes;

	put_format(b, "%04d %02d:%02d:%02d %c%02d%02d", c->year, c->hour, c->minute, c->second,
		c->zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

void
clock_put_rfc5322(struct buf *b, int64_t unix_s, int zone_minutes)
{
	struct civil c = clock_civil(unix_s, zone_minutes);

	put_format(b, "%.3s, %02d %.3s ", weekdays + c.weekday * 3, c.day, months + (c.month - 1) * 3);
	put_time_and_zone(b, &c);
}

void
clock_put_imap(struct buf *b, int64_t unix_s, int zone_minutes)
{
	struct civil c = clock_civil(unix_s, zone_minutes);

	put_format(b, "%2d-%.3s-", c.day, months + (c.month - 1) * 3);
	put_time_and_zone(b, &c);
}

void
clock_put_rfc3339(struct buf *b, int64_t unix_us)
{
	int64_t us = (unix_us % 1000000 + 1000000) % 1000000;
	struct civil c = clock_civil((unix_us - us) / 1000000, 0);

	put_format(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day, c.hour, c.minute,
		c.second, (int)us);
}

void
clock_put_rfc3339_s(struct buf *b, int64_t unix_s)
{
	struct civil c = clock_civil(unix_s, 0);

	put_format(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

/* count digits, at least `least` and at most `most` as a number */
static bool
take_digits(struct bytes *in, size_t count, int least, int most, int *out)
{
	struct bytes digits = bytes_sub(*in, 0, count);
	uint64_t number;

	if (digits.len != count || !bytes_all_class(digits, CLASS_DIGIT) || !take_number(&digits, INT32_MAX, &number)
		|| (int)number < least || (int)number > most)
		return false;
	*out = (int)number;
	*in = bytes_sub(*in, count, in->len);
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* full-date = date-fullyear "-" date-month "-" date-mday */
static bool
take_full_date(struct bytes *in, struct civil *c)
{
	return take_digits(in, 4, 0, 9999, &c->year) && take_char(in, '-') && take_digits(in, 2, 1, 12, &c->month) && take_char(in, '-')
		&& take_digits(in, 2, 1, days_of_month(c->year, c->month), &c->day);
}

/* partial-time = time-hour ":" time-minute ":" time-second [time-secfrac];  time-secfrac = "." 1*DIGIT */
static bool
take_partial_time(struct bytes *in, struct civil *c)
{
	struct bytes fraction;

	return take_digits(in, 2, 0, 23, &c->hour) && take_char(in, ':') && take_digits(in, 2, 0, 59, &c->minute) && take_char(in, ':')
		&& take_digits(in, 2, 0, 60, &c->second) && (!take_char(in, '.') || take_class(in, CLASS_DIGIT, &fraction));
}

/* time-offset = "Z" / time-numoffset;  time-numoffset = ("+" / "-") time-hour ":" time-minute */
static bool
take_offset(struct bytes *in, struct civil *c)
{
	bool is_west = in->len > 0 && in->ptr[0] == '-';
	int hours, minutes;

	c->zone_minutes = 0;
	if (take_text_nocase(in, BYTES("Z")))
		return true;
	if (!take_char(in, is_west ? '-' : '+') || !take_digits(in, 2, 0, 23, &hours) || !take_char(in, ':')
		|| !take_digits(in, 2, 0, 59, &minutes))
		return false;
	c->zone_minutes = is_west ? -(hours * 60 + minutes) : hours * 60 + minutes;
	return true;
}

bool
clock_take_rfc3339(struct bytes *in, int64_t *unix_s)
{
	struct bytes rest = *in;
	struct civil c = { .year = 0 };

	if (!take_full_date(&rest, &c) || !take_text_nocase(&rest, BYTES("T")) || !take_partial_time(&rest, &c) || !take_offset(&rest, &c))
		return false;
	*unix_s = clock_unix(&c);
	*in = rest;
	return true;
}

int
clock_month(struct bytes name)
{
	for (int i = 0; i < 12; i++)
		if (bytes_equal_nocase(name, bytes_of(months + (size_t)i * 3, 3)))
			return i + 1;
	return 0;
}
