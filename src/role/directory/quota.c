#include "role/directory/quota.h"

/* A signed number of 64 bits is what other programs make of it. */
#define OCTETS_MAX ((uint64_t)INT64_MAX)

/* unit = "" / "K" / "M" / "G" / "T" */
static unsigned int
take_shift(struct bytes *in)
{
	static const struct {
		struct bytes name;
		unsigned int shift;
	} units[] = { { BYTES_INIT("K"), 10 }, { BYTES_INIT("M"), 20 }, { BYTES_INIT("G"), 30 }, { BYTES_INIT("T"), 40 } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (take_text_nocase(in, units[i].name))
			return units[i].shift;
	return 0;
}

/* size = 1*DIGIT unit ["B"] */
static bool
take_size(struct bytes *in, uint64_t *octets)
{
	struct bytes rest = *in;
	unsigned int shift;
	uint64_t number;

	if (!take_number(&rest, OCTETS_MAX, &number))
		return false;
	shift = take_shift(&rest);
	(void)take_text_nocase(&rest, BYTES("B"));
	if (number > OCTETS_MAX >> shift)
		return false;
	*octets = number << shift;
	*in = rest;
	return true;
}

/* part = 1*DIGIT ("S" / "C") */
static bool
take_part(struct bytes *in, struct quota *quota)
{
	uint64_t number;

	if (!take_number(in, OCTETS_MAX, &number))
		return false;
	if (take_text_nocase(in, BYTES("S")))
		quota->octets = number;
	else if (take_text_nocase(in, BYTES("C")))
		quota->messages = number;
	else
		return false;
	return true;
}

/* parts = part *("," part) */
static bool
parse_parts(struct bytes text, struct quota *quota)
{
	struct quota found = { 0 };

	do {
		if (!take_part(&text, &found))
			return false;
	} while (take_char(&text, ','));
	if (text.len)
		return false;
	*quota = found;
	return true;
}

bool
quota_parse(struct bytes text, struct quota *quota)
{
	struct bytes rest = text;
	uint64_t octets;

	if (take_size(&rest, &octets) && rest.len == 0) {
		*quota = (struct quota){ .octets = octets };
		return true;
	}
	return parse_parts(text, quota);
}
