/* The octets of a summary, little-endian:

   u8 version, u8 flags (1: is_cut), u16 zone minutes (two's complement), u64 sent_s, u64 size,
   u16 lengths of envelope, body, bodystructure, preview, ids, u32 number of parts; the five; the
   parts, PART_OCTETS each: u32 parent, u16 number, u8 kind, u8 encoding, u64 header_at, u64
   body_at, u64 body_octets, u32 lines. */
#include "proto/mime/summary.h"

#include "proto/mime/ids.h"
#include "proto/mime/summary_internal.h"

#include <string.h>

enum { TEXTS = 5 };
enum { FLAG_CUT = 1, ZONE_MINUTES_MAX = 99 * 60 + 59 };

bool
put_summary_octets(struct buf *out, const struct summary *s)
{
	const struct bytes texts[TEXTS] = { s->envelope, s->body, s->bodystructure, s->preview, s->ids };

	put_u8(out, SUMMARY_VERSION);
	put_u8(out, s->is_cut ? FLAG_CUT : 0);
	put_u16(out, (uint16_t)s->sent_zone_minutes);
	put_u64(out, (uint64_t)s->sent_s);
	put_u64(out, s->size);
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i].len > UINT16_MAX)
			return false;
		put_u16(out, (uint16_t)texts[i].len);
	}
	put_u32(out, s->part_count);
	for (size_t i = 0; i < TEXTS; i++)
		put_bytes(out, texts[i]);
	return !out->has_failed;
}

void
put_summary_part(struct buf *out, const struct summary_part *part)
{
	put_u32(out, part->parent);
	put_u16(out, part->number);
	put_u8(out, (uint8_t)part->kind);
	put_u8(out, (uint8_t)part->encoding);
	put_u64(out, part->header_at);
	put_u64(out, part->body_at);
	put_u64(out, part->body_octets);
	put_u32(out, part->body_lines);
}

static bool
take_part(struct bytes *in, struct summary_part *part)
{
	uint8_t kind, encoding;

	*part = (struct summary_part){ 0 };
	if (!take_u32(in, &part->parent) || !take_u16(in, &part->number) || !take_u8(in, &kind) ||
		!take_u8(in, &encoding) || !take_u64(in, &part->header_at) ||
		!take_u64(in, &part->body_at) || !take_u64(in, &part->body_octets) ||
		!take_u32(in, &part->body_lines))
		return false;
	part->kind = kind;
	part->encoding = encoding;
	return true;
}

static bool
is_valid_part(const struct summary *s, uint32_t index, const struct summary_part *part)
{
	bool is_placed = index ? part->parent < index && part->number > 0
			       : part->parent == 0 && part->number == 0;

	return is_placed && part->kind <= PART_MESSAGE && part->encoding <= ENCODING_UNKNOWN &&
	       part->header_at <= part->body_at && part->body_at <= s->size &&
	       part->body_octets <= s->size - part->body_at;
}

static bool
are_valid_parts(const struct summary *s)
{
	struct bytes rest = s->parts;
	struct summary_part part;

	if (s->part_count == 0 || s->parts.len != (uint64_t)s->part_count * PART_OCTETS)
		return false;
	for (uint32_t i = 0; i < s->part_count; i++)
		if (!take_part(&rest, &part) || !is_valid_part(s, i, &part))
			return false;
	return true;
}

static bool
take_fixed(struct bytes *in, struct summary *s, uint16_t lengths[TEXTS])
{
	uint8_t flags;
	uint16_t zone;
	uint64_t sent;

	if (!take_u8(in, &flags) || !take_u16(in, &zone) || !take_u64(in, &sent) ||
		!take_u64(in, &s->size))
		return false;
	for (size_t i = 0; i < TEXTS; i++)
		if (!take_u16(in, &lengths[i]))
			return false;
	s->is_cut = flags & FLAG_CUT;
	s->sent_zone_minutes = (int16_t)zone;
	s->sent_s = (int64_t)sent;
	return flags <= FLAG_CUT && s->sent_zone_minutes <= ZONE_MINUTES_MAX &&
	       s->sent_zone_minutes >= -ZONE_MINUTES_MAX && take_u32(in, &s->part_count);
}

int
summary_open(struct bytes octets, struct summary *s, struct fault *f)
{
	struct summary found = { 0 };
	struct bytes *const texts[TEXTS] = { &found.envelope, &found.body, &found.bodystructure,
		&found.preview, &found.ids };
	uint16_t lengths[TEXTS];
	uint8_t version;

	if (!take_u8(&octets, &version) || version != SUMMARY_VERSION)
		return fault_set(f, FAULT_SYNTAX, "not a summary of version %d", SUMMARY_VERSION);
	if (!take_fixed(&octets, &found, lengths))
		return fault_set(f, FAULT_SYNTAX, "a summary without its numbers");
	for (size_t i = 0; i < TEXTS; i++)
		if (!take_octets(&octets, lengths[i], texts[i]))
			return fault_set(f, FAULT_SYNTAX, "a summary without its texts");
	found.parts = octets;
	if (found.ids.len % MESSAGE_ID_OCTETS != 0)
		return fault_set(f, FAULT_SYNTAX, "a summary with a piece of an id");
	if (!are_valid_parts(&found))
		return fault_set(f, FAULT_SYNTAX, "a summary whose parts are not valid");
	*s = found;
	return 0;
}

void
summary_put_prefixed(struct buf *out, struct bytes summary, uint64_t octets)
{
	struct summary s;
	struct fault f;

	if (summary_open(summary, &s, &f) != 0)
		return;
	s.size += octets;
	(void)put_summary_octets(out, &s);
	for (uint32_t i = 0; i < s.part_count; i++) {
		struct summary_part part = summary_part(&s, i);

		/* The message's own header begins with what was put before it. */
		part.header_at += i ? octets : 0;
		part.body_at += octets;
		put_summary_part(out, &part);
	}
}

struct summary_part
summary_part(const struct summary *s, uint32_t index)
{
	struct bytes octets = bytes_sub(s->parts, (size_t)index * PART_OCTETS, PART_OCTETS);
	struct summary_part part;

	(void)take_part(&octets, &part);
	return part;
}

static bool
find_child(const struct summary *s, uint32_t parent, uint32_t number, uint32_t *index)
{
	for (uint32_t i = parent + 1; i < s->part_count; i++) {
		struct summary_part part = summary_part(s, i);

		if (part.parent != parent || part.number != number)
			continue;
		*index = i;
		return true;
	}
	return false;
}

/* RFC 3501 6.4.5: "Every message has at least one part number.  Non-[MIME-IMB] messages, and
   non-multipart [MIME-IMB] messages with no encapsulated message, only have a part 1." */
static bool
enter_message(
	const struct summary *s, uint32_t message, uint32_t number, uint32_t *index, bool *is_whole)
{
	if (summary_part(s, message).kind == PART_MULTIPART) {
		*is_whole = false;
		return find_child(s, message, number, index);
	}
	*is_whole = true;
	*index = message;
	return number == 1;
}

bool
summary_find_part(const struct summary *s, const uint32_t *numbers, size_t count, uint32_t *index,
	bool *is_whole)
{
	uint32_t at = 0, child;
	bool whole = false;

	if (count == 0 || !enter_message(s, 0, numbers[0], &at, &whole))
		return false;
	for (size_t i = 1; i < count; i++) {
		switch ((enum summary_kind)summary_part(s, at).kind) {
		case PART_LEAF:
		case PART_TEXT:
			return false;
		case PART_MULTIPART:
			whole = false;
			if (!find_child(s, at, numbers[i], &at))
				return false;
			break;
		case PART_MESSAGE:
			if (!find_child(s, at, 1, &child) ||
				!enter_message(s, child, numbers[i], &at, &whole))
				return false;
			break;
		}
	}
	*index = at;
	*is_whole = whole;
	return true;
}
