/* Time as a value: who needs it is handed it.  Reading the clock is sys/time.h's. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

/* wall: since 1970-01-01 UTC; mono: since some start, never goes back. */
struct moment {
	int64_t wall_us;
	int64_t mono_us;
};

/* A broken-down time; zone_minutes east of UTC. */
struct civil {
	int year;
	int month; /* 1-12 */
	int day; /* 1-31 */
	int hour;
	int minute;
	int second; /* 0-60 */
	int weekday; /* 0 = Sunday */
	int zone_minutes;
};

/* Seconds since 1970 as local time of the zone, and back.  Any int64_t of years 0-9999. */
struct civil clock_civil(int64_t unix_s, int zone_minutes);
int64_t clock_unix(const struct civil *c);
/* "Mon, 07 Feb 1994 21:52:25 -0800": RFC 5322 3.3. */
void clock_put_rfc5322(struct buf *b, int64_t unix_s, int zone_minutes);
/* "07-Feb-1994 21:52:25 -0800" (the day padded with a space): RFC 3501 9 date-time. */
void clock_put_imap(struct buf *b, int64_t unix_s, int zone_minutes);
/* "1994-02-07T21:52:25.123456Z": RFC 3339. */
void clock_put_rfc3339(struct buf *b, int64_t unix_us);
/* The same in whole seconds: "1994-02-07T21:52:25Z". */
void clock_put_rfc3339_s(struct buf *b, int64_t unix_s);
/* Takes a date-time of RFC 3339 5.6 from the front of *in; its fraction counts for nothing.  False: *in and *unix_s are as they were. */
bool clock_take_rfc3339(struct bytes *in, int64_t *unix_s) __attribute__((warn_unused_result));
/* "Jan" … "Dec" without regard to case: 1-12, or 0. */
int clock_month(struct bytes name);

#endif
