#include "proto/smtp/line.h"

/* Offset of the first CRLF, or in.len.  *is_bare: another CR or LF stands before it. */
static size_t
find_crlf(struct bytes in, bool *is_bare)
{
	*is_bare = false;
	for (size_t at = 0;;) {
		at += bytes_find_char(bytes_sub(in, at, in.len), '\n');
		if (at == in.len)
			return in.len;
		if (at > 0 && in.ptr[at - 1] == '\r') {
			if (bytes_find_char(bytes_sub(in, 0, at - 1), '\r') < at - 1)
				*is_bare = true;
			return at - 1;
		}
		*is_bare = true;
		at++;
	}
}

/* Drops what can't be the start of a CRLF. */
static void
skip(struct bytes *in)
{
	size_t keep = in->len && in->ptr[in->len - 1] == '\r' ? 1 : 0;

	*in = bytes_sub(*in, in->len - keep, keep);
}

enum smtp_line_kind
smtp_take_line(struct smtp_lines *l, struct bytes *in, size_t octets_max, struct bytes *line)
{
	bool is_bare;
	size_t end = find_crlf(*in, &is_bare);
	bool is_long = l->is_skipping || end + 2 > octets_max;
	struct bytes found = bytes_sub(*in, 0, end);

	*line = BYTES_NONE;
	if (end == in->len) {
		if (l->is_skipping || in->len >= octets_max) {
			l->is_skipping = true;
			skip(in);
		}
		return SMTP_LINE_NONE;
	}
	l->is_skipping = false;
	*in = bytes_sub(*in, end + 2, in->len);
	if (is_long)
		return SMTP_LINE_LONG;
	if (is_bare)
		return SMTP_LINE_BARE;
	*line = found;
	return SMTP_LINE_WHOLE;
}
