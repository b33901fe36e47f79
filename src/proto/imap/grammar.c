#include "proto/imap/grammar.h"

#include "proto/imap/frame.h"
#include "proto/imap/name.h"
#include "view/view.h"

#include <string.h>

bool
take_imap_tag(struct bytes *in, struct bytes *tag)
{
	struct bytes rest = *in, ignored;

	while (rest.len && rest.ptr[0] != '+' &&
		(take_class(&rest, CLASS_IMAP_ATOM, &ignored) || take_char(&rest, ']')))
		;
	*tag = bytes_between(*in, rest);
	*tag = bytes_sub(*tag, 0, bytes_find_char(*tag, '+'));
	if (tag->len == 0 || tag->len > IMAP_TAG_MAX)
		return false;
	*in = bytes_sub(*in, tag->len, in->len);
	return true;
}

bool
take_imap_atom(struct bytes *in, struct bytes *atom)
{
	return take_class(in, CLASS_IMAP_ATOM, atom);
}

bool
take_imap_word(struct bytes *in, struct bytes word)
{
	struct bytes rest = *in;

	if (!take_text_nocase(&rest, word) || (rest.len && byte_is_class(rest.ptr[0], CLASS_IMAP_ATOM)))
		return false;
	*in = rest;
	return true;
}

/* Without the "\" of each "\" quoted-specials. */
static bool
unescape(struct bytes in, struct arena *a, struct bytes *out)
{
	uint8_t *to;
	size_t len = 0;

	if (bytes_find_char(in, '\\') == in.len) {
		*out = in;
		return true;
	}
	to = arena_take(a, in.len);
	if (!to)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] == '\\')
			i++;
		to[len++] = in.ptr[i];
	}
	*out = bytes_of(to, len);
	return true;
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE
   QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
   TEXT-CHAR = <any CHAR except CR and LF> */
static bool
take_quoted(struct bytes *in, struct arena *a, struct bytes *out)
{
	struct bytes rest = *in, inside;

	if (!take_char(&rest, '"'))
		return false;
	inside = rest;
	while (rest.len && rest.ptr[0] != '"') {
		uint8_t c = rest.ptr[0];
		bool is_escape = take_char(&rest, '\\');

		if (c == 0 || c == '\r' || c == '\n')
			return false;
		if (!is_escape)
			rest = bytes_sub(rest, 1, rest.len);
		else if (!take_char(&rest, '"') && !take_char(&rest, '\\'))
			return false;
	}
	inside = bytes_between(inside, rest);
	if (!take_char(&rest, '"') || !unescape(inside, a, out))
		return false;
	*in = rest;
	return true;
}

/* literal = "{" number ["+"] "}" CRLF *CHAR8        CHAR8 = %x01-ff */
static bool
take_literal(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in, line = bytes_sub(*in, 0, bytes_find(*in, BYTES("\r\n")));
	uint64_t octets;
	bool is_synchronising;

	if (line.len == 0 || line.ptr[0] != '{' ||
		!imap_frame_literal(line, &octets, &is_synchronising) || octets > rest.len)
		return false;
	rest = bytes_sub(rest, line.len, rest.len);
	if (!take_text(&rest, BYTES("\r\n")) || !take_octets(&rest, (size_t)octets, out) ||
		bytes_find_char(*out, 0) < out->len)
		return false;
	*in = rest;
	return true;
}

bool
take_imap_string(struct bytes *in, struct arena *a, struct bytes *out)
{
	return take_quoted(in, a, out) || take_literal(in, out);
}

bool
take_imap_nstring(struct bytes *in, struct arena *a, bool *is_nil, struct bytes *out)
{
	*is_nil = take_imap_word(in, BYTES("NIL"));
	if (!*is_nil)
		return take_imap_string(in, a, out);
	*out = BYTES_NONE;
	return true;
}

/* Octets of ATOM-CHAR and of `more`. */
static bool
take_atom_and(struct bytes *in, const char *more, struct bytes *out)
{
	size_t len = 0;

	while (len < in->len && in->ptr[len] != 0 &&
		(byte_is_class(in->ptr[len], CLASS_IMAP_ATOM) || strchr(more, in->ptr[len])))
		len++;
	return len > 0 && take_octets(in, len, out);
}

/* ASTRING-CHAR = ATOM-CHAR / resp-specials */
bool
take_imap_astring(struct bytes *in, struct arena *a, struct bytes *out)
{
	return take_atom_and(in, "]", out) || take_imap_string(in, a, out);
}

/* list-char = ATOM-CHAR / list-wildcards / resp-specials */
bool
take_imap_list_mailbox(struct bytes *in, struct arena *a, struct bytes *out)
{
	return take_atom_and(in, "]%*", out) || take_imap_string(in, a, out);
}

bool
take_imap_mailbox(struct bytes *in, struct arena *a, struct bytes *name)
{
	const struct bytes inbox = BYTES("INBOX");
	struct bytes rest = *in, asked;
	uint8_t *copy;

	if (!take_imap_astring(&rest, a, &asked) || !(copy = arena_take(a, asked.len)))
		return false;
	if (asked.len)
		memcpy(copy, asked.ptr, asked.len);
	if (bytes_starts_nocase(asked, inbox) && (asked.len == inbox.len || asked.ptr[inbox.len] == IMAP_SEPARATOR))
		memcpy(copy, inbox.ptr, inbox.len);
	*name = bytes_of(copy, asked.len);
	*in = rest;
	return true;
}

bool
take_imap_number(struct bytes *in, uint32_t *number)
{
	uint64_t wide;

	if (!take_number(in, UINT32_MAX, &wide))
		return false;
	*number = (uint32_t)wide;
	return true;
}

bool
take_imap_nz_number(struct bytes *in, uint32_t *number)
{
	return in->len && in->ptr[0] != '0' && take_imap_number(in, number);
}

bool
take_imap_flag(struct bytes *in, uint32_t *flag, struct bytes *keyword)
{
	static const struct {
		struct bytes name;
		uint32_t flag;
	} system[] = {
		{ BYTES_INIT("Answered"), VIEW_ANSWERED }, { BYTES_INIT("Flagged"), VIEW_FLAGGED },
		{ BYTES_INIT("Deleted"), VIEW_DELETED }, { BYTES_INIT("Seen"), VIEW_SEEN },
		{ BYTES_INIT("Draft"), VIEW_DRAFT },
	};
	struct bytes rest = *in, atom;
	bool is_system = take_char(&rest, '\\');

	*flag = 0;
	*keyword = BYTES_NONE;
	if (!take_imap_atom(&rest, &atom) || (is_system && bytes_equal_nocase(atom, BYTES("Recent"))))
		return false;
	for (size_t i = 0; is_system && i < sizeof system / sizeof system[0]; i++)
		if (bytes_equal_nocase(atom, system[i].name))
			*flag = system[i].flag;
	if (!is_system)
		*keyword = atom;
	*in = rest;
	return true;
}

/* Is the keyword one of those that stand in `keywords`? */
static bool
has_keyword(struct bytes keywords, struct bytes keyword)
{
	while (keywords.len)
		if (bytes_equal_nocase(take_until(&keywords, ' '), keyword))
			return true;
	return false;
}

static void
add_flag(struct imap_flags *flags, uint8_t *room, uint32_t flag, struct bytes keyword)
{
	size_t len = flags->keywords.len;

	flags->flags |= flag;
	/* More than a mailbox can hold are refused later, whatever their names. */
	if (keyword.len == 0 || flags->keyword_count > VIEW_KEYWORDS_MAX ||
		has_keyword(flags->keywords, keyword))
		return;
	if (len)
		room[len++] = ' ';
	memcpy(room + len, keyword.ptr, keyword.len);
	flags->keywords = bytes_of(room, len + keyword.len);
	flags->keyword_count++;
}

bool
imap_flags_fit(const struct imap_flags *flags)
{
	struct bytes keywords = flags->keywords;

	while (keywords.len)
		if (take_until(&keywords, ' ').len > VIEW_KEYWORD_OCTETS_MAX)
			return false;
	return flags->keyword_count <= VIEW_KEYWORDS_MAX;
}

bool
take_imap_flags(struct bytes *in, struct arena *a, struct imap_flags *flags)
{
	struct bytes rest = *in, keyword;
	uint8_t *room = arena_take(a, in->len + 1);
	uint32_t flag;

	*flags = (struct imap_flags){ 0 };
	if (!room)
		return false;
	do {
		if (!take_imap_flag(&rest, &flag, &keyword))
			return false;
		add_flag(flags, room, flag, keyword);
	} while (take_char(&rest, ' '));
	*in = rest;
	return true;
}

bool
take_imap_flag_list(struct bytes *in, struct arena *a, struct imap_flags *flags)
{
	struct bytes rest = *in;

	*flags = (struct imap_flags){ 0 };
	if (!take_char(&rest, '('))
		return false;
	if (!take_char(&rest, ')') && (!take_imap_flags(&rest, a, flags) || !take_char(&rest, ')')))
		return false;
	*in = rest;
	return true;
}
