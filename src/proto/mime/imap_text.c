#include "proto/mime/imap_text.h"

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE; QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> /
   "\" quoted-specials      RFC 3501 9 */
static bool
may_be_quoted(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] >= 0x80 || in.ptr[i] == 0 || in.ptr[i] == '\r' || in.ptr[i] == '\n')
			return false;
	return true;
}

static void
put_quoted(struct buf *out, struct bytes in)
{
	size_t from = 0;

	put_char(out, '"');
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] != '"' && in.ptr[i] != '\\')
			continue;
		put_bytes(out, bytes_sub(in, from, i - from));
		put_char(out, '\\');
		from = i;
	}
	put_bytes(out, bytes_sub(in, from, in.len - from));
	put_char(out, '"');
}

/* literal = "{" number "}" CRLF *CHAR8      RFC 3501 9; CHAR8 is 01-FF */
static void
put_literal(struct buf *out, struct bytes in)
{
	put_char(out, '{');
	put_number(out, in.len);
	put_text(out, "}\r\n");
	while (in.len) {
		size_t len = bytes_find_char(in, 0);

		put_bytes(out, bytes_sub(in, 0, len));
		if (len < in.len)
			put_char(out, '?');
		in = bytes_sub(in, len + 1, in.len);
	}
}

void
put_imap_string(struct buf *out, struct bytes in)
{
	if (may_be_quoted(in))
		put_quoted(out, in);
	else
		put_literal(out, in);
}

void
put_imap_nstring(struct buf *out, struct bytes in)
{
	if (in.len == 0)
		put_text(out, "NIL");
	else
		put_imap_string(out, in);
}
