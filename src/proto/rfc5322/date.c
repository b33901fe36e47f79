#include "proto/rfc5322/date.h"

#include "proto/rfc5322/lexical.h"

static bool
take_digits(struct bytes *in, size_t count_max, int *value, size_t *count)
{
	struct bytes rest = *in, digits;

	take_cfws(&rest, NULL);
	if (!take_class(&rest, CLASS_DIGIT, &digits) || digits.len > count_max)
		return false;
	*value = 0;
	for (size_t i = 0; i < digits.len; i++)
		*value = *value * 10 + (digits.ptr[i] - '0');
	*count = digits.len;
	*in = rest;
	return true;
}

static bool
take_small(struct bytes *in, int max, int *value)
{
	struct bytes rest = *in;
	size_t count;

	if (!take_digits(&rest, 2, value, &count) || *value > max)
		return false;
	*in = rest;
	return true;
}

static bool
take_word(struct bytes *in, struct bytes *word)
{
	struct bytes rest = *in;

	take_cfws(&rest, NULL);
	if (!take_class(&rest, CLASS_ALPHA, word))
		return false;
	*in = rest;
	return true;
}

static bool
take_sign(struct bytes *in, uint8_t sign)
{
	struct bytes rest = *in;

	take_cfws(&rest, NULL);
	if (!take_char(&rest, sign))
		return false;
	*in = rest;
	return true;
}

/* month = "Jan" / … / "Dec"      RFC 5322 3.3.  Longer names are known by their first three
 * letters. */
static bool
take_month(struct bytes *in, int *month)
{
	struct bytes rest = *in, word;

	if (!take_word(&rest, &word))
		return false;
	*month = clock_month(bytes_sub(word, 0, 3));
	if (*month == 0)
		return false;
	*in = rest;
	return true;
}

/* year = 4*DIGIT / obs-year; two digits: 00-49 are 20xx, 50-99 19xx; three: 1900 is added
   RFC 5322 3.3, 4.3 */
static bool
take_year(struct bytes *in, int *year)
{
	size_t count;

	if (!take_digits(in, 4, year, &count) || count < 2)
		return false;
	if (count == 2)
		*year += *year < 50 ? 2000 : 1900;
	if (count == 3)
		*year += 1900;
	return true;
}

/* time-of-day = hour ":" minute [ ":" second ]      RFC 5322 3.3; obsolete: CFWS around the colons
 */
static bool
take_time(struct bytes *in, struct civil *c)
{
	struct bytes rest = *in, fraction;

	if (!take_small(&rest, 23, &c->hour) || !take_sign(&rest, ':') ||
		!take_small(&rest, 59, &c->minute)) {
		c->hour = c->minute = 0;
		return false;
	}
	*in = rest;
	if (!take_sign(&rest, ':') || !take_small(&rest, 60, &c->second))
		return true;
	if (take_char(&rest, '.'))
		(void)take_class(&rest, CLASS_DIGIT, &fraction);
	*in = rest;
	return true;
}

static const struct {
	struct bytes name;
	int minutes;
} zones[] = {
	{ BYTES_INIT("EDT"), -4 * 60 },
	{ BYTES_INIT("EST"), -5 * 60 },
	{ BYTES_INIT("CDT"), -5 * 60 },
	{ BYTES_INIT("CST"), -6 * 60 },
	{ BYTES_INIT("MDT"), -6 * 60 },
	{ BYTES_INIT("MST"), -7 * 60 },
	{ BYTES_INIT("PDT"), -7 * 60 },
	{ BYTES_INIT("PST"), -8 * 60 },
};

/* obs-zone = "UT" / "GMT" / "EST" / …; military and unknown ones count as -0000      RFC 5322 4.3
 */
static int
zone_of_name(struct bytes name)
{
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (bytes_equal_nocase(name, zones[i].name))
			return zones[i].minutes;
	return 0;
}

/* zone = (FWS ( "+" / "-" ) 4DIGIT) / obs-zone      RFC 5322 3.3; also "+hh:mm" and "+h" */
static int
take_zone(struct bytes *in)
{
	bool is_west = take_sign(in, '-');
	int hours = 0, minutes = 0;
	size_t count = 0;
	struct bytes name;

	if (!is_west && !take_sign(in, '+'))
		return take_word(in, &name) ? zone_of_name(name) : 0;
	if (!take_digits(in, 4, &hours, &count))
		return 0;
	if (count > 2) {
		minutes = hours % 100;
		hours /= 100;
	} else if (take_char(in, ':')) {
		(void)take_small(in, 59, &minutes);
	}
	if (minutes > 59)
		return 0;
	return (is_west ? -1 : 1) * (hours * 60 + minutes);
}

static bool
is_day_of_month(const struct civil *c)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

	return c->day >= 1 && c->day <= days[c->month - 1] &&
	       (c->month != 2 || c->day < 29 || is_leap);
}

/* "Feb  7 21:52:25 [zone] 1994": asctime and date(1). */
static bool
take_month_first(struct bytes *in, struct civil *c)
{
	struct bytes word;

	if (!take_month(in, &c->month) || !take_small(in, 31, &c->day))
		return false;
	(void)take_sign(in, ',');
	if (!take_time(in, c))
		return take_year(in, &c->year);
	if (take_word(in, &word))
		c->zone_minutes = zone_of_name(word);
	return take_year(in, &c->year);
}

/* date = day month year      RFC 5322 3.3 */
static bool
take_day_first(struct bytes *in, struct civil *c)
{
	if (!take_small(in, 31, &c->day))
		return false;
	(void)take_sign(in, '-');
	if (!take_month(in, &c->month))
		return false;
	(void)take_sign(in, '-');
	if (!take_year(in, &c->year))
		return false;
	(void)take_sign(in, ',');
	if (take_time(in, c))
		c->zone_minutes = take_zone(in);
	return true;
}

/* day-of-week = ([FWS] day-name) / obs-day-of-week      RFC 5322 3.3 */
static void
take_weekday(struct bytes *in)
{
	struct bytes rest = *in, word;

	if (!take_word(&rest, &word) || clock_month(bytes_sub(word, 0, 3)))
		return;
	(void)take_sign(&rest, ',');
	*in = rest;
}

/* date-time = [ day-of-week "," ] date time [CFWS]      RFC 5322 3.3 */
bool
rfc5322_parse_date(struct bytes value, struct rfc5322_date *out)
{
	struct civil c = { 0 };
	struct bytes rest;

	take_weekday(&value);
	rest = value;
	if (!take_day_first(&rest, &c)) {
		c = (struct civil){ 0 };
		if (!take_month_first(&value, &c))
			return false;
	}
	if (!is_day_of_month(&c))
		return false;
	*out = (struct rfc5322_date){ .unix_s = clock_unix(&c), .zone_minutes = c.zone_minutes };
	return true;
}
