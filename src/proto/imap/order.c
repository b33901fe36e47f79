#include "proto/imap/order.h"

#include "proto/imap/subject.h"
#include "proto/mime/message.h"

/* A subject is this long at most when it is decoded. */
#define SUBJECT_OCTETS_MAX 65536

/* The parts of an envelope that matter here, as they stand in it. */
struct texts {
	struct bytes subject, from, to, cc;
};

static bool
take_text_of(struct bytes *in, struct arena *a, struct bytes *out)
{
	bool is_nil;

	return take_imap_nstring(in, a, &is_nil, out);
}

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static bool
take_address_mailbox(struct bytes *in, struct arena *a, struct bytes *mailbox)
{
	struct bytes words[4];

	if (!take_char(in, '('))
		return false;
	for (size_t i = 0; i < 4; i++)
		if ((i && !take_char(in, ' ')) || !take_text_of(in, a, &words[i]))
			return false;
	*mailbox = words[2];
	return take_char(in, ')');
}

/* "(" 1*address ")" / nil: the mailbox of the first address. */
static bool
take_first_mailbox(struct bytes *in, struct arena *a, struct bytes *first)
{
	struct bytes other;

	*first = BYTES_NONE;
	if (take_imap_word(in, BYTES("NIL")))
		return true;
	if (!take_char(in, '(') || !take_address_mailbox(in, a, first))
		return false;
	while (in->len && in->ptr[0] == '(')
		if (!take_address_mailbox(in, a, &other))
			return false;
	return take_char(in, ')');
}

/* envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc … ")"
   What can't be read is empty. */
static void
read_envelope(struct bytes in, struct arena *a, struct texts *t)
{
	struct bytes ignored;

	*t = (struct texts){ 0 };
	(void)!(take_char(&in, '(') && take_text_of(&in, a, &ignored) && take_char(&in, ' ') &&
		take_text_of(&in, a, &t->subject) && take_char(&in, ' ') && take_first_mailbox(&in, a, &t->from) &&
		take_char(&in, ' ') && take_first_mailbox(&in, a, &ignored) && take_char(&in, ' ') &&
		take_first_mailbox(&in, a, &ignored) && take_char(&in, ' ') && take_first_mailbox(&in, a, &t->to) &&
		take_char(&in, ' ') && take_first_mailbox(&in, a, &t->cc));
}

static bool
keep_folded(struct imap_candidate *c, struct bytes text, struct arena *a, struct bytes *out)
{
	*out = BYTES_NONE;
	if (text.len == 0)
		return true;
	buf_reset(c->text);
	put_folded(c->text, text);
	return arena_copy(a, buf_bytes(c->text), out);
}

static bool
keep_subject(struct imap_candidate *c, struct bytes subject, struct arena *a, struct imap_order_facts *facts)
{
	struct buf base;
	bool fits;

	if (subject.len == 0)
		return true;
	buf_init(&base, SUBJECT_OCTETS_MAX);
	buf_reset(c->text);
	put_header_text(c->text, subject);
	put_base_subject(&base, buf_bytes(c->text), &facts->is_reply);
	fits = keep_folded(c, buf_bytes(&base), a, &facts->subject);
	buf_done(&base);
	return fits;
}

bool
imap_order_read(struct imap_candidate *c, bool wants_texts, struct arena *a, struct imap_order_facts *facts)
{
	struct summary summary = { .sent_s = INT64_MIN };
	struct texts t;

	*facts = (struct imap_order_facts){
		.arrival_s = c->record->date_s,
		.size = c->body ? c->body->size : atomic_load_explicit(&c->record->size, memory_order_relaxed),
	};
	(void)!imap_search_summary(c, &summary);
	/* RFC 5256 2.2: without a Date: that can be read it is the internal date. */
	facts->sent_s = summary.sent_s == INT64_MIN ? facts->arrival_s : summary.sent_s;
	facts->ids = summary.ids;
	if (!wants_texts)
		return true;
	imap_search_pay(c, summary.envelope.len);
	arena_reset(c->scratch);
	read_envelope(summary.envelope, c->scratch, &t);
	return keep_folded(c, t.from, a, &facts->from) && keep_folded(c, t.to, a, &facts->to) &&
		keep_folded(c, t.cc, a, &facts->cc) && keep_subject(c, t.subject, a, facts);
}
