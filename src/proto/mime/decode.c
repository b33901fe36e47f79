#include "proto/mime/decode.h"

enum { NOT_BASE64 = 0x80, CHUNK = 4096 };

/* The value of a digit of RFC 2045 6.8, table 1. */
static const uint8_t base64_values[256] = {
#define N NOT_BASE64
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, 62, N, N, N, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, N, N, N, N, N, N,
	N, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, N, N, N, N, N,
	N, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
#undef N
};

/* Groups of four digits without anything between them, as many as there are and fit. */
static size_t
decode_groups(const uint8_t *in, size_t len, uint8_t *to, size_t *made)
{
	size_t at = 0, out = 0;

	for (; len - at >= 4 && out + 3 <= CHUNK; at += 4, out += 3) {
		uint32_t a = base64_values[in[at]], b = base64_values[in[at + 1]];
		uint32_t c = base64_values[in[at + 2]], d = base64_values[in[at + 3]];
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;

		if ((a | b | c | d) & NOT_BASE64)
			break;
		to[out] = (uint8_t)(bits >> 16);
		to[out + 1] = (uint8_t)(bits >> 8);
		to[out + 2] = (uint8_t)bits;
	}
	*made = out;
	return at;
}

/* One group with other octets in it: up to four digits or the "=" that ends it. */
static size_t
decode_loose_group(struct bytes in, struct buf *out)
{
	uint32_t bits = 0;
	size_t at = 0, digits = 0;

	for (; at < in.len && digits < 4; at++) {
		uint8_t value = base64_values[in.ptr[at]];

		if (value != NOT_BASE64) {
			bits = bits << 6 | value;
			digits++;
		} else if (in.ptr[at] == '=' && digits) {
			at++;
			break;
		}
	}
	for (size_t i = digits; i < 4; i++)
		bits <<= 6;
	for (size_t i = 0; i + 1 < digits; i++)
		put_char(out, (uint8_t)(bits >> (16 - 8 * i)));
	return at;
}

void
put_base64_decoded(struct buf *out, struct bytes in)
{
	uint8_t chunk[CHUNK];

	while (in.len && !out->has_failed) {
		size_t made, taken = decode_groups(in.ptr, in.len, chunk, &made);

		put_bytes(out, bytes_of(chunk, made));
		in = bytes_sub(in, taken, in.len);
		if (made == 0)
			in = bytes_sub(in, decode_loose_group(in, out), in.len);
	}
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = byte_upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* hex-octet = "=" 2(DIGIT / "A" / … / "F"); lower case is read too      RFC 2045 6.7
   ext-octet = "%" 2(DIGIT / "A" / … / "F")      RFC 2231 7 */
static bool
take_hex_octet(struct bytes *in, uint8_t escape, uint8_t *octet)
{
	int high, low;

	if (in->len < 3 || in->ptr[0] != escape)
		return false;
	high = hex_value(in->ptr[1]);
	low = hex_value(in->ptr[2]);
	if (high < 0 || low < 0)
		return false;
	*octet = (uint8_t)(high * 16 + low);
	*in = bytes_sub(*in, 3, in->len);
	return true;
}

static void
put_hex_decoded(struct buf *out, struct bytes in, uint8_t escape)
{
	while (in.len) {
		size_t plain = bytes_find_char(in, escape);
		uint8_t octet;

		put_bytes(out, bytes_sub(in, 0, plain));
		in = bytes_sub(in, plain, in.len);
		if (take_hex_octet(&in, escape, &octet)) {
			put_char(out, octet);
		} else if (in.len) {
			put_char(out, escape);
			in = bytes_sub(in, 1, in.len);
		}
	}
}

/* RFC 2045 6.7 (3): white space at the end of a line was not there when it was encoded. (5): a "=" at the
   end takes the line end with it. */
static void
put_quoted_line(struct buf *out, struct bytes line, struct bytes line_end)
{
	while (line.len && byte_is_class(line.ptr[line.len - 1], CLASS_SPACE))
		line.len--;
	if (line.len && line.ptr[line.len - 1] == '=') {
		line.len--;
		line_end = BYTES_NONE;
	}
	put_hex_decoded(out, line, '=');
	put_bytes(out, line_end);
}

void
put_quoted_printable_decoded(struct buf *out, struct bytes in)
{
	while (in.len && !out->has_failed) {
		size_t lf = bytes_find_char(in, '\n');
		size_t end = lf < in.len && lf && in.ptr[lf - 1] == '\r' ? lf - 1 : lf;

		put_quoted_line(out, bytes_sub(in, 0, end), bytes_sub(bytes_sub(in, 0, lf + 1), end, 2));
		in = bytes_sub(in, lf + 1, in.len);
	}
}

/* "_" stands for octet 20; others as in quoted-printable      RFC 2047 4.2 */
void
put_q_decoded(struct buf *out, struct bytes in)
{
	while (in.len) {
		size_t at = bytes_find_char(in, '_');

		put_hex_decoded(out, bytes_sub(in, 0, at), '=');
		if (at < in.len)
			put_char(out, ' ');
		in = bytes_sub(in, at + 1, in.len);
	}
}

void
put_percent_decoded(struct buf *out, struct bytes in)
{
	put_hex_decoded(out, in, '%');
}
