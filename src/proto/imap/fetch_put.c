#include "proto/imap/fetch_internal.h"

#include <string.h>

/* A line of UID and the system's flags is no longer. */
enum { SHORT_LINE_MAX = 160 };

static uint8_t *
write_bytes(uint8_t *to, struct bytes in)
{
	memcpy(to, in.ptr, in.len);
	return to + in.len;
}

static uint8_t *
write_number(uint8_t *to, uint32_t value)
{
	uint8_t digits[10];
	size_t at = sizeof digits;

	do {
		digits[--at] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value);
	return write_bytes(to, bytes_of(digits + at, sizeof digits - at));
}

/* "FLAGS (" … ")" */
static uint8_t *
write_flags(uint8_t *to, uint32_t flags, bool is_recent)
{
	uint8_t *from;

	to = from = write_bytes(to, BYTES("FLAGS ("));
	if (flags & VIEW_ANSWERED)
		to = write_bytes(to, BYTES("\\Answered "));
	if (flags & VIEW_FLAGGED)
		to = write_bytes(to, BYTES("\\Flagged "));
	if (flags & VIEW_DELETED)
		to = write_bytes(to, BYTES("\\Deleted "));
	if (flags & VIEW_SEEN)
		to = write_bytes(to, BYTES("\\Seen "));
	if (flags & VIEW_DRAFT)
		to = write_bytes(to, BYTES("\\Draft "));
	if (is_recent)
		to = write_bytes(to, BYTES("\\Recent "));
	if (to > from)
		to--;
	*to++ = ')';
	return to;
}

void
imap_fetch_put_short(struct imap_session *s, const struct imap_fetch *f, uint32_t index, uint32_t number)
{
	const struct view_record *r = &s->mailbox->view->records[index];
	uint8_t *line = buf_room(&s->out, SHORT_LINE_MAX), *to = line;
	bool has_flags = (f->spec.items & FETCH_FLAGS) != 0;

	if (!line)
		return;
	to = write_bytes(to, BYTES("* "));
	to = write_number(to, number);
	to = write_bytes(to, BYTES(" FETCH ("));
	if (f->spec.items & FETCH_UID) {
		to = write_bytes(to, BYTES("UID "));
		to = write_number(to, r->uid);
		if (has_flags)
			*to++ = ' ';
	}
	if (has_flags)
		to = write_flags(to, view_flags(r), imap_mailbox_is_recent(s->mailbox, r->uid));
	to = write_bytes(to, BYTES(")\r\n"));
	buf_added(&s->out, (size_t)(to - line));
}

static bool
open_summary(const struct view *view, const struct view_record *r, const struct imap_body *body,
	struct summary *summary)
{
	if (body)
		return summary_open(body->summary, summary, NULL) == 0;
	return summary_open(view_summary(view, r), summary, NULL) == 0;
}

static uint64_t
size_of(const struct view_record *r)
{
	return atomic_load_explicit(&r->size, memory_order_relaxed);
}

bool
imap_fetch_has_record(const struct imap_fetch *f, const struct view *view, const struct view_record *r)
{
	struct summary summary;

	if ((f->spec.items & FETCH_SIZE) && size_of(r) == 0)
		return false;
	return !(f->spec.items & FETCH_SUMMARY) || open_summary(view, r, NULL, &summary);
}

static void
put_name(struct buf *out, const char *name, size_t from)
{
	if (out->len > from)
		put_char(out, ' ');
	put_text(out, name);
}

static void
put_summary_items(struct buf *out, unsigned int items, const struct summary *summary, size_t from)
{
	if (items & FETCH_ENVELOPE) {
		put_name(out, "ENVELOPE ", from);
		put_bytes(out, summary->envelope);
	}
	if (items & FETCH_BODY) {
		put_name(out, "BODY ", from);
		put_bytes(out, summary->body);
	}
	if (items & FETCH_STRUCTURE) {
		put_name(out, "BODYSTRUCTURE ", from);
		put_bytes(out, summary->bodystructure);
	}
}

static void
put_record_items(struct imap_session *s, unsigned int items, const struct view_record *r, uint64_t size)
{
	struct buf *out = &s->out;
	size_t from = out->len;

	if (items & FETCH_UID) {
		put_text(out, "UID ");
		put_number(out, r->uid);
	}
	if (items & FETCH_FLAGS) {
		put_name(out, "FLAGS ", from);
		imap_put_flags(out, s->mailbox, view_flags(r),
			atomic_load_explicit(&r->keywords, memory_order_relaxed),
			imap_mailbox_is_recent(s->mailbox, r->uid));
	}
	if (items & FETCH_DATE) {
		put_name(out, "INTERNALDATE ", from);
		imap_put_date(out, r->date_s);
	}
	if (items & FETCH_SIZE) {
		put_name(out, "RFC822.SIZE ", from);
		put_number(out, size);
	}
}

bool
imap_fetch_put_items(struct imap_session *s, const struct imap_fetch *f, uint32_t index, uint32_t number,
	const struct imap_body *body)
{
	const struct view_record *r = &s->mailbox->view->records[index];
	unsigned int items = f->spec.items | (imap_set_has(&f->seen, r->uid) ? FETCH_FLAGS : 0U);
	struct summary summary = { 0 };
	size_t from;

	if ((items & FETCH_SUMMARY) && !open_summary(s->mailbox->view, r, body, &summary))
		return false;
	put_text(&s->out, "* ");
	put_number(&s->out, number);
	put_text(&s->out, " FETCH (");
	from = s->out.len;
	put_record_items(s, items, r, body ? body->size : size_of(r));
	put_summary_items(&s->out, items, &summary, from);
	return true;
}
