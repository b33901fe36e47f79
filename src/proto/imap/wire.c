#include "proto/imap/wire.h"

#include <string.h>

void
imap_wire_start(struct imap_wire *w, struct bytes octets)
{
	*w = (struct imap_wire){ .rest = octets };
}

static void
drop(struct imap_wire *w, size_t count)
{
	if (count == 0)
		return;
	w->has_cr = w->rest.ptr[count - 1] == '\r';
	w->rest = bytes_sub(w->rest, count, w->rest.len);
}

/* How many octets at the front stand for themselves, up to `most`: all before a LF that has no CR. */
static size_t
plain_octets(const struct imap_wire *w, uint64_t most)
{
	struct bytes in = bytes_sub(w->rest, 0, most < w->rest.len ? (size_t)most : w->rest.len);
	size_t at = 0;

	while (at < in.len) {
		size_t end = at + bytes_find_char(bytes_sub(in, at, in.len), '\n');

		if (end == in.len || !(end ? in.ptr[end - 1] == '\r' : w->has_cr))
			return end;
		at = end + 1;
	}
	return in.len;
}

uint64_t
imap_wire_length(struct bytes octets)
{
	struct imap_wire w;
	uint64_t length = octets.len;

	imap_wire_start(&w, octets);
	for (;;) {
		drop(&w, plain_octets(&w, UINT64_MAX));
		if (!w.rest.len)
			return length;
		drop(&w, 1);
		length++;
	}
}

/* One octet of a CRLF that the file has as LF. */
static uint8_t
take_line_end(struct imap_wire *w)
{
	w->owes_lf = !w->owes_lf;
	if (w->owes_lf)
		return '\r';
	drop(w, 1);
	return '\n';
}

void
imap_wire_skip(struct imap_wire *w, uint64_t octets)
{
	while (octets && (w->rest.len || w->owes_lf)) {
		size_t plain = w->owes_lf ? 0 : plain_octets(w, octets);

		drop(w, plain);
		octets -= plain;
		if (octets && w->rest.len) {
			(void)take_line_end(w);
			octets--;
		}
	}
}

/* CHAR8 = %x01-ff      RFC 3501 9: no literal has a NUL, and a file of another program may. */
static void
put_plain(uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t *nul;

	memcpy(to, from, len);
	for (uint8_t *end = to + len; (nul = memchr(to, 0, (size_t)(end - to))) != NULL; to = nul + 1)
		*nul = '?';
}

size_t
imap_wire_put(struct imap_wire *w, struct buf *out, size_t most)
{
	uint8_t *to = buf_room(out, most);
	size_t len = 0;

	while (to && len < most && w->rest.len) {
		size_t plain = w->owes_lf ? 0 : plain_octets(w, most - len);

		if (plain)
			put_plain(to + len, w->rest.ptr, plain);
		drop(w, plain);
		len += plain;
		if (len < most && w->rest.len)
			to[len++] = take_line_end(w);
	}
	buf_added(out, len);
	return len;
}

struct bytes
imap_wire_slice(struct bytes octets, uint64_t at, uint64_t len)
{
	struct imap_wire w;
	struct bytes from;

	imap_wire_start(&w, octets);
	imap_wire_skip(&w, at);
	from = w.rest;
	imap_wire_skip(&w, len);
	return bytes_between(from, w.rest);
}
