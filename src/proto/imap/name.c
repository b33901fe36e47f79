#include "proto/imap/name.h"

#include <stddef.h>
#include <string.h>

static const struct {
	struct bytes name;
	const char *use;
} specials[] = {
	{ BYTES_INIT("Drafts"), "\\Drafts" }, { BYTES_INIT("Sent"), "\\Sent" },
	{ BYTES_INIT("Junk"), "\\Junk" }, { BYTES_INIT("Trash"), "\\Trash" },
	{ BYTES_INIT("Archive"), "\\Archive" },
};

const char *
imap_name_special_use(struct bytes name)
{
	for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
		if (bytes_equal(name, specials[i].name))
			return specials[i].use;
	return NULL;
}

static int
base64_value(uint8_t c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One UTF-16 unit after another.  RFC 3501 5.1.3: what can be printed stands for itself. */
static bool
take_unit(uint32_t unit, bool *wants_low)
{
	bool is_low = unit >= 0xdc00 && unit <= 0xdfff;

	if (is_low != *wants_low || (unit >= 0x20 && unit <= 0x7e) || unit == 0)
		return false;
	*wants_low = unit >= 0xd800 && unit <= 0xdbff;
	return true;
}

/* The shifted part: base64 without padding, whole UTF-16 units, the bits left over zero. */
static bool
take_shifted(struct bytes *in)
{
	uint32_t bits = 0, count = 0;
	bool wants_low = false, has_unit = false;

	while (in->len && in->ptr[0] != '-') {
		int value = base64_value(in->ptr[0]);

		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		count += 6;
		*in = bytes_sub(*in, 1, in->len);
		if (count < 16)
			continue;
		count -= 16;
		if (!take_unit(bits >> count & 0xffff, &wants_low))
			return false;
		has_unit = true;
	}
	return has_unit && !wants_low && count < 6 && (bits & ((1U << count) - 1)) == 0 &&
		take_char(in, '-');
}

/* Modified UTF-7: "&-" is "&", "&" … "-" is base64 of UTF-16, and no shift follows another at once. */
static bool
is_modified_utf7(struct bytes in)
{
	bool was_shifted = false;

	while (in.len) {
		if (!take_char(&in, '&')) {
			in = bytes_sub(in, 1, in.len);
			was_shifted = false;
		} else if (take_char(&in, '-')) {
			was_shifted = false;
		} else if (was_shifted || !take_shifted(&in)) {
			return false;
		} else {
			was_shifted = true;
		}
	}
	return true;
}

bool
imap_name_is_valid(struct bytes name)
{
	bool is_level_empty = true;

	if (name.len == 0 || name.len > IMAP_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];

		if (!byte_is_class(c, CLASS_PRINT) || c == '%' || c == '*' || c == '/')
			return false;
		if (c == IMAP_SEPARATOR && is_level_empty)
			return false;
		is_level_empty = c == IMAP_SEPARATOR;
	}
	return !is_level_empty && is_modified_utf7(name);
}

static bool
is_wildcard(uint8_t c)
{
	return c == '*' || c == '%';
}

/* A wildcard may stand for nothing. */
static void
pass_wildcards(struct bytes pattern, bool *reached)
{
	for (size_t p = 0; p < pattern.len; p++)
		reached[p + 1] |= reached[p] && is_wildcard(pattern.ptr[p]);
}

/* One octet of the name.  reached[p]: the first p octets of the pattern match what came so far. */
static void
step(struct bytes pattern, uint8_t c, bool is_caseless, bool *reached)
{
	for (size_t p = pattern.len + 1; p-- > 0;) {
		uint8_t here = p < pattern.len ? pattern.ptr[p] : 0;
		uint8_t before = p ? pattern.ptr[p - 1] : 0;

		if (is_caseless)
			before = byte_upper(before);
		reached[p] = (reached[p] && (here == '*' || (here == '%' && c != IMAP_SEPARATOR))) ||
			(p && reached[p - 1] && !is_wildcard(before) && before == c);
	}
	pass_wildcards(pattern, reached);
}

/* All ways to match at once: a pattern of many wildcards takes as long as any other. */
bool
imap_name_matches(struct bytes pattern, struct bytes name)
{
	/* Of INBOX, and of what is below it, these letters have no case (RFC 3501 5.1). */
	bool is_inbox = bytes_starts(name, BYTES("INBOX")) &&
		(name.len == 5 || name.ptr[5] == IMAP_SEPARATOR);
	size_t caseless = is_inbox ? 5 : 0;
	bool reached[IMAP_PATTERN_MAX + 1] = { true };

	if (pattern.len > IMAP_PATTERN_MAX)
		return false;
	pass_wildcards(pattern, reached);
	for (size_t i = 0; i < name.len; i++)
		step(pattern, name.ptr[i], i < caseless, reached);
	return reached[pattern.len];
}
