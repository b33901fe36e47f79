#include "proto/smtp/body.h"

/* The state after the octets of a run (one or more). */
static enum smtp_dots_state
state_after(enum smtp_dots_state before, struct bytes run)
{
	uint8_t last = run.ptr[run.len - 1];
	bool is_after_cr = run.len > 1 ? run.ptr[run.len - 2] == '\r' : before == SMTP_DOTS_CR;

	if (last == '\r')
		return SMTP_DOTS_CR;
	return last == '\n' && is_after_cr ? SMTP_DOTS_LINE_START : SMTP_DOTS_WITHIN;
}

/* Offset of the first dot behind a CRLF, or in.len. */
static size_t
find_first_dot(enum smtp_dots_state state, struct bytes in)
{
	for (size_t at = 0;;) {
		at += bytes_find_char(bytes_sub(in, at, in.len), '.');
		if (at == in.len)
			return at;
		if (at >= 1 && in.ptr[at - 1] == '\n' &&
			(at >= 2 ? in.ptr[at - 2] == '\r' : state == SMTP_DOTS_CR))
			return at;
		at++;
	}
}

static enum smtp_dots_kind
take_run(struct smtp_dots *d, struct bytes *in, struct bytes *run)
{
	*run = bytes_sub(*in, 0, find_first_dot(d->state, *in));
	*in = bytes_sub(*in, run->len, in->len);
	d->state = state_after(d->state, *run);
	return SMTP_DOTS_RUN;
}

enum smtp_dots_kind
smtp_dots_take(struct smtp_dots *d, struct bytes *in, struct bytes *run)
{
	while (in->len) {
		switch (d->state) {
		case SMTP_DOTS_LINE_START:
			if (!take_char(in, '.'))
				return take_run(d, in, run);
			d->state = SMTP_DOTS_DOT;
			break;
		case SMTP_DOTS_DOT:
			/* RFC 5321 4.5.2: the dot goes when there are other characters on the line. */
			if (take_char(in, '\r')) {
				d->state = SMTP_DOTS_DOT_CR;
				break;
			}
			d->state = SMTP_DOTS_WITHIN;
			return take_run(d, in, run);
		case SMTP_DOTS_DOT_CR:
			if (take_char(in, '\n')) {
				d->state = SMTP_DOTS_LINE_START;
				return SMTP_DOTS_END;
			}
			d->has_bare_cr = true;
			d->state = SMTP_DOTS_CR;
			return take_run(d, in, run);
		case SMTP_DOTS_CR:
		case SMTP_DOTS_WITHIN:
			return take_run(d, in, run);
		}
	}
	return SMTP_DOTS_MORE;
}

static void
add_to_line(struct smtp_text *t, size_t octets)
{
	t->line_octets += octets;
	if (t->line_octets_max && t->line_octets > t->line_octets_max)
		t->flaws |= SMTP_FLAW_LONG_LINE;
}

/* The octets up to a LF, which they end with, or the last ones, without LF. */
static void
check_piece(struct smtp_text *t, struct bytes piece, bool has_lf)
{
	size_t cr = bytes_find_char(piece, '\r');
	bool is_crlf = has_lf && (piece.len > 1 ? cr == piece.len - 2 : t->is_after_cr);

	if (has_lf && !is_crlf)
		t->flaws |= SMTP_FLAW_BARE;
	if (!has_lf && cr + 1 < piece.len)
		t->flaws |= SMTP_FLAW_BARE;
	if (t->is_after_cr && piece.ptr[0] != '\n')
		t->flaws |= SMTP_FLAW_BARE;
	add_to_line(t, piece.len);
	t->is_after_cr = !has_lf && cr + 1 == piece.len;
	if (has_lf)
		t->line_octets = 0;
}

void
smtp_text_check(struct smtp_text *t, struct bytes octets)
{
	if (bytes_find_char(octets, 0) < octets.len)
		t->flaws |= SMTP_FLAW_NUL;
	while (octets.len) {
		size_t lf = bytes_find_char(octets, '\n');
		bool has_lf = lf < octets.len;
		struct bytes piece = bytes_sub(octets, 0, has_lf ? lf + 1 : lf);

		check_piece(t, piece, has_lf);
		octets = bytes_sub(octets, piece.len, octets.len);
	}
}

void
smtp_text_end(struct smtp_text *t)
{
	if (t->is_after_cr)
		t->flaws |= SMTP_FLAW_BARE;
}
