/* Dates (RFC 5322 3.3 with the obsolete forms of 4.3, and what is found in the wild). */
#ifndef RFC5322_DATE_H
#define RFC5322_DATE_H

#include "base/clock.h"

struct rfc5322_date {
	int64_t unix_s;
	int zone_minutes; /* east of UTC, as written; 0 when it says nothing (-0000, unknown names) */
};

/* Reads the value of a Date: field.  False, with *out as it was, when there is no date in it.  Takes also: two-
   and three-digit years, names of zones, a missing day name, time, seconds or zone, the form of asctime, "-"
   between day, month and year. */
bool rfc5322_parse_date(struct bytes value, struct rfc5322_date *out);

#endif
