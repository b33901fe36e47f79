#include "base/buf.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 128 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_init_fixed(struct buf *b, void *ptr, size_t size)
{
	*b = (struct buf){ .ptr = ptr, .size = size, .max = size };
}

void
buf_done(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

void
buf_done_secret(struct buf *b)
{
	memory_wipe(b->ptr, b->size);
	buf_done(b);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->has_failed = false;
}

void
buf_drop(struct buf *b, size_t count)
{
	if (count >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->ptr, b->ptr + count, b->len - count);
	b->len -= count;
}

struct bytes
buf_bytes(const struct buf *b)
{
	return bytes_of(b->ptr, b->len);
}

/* A new block instead of realloc, so that a secret never stays behind in the old one. */
static void
grow(struct buf *b, size_t needed)
{
	size_t size = b->size ? b->size : BUF_FIRST;
	uint8_t *ptr;

	while (size < needed)
		size *= 2;
	if (size > b->max)
		size = b->max;
	ptr = memory_new(size);
	if (b->len)
		memcpy(ptr, b->ptr, b->len);
	memory_wipe(b->ptr, b->len);
	free(b->ptr);
	b->ptr = ptr;
	b->size = size;
}

uint8_t *
buf_room(struct buf *b, size_t count)
{
	if (b->has_failed || count > b->max - b->len) {
		b->has_failed = true;
		return NULL;
	}
	if (count > b->size - b->len)
		grow(b, b->len + count);
	return b->ptr + b->len;
}

void
buf_added(struct buf *b, size_t count)
{
	b->len += count;
}

void
put_bytes(struct buf *b, struct bytes in)
{
	uint8_t *to = in.len ? buf_room(b, in.len) : NULL;

	if (!to)
		return;
	memcpy(to, in.ptr, in.len);
	b->len += in.len;
}

void
put_text(struct buf *b, const char *text)
{
	put_bytes(b, bytes_text(text));
}

void
put_char(struct buf *b, uint8_t c)
{
	put_bytes(b, bytes_of(&c, 1));
}

void
put_number(struct buf *b, uint64_t value)
{
	uint8_t digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value);
	put_bytes(b, bytes_of(digits + at, sizeof digits - at));
}

/* vsnprintf also writes a NUL, which is not counted: what leaves no room for that goes through memory of its own. */
static void __attribute__((format(printf, 3, 0)))
put_long_format(struct buf *b, size_t len, const char *format, va_list args)
{
	char *to = memory_new(len + 1);

	(void)vsnprintf(to, len + 1, format, args);
	put_bytes(b, bytes_of(to, len));
	free(to);
}

void
put_format(struct buf *b, const char *format, ...)
{
	size_t room = b->size - b->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(room ? (char *)b->ptr + b->len : NULL, room, format, args);
	va_end(args);
	if (len < 0 || b->has_failed) {
		b->has_failed = true;
	} else if ((size_t)len < room) {
		b->len += (size_t)len;
	} else {
		va_start(args, format);
		put_long_format(b, (size_t)len, format, args);
		va_end(args);
	}
}

static void
put_little_endian(struct buf *b, uint64_t value, size_t octets)
{
	uint8_t out[8];

	for (size_t i = 0; i < octets; i++)
		out[i] = (uint8_t)(value >> (8 * i));
	put_bytes(b, bytes_of(out, octets));
}

/* C0, DEL, C1, and the characters of Bidi_Control, Zl and Zp. */
static bool
is_obeyed(uint32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

void
put_harmless(struct buf *b, struct bytes in, enum harmless how)
{
	while (in.len) {
		struct bytes rest = bytes_sub(in, 1, in.len), sound = in;
		uint32_t c = in.ptr[0];
		bool is_sound = take_utf8(&sound, &c);
		struct bytes octets = bytes_between(in, is_sound ? sound : rest);

		if (how != HARMLESS_PLAIN && (c == '"' || c == '\\'))
			put_format(b, "\\%c", (int)c);
		else if (is_sound && !is_obeyed(c))
			put_bytes(b, octets);
		else if (how == HARMLESS_JSON)
			put_format(b, "\\u%04x", c);
		else
			for (size_t i = 0; i < octets.len; i++)
				put_format(b, "\\x%02x", octets.ptr[i]);
		in = bytes_sub(in, octets.len, in.len);
	}
}

void
put_u8(struct buf *b, uint8_t value)
{
	put_little_endian(b, value, 1);
}

void
put_u16(struct buf *b, uint16_t value)
{
	put_little_endian(b, value, 2);
}

void
put_u32(struct buf *b, uint32_t value)
{
	put_little_endian(b, value, 4);
}

void
put_u64(struct buf *b, uint64_t value)
{
	put_little_endian(b, value, 8);
}

static bool
take_little_endian(struct bytes *in, size_t octets, uint64_t *value)
{
	struct bytes raw;

	if (!take_octets(in, octets, &raw))
		return false;
	*value = 0;
	for (size_t i = 0; i < octets; i++)
		*value |= (uint64_t)raw.ptr[i] << (8 * i);
	return true;
}

bool
take_u8(struct bytes *in, uint8_t *value)
{
	uint64_t wide;

	if (!take_little_endian(in, 1, &wide))
		return false;
	*value = (uint8_t)wide;
	return true;
}

bool
take_u16(struct bytes *in, uint16_t *value)
{
	uint64_t wide;

	if (!take_little_endian(in, 2, &wide))
		return false;
	*value = (uint16_t)wide;
	return true;
}

bool
take_u32(struct bytes *in, uint32_t *value)
{
	uint64_t wide;

	if (!take_little_endian(in, 4, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

bool
take_u64(struct bytes *in, uint64_t *value)
{
	return take_little_endian(in, 8, value);
}
