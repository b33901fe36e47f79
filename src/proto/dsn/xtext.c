#include "proto/dsn/xtext.h"

enum { CODE_POINT_MAX = 0x10FFFF };

/* xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=" */
static bool
is_xchar(uint8_t c)
{
	return c > 32 && c < 127 && c != '+' && c != '=';
}

/* QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e      RFC 6533 3 */
static bool
is_qchar(uint32_t c)
{
	return c < 127 && is_xchar((uint8_t)c) && c != '\\';
}

static unsigned int
hex_value(uint8_t c)
{
	return (unsigned int)(byte_is_class(c, CLASS_DIGIT) ? c - '0' : byte_lower(c) - 'a' + 10);
}

/* hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits */
static bool
take_hexchar(struct bytes *in, uint8_t *out)
{
	struct bytes rest = *in, digits;

	if (!take_char(&rest, '+') || !take_octets(&rest, 2, &digits))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (!byte_is_class(digits.ptr[i], CLASS_HEX) || byte_upper(digits.ptr[i]) != digits.ptr[i])
			return false;
	*out = (uint8_t)(hex_value(digits.ptr[0]) << 4 | hex_value(digits.ptr[1]));
	*in = rest;
	return true;
}

static bool
take_xtext_octet(struct bytes *in, uint8_t *out)
{
	struct bytes octet;

	if (take_hexchar(in, out))
		return true;
	if (in->len == 0 || !is_xchar(in->ptr[0]) || !take_octets(in, 1, &octet))
		return false;
	*out = octet.ptr[0];
	return true;
}

bool
is_xtext(struct bytes in)
{
	uint8_t octet;

	while (in.len)
		if (!take_xtext_octet(&in, &octet))
			return false;
	return true;
}

void
put_xtext(struct buf *out, struct bytes in)
{
	for (size_t i = 0; i < in.len; i++) {
		if (is_xchar(in.ptr[i]))
			put_char(out, in.ptr[i]);
		else
			put_format(out, "+%02X", in.ptr[i]);
	}
}

bool
put_xtext_decoded(struct buf *out, struct bytes in)
{
	uint8_t octet;

	if (!is_xtext(in))
		return false;
	while (take_xtext_octet(&in, &octet))
		put_char(out, octet);
	return true;
}

/* The octets of one character of well-formed UTF-8, and the character. */
static uint32_t
take_character(struct bytes *in)
{
	uint8_t first = in->ptr[0];
	size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	uint32_t c = len == 1 ? first : first & (0x7Fu >> len);

	for (size_t i = 1; i < len && i < in->len; i++)
		c = c << 6 | (in->ptr[i] & 0x3Fu);
	*in = bytes_sub(*in, len, in->len);
	return c;
}

void
put_utf8_xtext(struct buf *out, struct bytes in)
{
	while (in.len) {
		uint32_t c = take_character(&in);

		if (is_qchar(c))
			put_char(out, (uint8_t)c);
		else
			put_format(out, "\\x{%02X}", c);
	}
}

static void
put_character(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		put_char(out, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		put_char(out, (uint8_t)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			put_char(out, (uint8_t)(0xE0 | c >> 12));
		} else {
			put_char(out, (uint8_t)(0xF0 | c >> 18));
			put_char(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
		}
		put_char(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
	}
	put_char(out, (uint8_t)(0x80 | (c & 0x3F)));
}

/* EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}";  HEXPOINT: two digits at least and no zero before more; neither a
   surrogate nor what may stand for itself      RFC 6533 3 */
static bool
take_embedded(struct bytes *in, uint32_t *out)
{
	struct bytes rest = *in, digits;
	uint32_t c = 0;

	if (!take_text(&rest, BYTES("\\x{")) || !take_class(&rest, CLASS_HEX, &digits) || !take_char(&rest, '}'))
		return false;
	if (digits.len < 2 || digits.len > 6 || (digits.len > 2 && digits.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < digits.len; i++)
		c = c << 4 | hex_value(digits.ptr[i]);
	if (c == 0 || c > CODE_POINT_MAX || (c >= 0xD800 && c < 0xE000) || is_qchar(c))
		return false;
	*out = c;
	*in = rest;
	return true;
}

bool
put_utf8_xtext_decoded(struct buf *out, struct bytes in)
{
	size_t before = out->len;
	uint32_t c;

	if (in.len == 0 || !bytes_is_utf8(in))
		return false;
	while (in.len) {
		if (take_embedded(&in, &c)) {
			put_character(out, c);
			continue;
		}
		c = take_character(&in);
		if (c < 0x80 && !is_qchar(c)) {
			out->len = before;
			return false;
		}
		put_character(out, c);
	}
	return true;
}
