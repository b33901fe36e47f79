#include "proto/smtp/by.h"

enum { TIME_DIGITS_MAX = 9, TIME_MAX = 999999999 };

/* by-time = ["-" / "+"] 1*9digit */
static bool
take_by_time(struct bytes *in, int64_t *out)
{
	struct bytes rest = *in, digits;
	bool is_negative = take_char(&rest, '-');
	uint64_t number;

	if (!is_negative)
		(void)take_char(&rest, '+');
	if (!take_class(&rest, CLASS_DIGIT, &digits) || digits.len > TIME_DIGITS_MAX || !take_number(&digits, TIME_MAX, &number))
		return false;
	*out = is_negative ? -(int64_t)number : (int64_t)number;
	*in = rest;
	return true;
}

/* by-value = by-time ";" by-mode [by-trace];  by-mode = "N" / "R";  by-trace = "T"      RFC 2852 4 */
bool
smtp_parse_by(struct bytes value, struct smtp_by *out)
{
	struct smtp_by by = { .mode = SMTP_BY_UNSAID };

	if (!take_by_time(&value, &by.within_s) || !take_char(&value, ';'))
		return false;
	if (take_text_nocase(&value, BYTES("R")))
		by.mode = SMTP_BY_RETURN;
	else if (take_text_nocase(&value, BYTES("N")))
		by.mode = SMTP_BY_NOTIFY;
	by.has_trace = take_text_nocase(&value, BYTES("T"));
	/* RFC 2852 4: with R a time of zero or less is refused. */
	if (by.mode == SMTP_BY_UNSAID || value.len || (by.mode == SMTP_BY_RETURN && by.within_s <= 0))
		return false;
	*out = by;
	return true;
}

void
smtp_put_by(struct buf *out, const struct smtp_by *by)
{
	int64_t within_s = by->within_s > TIME_MAX ? TIME_MAX : by->within_s < -TIME_MAX ? -TIME_MAX : by->within_s;

	if (by->mode == SMTP_BY_UNSAID)
		return;
	put_format(out, "BY=%lld;%c%s", (long long)within_s, by->mode == SMTP_BY_RETURN ? 'R' : 'N', by->has_trace ? "T" : "");
}
