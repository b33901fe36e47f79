#include "proto/imap/wire.h"

#include <string.h>

enum { RUN = 128, BLOCK = 4096 };

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

/* In a run that has an octet before it.  Octet by octet, with a sum that fits in an octet: compilers make sixteen and more at once of that. */
static uint8_t
count_bare_in_run(const uint8_t *run)
{
	uint8_t count = 0;

	for (size_t i = 0; i < RUN; i++)
		count = (uint8_t)(count + ((run[i] == '\n') & (run[i - 1] != '\r')));
	return count;
}

/* How many LFs there are without a CR before them.  A search from one to the next takes far longer for a message that is little else. */
static size_t
count_bare(struct bytes in, bool has_cr)
{
	size_t count = in.len && in.ptr[0] == '\n' && !has_cr, at = 1;

	for (; at + RUN <= in.len; at += RUN)
		count += count_bare_in_run(in.ptr + at);
	for (; at < in.len; at++)
		count += in.ptr[at] == '\n' && in.ptr[at - 1] != '\r';
	return count;
}

uint64_t
imap_wire_length(struct bytes octets)
{
	return octets.len + count_bare(octets, false);
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

/* Whole blocks, as long as they are no more than that; returns what is left of it. */
static uint64_t
skip_blocks(struct imap_wire *w, uint64_t octets)
{
	while (w->rest.len) {
		struct bytes block = bytes_sub(w->rest, 0, BLOCK);
		uint64_t length = block.len + count_bare(block, w->has_cr);

		if (length > octets)
			break;
		drop(w, block.len);
		octets -= length;
	}
	return octets;
}

void
imap_wire_skip(struct imap_wire *w, uint64_t octets)
{
	if (!w->owes_lf)
		octets = skip_blocks(w, octets);
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
