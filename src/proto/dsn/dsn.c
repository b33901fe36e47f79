/* A report has three parts (RFC 3464 2, RFC 6522 3): words for people, fields for programs, and the message.

   Nothing of others begins a line but in the third part, and the boundary is one that the third part does not hold:
   so neither a header nor a part can be forged. */
#include "proto/dsn/dsn_internal.h"

#include "base/clock.h"
#include "proto/rfc5322/address.h"
#include "proto/rfc5322/header.h"

enum {
	BOUNDARY_OCTETS_MAX = 70, /* RFC 2046 5.1.1 */
	HEADER_OCTETS_MAX = 8192, /* that are returned to who may be a stranger */
	LANGUAGE_OCTETS_MAX = 500, /* of a field that names languages */
};

/* What the parts turned out to be. */
struct parts {
	struct buf words, status;
	struct bytes returned;
	uint8_t boundary_room[BOUNDARY_OCTETS_MAX];
	struct buf boundary;
	bool is_status_global, is_returned_global;
};

/* Its whole fields, up to so many octets. */
static struct bytes
header_of(struct bytes content, size_t octets_max)
{
	struct bytes rest = content, name, value, field;
	size_t len = 0;

	while (take_header_field(&rest, &name, &value, &field) && bytes_between(content, rest).len <= octets_max)
		len = bytes_between(content, rest).len;
	return bytes_sub(content, 0, len);
}

static bool
has_failure(const struct dsn_report *r)
{
	for (size_t i = 0; i < r->recipient_count; i++)
		if (r->recipients[i].action == DSN_FAILED)
			return true;
	return false;
}

/* "=_" stands in no quoted-printable text (RFC 2046 5.1.1); what stands in the message is looked for. */
static void
choose_boundary(struct parts *parts, const struct dsn_report *r)
{
	for (unsigned int n = 0;; n++) {
		buf_init_fixed(&parts->boundary, parts->boundary_room, sizeof parts->boundary_room);
		put_text(&parts->boundary, "=_");
		for (size_t i = 0; i < r->report_id.len && i < BOUNDARY_OCTETS_MAX / 2; i++)
			if (byte_is_class(r->report_id.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
				put_char(&parts->boundary, r->report_id.ptr[i]);
		put_format(&parts->boundary, ".%u", n);
		if (bytes_find(parts->returned, buf_bytes(&parts->boundary)) == parts->returned.len)
			return;
	}
}

static void
put_fields_of_sender(struct buf *out, const struct dsn_report *r)
{
	put_format(out, "From: %s <mailer-daemon@", dsn_sender_name(r->language));
	dsn_put_clean(out, r->hostname, true);
	put_text(out, ">\nTo: <");
	dsn_put_clean(out, r->sender, true);
	put_text(out, ">\nSubject: ");
	dsn_put_header_words(out, bytes_text(dsn_subject(r)));
	put_text(out, "\nDate: ");
	clock_put_rfc5322(out, r->date_s, r->zone_minutes);
	put_text(out, "\nMessage-ID: <");
	dsn_put_clean(out, r->report_id, false);
	put_char(out, '@');
	dsn_put_clean(out, r->hostname, true);
	put_text(out, ">\n");
}

/* So that it stands beside the message in the sender's mailbox (RFC 5322 3.6.4). */
static void
put_in_reply_to(struct buf *out, struct bytes header)
{
	struct bytes name, value, field, id;

	while (take_header_field(&header, &name, &value, &field)) {
		if (!bytes_equal_nocase(name, BYTES("message-id")) || !take_message_id(&value, &id))
			continue;
		if (id.len && id.len < DSN_TEXT_MAX && bytes_all_class(id, CLASS_FTEXT | CLASS_ATEXT)) {
			put_text(out, "In-Reply-To: <");
			put_bytes(out, id);
			put_text(out, ">\nReferences: <");
			put_bytes(out, id);
			put_text(out, ">\n");
		}
		return;
	}
}

/* Auto-Submitted: "auto-replied" is the one that notifications may have      RFC 3834 5.1 */
static void
put_header(struct buf *out, const struct dsn_report *r, const struct parts *parts, bool is_8bit)
{
	put_fields_of_sender(out, r);
	put_in_reply_to(out, header_of(r->content, SIZE_MAX));
	put_text(out, "Auto-Submitted: auto-replied\n"
		      "MIME-Version: 1.0\n"
		      "Content-Type: multipart/report; report-type=delivery-status;\n"
		      "\tboundary=\"");
	put_bytes(out, buf_bytes(&parts->boundary));
	put_text(out, "\"\n");
	if (is_8bit)
		put_text(out, "Content-Transfer-Encoding: 8bit\n");
	put_char(out, '\n');
}

static void
put_delimiter(struct buf *out, const struct parts *parts, const char *end)
{
	put_text(out, "\n--");
	put_bytes(out, buf_bytes(&parts->boundary));
	put_text(out, end);
	put_char(out, '\n');
}

static void
put_words_part(struct buf *out, const struct dsn_report *r, const struct parts *parts)
{
	bool is_ascii = bytes_is_ascii(buf_bytes(&parts->words));

	put_delimiter(out, parts, "");
	put_format(out, "Content-Type: text/plain; charset=utf-8\nContent-Language: %s\n", dsn_language_tag(r->language));
	if (!is_ascii)
		put_text(out, "Content-Transfer-Encoding: quoted-printable\n");
	put_char(out, '\n');
	if (is_ascii)
		put_bytes(out, buf_bytes(&parts->words));
	else
		dsn_put_quoted_printable(out, buf_bytes(&parts->words));
}

static void
put_part(struct buf *out, const struct parts *parts, const char *type, struct bytes body)
{
	put_delimiter(out, parts, "");
	put_format(out, "Content-Type: %s\n", type);
	if (!bytes_is_ascii(body))
		put_text(out, "Content-Transfer-Encoding: 8bit\n");
	put_char(out, '\n');
	put_bytes(out, body);
}

/* RFC 6522 4 for text/rfc822-headers, RFC 6533 5 and RFC 6532 3.7 for the others. */
static const char *
returned_type(const struct dsn_report *r, const struct parts *parts)
{
	if (r->returns_whole)
		return parts->is_returned_global ? "message/global" : "message/rfc822";
	return parts->is_returned_global ? "message/global-headers" : "text/rfc822-headers";
}

static void
prepare(struct parts *parts, const struct dsn_report *r, size_t octets_max)
{
	struct bytes header = header_of(r->content, has_failure(r) ? SIZE_MAX : HEADER_OCTETS_MAX);

	parts->returned = r->returns_whole ? r->content : header;
	parts->is_returned_global = r->is_utf8 && !bytes_is_ascii(header);
	parts->is_status_global = dsn_is_status_global(r);
	buf_init(&parts->words, octets_max);
	dsn_put_wording(&parts->words, r);
	buf_init(&parts->status, octets_max);
	dsn_put_status(&parts->status, r, parts->is_status_global);
	choose_boundary(parts, r);
}

unsigned int
dsn_put(struct buf *out, const struct dsn_report *r)
{
	struct parts parts = { .is_status_global = false };
	bool is_8bit;

	prepare(&parts, r, out->max);
	is_8bit = !bytes_is_ascii(parts.returned) || !bytes_is_ascii(buf_bytes(&parts.status));
	put_header(out, r, &parts, is_8bit);
	put_words_part(out, r, &parts);
	put_part(out, &parts, parts.is_status_global ? "message/global-delivery-status" : "message/delivery-status",
		buf_bytes(&parts.status));
	put_part(out, &parts, returned_type(r, &parts), parts.returned);
	put_delimiter(out, &parts, "--");
	out->has_failed |= parts.words.has_failed || parts.status.has_failed;
	buf_done(&parts.words);
	buf_done(&parts.status);
	return (is_8bit ? DSN_NEEDS_8BIT : 0u) |
	       (bytes_is_ascii(r->sender) && bytes_is_ascii(r->hostname) ? 0u : DSN_NEEDS_UTF8);
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / …      RFC 3282 3: of 0 it is not wanted */
static bool
is_unwanted(struct bytes weight)
{
	weight = bytes_trim(weight);
	return take_text_nocase(&weight, BYTES("q=")) && take_char(&weight, '0') &&
		(weight.len == 0 || (take_char(&weight, '.') && bytes_equal(bytes_sub(BYTES("000"), 0, weight.len), weight)));
}

/* Language-List = Language-Tag [CFWS] *("," [CFWS] Language-Tag)      RFC 3282 2; weights ("; q=") but 0 are passed over, since
   lists are written with the best first */
static bool
find_in_list(struct bytes list, enum dsn_language *language)
{
	list = bytes_sub(list, 0, LANGUAGE_OCTETS_MAX);
	while (list.len) {
		struct bytes weight = take_until(&list, ','), tag = bytes_trim(take_until(&weight, ';'));

		if (is_unwanted(weight))
			continue;
		tag = bytes_sub(tag, 0, bytes_find_char(tag, '-'));
		for (enum dsn_language l = DSN_ENGLISH; l < DSN_LANGUAGES; l++)
			if (bytes_equal_nocase(tag, bytes_text(dsn_language_tag(l)))) {
				*language = l;
				return true;
			}
	}
	return false;
}

static bool
find_in_field(struct bytes content, struct bytes wanted, enum dsn_language *language)
{
	struct bytes name, value, field;

	while (take_header_field(&content, &name, &value, &field))
		if (bytes_equal_nocase(name, wanted) && find_in_list(value, language))
			return true;
	return false;
}

bool
dsn_find_language(struct bytes content, enum dsn_language *language)
{
	return find_in_field(content, BYTES("accept-language"), language) ||
	       find_in_field(content, BYTES("content-language"), language);
}
