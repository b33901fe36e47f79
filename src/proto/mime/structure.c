/* BODY and BODYSTRUCTURE (RFC 3501 7.4.2, 9).  Parts stand in depth-first order, so the parentheses
   are written on the way, without recursion. */
#include "proto/mime/message_internal.h"

static void
put_span(const struct message_parser *p, struct span span, struct buf *out)
{
	put_char(out, ' ');
	put_bytes(out, parser_text(p, span));
}

/* What stands for the rest is told with the encoding of its octets. */
static void
put_rest_fields(const struct summary_part *place, struct buf *out)
{
	static const char *const encodings[] = {
		[ENCODING_IDENTITY] = "8BIT",
		[ENCODING_QUOTED_PRINTABLE] = "QUOTED-PRINTABLE",
		[ENCODING_BASE64] = "BASE64",
		[ENCODING_UNKNOWN] = "BINARY",
	};

	put_text(out, "\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"");
	put_text(out, encodings[place->encoding]);
	put_char(out, '"');
}

/* body-type-basic = media-basic SP body-fields
   body-type-text = media-text SP body-fields SP body-fld-lines
   body-type-msg = media-message SP body-fields SP envelope SP body SP body-fld-lines      RFC 3501
   9 */
static void
put_beginning(const struct message_parser *p, uint32_t index, struct buf *out)
{
	struct summary_part place = parts_place(p, index);
	const struct mime_part *part = &p->parts[index];

	put_char(out, '(');
	if (place.kind == PART_MULTIPART)
		return;
	if (index == p->rest)
		put_rest_fields(&place, out);
	else
		put_bytes(out, parser_text(p, part->fields));
	put_char(out, ' ');
	put_number(out, place.body_octets);
	if (place.kind == PART_MESSAGE) {
		put_span(p, p->parts[index + 1].envelope, out);
		put_char(out, ' ');
	}
}

/* body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]      RFC 3501 9 */
static void
put_end(const struct message_parser *p, uint32_t index, bool is_extended, struct buf *out)
{
	struct summary_part place = parts_place(p, index);
	const struct mime_part *part = &p->parts[index];

	if (place.kind == PART_MULTIPART)
		put_span(p, part->fields, out);
	if (place.kind == PART_TEXT || place.kind == PART_MESSAGE) {
		put_char(out, ' ');
		put_number(out, place.body_lines);
	}
	if (is_extended && index == p->rest)
		put_text(out, " NIL NIL NIL NIL");
	else if (is_extended)
		put_span(p, part->extension, out);
	put_char(out, ')');
}

void
put_structure(const struct message_parser *p, bool is_extended, struct buf *out)
{
	uint32_t count = parts_told(p);

	for (uint32_t i = 0; i < count && !out->has_failed; i++) {
		uint32_t next_parent = i + 1 < count ? p->parts[i + 1].place.parent : NO_PART;

		put_beginning(p, i, out);
		for (uint32_t at = i; at != next_parent; at = p->parts[at].place.parent) {
			put_end(p, at, is_extended, out);
			if (at == 0)
				break;
		}
	}
}
