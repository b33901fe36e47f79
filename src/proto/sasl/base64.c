#include "proto/sasl/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of a character, or -1. */
static int
value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Characters of a group of four that are not padding: 2 to 4. */
static size_t
unpadded(const uint8_t *group)
{
	if (group[3] != '=')
		return 4;
	return group[2] != '=' ? 3 : 2;
}

/* The octets of one group; how many, or 0 when it is malformed. */
static size_t
decode_group(const uint8_t *group, bool is_last, uint8_t out[3])
{
	size_t used = is_last ? unpadded(group) : 4;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < used ? value_of(group[i]) : 0;

		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
	}
	/* RFC 4648 3.5: two texts must not stand for the same octets. */
	if (bits & (used == 2 ? 0xffffu : used == 3 ? 0xffu : 0u))
		return 0;
	for (size_t i = 0; i < 3; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return used - 1;
}

bool
sasl_take_base64(struct bytes in, struct buf *out)
{
	size_t before = out->len;

	if (in.len % 4)
		return false;
	for (size_t at = 0; at < in.len; at += 4) {
		uint8_t octets[3];
		size_t count = decode_group(in.ptr + at, at + 4 == in.len, octets);

		if (count == 0) {
			out->len = before;
			return false;
		}
		put_bytes(out, bytes_of(octets, count));
	}
	return !out->has_failed;
}

void
sasl_put_base64(struct buf *out, struct bytes in)
{
	while (in.len) {
		struct bytes group = bytes_sub(in, 0, 3);
		uint32_t bits = 0;
		char text[4] = { '=', '=', '=', '=' };

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < group.len ? group.ptr[i] : 0u);
		for (size_t i = 0; i <= group.len; i++)
			text[i] = alphabet[bits >> (18 - 6 * i) & 63];
		put_bytes(out, bytes_of(text, sizeof text));
		in = bytes_sub(in, group.len, in.len);
	}
}
