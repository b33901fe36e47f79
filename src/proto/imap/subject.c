#include "proto/imap/subject.h"

#include <string.h>

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Step 1: tabs and line ends are spaces, several of them are one. */
static void
put_with_single_spaces(struct buf *out, struct bytes in)
{
	bool was_space = false;

	for (size_t i = 0; i < in.len; i++) {
		bool is_one = is_space(in.ptr[i]);

		if (!is_one || !was_space)
			put_char(out, is_one ? ' ' : in.ptr[i]);
		was_space = is_one;
	}
}

static bool
ends_nocase(struct bytes in, struct bytes end)
{
	return in.len >= end.len && bytes_equal_nocase(bytes_sub(in, in.len - end.len, end.len), end);
}

/* subj-trailer = "(fwd)" / WSP */
static bool
drop_trailer(struct bytes *in, bool *is_reply)
{
	if (ends_nocase(*in, BYTES("(fwd)"))) {
		in->len -= 5;
		*is_reply = true;
		return true;
	}
	if (!ends_nocase(*in, BYTES(" ")))
		return false;
	in->len--;
	return true;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP        BLOBCHAR is any but "[" and "]" */
static bool
take_blob(struct bytes *in)
{
	struct bytes rest = *in;

	if (!take_char(&rest, '['))
		return false;
	while (rest.len && rest.ptr[0] != '[' && rest.ptr[0] != ']')
		rest = bytes_sub(rest, 1, rest.len);
	if (!take_char(&rest, ']'))
		return false;
	while (take_char(&rest, ' '))
		;
	*in = rest;
	return true;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool
take_refwd(struct bytes *in)
{
	struct bytes rest = *in;

	if (take_text_nocase(&rest, BYTES("fw")))
		(void)!take_text_nocase(&rest, BYTES("d"));
	else if (!take_text_nocase(&rest, BYTES("re")))
		return false;
	while (take_char(&rest, ' '))
		;
	(void)!take_blob(&rest);
	if (!take_char(&rest, ':'))
		return false;
	*in = rest;
	return true;
}

/* Steps 3 to 5.  subj-leader = (*subj-blob subj-refwd) / WSP.  When no subj-refwd follows a row of blobs, none does when the
   first of them were taken off: they all go at once, but for the last one when nothing stands behind it. */
static void
drop_leaders(struct bytes *in, bool *is_reply)
{
	for (;;) {
		struct bytes rest = *in, last = *in;

		if (take_char(in, ' '))
			continue;
		for (struct bytes before = rest; take_blob(&rest); before = rest)
			last = before;
		if (take_refwd(&rest)) {
			*in = rest;
			*is_reply = true;
			continue;
		}
		*in = rest.len ? rest : last;
		return;
	}
}

/* Step 6: subj-fwd = "[fwd:" subject "]" */
static bool
drop_forward(struct bytes *in, bool *is_reply)
{
	struct bytes rest = *in;

	if (!ends_nocase(rest, BYTES("]")) || !take_text_nocase(&rest, BYTES("[fwd:")) || rest.len == 0)
		return false;
	rest.len--;
	*in = rest;
	*is_reply = true;
	return true;
}

void
put_base_subject(struct buf *out, struct bytes subject_utf8, bool *is_reply)
{
	size_t from = out->len;
	struct bytes base;

	*is_reply = false;
	put_with_single_spaces(out, subject_utf8);
	if (out->has_failed || out->len == from)
		return;
	base = bytes_sub(buf_bytes(out), from, out->len);
	do {
		while (drop_trailer(&base, is_reply))
			;
		drop_leaders(&base, is_reply);
	} while (drop_forward(&base, is_reply));
	memmove(out->ptr + from, base.ptr, base.len);
	out->len = from + base.len;
}
