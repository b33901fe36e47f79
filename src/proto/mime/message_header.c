/* What the header of a part says, as the texts of BODYSTRUCTURE. */
#include "proto/mime/content.h"
#include "proto/mime/envelope.h"
#include "proto/mime/imap_text.h"
#include "proto/mime/message_internal.h"
#include "proto/rfc5322/header.h"
#include "proto/rfc5322/lexical.h"

#include <string.h>

struct content {
	struct bytes type, subtype, parameters;
	struct bytes encoding_name;
	enum summary_encoding encoding;
	struct bytes disposition, disposition_parameters;
};

static struct span
span_from(const struct message_parser *p, size_t from)
{
	return (struct span){ (uint32_t)from, (uint32_t)(p->texts.len - from) };
}

/* RFC 2045 5.2: without a Content-Type: that can be read it is text/plain in US-ASCII. RFC
   2046 5.1.5: in a digest it is a message. */
static void
set_default_type(struct content *c, bool is_in_digest)
{
	c->type = is_in_digest ? BYTES("MESSAGE") : BYTES("TEXT");
	c->subtype = is_in_digest ? BYTES("RFC822") : BYTES("PLAIN");
	c->parameters = BYTES_NONE;
}

static void
read_content(const struct header_fields *fields, bool is_in_digest, struct content *c)
{
	struct bytes value = fields->single[HEADER_CONTENT_TYPE];

	*c = (struct content){ .encoding = ENCODING_IDENTITY };
	set_default_type(c, is_in_digest && !value.ptr);
	if (value.ptr && take_content_type(&value, &c->type, &c->subtype))
		c->parameters = value;
	else if (value.ptr)
		set_default_type(c, false);
	value = fields->single[HEADER_CONTENT_TRANSFER_ENCODING];
	if (take_content_token(&value, &c->encoding_name))
		c->encoding = content_encoding(c->encoding_name);
	value = fields->single[HEADER_CONTENT_DISPOSITION];
	if (take_content_token(&value, &c->disposition))
		c->disposition_parameters = value;
}

/* False when there is no boundary that can be used. */
static bool
set_boundary(struct message_parser *p, struct mime_part *part, const struct content *c)
{
	size_t from = p->texts.len;
	struct bytes boundary;

	if (!find_parameter(c->parameters, BYTES("boundary"), &p->scratch))
		return false;
	boundary = bytes_trim(buf_bytes(&p->scratch));
	if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
		return false;
	put_bytes(&p->texts, boundary);
	part->boundary = span_from(p, from);
	return !p->texts.has_failed;
}

static void
make_opaque(struct content *c)
{
	c->type = BYTES("APPLICATION");
	c->subtype = BYTES("OCTET-STREAM");
}

/* RFC 2046 5.2.1: a message in a message has no other encoding than 7bit, 8bit or binary; one that
   has is told as the octets that it is, and so is what is nested too deep. */
static enum summary_kind
set_kind(struct message_parser *p, struct mime_part *part, struct content *c)
{
	bool may_nest = parts_may_nest(p, part);

	if (bytes_equal_nocase(c->type, BYTES("multipart"))) {
		c->encoding = ENCODING_IDENTITY;
		if (!may_nest) {
			make_opaque(c);
			return PART_LEAF;
		}
		if (set_boundary(p, part, c))
			return PART_MULTIPART;
		set_default_type(c, false);
		return PART_TEXT;
	}
	if (bytes_equal_nocase(c->type, BYTES("message")) &&
		bytes_equal_nocase(c->subtype, BYTES("rfc822"))) {
		if (may_nest && c->encoding == ENCODING_IDENTITY)
			return PART_MESSAGE;
		make_opaque(c);
	}
	return bytes_equal_nocase(c->type, BYTES("text")) ? PART_TEXT : PART_LEAF;
}

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil      RFC 3501 9 */
static void
put_parameters(struct message_parser *p, struct bytes parameters, bool needs_charset)
{
	struct bytes name;
	bool is_first = true;

	while (take_parameter(&parameters, &name, &p->scratch)) {
		put_char(&p->texts, is_first ? '(' : ' ');
		put_imap_string(&p->texts, name);
		put_char(&p->texts, ' ');
		put_imap_string(&p->texts, buf_bytes(&p->scratch));
		is_first = false;
		if (bytes_equal_nocase(name, BYTES("charset")))
			needs_charset = false;
	}
	if (needs_charset)
		put_text(&p->texts,
			is_first ? "(\"CHARSET\" \"US-ASCII\"" : " \"CHARSET\" \"US-ASCII\"");
	put_text(&p->texts, is_first && !needs_charset ? "NIL" : ")");
}

static void
put_unfolded_nstring(struct message_parser *p, struct bytes value)
{
	buf_reset(&p->scratch);
	put_unfolded(&p->scratch, value);
	put_imap_nstring(&p->texts, buf_bytes(&p->scratch));
}

/* body-fld-enc; the names that RFC 3501 knows as it writes them. */
static void
put_encoding(struct message_parser *p, struct bytes name)
{
	static const struct bytes known[] = { BYTES_INIT("7BIT"), BYTES_INIT("8BIT"),
		BYTES_INIT("BINARY"), BYTES_INIT("BASE64"), BYTES_INIT("QUOTED-PRINTABLE") };

	if (name.len == 0)
		name = known[0];
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (bytes_equal_nocase(name, known[i]))
			name = known[i];
	put_imap_string(&p->texts, name);
}

/* body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
   RFC 3501 9; the octets are not known yet. */
static void
put_leaf_fields(
	struct message_parser *p, const struct header_fields *fields, const struct content *c)
{
	bool is_plain = bytes_equal_nocase(c->type, BYTES("text")) &&
			bytes_equal_nocase(c->subtype, BYTES("plain"));

	put_imap_string(&p->texts, c->type);
	put_char(&p->texts, ' ');
	put_imap_string(&p->texts, c->subtype);
	put_char(&p->texts, ' ');
	put_parameters(p, c->parameters, is_plain);
	put_char(&p->texts, ' ');
	put_unfolded_nstring(p, fields->single[HEADER_CONTENT_ID]);
	put_char(&p->texts, ' ');
	put_unfolded_nstring(p, fields->single[HEADER_CONTENT_DESCRIPTION]);
	put_char(&p->texts, ' ');
	put_encoding(p, c->encoding_name);
}

/* body-fld-dsp = "(" string SP body-fld-param ")" / nil      RFC 3501 9 */
static void
put_disposition(struct message_parser *p, const struct content *c)
{
	if (c->disposition.len == 0) {
		put_text(&p->texts, "NIL");
		return;
	}
	put_char(&p->texts, '(');
	put_imap_string(&p->texts, c->disposition);
	put_char(&p->texts, ' ');
	put_parameters(p, c->disposition_parameters, false);
	put_char(&p->texts, ')');
}

static bool
take_language(struct bytes *in, struct bytes *tag)
{
	for (;;) {
		take_cfws(in, NULL);
		if (take_class(in, CLASS_TOKEN, tag))
			return true;
		if (in->len == 0)
			return false;
		*in = bytes_sub(*in, 1, in->len);
	}
}

/* body-fld-lang = nstring / "(" string *(SP string) ")"      RFC 3501 9
   Content-Language: tags with commas between them      RFC 3282 2 */
static void
put_language(struct message_parser *p, struct bytes value)
{
	struct bytes first, tag;

	if (!take_language(&value, &first)) {
		put_text(&p->texts, "NIL");
		return;
	}
	if (!take_language(&value, &tag)) {
		put_imap_string(&p->texts, first);
		return;
	}
	put_char(&p->texts, '(');
	put_imap_string(&p->texts, first);
	do {
		put_char(&p->texts, ' ');
		put_imap_string(&p->texts, tag);
	} while (take_language(&value, &tag));
	put_char(&p->texts, ')');
}

/* RFC 2557 4.4.1: white space in a Content-Location: is only there to fold it. */
static void
put_location(struct message_parser *p, struct bytes value)
{
	struct bytes run;

	buf_reset(&p->scratch);
	for (;;) {
		take_cfws(&value, NULL);
		if (!take_class(&value, (unsigned int)~(CLASS_SPACE | CLASS_CONTROL), &run))
			break;
		put_bytes(&p->scratch, run);
	}
	put_imap_nstring(&p->texts, buf_bytes(&p->scratch));
}

/* body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
   body-ext-mpart = body-fld-param [SP body-fld-dsp …      RFC 3501 9 */
static void
put_extension(struct message_parser *p, const struct header_fields *fields, const struct content *c,
	bool is_multipart)
{
	if (is_multipart)
		put_parameters(p, c->parameters, false);
	else
		put_unfolded_nstring(p, fields->single[HEADER_CONTENT_MD5]);
	put_char(&p->texts, ' ');
	put_disposition(p, c);
	put_char(&p->texts, ' ');
	put_language(p, fields->single[HEADER_CONTENT_LANGUAGE]);
	put_char(&p->texts, ' ');
	put_location(p, fields->single[HEADER_CONTENT_LOCATION]);
}

static void
put_texts(struct message_parser *p, struct mime_part *part, const struct header_fields *fields,
	const struct content *c)
{
	bool is_multipart = part->place.kind == PART_MULTIPART;
	size_t from = p->texts.len;

	if (is_multipart)
		put_imap_string(&p->texts, c->subtype);
	else
		put_leaf_fields(p, fields, c);
	part->fields = span_from(p, from);
	from = p->texts.len;
	put_extension(p, fields, c, is_multipart);
	part->extension = span_from(p, from);
}

static void
put_inner_envelope(
	struct message_parser *p, struct mime_part *part, const struct header_fields *fields)
{
	size_t from = p->texts.len;

	if (!p->texts.has_failed && !put_envelope(&p->texts, fields, ENVELOPE_LEAST, &p->scratch))
		p->is_cut = true;
	part->envelope = span_from(p, from);
}

/* The first text that is shown is what the preview is made of. */
static void
consider_preview(struct message_parser *p, const struct mime_part *part, const struct content *c)
{
	struct preview *preview = &p->preview;
	bool is_html = bytes_equal_nocase(c->subtype, BYTES("html"));

	if (preview->part != NO_PART || part->place.kind != PART_TEXT || part->is_inner ||
		bytes_equal_nocase(c->disposition, BYTES("attachment")) ||
		(!is_html && !bytes_equal_nocase(c->subtype, BYTES("plain"))))
		return;
	preview->part = p->current;
	preview->is_html = is_html;
	preview->encoding = c->encoding;
	preview->charset_len = 0;
	if (find_parameter(c->parameters, BYTES("charset"), &p->scratch) &&
		p->scratch.len <= PREVIEW_CHARSET_MAX) {
		preview->charset_len = p->scratch.len;
		if (p->scratch.len)
			memcpy(preview->charset, p->scratch.ptr, p->scratch.len);
	}
	p->is_in_preview = true;
}

void
part_read_header(struct message_parser *p, struct mime_part *part, struct bytes header)
{
	struct header_fields own, *fields = p->current == 0 ? &p->message_fields : &own;
	bool is_in_digest = !part->is_message && p->parts[part->place.parent].is_digest;
	struct content c;

	header_fields_find(header, fields);
	read_content(fields, is_in_digest, &c);
	if (part->is_inner && part->is_message)
		put_inner_envelope(p, part, fields);
	part->place.kind = (uint16_t)set_kind(p, part, &c);
	part->place.encoding = c.encoding;
	part->is_digest = part->place.kind == PART_MULTIPART &&
			  bytes_equal_nocase(c.subtype, BYTES("digest"));
	put_texts(p, part, fields, &c);
	consider_preview(p, part, &c);
	if (p->texts.has_failed)
		parts_set_rest(p, p->current);
}

void
part_make_plain(struct message_parser *p, struct mime_part *part)
{
	size_t from = p->texts.len;

	part->place.kind = PART_TEXT;
	put_text(&p->texts, "\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\"");
	part->fields = span_from(p, from);
	from = p->texts.len;
	put_text(&p->texts, "NIL NIL NIL NIL");
	part->extension = span_from(p, from);
	if (p->texts.has_failed)
		parts_set_rest(p, (uint32_t)(part - p->parts));
}
