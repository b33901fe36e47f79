/* The tree of parts while it grows.  Parts stand in depth-first order; the current one and those
   above it are open, and a delimiter of one of them ends all that are below it. */
#include "proto/mime/message_internal.h"

#include "base/memory.h"

#include <string.h>

/* Places among siblings are told in 16 bits. */
enum { PARTS_LIMIT = 65000 };

static uint32_t
parts_max(const struct message_parser *p)
{
	return p->limits.parts_max < PARTS_LIMIT ? p->limits.parts_max : PARTS_LIMIT;
}

/* The last part that there may be takes all that is left of the message, whatever it is. */
static void
begin_rest(struct message_parser *p, struct mime_part *part, uint64_t at, uint64_t lines)
{
	part->place.body_at = at;
	part->lines_before = lines;
	p->in_header = p->has_boundaries = false;
	parts_set_rest(p, p->current);
}

void
parts_begin(struct message_parser *p, uint32_t parent, uint64_t header_at, uint64_t lines)
{
	uint32_t index = p->part_count++;
	struct mime_part *part, *above;

	if (index == p->part_room) {
		p->part_room *= 2;
		p->parts = memory_resize(p->parts, p->part_room, sizeof *p->parts);
	}
	part = &p->parts[index];
	above = &p->parts[parent];
	*part = (struct mime_part){ .place = { .parent = parent, .header_at = header_at } };
	part->is_message = index == 0 || above->place.kind == PART_MESSAGE;
	if (index) {
		part->place.number = (uint16_t)++above->children;
		part->depth = above->depth + 1;
		part->is_inner = above->is_inner || part->is_message;
	}
	p->current = index;
	p->in_header = true;
	p->is_skipping_field = p->is_in_preview = false;
	buf_reset(index ? &p->part_header : &p->message_header);
	if (index && index + 1 >= parts_max(p))
		begin_rest(p, part, header_at, lines);
}

bool
parts_may_nest(const struct message_parser *p, const struct mime_part *part)
{
	return part->depth < p->limits.depth_max && p->part_count + 1 < parts_max(p);
}

void
parts_header_done(struct message_parser *p, uint64_t body_at, uint64_t lines)
{
	struct mime_part *part = parser_current(p);

	p->in_header = false;
	part->place.body_at = body_at;
	part->lines_before = lines;
	part_read_header(p, part, buf_bytes(p->current ? &p->part_header : &p->message_header));
	if (part->place.kind == PART_MULTIPART)
		p->has_boundaries = true;
	if (part->place.kind == PART_MESSAGE)
		parts_begin(p, p->current, body_at, lines);
}

/* A header that ends without an empty line: at a delimiter or at the end of the message. */
static void
end_open_headers(struct message_parser *p)
{
	while (p->in_header)
		parts_header_done(p, p->at, p->lines);
}

static void
end_part(struct mime_part *part, uint64_t at, uint64_t lines)
{
	uint64_t count = lines > part->lines_before ? lines - part->lines_before : 0;

	part->place.body_octets = at > part->place.body_at ? at - part->place.body_at : 0;
	part->place.body_lines = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/* Ends the parts from the current one up to, but not with, the multipart. */
static void
end_below(struct message_parser *p, uint32_t multipart, uint64_t at, uint64_t lines)
{
	while (p->current != multipart) {
		struct mime_part *part = parser_current(p);

		end_part(part, at, lines);
		p->current = part->place.parent;
	}
}

struct delimiter {
	uint32_t part;
	uint32_t score;
	bool is_close;
};

/* How well the line (behind its hyphens) fits a boundary that it begins with.  RFC 2046 5.1.1: "it is
   sufficient that the boundary appear in its entirety"; so one boundary may be the beginning of
   another. The whole line before its beginning, the longer before the shorter, an open multipart
   before one that is closed. */
static uint32_t
delimiter_score(struct bytes line, struct bytes boundary, bool is_closed, bool *is_close)
{
	struct bytes tail = bytes_sub(line, boundary.len, line.len);
	bool is_whole;

	*is_close = take_text(&tail, BYTES("--"));
	is_whole = bytes_all_class(tail, CLASS_SPACE);
	return ((is_whole ? BOUNDARY_MAX + 1 : 0) + (uint32_t)boundary.len) * 2 + !is_closed;
}

/* Asked of each open multipart for each line with hyphens: most are told apart without a call. */
static inline bool
begins_with_boundary(const struct message_parser *p, const struct mime_part *part, struct bytes line)
{
	return part->place.kind == PART_MULTIPART && part->boundary.len <= line.len &&
		memcmp(line.ptr, p->texts.ptr + part->boundary.at, part->boundary.len) == 0;
}

/* delimiter := CRLF "--" boundary; close-delimiter := delimiter "--"; then transport-padding
   RFC 2046 5.1.1.  On a tie the innermost. */
static struct delimiter
find_delimiter(const struct message_parser *p, struct bytes line)
{
	struct delimiter best = { 0 };
	uint32_t index = p->current;

	for (;;) {
		const struct mime_part *part = &p->parts[index];

		if (begins_with_boundary(p, part, line)) {
			bool is_close = false;
			uint32_t score = delimiter_score(
				line, parser_text(p, part->boundary), part->is_closed, &is_close);

			if (score > best.score)
				best = (struct delimiter){ index, score, is_close };
		}
		if (index == 0)
			return best;
		index = part->place.parent;
	}
}

bool
parts_take_delimiter(
	struct message_parser *p, struct bytes line, uint64_t next_at, uint64_t next_lines)
{
	struct delimiter found = find_delimiter(p, bytes_sub(line, 2, line.len));

	if (found.score == 0 || p->parts[found.part].is_closed)
		return false;
	end_open_headers(p);
	/* The line end before the delimiter is a part of it. */
	end_below(p, found.part, p->at - 2, p->lines - 1);
	p->is_in_preview = false;
	if (found.is_close)
		p->parts[found.part].is_closed = true;
	else
		parts_begin(p, found.part, next_at, next_lines);
	return true;
}

void
parts_finish(struct message_parser *p)
{
	end_open_headers(p);
	end_below(p, 0, p->at, p->lines);
	end_part(&p->parts[0], p->at, p->lines);
	for (uint32_t i = 0; i < p->part_count; i++)
		if (p->parts[i].place.kind == PART_MULTIPART && p->parts[i].children == 0)
			part_make_plain(p, &p->parts[i]);
}

void
parts_set_rest(struct message_parser *p, uint32_t index)
{
	while (index && p->parts[index].is_message)
		index = p->parts[index].place.parent;
	if (index < p->rest)
		p->rest = index;
	p->is_cut = true;
}

uint32_t
parts_told(const struct message_parser *p)
{
	return p->rest < p->part_count ? p->rest + 1 : p->part_count;
}

struct summary_part
parts_place(const struct message_parser *p, uint32_t index)
{
	struct summary_part place = p->parts[index].place;
	bool is_last_leaf =
		index + 1 == p->part_count && (place.kind == PART_LEAF || place.kind == PART_TEXT);

	if (index != p->rest)
		return place;
	place.kind = PART_LEAF;
	if (is_last_leaf)
		return place;
	if (index)
		place.body_at = place.header_at;
	place.body_octets = p->at - place.body_at;
	place.body_lines = 0;
	place.encoding = ENCODING_IDENTITY;
	return place;
}
