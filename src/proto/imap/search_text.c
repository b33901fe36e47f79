/* The keys of SEARCH that look at text: in the envelope of the summary as long as that will do, else in the message. */
#include "proto/imap/search_internal.h"
#include "proto/mime/message.h"
#include "proto/rfc5322/header.h"

/* ---- the envelope */

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" as "name <mailbox@host>, " */
static bool
take_address(struct bytes *in, const struct imap_candidate *c, bool is_wanted)
{
	struct bytes words[4];
	bool is_nil;

	if (!take_char(in, '('))
		return false;
	for (size_t i = 0; i < 4; i++)
		if ((i && !take_char(in, ' ')) || !take_imap_nstring(in, c->scratch, &is_nil, &words[i]))
			return false;
	if (!take_char(in, ')'))
		return false;
	if (!is_wanted)
		return true;
	put_header_text(c->text, words[0]);
	put_text(c->text, " <");
	put_bytes(c->text, words[2]);
	put_char(c->text, '@');
	put_bytes(c->text, words[3]);
	put_text(c->text, ">, ");
	return true;
}

/* env-from = "(" 1*address ")" / nil, and its like */
static bool
take_addresses(struct bytes *in, const struct imap_candidate *c, bool is_wanted)
{
	if (take_imap_word(in, BYTES("NIL")))
		return true;
	if (!take_char(in, '('))
		return false;
	while (in->len && in->ptr[0] == '(')
		if (!take_address(in, c, is_wanted))
			return false;
	return take_char(in, ')');
}

static bool
take_text_value(struct bytes *in, const struct imap_candidate *c, bool is_wanted)
{
	struct bytes value;
	bool is_nil;

	if (!take_imap_nstring(in, c->scratch, &is_nil, &value))
		return false;
	if (is_wanted)
		put_header_text(c->text, value);
	return true;
}

/* Leaves the text of the field in c->text. */
static bool
read_envelope(const struct imap_candidate *c, struct bytes envelope, enum imap_envelope_field wanted)
{
	if (!take_char(&envelope, '('))
		return false;
	for (enum imap_envelope_field i = ENVELOPE_DATE; i <= wanted; i++) {
		bool is_list = i >= ENVELOPE_FROM && i <= ENVELOPE_BCC;

		if (i != ENVELOPE_DATE && !take_char(&envelope, ' '))
			return false;
		if (is_list ? !take_addresses(&envelope, c, i == wanted) : !take_text_value(&envelope, c, i == wanted))
			return false;
	}
	return true;
}

/* ---- the message */

/* A message's pieces in the order of the file: each is looked for from where the one before ended. */
struct reader {
	struct bytes octets;
	struct imap_wire wire;
	uint64_t at;
};

static struct bytes
read_piece(struct reader *r, uint64_t at, uint64_t len)
{
	struct bytes from;

	if (at < r->at) {
		imap_wire_start(&r->wire, r->octets);
		r->at = 0;
	}
	imap_wire_skip(&r->wire, at - r->at);
	from = r->wire.rest;
	imap_wire_skip(&r->wire, len);
	r->at = at + len;
	return bytes_between(from, r->wire.rest);
}

static void
start_reader(struct reader *r, struct bytes octets)
{
	*r = (struct reader){ .octets = octets };
	imap_wire_start(&r->wire, octets);
}

static struct bytes
read_header(struct reader *r, const struct summary_part *part)
{
	uint64_t octets = part->body_at > part->header_at ? part->body_at - part->header_at : 0;

	return read_piece(r, part->header_at, octets < IMAP_SEARCH_HEADER_MAX ? octets : IMAP_SEARCH_HEADER_MAX);
}

/* The text in the values of the fields of that name; the empty text is in each. */
static bool
is_in_fields(const struct imap_candidate *c, struct bytes header, struct bytes wanted, struct bytes text)
{
	struct bytes name, value, field;

	while (take_header_field(&header, &name, &value, &field)) {
		if (!bytes_equal_nocase(name, wanted))
			continue;
		buf_reset(c->text);
		put_header_text(c->text, value);
		if (text_contains(buf_bytes(c->text), text))
			return true;
	}
	return false;
}

static bool
is_in_header(const struct imap_candidate *c, struct bytes header, struct bytes text)
{
	struct bytes name, value, field;

	buf_reset(c->text);
	while (take_header_field(&header, &name, &value, &field)) {
		put_bytes(c->text, name);
		put_text(c->text, ": ");
		put_header_text(c->text, value);
		put_char(c->text, '\n');
	}
	return text_contains(buf_bytes(c->text), text);
}

static bool
is_inner_message(const struct summary *summary, uint32_t index, const struct summary_part *part)
{
	return index > 0 && part->parent < index && summary_part(summary, part->parent).kind == PART_MESSAGE;
}

static bool
is_in_parts(const struct imap_candidate *c, const struct summary *summary, struct bytes text)
{
	struct reader reader;
	uint64_t looked_at = 0;

	start_reader(&reader, c->body->octets);
	for (uint32_t i = 0; i < summary->part_count && looked_at < IMAP_SEARCH_TEXT_MAX; i++) {
		struct summary_part part = summary_part(summary, i);
		struct bytes header = read_header(&reader, &part);

		if (is_inner_message(summary, i, &part) && is_in_header(c, header, text))
			return true;
		if (part.kind != PART_TEXT)
			continue;
		if (part.body_octets > IMAP_SEARCH_TEXT_MAX - looked_at)
			part.body_octets = IMAP_SEARCH_TEXT_MAX - looked_at;
		looked_at += part.body_octets;
		buf_reset(c->text);
		put_part_text(c->text, header, read_piece(&reader, part.body_at, part.body_octets));
		if (text_contains(buf_bytes(c->text), text))
			return true;
	}
	return false;
}

static struct bytes
message_header(const struct imap_candidate *c, const struct summary *summary)
{
	struct summary_part message = summary_part(summary, 0);
	struct reader reader;

	start_reader(&reader, c->body->octets);
	return read_header(&reader, &message);
}

/* The header field that an envelope field comes from. */
static struct bytes
field_name(const struct imap_search_key *key)
{
	static const struct bytes names[] = {
		[ENVELOPE_DATE] = BYTES_INIT("Date"),
		[ENVELOPE_SUBJECT] = BYTES_INIT("Subject"),
		[ENVELOPE_FROM] = BYTES_INIT("From"),
		[ENVELOPE_SENDER] = BYTES_INIT("Sender"),
		[ENVELOPE_REPLY_TO] = BYTES_INIT("Reply-To"),
		[ENVELOPE_TO] = BYTES_INIT("To"),
		[ENVELOPE_CC] = BYTES_INIT("Cc"),
		[ENVELOPE_BCC] = BYTES_INIT("Bcc"),
		[ENVELOPE_IN_REPLY_TO] = BYTES_INIT("In-Reply-To"),
		[ENVELOPE_MESSAGE_ID] = BYTES_INIT("Message-ID"),
	};

	return key->kind == SEARCH_ENVELOPE ? names[key->field] : key->name;
}

static bool
is_in_message(struct imap_candidate *c, const struct imap_search_key *key, const struct summary *summary)
{
	struct bytes header = message_header(c, summary);

	if (key->kind != SEARCH_BODY && key->kind != SEARCH_TEXT) {
		imap_search_pay(c, header.len);
		return is_in_fields(c, header, field_name(key), key->text);
	}
	imap_search_pay(c, c->body->octets.len);
	if (key->kind == SEARCH_TEXT && is_in_header(c, header, key->text))
		return true;
	return is_in_parts(c, summary, key->text);
}

static enum imap_verdict
look(struct imap_candidate *c, const struct imap_search_key *key)
{
	struct summary summary;
	bool has_summary = imap_search_summary(c, &summary);
	bool is_match;

	arena_reset(c->scratch);
	buf_reset(c->text);
	/* A summary that had to be cut has not all addresses. */
	if (key->kind == SEARCH_ENVELOPE && has_summary && !summary.is_cut) {
		imap_search_pay(c, summary.envelope.len);
		if (read_envelope(c, summary.envelope, key->field))
			return text_contains(buf_bytes(c->text), key->text) ? VERDICT_YES : VERDICT_NO;
	}
	if (!c->body)
		return VERDICT_UNKNOWN;
	is_match = has_summary && summary.part_count && is_in_message(c, key, &summary);
	return is_match ? VERDICT_YES : VERDICT_NO;
}

enum imap_verdict
imap_search_match_text(struct imap_candidate *c, struct imap_search_key *key)
{
	if (key->told_uid == c->record->uid && key->told_with_body == (c->body != NULL))
		return key->told;
	if (c->has_looked && *c->budget == 0)
		return VERDICT_LATER;
	c->has_looked = true;
	key->told = look(c, key);
	key->told_uid = c->record->uid;
	key->told_with_body = c->body != NULL;
	return key->told;
}
