#include "proto/rfc5322/date.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A date that is read prints as one that is read as the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rfc5322_date date, again;
	struct civil c;
	struct buf text;

	if (!rfc5322_parse_date(bytes_of(data, size), &date))
		return 0;
	c = clock_civil(date.unix_s, date.zone_minutes);
	if (c.year < 1000 || c.year > 9999)
		return 0;
	buf_init(&text, 100);
	clock_put_rfc5322(&text, date.unix_s, date.zone_minutes);
	assert(rfc5322_parse_date(buf_bytes(&text), &again));
	assert(again.unix_s == date.unix_s && again.zone_minutes == date.zone_minutes);
	buf_done(&text);
	return 0;
}
