#include "config/unit.h"

struct unit {
	struct bytes name;
	uint64_t factor;
};

/* The largest first. */
static const struct unit sizes[] = {
	{ BYTES_INIT("G"), 1024 * 1024 * 1024 },
	{ BYTES_INIT("M"), 1024 * 1024 },
	{ BYTES_INIT("K"), 1024 },
	{ BYTES_INIT(""), 1 },
};
static const struct unit times[] = {
	{ BYTES_INIT("d"), 24 * 3600 * 1000 },
	{ BYTES_INIT("h"), 3600 * 1000 },
	{ BYTES_INIT("m"), 60 * 1000 },
	{ BYTES_INIT("s"), 1000 },
	{ BYTES_INIT("ms"), 1 },
	{ BYTES_INIT(""), 1000 },
};

enum { SIZE_UNITS = sizeof sizes / sizeof sizes[0], TIME_UNITS = sizeof times / sizeof times[0] };

static bool
multiply(uint64_t number, const struct unit *unit, uint64_t *out)
{
	return !__builtin_mul_overflow(number, unit->factor, out);
}

bool
unit_parse_size(struct bytes text, uint64_t *octets)
{
	uint64_t number;

	if (!take_number(&text, UINT64_MAX, &number))
		return false;
	for (size_t i = 0; i < SIZE_UNITS; i++)
		if (bytes_equal_nocase(text, sizes[i].name))
			return multiply(number, &sizes[i], octets);
	return false;
}

bool
unit_parse_time(struct bytes text, uint64_t *ms)
{
	uint64_t number;

	if (!take_number(&text, UINT64_MAX, &number))
		return false;
	for (size_t i = 0; i < TIME_UNITS; i++)
		if (bytes_equal(text, times[i].name))
			return multiply(number, &times[i], ms);
	return false;
}

static void
put_with_unit(struct buf *out, uint64_t value, const struct unit *units)
{
	while (value == 0 ? units->factor != 1 : value % units->factor != 0)
		units++;
	put_number(out, value / units->factor);
	put_bytes(out, units->name);
}

void
unit_put_size(struct buf *out, uint64_t octets)
{
	put_with_unit(out, octets, sizes);
}

void
unit_put_time(struct buf *out, uint64_t ms)
{
	put_with_unit(out, ms, times);
}
