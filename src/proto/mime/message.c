/* The parser takes lines; a line that the pieces cut is collected first, but never more of it than
   is looked at: a header's limit, or LINE_LOOK_MAX of a body line.  So the result does not depend
   on how the message is cut.  Offsets are those of the wire form: each line end counts as two
   octets, whatever it was. */
#include "proto/mime/ids.h"
#include "proto/mime/message_internal.h"

#include "base/memory.h"

#include <string.h>

enum { PARTS_FIRST = 8, PREVIEW_RAW_MAX = 8192, PREVIEW_PLAIN_MAX = 1200, SCRATCH_MAX = 1 << 20 };

static void
start_message(struct message_parser *p)
{
	p->part_count = 0;
	p->has_boundaries = p->is_in_preview = p->is_cut = false;
	p->at = p->lines = p->line_octets = 0;
	p->facts = (struct message_facts){ 0 };
	p->preview.part = p->rest = NO_PART;
	buf_reset(&p->line);
	buf_reset(&p->texts);
	buf_reset(&p->preview.raw);
	parts_begin(p, 0, 0, 0);
}

struct message_parser *
message_parser_new(const struct message_limits *limits, struct bytes delivered_to)
{
	struct message_parser *p = NEW(struct message_parser);

	p->limits = *limits;
	p->part_room = PARTS_FIRST;
	p->parts = memory_new_array(p->part_room, sizeof *p->parts);
	buf_init(&p->message_header, limits->header_octets_max);
	buf_init(&p->part_header, limits->header_octets_max);
	buf_init(&p->line, (size_t)limits->header_octets_max + LINE_LOOK_MAX);
	buf_init(&p->texts, TEXTS_MAX);
	buf_init(&p->scratch, SCRATCH_MAX);
	buf_init(&p->text_scratch, SCRATCH_MAX);
	buf_init(&p->preview.raw, PREVIEW_RAW_MAX);
	buf_init(&p->packer.envelope, SUMMARY_MAX);
	buf_init(&p->packer.body, SUMMARY_MAX);
	buf_init(&p->packer.bodystructure, SUMMARY_MAX);
	buf_init(&p->packer.preview, SUMMARY_MAX);
	buf_init(&p->packer.ids, MESSAGE_IDS_MAX * MESSAGE_ID_OCTETS);
	buf_init(&p->delivered_to, SCRATCH_MAX);
	put_bytes(&p->delivered_to, delivered_to);
	start_message(p);
	return p;
}

void
message_parser_reset(struct message_parser *p, struct bytes delivered_to)
{
	buf_reset(&p->delivered_to);
	put_bytes(&p->delivered_to, delivered_to);
	start_message(p);
}

void
message_parser_free(struct message_parser **p)
{
	struct message_parser *old = *p;

	if (!old)
		return;
	buf_done(&old->message_header);
	buf_done(&old->part_header);
	buf_done(&old->line);
	buf_done(&old->texts);
	buf_done(&old->scratch);
	buf_done(&old->text_scratch);
	buf_done(&old->preview.raw);
	buf_done(&old->packer.envelope);
	buf_done(&old->packer.body);
	buf_done(&old->packer.bodystructure);
	buf_done(&old->packer.preview);
	buf_done(&old->packer.ids);
	buf_done(&old->delivered_to);
	memory_free(old->parts);
	memory_free(old);
	*p = NULL;
}

/* Is there an octet with the high bit, or NUL?  Eight octets at a time. */
static void
note_octets(struct message_facts *facts, struct bytes in)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
	uint64_t high = 0, zero = 0;
	size_t i = 0;

	for (; i + 8 <= in.len; i += 8) {
		uint64_t word;

		memcpy(&word, in.ptr + i, sizeof word);
		high |= word;
		zero |= (word - ones) & ~word;
	}
	for (; i < in.len; i++) {
		high |= in.ptr[i];
		zero |= in.ptr[i] == 0 ? highs : 0;
	}
	facts->has_high_octets |= (high & highs) != 0;
	facts->has_nul |= (zero & highs) != 0;
}

static void
note_header_line(struct message_parser *p, struct bytes line, uint64_t octets)
{
	struct buf *header = p->current == 0 ? &p->message_header : &p->part_header;
	bool is_continued = line.len && byte_is_class(line.ptr[0], CLASS_SPACE);

	if (!is_continued)
		p->is_skipping_field = false;
	if (line.len != octets || line.len + 1 > header->max - header->len)
		p->is_skipping_field = p->is_cut = true;
	if (p->is_skipping_field)
		return;
	put_bytes(header, line);
	put_char(header, '\n');
}

static void
note_preview_line(struct message_parser *p, struct bytes line, uint64_t octets)
{
	struct preview *preview = &p->preview;
	size_t max = preview->is_html ? PREVIEW_RAW_MAX : PREVIEW_PLAIN_MAX;

	line = bytes_sub(line, 0, LINE_LOOK_MAX);
	if (preview->raw.len + line.len + 1 > max) {
		p->is_in_preview = false;
		line = bytes_sub(line, 0, max - preview->raw.len);
	}
	put_bytes(&preview->raw, line);
	if (line.len < octets)
		p->is_in_preview = false;
	else
		put_char(&preview->raw, '\n');
}

/* line: the first octets of a line that has `octets` without its line end. */
static void
end_line(struct message_parser *p, struct bytes line, uint64_t octets, bool has_end)
{
	uint64_t next_at = p->at + octets + (has_end ? 2 : 0), next_lines = p->lines + has_end;
	bool may_delimit =
		p->has_boundaries && line.len >= 2 && line.ptr[0] == '-' && line.ptr[1] == '-';

	if (may_delimit &&
		parts_take_delimiter(p, bytes_sub(line, 0, LINE_LOOK_MAX), next_at, next_lines)) {
		/* Done. */
	} else if (p->in_header) {
		p->facts.has_high_octets_in_header |= !bytes_is_ascii(line);
		if (octets)
			note_header_line(p, line, octets);
		else
			parts_header_done(p, next_at, next_lines);
	} else if (p->is_in_preview) {
		note_preview_line(p, line, octets);
	}
	p->facts.has_long_line |= octets > RFC5322_LINE_MAX;
	p->at = next_at;
	p->lines = next_lines;
}

/* The lines of a body that nobody looks at but for delimiters.  Returns how many octets it took:
 * whole lines. */
static size_t
pass_body_lines(struct message_parser *p, struct bytes in)
{
	const uint8_t *at = in.ptr, *end = in.ptr + in.len, *lf;
	uint64_t octets = 0, lines = 0, longest = 0;
	bool has_boundaries = p->has_boundaries;

	while (at < end && (lf = memchr(at, '\n', (size_t)(end - at)))) {
		size_t len = (size_t)(lf - at), whole;

		if (has_boundaries && *at == '-' && len >= 2 && at[1] == '-')
			break;
		whole = len - (len && lf[-1] == '\r');
		longest = whole > longest ? whole : longest;
		octets += whole + 2;
		lines++;
		at = lf + 1;
	}
	p->facts.has_long_line |= longest > RFC5322_LINE_MAX;
	p->at += octets;
	p->lines += lines;
	return (size_t)(at - in.ptr);
}

static size_t
pass_line(struct message_parser *p, struct bytes in, size_t lf)
{
	size_t octets = lf && in.ptr[lf - 1] == '\r' ? lf - 1 : lf;

	end_line(p, bytes_sub(in, 0, octets), octets, true);
	return lf + 1;
}

static void
collect(struct message_parser *p, struct bytes part)
{
	size_t look = p->in_header ? p->line.max : LINE_LOOK_MAX + 1;

	if (part.len == 0)
		return;
	if (p->line.len < look)
		put_bytes(&p->line, bytes_sub(part, 0, look - p->line.len));
	p->line_octets += part.len;
	p->line_last = part.ptr[part.len - 1];
}

static void
end_collected(struct message_parser *p, bool has_end)
{
	uint64_t octets = p->line_octets;
	struct bytes line = buf_bytes(&p->line);

	if (has_end && octets && p->line_last == '\r')
		octets--;
	p->line_octets = 0;
	end_line(p, bytes_sub(line, 0, (size_t)(octets < line.len ? octets : line.len)), octets,
		has_end);
	buf_reset(&p->line);
}

void
message_parser_feed(struct message_parser *p, struct bytes octets)
{
	note_octets(&p->facts, octets);
	while (octets.len) {
		size_t lf;

		if (!p->in_header && !p->is_in_preview && p->line_octets == 0)
			octets = bytes_sub(octets, pass_body_lines(p, octets), octets.len);
		if (octets.len == 0)
			return;
		lf = bytes_find_char(octets, '\n');
		if (lf == octets.len) {
			collect(p, octets);
			return;
		}
		if (p->line_octets == 0) {
			octets = bytes_sub(octets, pass_line(p, octets, lf), octets.len);
			continue;
		}
		collect(p, bytes_sub(octets, 0, lf));
		end_collected(p, true);
		octets = bytes_sub(octets, lf + 1, octets.len);
	}
}

/* Is the address in a Delivered-To: field?  With or without angle brackets. */
bool
message_parser_was_delivered_to(const struct message_parser *p, struct bytes address)
{
	const struct header_fields *fields = &p->message_fields;

	for (size_t i = 0; i < fields->list_count; i++) {
		struct bytes value = bytes_trim(fields->lists[i].value);

		if (fields->lists[i].kind != HEADER_DELIVERED_TO)
			continue;
		if (value.len > 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
			value = bytes_sub(value, 1, value.len - 2);
		if (address.len && bytes_equal_nocase(value, address))
			return true;
	}
	return false;
}

static bool
has_list(const struct header_fields *fields, enum header_kind kind)
{
	for (size_t i = 0; i < fields->list_count; i++)
		if (fields->lists[i].kind == kind)
			return true;
	return false;
}

static void
note_facts(struct message_parser *p)
{
	const struct header_fields *fields = &p->message_fields;
	struct message_facts *facts = &p->facts;

	facts->received_count = fields->received_count;
	facts->has_date = fields->single[HEADER_DATE].ptr != NULL;
	facts->has_message_id = fields->single[HEADER_MESSAGE_ID].ptr != NULL;
	facts->has_from = has_list(fields, HEADER_FROM);
	facts->has_delivered_to_loop =
		message_parser_was_delivered_to(p, buf_bytes(&p->delivered_to));
	facts->header_at_end = p->parts[0].place.body_at;
	facts->size = p->at;
}

void
message_parser_finish(struct message_parser *p, struct buf *out)
{
	if (p->line_octets)
		end_collected(p, false);
	parts_finish(p);
	note_facts(p);
	put_summary(p, out);
}

struct message_facts
message_parser_facts(const struct message_parser *p)
{
	return p->facts;
}
