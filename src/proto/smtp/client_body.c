#include "proto/smtp/client_body.h"

#include "proto/rfc5322/header.h"

/* Octets that go as they are. */
static void
put_clean(struct smtp_wire *w, struct bytes in, struct buf *out)
{
	while (in.len > (size_t)RFC5322_LINE_MAX - w->column) {
		size_t room = (size_t)RFC5322_LINE_MAX - w->column;

		put_bytes(out, bytes_sub(in, 0, room));
		put_bytes(out, BYTES("\r\n "));
		w->column = 1;
		in = bytes_sub(in, room, in.len);
	}
	put_bytes(out, in);
	w->column = (uint16_t)(w->column + in.len);
}

/* Octets of a line, without its LF. */
static void
put_within(struct smtp_wire *w, struct bytes in, struct buf *out)
{
	while (in.len) {
		size_t cr = bytes_find_char(in, '\r');

		if (w->is_after_cr)
			put_clean(w, BYTES(" "), out);
		else if (!w->is_within && w->has_dots && in.ptr[0] == '.')
			put_char(out, '.');
		w->is_within = true;
		put_clean(w, bytes_sub(in, 0, cr), out);
		w->is_after_cr = cr < in.len;
		in = bytes_sub(in, cr + 1, in.len);
	}
}

static void
end_line(struct smtp_wire *w, struct buf *out)
{
	put_bytes(out, BYTES("\r\n"));
	w->is_within = w->is_after_cr = false;
	w->column = 0;
}

void
smtp_wire_put(struct smtp_wire *w, struct bytes in, struct buf *out)
{
	while (in.len) {
		size_t lf = bytes_find_char(in, '\n');

		put_within(w, bytes_sub(in, 0, lf), out);
		if (lf < in.len)
			end_line(w, out);
		in = bytes_sub(in, lf + 1, in.len);
	}
}

void
smtp_wire_end(struct smtp_wire *w, struct buf *out)
{
	if (w->is_within)
		end_line(w, out);
	if (w->has_dots)
		put_bytes(out, BYTES(".\r\n"));
}
