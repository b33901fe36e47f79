#include "proto/imap/session_internal.h"

#include "base/clock.h"

#include <string.h>

/* quoted can hold it: TEXT-CHAR of 7 bits. */
static bool
may_quote(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] == 0 || in.ptr[i] == '\r' || in.ptr[i] == '\n' || in.ptr[i] > 0x7f)
			return false;
	return true;
}

static void
put_quoted(struct buf *out, struct bytes in)
{
	put_char(out, '"');
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] == '"' || in.ptr[i] == '\\')
			put_char(out, '\\');
		put_char(out, in.ptr[i]);
	}
	put_char(out, '"');
}

void
imap_put_astring(struct buf *out, struct bytes in)
{
	if (in.len && bytes_all_class(in, CLASS_IMAP_ATOM) && !bytes_equal_nocase(in, BYTES("NIL"))) {
		put_bytes(out, in);
	} else if (may_quote(in)) {
		put_quoted(out, in);
	} else {
		put_char(out, '{');
		put_number(out, in.len);
		put_text(out, "}\r\n");
		put_bytes(out, in);
	}
}

static const struct {
	uint32_t flag;
	struct bytes name;
} system_flags[] = {
	{ VIEW_ANSWERED, BYTES_INIT("\\Answered ") }, { VIEW_FLAGGED, BYTES_INIT("\\Flagged ") },
	{ VIEW_DELETED, BYTES_INIT("\\Deleted ") }, { VIEW_SEEN, BYTES_INIT("\\Seen ") },
	{ VIEW_DRAFT, BYTES_INIT("\\Draft ") },
};

enum { SYSTEM_FLAGS = sizeof system_flags / sizeof system_flags[0] };

static void
put_keywords(struct buf *out, const struct view *view, uint64_t keywords)
{
	uint32_t count = view_keyword_count(view);

	for (uint32_t i = 0; i < count && keywords >> i; i++)
		if (keywords >> i & 1) {
			put_bytes(out, view_keyword(view, i));
			put_char(out, ' ');
		}
}

/* The last space gives way to the parenthesis. */
static void
end_list(struct buf *out, size_t from)
{
	if (!out->has_failed && out->len > from)
		out->len--;
	put_char(out, ')');
}

void
imap_put_flags(struct buf *out, const struct imap_mailbox *m, uint32_t flags, uint64_t keywords, bool is_recent)
{
	size_t from;

	put_char(out, '(');
	from = out->len;
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if (flags & system_flags[i].flag)
			put_bytes(out, system_flags[i].name);
	if (is_recent)
		put_bytes(out, BYTES("\\Recent "));
	if (keywords)
		put_keywords(out, m->view, keywords);
	end_list(out, from);
}

void
imap_put_mailbox_flags(struct buf *out, const struct imap_mailbox *m)
{
	uint32_t count = view_keyword_count(m->view);

	put_text(out, "* FLAGS ");
	imap_put_flags(out, m, VIEW_SYSTEM_FLAGS, UINT64_MAX, false);
	put_text(out, "\r\n* OK [PERMANENTFLAGS (");
	if (!m->is_read_only) {
		put_text(out, "\\Answered \\Flagged \\Deleted \\Seen \\Draft ");
		put_keywords(out, m->view, UINT64_MAX);
		/* RFC 3501 7.1: it says that a new one would be kept. */
		if (count < VIEW_KEYWORDS_MAX && !atomic_load(&m->view->head->is_full_of_keywords))
			put_text(out, "\\* ");
		if (!out->has_failed)
			out->len--;
	}
	put_text(out, m->is_read_only ? ")] Nothing can be changed\r\n" : ")] Flags that are kept\r\n");
}

void
imap_put_new_keywords(struct imap_session *s)
{
	uint32_t count = view_keyword_count(s->mailbox->view);

	if (count <= s->mailbox->told_keywords)
		return;
	s->mailbox->told_keywords = count;
	imap_put_mailbox_flags(&s->out, s->mailbox);
}

void
imap_put_numbered(struct buf *out, uint32_t number, const char *what)
{
	put_text(out, "* ");
	put_number(out, number);
	put_char(out, ' ');
	put_text(out, what);
	put_text(out, "\r\n");
}

static void
put_two(uint8_t *at, int value)
{
	at[0] = (uint8_t)('0' + value / 10 % 10);
	at[1] = (uint8_t)('0' + value % 10);
}

/* By hand: FETCH asks for it a hundred thousand times in a row. */
void
imap_put_date(struct buf *out, int64_t unix_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	/* Years of four digits: 0001 to 9999. */
	int64_t clipped = unix_s < -62135596800 ? -62135596800 : unix_s > 253402300799 ? 253402300799 : unix_s;
	struct civil c = clock_civil(clipped, 0);
	uint8_t text[] = "\"01-Jan-1970 00:00:00 +0000\"";

	put_two(text + 1, c.day);
	if (c.day < 10)
		text[1] = ' ';
	memcpy(text + 4, months + (size_t)(c.month - 1) * 3, 3);
	put_two(text + 8, c.year / 100);
	put_two(text + 10, c.year);
	put_two(text + 13, c.hour);
	put_two(text + 16, c.minute);
	put_two(text + 19, c.second);
	put_bytes(out, bytes_of(text, sizeof text - 1));
}
