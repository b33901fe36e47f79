#include "proto/imap/frame.h"

#include "base/memory.h"

#include <string.h>

/* Of a command that is swallowed: so much of its beginning is kept (the tag is in it), and so much of the end of
   a line (a literal may be announced there). */
enum { KEPT_MAX = 512, TAIL_OCTETS = 32, TAIL_MAX = 1024, OCTETS_MIN = 2048 };

/* "{18446744073709551615+}": what is longer announces nothing. */
enum { ANNOUNCEMENT_MAX = 23 };

void
imap_frame_init(struct imap_frame *f, size_t octets_max)
{
	*f = (struct imap_frame){ 0 };
	buf_init(&f->octets, octets_max < OCTETS_MIN ? OCTETS_MIN : octets_max);
}

void
imap_frame_allow(struct imap_frame *f, size_t octets_max)
{
	if (octets_max > f->octets.max)
		f->octets.max = octets_max;
}

void
imap_frame_done(struct imap_frame *f)
{
	buf_done_secret(&f->octets);
}

void
imap_frame_reset(struct imap_frame *f)
{
	struct buf octets = f->octets;

	if (octets.len)
		memory_wipe(octets.ptr, octets.len);
	buf_reset(&octets);
	*f = (struct imap_frame){ .octets = octets };
}

void
imap_frame_release(struct imap_frame *f)
{
	imap_frame_reset(f);
	buf_done(&f->octets);
}

bool
imap_frame_literal(struct bytes line, uint64_t *octets, bool *is_synchronising)
{
	size_t at = bytes_find_last_char(line, '{');
	struct bytes rest = bytes_sub(line, at, line.len);

	if (rest.len > ANNOUNCEMENT_MAX || !take_char(&rest, '{') ||
		!take_number(&rest, UINT64_MAX, octets))
		return false;
	*is_synchronising = !take_char(&rest, '+');
	return take_char(&rest, '}') && rest.len == 0;
}

void
imap_frame_swallow(struct imap_frame *f)
{
	f->is_swallowing = true;
	f->kept = f->octets.len < KEPT_MAX ? f->octets.len : KEPT_MAX;
	f->octets.len = f->kept;
	f->line_at = f->kept;
	f->literal_left = f->literal_octets;
}

/* The middle of a long line goes, so that the end of it is always there. */
static void
forget_middle(struct imap_frame *f)
{
	size_t len = f->octets.len - f->line_at;

	if (len <= TAIL_MAX)
		return;
	memmove(f->octets.ptr + f->line_at, f->octets.ptr + f->octets.len - TAIL_OCTETS, TAIL_OCTETS);
	f->octets.len = f->line_at + TAIL_OCTETS;
}

static void
keep_tail(struct imap_frame *f, struct bytes in)
{
	while (in.len) {
		struct bytes piece = bytes_sub(in, 0, TAIL_OCTETS);

		put_bytes(&f->octets, piece);
		forget_middle(f);
		in = bytes_sub(in, piece.len, in.len);
	}
}

/* A line passes the limit.  The end of what is there may be the first half of a CRLF or of a literal's
   announcement. */
static void
begin_swallowing_line(struct imap_frame *f, struct bytes *in)
{
	uint8_t tail[TAIL_OCTETS];
	size_t len;

	if (f->octets.len < KEPT_MAX) {
		struct bytes more = bytes_sub(*in, 0, KEPT_MAX - f->octets.len);

		put_bytes(&f->octets, more);
		*in = bytes_sub(*in, more.len, in->len);
	}
	len = f->octets.len - f->line_at;
	if (len > sizeof tail)
		len = sizeof tail;
	if (len)
		memcpy(tail, f->octets.ptr + f->octets.len - len, len);
	f->literal_octets = 0;
	imap_frame_swallow(f);
	put_bytes(&f->octets, bytes_of(tail, len));
}

static void
keep(struct imap_frame *f, struct bytes in)
{
	if (!f->is_swallowing && in.len > f->octets.max - f->octets.len)
		begin_swallowing_line(f, &in);
	if (f->is_swallowing)
		keep_tail(f, in);
	else
		put_bytes(&f->octets, in);
}

/* Takes up to a LF.  True when a CR stands before it on the same line. */
static bool
take_line(struct imap_frame *f, struct bytes *in)
{
	size_t at = bytes_find_char(*in, '\n');
	struct bytes piece = bytes_sub(*in, 0, at + 1);
	bool has_end = at < in->len;

	keep(f, piece);
	*in = bytes_sub(*in, piece.len, in->len);
	return has_end && f->octets.len >= f->line_at + 2 && f->octets.ptr[f->octets.len - 2] == '\r';
}

static void
take_literal_octets(struct imap_frame *f, struct bytes *in)
{
	struct bytes piece = bytes_sub(*in, 0, f->literal_left < in->len ? (size_t)f->literal_left : in->len);

	if (!f->is_swallowing)
		put_bytes(&f->octets, piece);
	*in = bytes_sub(*in, piece.len, in->len);
	f->literal_left -= piece.len;
	f->line_at = f->octets.len;
}

static enum imap_frame_event
end_line(struct imap_frame *f)
{
	struct bytes line = bytes_of(f->octets.ptr + f->line_at, f->octets.len - 2 - f->line_at);
	bool has_literal = imap_frame_literal(line, &f->literal_octets, &f->is_synchronising);

	if (!f->is_swallowing)
		return has_literal ? IMAP_FRAME_LITERAL : IMAP_FRAME_DONE;
	/* RFC 7888 4: who doesn't wait sends the literal whatever we say; who waits gets the tagged
	   response instead of a continuation. */
	if (!has_literal || f->is_synchronising)
		return IMAP_FRAME_TOO_LONG;
	f->octets.len = f->line_at;
	f->literal_left = f->literal_octets;
	return IMAP_FRAME_MORE;
}

enum imap_frame_event
imap_frame_take(struct imap_frame *f, struct bytes *in)
{
	while (in->len) {
		enum imap_frame_event event;

		if (f->literal_left) {
			take_literal_octets(f, in);
			continue;
		}
		if (!take_line(f, in))
			continue;
		event = end_line(f);
		if (event != IMAP_FRAME_MORE)
			return event;
	}
	return IMAP_FRAME_MORE;
}

bool
imap_frame_has_room(const struct imap_frame *f)
{
	return f->literal_octets <= f->octets.max - f->octets.len;
}

void
imap_frame_accept(struct imap_frame *f)
{
	f->literal_left = f->literal_octets;
	f->line_at = f->octets.len;
}

struct bytes
imap_frame_octets(const struct imap_frame *f)
{
	if (f->is_swallowing)
		return bytes_of(f->octets.ptr, f->kept);
	return bytes_of(f->octets.ptr, f->octets.len >= 2 ? f->octets.len - 2 : 0);
}

bool
imap_frame_is_empty(const struct imap_frame *f)
{
	return f->octets.len == 0 && !f->is_swallowing;
}
