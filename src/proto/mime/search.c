#include "proto/mime/search.h"

#include <string.h>
#include <utf8proc.h>

/* Marks on one character that are put into their canonical order; more stay as they come. */
enum { MARKS_MAX = 32, DECOMPOSED_MAX = 32, CHUNK = 16384 };

struct marks {
	utf8proc_int32_t at[MARKS_MAX];
	size_t count;
};

static utf8proc_propval_t
combining_class(utf8proc_int32_t c)
{
	return utf8proc_get_property(c)->combining_class;
}

static void
put_codepoint(struct buf *out, utf8proc_int32_t c)
{
	utf8proc_uint8_t octets[4];

	put_bytes(out, bytes_of(octets, (size_t)utf8proc_encode_char(c, octets)));
}

static void
flush_marks(struct marks *marks, struct buf *out)
{
	for (size_t i = 0; i < marks->count; i++)
		put_codepoint(out, marks->at[i]);
	marks->count = 0;
}

/* Canonical Ordering Algorithm (Unicode 3.11, D109): marks behind a starter by their class, stable.
 */
static void
add_codepoint(struct marks *marks, utf8proc_int32_t c, struct buf *out)
{
	utf8proc_propval_t class = combining_class(c);
	size_t at;

	if (class == 0 || marks->count == MARKS_MAX)
		flush_marks(marks, out);
	if (class == 0) {
		put_codepoint(out, c);
		return;
	}
	for (at = marks->count++; at && combining_class(marks->at[at - 1]) > class; at--)
		marks->at[at] = marks->at[at - 1];
	marks->at[at] = c;
}

/* The characters at the front that are not ASCII. */
static size_t
fold_high(struct bytes in, struct marks *marks, struct buf *out)
{
	utf8proc_int32_t c, parts[DECOMPOSED_MAX];
	utf8proc_ssize_t len, count;
	int boundary = 0;

	len = utf8proc_iterate(in.ptr, (utf8proc_ssize_t)in.len, &c);
	if (len <= 0) {
		flush_marks(marks, out);
		put_char(out, in.ptr[0]);
		return 1;
	}
	count = utf8proc_decompose_char(c, parts, DECOMPOSED_MAX,
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, &boundary);
	if (count < 0 || count > DECOMPOSED_MAX) {
		count = 1;
		parts[0] = c;
	}
	for (utf8proc_ssize_t i = 0; i < count; i++)
		add_codepoint(marks, parts[i], out);
	return (size_t)len;
}

static const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;

static size_t
ascii_octets(struct bytes in)
{
	size_t at = 0;

	for (; in.len - at >= 8; at += 8) {
		uint64_t word;

		memcpy(&word, in.ptr + at, sizeof word);
		if (word & highs)
			break;
	}
	while (at < in.len && in.ptr[at] < 0x80)
		at++;
	return at;
}

/* ASCII alone, eight octets at a time: a sum has its high bit when the octet is "A" or more, and
   when it is more than "Z". */
static void
fold_ascii(const uint8_t *in, size_t len, uint8_t *to)
{
	size_t at = 0;

	for (; len - at >= 8; at += 8) {
		uint64_t word, capitals;

		memcpy(&word, in + at, sizeof word);
		capitals = (word + ones * (0x80 - 'A')) & ~(word + ones * (0x7f - 'Z')) & highs;
		word |= capitals >> 2;
		memcpy(to + at, &word, sizeof word);
	}
	for (; at < len; at++)
		to[at] = byte_lower(in[at]);
}

void
put_folded(struct buf *out, struct bytes utf8)
{
	struct marks marks = { .count = 0 };

	while (utf8.len && !out->has_failed) {
		size_t len = ascii_octets(utf8);
		uint8_t *to;

		if (len == 0) {
			utf8 = bytes_sub(utf8, fold_high(utf8, &marks, out), utf8.len);
			continue;
		}
		flush_marks(&marks, out);
		to = buf_room(out, len);
		if (!to)
			return;
		fold_ascii(utf8.ptr, len, to);
		buf_added(out, len);
		utf8 = bytes_sub(utf8, len, utf8.len);
	}
	flush_marks(&marks, out);
}

/* Where a chunk may end: not within a character, nor before marks that belong to it. */
static size_t
chunk_octets(struct bytes in)
{
	size_t len = CHUNK;

	if (in.len <= CHUNK)
		return in.len;
	while (len > CHUNK / 2 && in.ptr[len] >= 0x80)
		len--;
	if (len > CHUNK / 2)
		return len;
	for (len = CHUNK; len > CHUNK - 4 && (in.ptr[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* The text is folded chunk by chunk; what could be the beginning of the needle stays for the next.
 */
bool
text_contains(struct bytes haystack_utf8, struct bytes needle_utf8_folded)
{
	struct bytes needle = needle_utf8_folded;
	struct buf folded;
	bool is_found = needle.len == 0;

	buf_init(&folded, SIZE_MAX);
	while (haystack_utf8.len && !is_found) {
		size_t len = chunk_octets(haystack_utf8);

		if (folded.len >= needle.len)
			buf_drop(&folded, folded.len - needle.len + 1);
		put_folded(&folded, bytes_sub(haystack_utf8, 0, len));
		haystack_utf8 = bytes_sub(haystack_utf8, len, haystack_utf8.len);
		is_found = folded.len >= needle.len &&
			   bytes_find(buf_bytes(&folded), needle) < folded.len - needle.len + 1;
	}
	buf_done(&folded);
	return is_found;
}
