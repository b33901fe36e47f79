#include "proto/mime/encode.h"

#include "proto/sasl/base64.h"

enum { COLUMNS_MAX = 75 }; /* RFC 2045 6.7 (5): 76 with the "=" of a soft line break */

/* ---- quoted-printable (RFC 2045 6.7) */

static void
make_room(struct encoder *e, uint8_t columns, struct buf *out)
{
	if (e->column + columns > COLUMNS_MAX) {
		put_text(out, "=\n");
		e->column = 0;
	}
	e->column = (uint8_t)(e->column + columns);
}

static void
put_quoted(struct encoder *e, uint8_t octet, struct buf *out)
{
	static const uint8_t digits[] = "0123456789ABCDEF";
	const uint8_t quoted[] = { '=', digits[octet >> 4], digits[octet & 15] };

	make_room(e, 3, out);
	put_bytes(out, bytes_of(quoted, sizeof quoted));
}

static void
put_plain(struct encoder *e, uint8_t octet, struct buf *out)
{
	make_room(e, 1, out);
	put_char(out, octet);
}

/* (3): spaces and tabs at the end of a line are quoted. */
static void
put_held_space(struct encoder *e, bool is_at_end, struct buf *out)
{
	if (e->held_count == 0)
		return;
	e->held_count = 0;
	(is_at_end ? put_quoted : put_plain)(e, e->held[0], out);
}

/* (1), (2) */
static bool
is_literal(uint8_t octet)
{
	return octet > ' ' && octet < 0x7f && octet != '=';
}

static void
put_octet(struct encoder *e, uint8_t octet, struct buf *out)
{
	put_held_space(e, false, out);
	if (octet == ' ' || octet == '\t') {
		e->held[0] = octet;
		e->held_count = 1;
		return;
	}
	/* No line that was none before may begin as a delimiter does: what follows may, once it is encoded. */
	if (!is_literal(octet) || (octet == '-' && (e->column >= COLUMNS_MAX || e->column == 0)))
		put_quoted(e, octet, out);
	else
		put_plain(e, octet, out);
}

/* How many octets from the front of the line stand as they are, with the spaces between them; a hyphen may not. */
static size_t
plain_run(struct bytes line)
{
	size_t i = 0;

	while (i < line.len && line.ptr[i] != '-' &&
		(is_literal(line.ptr[i]) || (line.ptr[i] == ' ' && i + 1 < line.len && is_literal(line.ptr[i + 1]))))
		i++;
	return i;
}

static void
put_line(struct encoder *e, struct bytes line, struct buf *out)
{
	while (line.len) {
		size_t run = plain_run(bytes_sub(line, 0, (size_t)COLUMNS_MAX - e->column));

		if (run == 0) {
			put_octet(e, line.ptr[0], out);
			run = 1;
		} else {
			put_held_space(e, false, out);
			run = run < (size_t)COLUMNS_MAX - e->column ? run : (size_t)COLUMNS_MAX - e->column;
			put_bytes(out, bytes_sub(line, 0, run));
			e->column = (uint8_t)(e->column + run);
		}
		line = bytes_sub(line, run, line.len);
	}
}

/* ---- base64 (RFC 2045 6.8) */

static void
put_held_line(struct encoder *e, struct buf *out)
{
	if (e->has_line)
		put_char(out, '\n');
	sasl_put_base64(out, bytes_of(e->held, e->held_count));
	e->has_line = true;
	e->held_count = 0;
}

static void
hold(struct encoder *e, uint8_t octet, struct buf *out)
{
	e->held[e->held_count++] = octet;
	if (e->held_count == ENCODER_HELD_MAX)
		put_held_line(e, out);
}

/* ---- */

void
encoder_put(struct encoder *e, struct bytes octets, struct buf *out)
{
	if (e->kind == ENCODER_QUOTED_PRINTABLE)
		put_line(e, octets, out);
	for (size_t i = 0; e->kind == ENCODER_BASE64 && i < octets.len; i++)
		hold(e, octets.ptr[i], out);
}

void
encoder_end_line(struct encoder *e, struct buf *out)
{
	if (e->kind == ENCODER_BASE64) {
		/* RFC 2045 6.8: line ends of text are CRLF before it is encoded. */
		hold(e, '\r', out);
		hold(e, '\n', out);
		return;
	}
	put_held_space(e, true, out);
	put_char(out, '\n');
	e->column = 0;
}

void
encoder_end(struct encoder *e, struct buf *out)
{
	if (e->kind == ENCODER_QUOTED_PRINTABLE)
		put_held_space(e, true, out);
	else if (e->held_count)
		put_held_line(e, out);
}
