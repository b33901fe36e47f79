#include "proto/mime/envelope.h"

#include "proto/mime/imap_text.h"
#include "proto/rfc5322/address.h"
#include "proto/rfc5322/header.h"

#include <string.h>

/* When an envelope must be cut: a text gets one part of CUT_SHARES, which is twice as long when
   every octet is escaped; addresses get what is left. */
enum { CUT_SHARES = 9, CUT_TEXT_FRAME = 8, CUT_ADDRESS_TEXT = 100, CUT_FIXED = 200 };
_Static_assert(
	ENVELOPE_LEAST - 4 * (2 * (ENVELOPE_LEAST / CUT_SHARES) + CUT_TEXT_FRAME) >= CUT_FIXED,
	"the least envelope holds four texts and the ends of all lists");

struct writer {
	struct buf *out;
	struct buf *scratch;
	size_t text_max; /* octets of a value */
	size_t address_text_max;
	size_t lists_end; /* addresses that would end behind it are left out */
	bool is_cut;
};

static struct bytes
cut(struct writer *w, struct bytes in, size_t max)
{
	if (in.len > max)
		w->is_cut = true;
	return bytes_sub(in, 0, max);
}

/* env-date, env-subject, …: NIL when the field is not there, "" when it is empty      RFC
 * 3501 7.4.2 */
static void
put_value(struct writer *w, struct bytes value)
{
	if (!value.ptr) {
		put_text(w->out, "NIL");
		return;
	}
	buf_reset(w->scratch);
	put_unfolded(w->scratch, value);
	put_imap_string(w->out, cut(w, buf_bytes(w->scratch), w->text_max));
}

static void
put_part_of_address(struct writer *w, struct bytes text, bool is_nil)
{
	if (is_nil)
		put_text(w->out, "NIL");
	else
		put_imap_string(w->out, cut(w, text, w->address_text_max));
}

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"      RFC 3501 9
   The host is NIL at the begin of a group, where the mailbox is its name, and at its end, where all
   are. So a mailbox without a domain has the host "". */
static void
put_one_address(struct writer *w, const struct rfc5322_address *a)
{
	bool is_mailbox = a->kind == ADDRESS_MAILBOX;

	put_char(w->out, '(');
	put_part_of_address(w, a->name, !is_mailbox || a->name.len == 0);
	put_char(w->out, ' ');
	put_part_of_address(w, a->route, a->route.len == 0);
	put_char(w->out, ' ');
	put_part_of_address(w, is_mailbox ? a->local : a->name, a->kind == ADDRESS_GROUP_END);
	put_char(w->out, ' ');
	put_part_of_address(w, a->domain, !is_mailbox);
	put_char(w->out, ')');
}

/* False when the list is full. */
static bool
put_addresses(struct writer *w, struct bytes value)
{
	struct rfc5322_address a;
	bool is_in_group = false;

	while (take_address(&value, &is_in_group, w->scratch, &a)) {
		size_t before = w->out->len;

		put_one_address(w, &a);
		if (w->out->len <= w->lists_end)
			continue;
		w->out->len = before;
		w->is_cut = true;
		if (is_in_group)
			put_one_address(w, &(struct rfc5322_address){ .kind = ADDRESS_GROUP_END });
		return false;
	}
	return true;
}

/* env-from = "(" 1*address ")" / nil      RFC 3501 9 */
static bool
put_list(struct writer *w, const struct header_fields *fields, enum header_kind kind)
{
	size_t before = w->out->len;

	put_char(w->out, '(');
	for (size_t i = 0; i < fields->list_count; i++)
		if (fields->lists[i].kind == kind && !put_addresses(w, fields->lists[i].value))
			break;
	if (w->out->len > before + 1) {
		put_char(w->out, ')');
		return true;
	}
	w->out->len = before;
	put_text(w->out, "NIL");
	return false;
}

/* The text of From: again, for Sender: and Reply-To: that are missing or empty      RFC 3501 7.4.2
 */
static void
put_list_or_from(struct writer *w, const struct header_fields *fields, enum header_kind kind,
	size_t from, size_t from_len)
{
	size_t before = w->out->len;
	uint8_t *to;

	if (put_list(w, fields, kind) || w->out->has_failed)
		return;
	if (before + from_len > w->lists_end) {
		w->is_cut = true;
		return;
	}
	w->out->len = before;
	to = buf_room(w->out, from_len);
	if (!to)
		return;
	memcpy(to, w->out->ptr + from, from_len);
	buf_added(w->out, from_len);
}

static void
write_envelope(struct writer *w, const struct header_fields *fields)
{
	static const enum header_kind rest[] = { HEADER_TO, HEADER_CC, HEADER_BCC };
	size_t from, from_len;

	put_char(w->out, '(');
	put_value(w, fields->single[HEADER_DATE]);
	put_char(w->out, ' ');
	put_value(w, fields->single[HEADER_SUBJECT]);
	put_char(w->out, ' ');
	from = w->out->len;
	(void)put_list(w, fields, HEADER_FROM);
	from_len = w->out->len - from;
	put_char(w->out, ' ');
	put_list_or_from(w, fields, HEADER_SENDER, from, from_len);
	put_char(w->out, ' ');
	put_list_or_from(w, fields, HEADER_REPLY_TO, from, from_len);
	for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
		put_char(w->out, ' ');
		(void)put_list(w, fields, rest[i]);
	}
	put_char(w->out, ' ');
	put_value(w, fields->single[HEADER_IN_REPLY_TO]);
	put_char(w->out, ' ');
	put_value(w, fields->single[HEADER_MESSAGE_ID]);
	put_char(w->out, ')');
}

/* env = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc
   SP env-bcc SP env-in-reply-to SP env-message-id ")"      RFC 3501 9 */
bool
put_envelope(
	struct buf *out, const struct header_fields *fields, size_t octets_max, struct buf *scratch)
{
	size_t before = out->len;
	struct writer w = {
		.out = out,
		.scratch = scratch,
		.text_max = SIZE_MAX,
		.address_text_max = SIZE_MAX,
		.lists_end = SIZE_MAX,
	};

	write_envelope(&w, fields);
	if (!out->has_failed && out->len - before <= octets_max)
		return true;
	out->len = before;
	out->has_failed = false;
	w.text_max = octets_max / CUT_SHARES;
	w.address_text_max = CUT_ADDRESS_TEXT;
	w.lists_end = before + octets_max - 2 * (2 * w.text_max + CUT_TEXT_FRAME) - CUT_FIXED;
	write_envelope(&w, fields);
	return false;
}
