#include "base/bytes.h"

#include <string.h>

#define A (CLASS_ALPHA | CLASS_ATEXT | CLASS_PRINT | CLASS_IMAP_ATOM | CLASS_TOKEN | CLASS_QTEXT | CLASS_FTEXT)
#define X (A | CLASS_HEX)
#define D (CLASS_DIGIT | CLASS_HEX | CLASS_ATEXT | CLASS_PRINT | CLASS_IMAP_ATOM | CLASS_TOKEN | CLASS_QTEXT | CLASS_FTEXT)
/* Printable, and: a(text), i(map atom), t(oken). */
#define P (CLASS_PRINT | CLASS_QTEXT | CLASS_FTEXT)
#define Pait (P | CLASS_ATEXT | CLASS_IMAP_ATOM | CLASS_TOKEN)
#define Pa_t (P | CLASS_ATEXT | CLASS_TOKEN)
#define P_i_ (P | CLASS_IMAP_ATOM)
#define P_it (P | CLASS_IMAP_ATOM | CLASS_TOKEN)
#define Pa__ (P | CLASS_ATEXT)
#define Pai_ (P | CLASS_ATEXT | CLASS_IMAP_ATOM)
#define C CLASS_CONTROL
#define H CLASS_HIGH

static const uint16_t classes_of[256] = {
	/* 00 */ C, C, C, C, C, C, C, C, C, C | CLASS_SPACE, C, C, C, C, C, C,
	/* 10 */ C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
	/* SP ! " # $ % & ' */
	CLASS_PRINT | CLASS_SPACE, Pait, CLASS_PRINT | CLASS_FTEXT, Pait, Pait, Pa_t, Pait, Pait,
	/* ( ) * + , - . / */
	P, P, Pa_t, Pait, P_i_, Pait, P_it, Pai_,
	/* 0-9 */
	D, D, D, D, D, D, D, D, D, D,
	/* : ; < = > ? */
	(P | CLASS_IMAP_ATOM) & ~CLASS_FTEXT, P_i_, P_i_, Pai_, P_i_, Pai_,
	/* @ A-O */
	P_i_, X, X, X, X, X, X, A, A, A, A, A, A, A, A, A,
	/* P-Z [ \ ] ^ _ */
	A, A, A, A, A, A, A, A, A, A, A, P_i_, CLASS_PRINT | CLASS_FTEXT, P, Pait, Pait,
	/* ` a-o */
	Pait, X, X, X, X, X, X, A, A, A, A, A, A, A, A, A,
	/* p-z { | } ~ DEL */
	A, A, A, A, A, A, A, A, A, A, A, Pa_t, Pait, Pait, Pait, C,
	/* 80-ff */
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};

#undef A
#undef X
#undef D
#undef P
#undef C
#undef H

struct bytes
bytes_text(const char *text)
{
	return text ? bytes_of(text, strlen(text)) : BYTES_NONE;
}

struct bytes
bytes_of(const void *ptr, size_t len)
{
	return (struct bytes){ ptr, len };
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

uint8_t
byte_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

uint8_t
byte_upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

bool
bytes_equal_nocase(struct bytes a, struct bytes b)
{
	return a.len == b.len && bytes_starts_nocase(a, b);
}

bool
bytes_equal_secret(struct bytes a, struct bytes b)
{
	volatile uint8_t differ = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differ = (uint8_t)(differ | (a.ptr[i] ^ b.ptr[i]));
	return differ == 0;
}

int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool
bytes_starts(struct bytes in, struct bytes prefix)
{
	return in.len >= prefix.len && bytes_equal(bytes_sub(in, 0, prefix.len), prefix);
}

bool
bytes_starts_nocase(struct bytes in, struct bytes prefix)
{
	if (in.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++)
		if (byte_lower(in.ptr[i]) != byte_lower(prefix.ptr[i]))
			return false;
	return true;
}

bool
bytes_ends_nocase(struct bytes in, struct bytes suffix)
{
	return in.len >= suffix.len &&
		bytes_equal_nocase(bytes_sub(in, in.len - suffix.len, suffix.len), suffix);
}

struct bytes
bytes_sub(struct bytes in, size_t from, size_t len)
{
	if (from >= in.len)
		return (struct bytes){ in.ptr ? in.ptr + in.len : NULL, 0 };
	return (struct bytes){ in.ptr + from, len < in.len - from ? len : in.len - from };
}

struct bytes
bytes_between(struct bytes all, struct bytes rest)
{
	return (struct bytes){ all.ptr, all.len - rest.len };
}

size_t
bytes_find_char(struct bytes in, uint8_t c)
{
	const uint8_t *at = in.len ? memchr(in.ptr, c, in.len) : NULL;

	return at ? (size_t)(at - in.ptr) : in.len;
}

size_t
bytes_find_last_char(struct bytes in, uint8_t c)
{
	const uint8_t *at = in.len ? memrchr(in.ptr, c, in.len) : NULL;

	return at ? (size_t)(at - in.ptr) : in.len;
}

size_t
bytes_find(struct bytes in, struct bytes what)
{
	const uint8_t *at;

	if (what.len == 0)
		return 0;
	if (in.len < what.len)
		return in.len;
	at = memmem(in.ptr, in.len, what.ptr, what.len);
	return at ? (size_t)(at - in.ptr) : in.len;
}

static bool
is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes
bytes_trim(struct bytes in)
{
	while (in.len && is_white(in.ptr[0]))
		in = bytes_sub(in, 1, in.len);
	while (in.len && is_white(in.ptr[in.len - 1]))
		in.len--;
	return in;
}

bool
byte_is_class(uint8_t c, unsigned int classes)
{
	return (classes_of[c] & classes) != 0;
}

bool
bytes_all_class(struct bytes in, unsigned int classes)
{
	for (size_t i = 0; i < in.len; i++)
		if (!byte_is_class(in.ptr[i], classes))
			return false;
	return true;
}

bool
bytes_is_ascii(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] & 0x80)
			return false;
	return true;
}

/* UTF8-2 / UTF8-3 / UTF8-4 of RFC 3629 4: how many octets a character takes, 0 when malformed. */
static size_t
utf8_length(struct bytes in)
{
	uint8_t first = in.ptr[0], low = 0x80, high = 0xbf;
	size_t len;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (in.len < len)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	if (first == 0xed)
		high = 0x9f;
	if (first == 0xf0)
		low = 0x90;
	if (first == 0xf4)
		high = 0x8f;
	if (in.ptr[1] < low || in.ptr[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((in.ptr[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
bytes_is_utf8(struct bytes in)
{
	while (in.len) {
		size_t len = utf8_length(in);

		if (len == 0)
			return false;
		in = bytes_sub(in, len, in.len);
	}
	return true;
}

bool
take_utf8(struct bytes *in, uint32_t *character)
{
	static const uint8_t bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = in->len ? utf8_length(*in) : 0;

	if (len == 0)
		return false;
	*character = in->ptr[0] & bits[len];
	for (size_t i = 1; i < len; i++)
		*character = *character << 6 | (in->ptr[i] & 0x3f);
	*in = bytes_sub(*in, len, in->len);
	return true;
}

bool
take_char(struct bytes *in, uint8_t c)
{
	if (in->len == 0 || in->ptr[0] != c)
		return false;
	*in = bytes_sub(*in, 1, in->len);
	return true;
}

bool
take_text(struct bytes *in, struct bytes text)
{
	if (!bytes_starts(*in, text))
		return false;
	*in = bytes_sub(*in, text.len, in->len);
	return true;
}

bool
take_text_nocase(struct bytes *in, struct bytes text)
{
	if (!bytes_starts_nocase(*in, text))
		return false;
	*in = bytes_sub(*in, text.len, in->len);
	return true;
}

bool
take_class(struct bytes *in, unsigned int classes, struct bytes *out)
{
	size_t len = 0;

	while (len < in->len && byte_is_class(in->ptr[len], classes))
		len++;
	if (len == 0)
		return false;
	*out = bytes_sub(*in, 0, len);
	*in = bytes_sub(*in, len, in->len);
	return true;
}

bool
take_dotted(struct bytes *in, unsigned int classes, struct bytes *out)
{
	struct bytes rest = *in, run;

	do {
		if (!take_class(&rest, classes, &run))
			return false;
	} while (take_char(&rest, '.'));
	*out = bytes_between(*in, rest);
	*in = rest;
	return true;
}

bool
bytes_is_dotted(struct bytes in, unsigned int classes)
{
	struct bytes dotted;

	return take_dotted(&in, classes, &dotted) && in.len == 0;
}

bool
take_octets(struct bytes *in, size_t count, struct bytes *out)
{
	if (in->len < count)
		return false;
	*out = bytes_sub(*in, 0, count);
	*in = bytes_sub(*in, count, in->len);
	return true;
}

bool
take_number(struct bytes *in, uint64_t max, uint64_t *out)
{
	struct bytes rest = *in, digits;
	uint64_t value = 0;

	if (!take_class(&rest, CLASS_DIGIT, &digits))
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		uint64_t digit = (uint64_t)(digits.ptr[i] - '0');

		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	*in = rest;
	return true;
}

void
take_spaces(struct bytes *in)
{
	struct bytes ignored;

	(void)take_class(in, CLASS_SPACE, &ignored);
}

struct bytes
take_until(struct bytes *in, uint8_t c)
{
	size_t at = bytes_find_char(*in, c);
	struct bytes out = bytes_sub(*in, 0, at);

	*in = bytes_sub(*in, at + 1, in->len);
	return out;
}
