/* Which octets of a message a section of FETCH is (RFC 3501 6.4.5).  The summary says where the parts are, in wire form. */
#include "proto/imap/fetch_internal.h"
#include "proto/rfc5322/header.h"

/* Fields are looked for so far into a header. */
#define HEADER_OCTETS_MAX (256U << 10)

static void
set_octets(struct imap_extract *e)
{
	e->octets = 0;
	for (size_t i = 0; i < e->piece_count; i++)
		e->octets += imap_wire_length(e->pieces[i]);
	e->left = e->octets;
	e->at = 0;
	imap_wire_start(&e->wire, e->piece_count ? e->pieces[0] : BYTES_NONE);
}

static bool
set_piece(struct imap_extract *e, struct bytes piece, struct arena *a)
{
	e->pieces = arena_take(a, sizeof *e->pieces);
	if (!e->pieces)
		return false;
	e->pieces[0] = piece;
	e->piece_count = 1;
	set_octets(e);
	return true;
}

static bool
has_field(const struct imap_section *section, struct bytes name)
{
	for (size_t i = 0; i < section->field_count; i++)
		if (bytes_equal_nocase(section->fields[i], name))
			return true;
	return false;
}

/* Puts the next field, joined with the piece before it when they touch. */
static void
add_field(struct bytes *pieces, size_t *count, struct bytes field)
{
	if (*count && pieces[*count - 1].ptr + pieces[*count - 1].len == field.ptr)
		pieces[*count - 1].len += field.len;
	else
		pieces[(*count)++] = field;
}

static bool
wants_field(const struct imap_section *section, struct bytes name)
{
	return name.len && has_field(section, name) == (section->text == SECTION_FIELDS);
}

static size_t
count_fields(const struct imap_section *section, struct bytes header)
{
	struct bytes name, value, field;
	size_t count = 0;

	while (take_header_field(&header, &name, &value, &field))
		count += wants_field(section, name);
	return count;
}

/* RFC 3501 6.4.5: the fields in the order of the header, and always the empty line behind them. */
static bool
find_fields(struct imap_extract *e, const struct imap_section *section, struct bytes header, struct arena *a)
{
	struct bytes name, value, field;

	header = bytes_sub(header, 0, HEADER_OCTETS_MAX);
	e->work += header.len * section->field_count;
	e->pieces = arena_take(a, (count_fields(section, header) + 1) * sizeof *e->pieces);
	if (!e->pieces)
		return false;
	while (take_header_field(&header, &name, &value, &field))
		if (wants_field(section, name))
			add_field(e->pieces, &e->piece_count, field);
	e->pieces[e->piece_count++] = BYTES("\r\n");
	set_octets(e);
	return true;
}

/* The message within a part message/rfc822 is the part's one child. */
static bool
find_message(const struct summary *summary, uint32_t index, struct summary_part *message)
{
	if (summary_part(summary, index).kind != PART_MESSAGE)
		return false;
	for (uint32_t i = index + 1; i < summary->part_count; i++) {
		*message = summary_part(summary, i);
		if (message->parent == index)
			return true;
	}
	return false;
}

/* The part that the section is about: for HEADER and TEXT the message itself or the one that is attached. */
static bool
find_part(const struct imap_section *section, const struct summary *summary, struct summary_part *part)
{
	uint32_t index = 0;
	bool is_whole = false;

	if (section->number_count &&
		!summary_find_part(summary, section->numbers, section->number_count, &index, &is_whole))
		return false;
	*part = summary_part(summary, index);
	if (section->number_count == 0 || section->text == SECTION_WHOLE || section->text == SECTION_MIME)
		return true;
	return find_message(summary, index, part);
}

static bool
find_in_part(struct imap_extract *e, const struct imap_section *section, const struct summary_part *part,
	struct bytes octets, struct arena *a)
{
	uint64_t header_octets = part->body_at - part->header_at;

	switch (section->text) {
	case SECTION_WHOLE:
	case SECTION_TEXT:
		return set_piece(e, imap_wire_slice(octets, part->body_at, part->body_octets), a);
	case SECTION_HEADER:
	case SECTION_MIME:
		return set_piece(e, imap_wire_slice(octets, part->header_at, header_octets), a);
	case SECTION_FIELDS:
	case SECTION_FIELDS_NOT:
		return find_fields(e, section, imap_wire_slice(octets, part->header_at, header_octets), a);
	}
	return false;
}

static void
cut_to_partial(struct imap_extract *e, const struct imap_section *section)
{
	uint64_t at = section->partial_at < e->octets ? section->partial_at : e->octets;

	e->left = e->octets - at;
	if (e->left > section->partial_octets)
		e->left = section->partial_octets;
	e->octets = e->left;
	while (at && e->at < e->piece_count) {
		uint64_t length = imap_wire_length(e->pieces[e->at]);

		if (at < length) {
			imap_wire_skip(&e->wire, at);
			return;
		}
		at -= length;
		if (++e->at < e->piece_count)
			imap_wire_start(&e->wire, e->pieces[e->at]);
	}
}

bool
imap_extract_find(struct imap_extract *e, const struct imap_section *section, const struct imap_body *body,
	struct arena *a)
{
	struct summary summary;
	struct summary_part part;
	bool is_found;

	*e = (struct imap_extract){ .work = body->octets.len };
	if (section->number_count == 0 && section->text == SECTION_WHOLE) {
		if (!set_piece(e, body->octets, a))
			return false;
	} else {
		is_found = summary_open(body->summary, &summary, NULL) == 0 && summary.part_count &&
			find_part(section, &summary, &part) && part.body_at >= part.header_at;
		e->is_nil = !is_found;
		if (is_found && !find_in_part(e, section, &part, body->octets, a))
			return false;
	}
	if (section->is_partial)
		cut_to_partial(e, section);
	return true;
}

bool
imap_extract_put(struct imap_extract *e, struct buf *out, size_t most)
{
	while (e->left && most && e->at < e->piece_count) {
		size_t wanted = e->left < most ? (size_t)e->left : most;
		size_t put = imap_wire_put(&e->wire, out, wanted);

		e->left -= put;
		most -= put;
		if (put < wanted && ++e->at < e->piece_count)
			imap_wire_start(&e->wire, e->pieces[e->at]);
		if (put == 0 && e->at >= e->piece_count)
			return true;
	}
	return e->left == 0;
}
