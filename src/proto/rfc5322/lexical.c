#include "proto/rfc5322/lexical.h"

/* FWS = ([*WSP CRLF] 1*WSP) / obs-FWS      RFC 5322 3.2.2 */
static bool
is_fws(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* comment = "(" *([FWS] ccontent) [FWS] ")"; ccontent = ctext / quoted-pair / comment
   RFC 5322 3.2.2.  Depth is a count: nesting costs no stack. */
static void
take_comment(struct bytes *in, struct bytes *inside)
{
	size_t at = 1, depth = 1;

	for (; at < in->len; at++) {
		uint8_t c = in->ptr[at];

		if (c == '\\' && at + 1 < in->len)
			at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			break;
	}
	*inside = bytes_sub(bytes_sub(*in, 0, at), 1, in->len);
	*in = bytes_sub(*in, at + 1, in->len);
}

void
take_cfws(struct bytes *in, struct bytes *comment)
{
	struct bytes inside;

	while (in->len) {
		if (is_fws(in->ptr[0])) {
			*in = bytes_sub(*in, 1, in->len);
			continue;
		}
		if (in->ptr[0] != '(')
			return;
		take_comment(in, &inside);
		if (comment && comment->len == 0)
			*comment = inside;
	}
}

/* qcontent = qtext / quoted-pair      RFC 5322 3.2.4 */
static void
put_unquoted(struct buf *out, struct bytes in)
{
	size_t from = 0;

	for (size_t at = 0; at < in.len; at++) {
		uint8_t c = in.ptr[at];
		bool is_line_end =
			c == '\n' || (c == '\r' && at + 1 < in.len && in.ptr[at + 1] == '\n');
		bool is_escape = c == '\\' && at + 1 < in.len;

		if (!is_line_end && !is_escape)
			continue;
		put_bytes(out, bytes_sub(in, from, at - from));
		from = at + 1;
		if (is_escape)
			at++;
	}
	put_bytes(out, bytes_sub(in, from, in.len - from));
}

/* quoted-string = [CFWS] DQUOTE *([FWS] qcontent) [FWS] DQUOTE [CFWS]      RFC 5322 3.2.4 */
bool
take_quoted_string(struct bytes *in, struct buf *out)
{
	size_t at = 1;

	if (in->len == 0 || in->ptr[0] != '"')
		return false;
	while (at < in->len && in->ptr[at] != '"')
		at += in->ptr[at] == '\\' && at + 1 < in->len ? 2 : 1;
	put_unquoted(out, bytes_sub(bytes_sub(*in, 0, at), 1, in->len));
	*in = bytes_sub(*in, at + 1, in->len);
	return true;
}

void
put_comment_text(struct buf *out, struct bytes inside)
{
	put_unquoted(out, bytes_trim(inside));
}
