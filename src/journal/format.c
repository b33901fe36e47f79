#include "journal/format.h"

#include "journal/crc.h"

#include <string.h>

#define HEAD_MAGIC 0x0a4e524a5a4d524du /* "MRMZJRN\n" */
#define RECORD_MAGIC 0x31524a4du /* "MJR1" */

enum { HEAD_OCTETS = 64, HEAD_COPY_AT = 2048, HEAD_SUM_AT = 12, RECORD_SUM_AT = 40 };

uint64_t
format_page_up(uint64_t octets)
{
	return (octets + FORMAT_PAGE - 1) & ~(uint64_t)(FORMAT_PAGE - 1);
}

uint64_t
format_record_room(uint64_t octets)
{
	return (FORMAT_RECORD_HEAD + octets + 7) & ~(uint64_t)7;
}

static uint32_t
head_sum(const uint8_t *copy)
{
	uint32_t crc = crc32c(0, bytes_of(copy, HEAD_SUM_AT));

	return crc32c(crc, bytes_of(copy + HEAD_SUM_AT + 4, HEAD_OCTETS - HEAD_SUM_AT - 4));
}

void
format_put_head(uint8_t page[static FORMAT_PAGE], const struct segment_head *head)
{
	struct buf b;
	uint32_t sum;

	memset(page, 0, FORMAT_PAGE);
	buf_init_fixed(&b, page, HEAD_OCTETS);
	put_u64(&b, HEAD_MAGIC);
	put_u32(&b, FORMAT_VERSION);
	put_u32(&b, 0);
	put_u64(&b, head->sequence);
	put_u64(&b, head->salt);
	put_u64(&b, head->needed);
	put_u64(&b, head->previous);
	put_u64(&b, head->last_batch);
	put_u64(&b, head->octets);
	sum = head_sum(page);
	buf_init_fixed(&b, page + HEAD_SUM_AT, 4);
	put_u32(&b, sum);
	memcpy(page + HEAD_COPY_AT, page, HEAD_OCTETS);
}

static bool
is_zero(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i])
			return false;
	return true;
}

/* A power cut can leave the first octets of a head in a page of zeros. */
static bool
is_begun_magic(struct bytes copy)
{
	uint8_t magic[8];
	struct buf b;
	size_t same = 0;

	buf_init_fixed(&b, magic, sizeof magic);
	put_u64(&b, HEAD_MAGIC);
	while (same < sizeof magic && copy.ptr[same] == magic[same])
		same++;
	return same > 0 && is_zero(bytes_sub(copy, same, copy.len));
}

static enum head_state
read_head_copy(struct bytes copy, struct segment_head *head)
{
	struct bytes in = copy;
	struct segment_head h = { 0 };
	uint64_t magic;
	uint32_t version, sum;

	if (is_zero(copy))
		return HEAD_EMPTY;
	if (is_begun_magic(copy))
		return HEAD_DAMAGED;
	if (!take_u64(&in, &magic) || magic != HEAD_MAGIC || !take_u32(&in, &version) || !take_u32(&in, &sum))
		return HEAD_FOREIGN;
	if (sum != head_sum(copy.ptr))
		return version == FORMAT_VERSION ? HEAD_DAMAGED : HEAD_OTHER_VERSION;
	if (version != FORMAT_VERSION)
		return HEAD_OTHER_VERSION;
	if (!take_u64(&in, &h.sequence) || !take_u64(&in, &h.salt) || !take_u64(&in, &h.needed) ||
		!take_u64(&in, &h.previous) || !take_u64(&in, &h.last_batch) || !take_u64(&in, &h.octets))
		return HEAD_DAMAGED;
	*head = h;
	return HEAD_GOOD;
}

/* When one copy is good the other one doesn't matter.  Both good and different: the crash came
   while the file was begun again; nothing in it was safe yet, so either would do. */
enum head_state
format_read_head(struct bytes page, struct segment_head *head)
{
	struct segment_head other;
	enum head_state first, second;

	if (page.len < FORMAT_PAGE)
		return HEAD_FOREIGN;
	first = read_head_copy(bytes_sub(page, 0, HEAD_OCTETS), head);
	second = read_head_copy(bytes_sub(page, HEAD_COPY_AT, HEAD_OCTETS), &other);
	if (second == HEAD_GOOD && (first != HEAD_GOOD || other.sequence > head->sequence))
		*head = other;
	if (first == HEAD_GOOD || second == HEAD_GOOD)
		return HEAD_GOOD;
	/* Begun for the first time when the power went: nothing in it was safe. */
	if ((first == HEAD_DAMAGED && second == HEAD_EMPTY) || (first == HEAD_EMPTY && second == HEAD_DAMAGED))
		return HEAD_EMPTY;
	if (first == HEAD_OTHER_VERSION || second == HEAD_OTHER_VERSION)
		return HEAD_OTHER_VERSION;
	if (first == HEAD_DAMAGED || second == HEAD_DAMAGED)
		return HEAD_DAMAGED;
	return is_zero(bytes_sub(page, 0, FORMAT_PAGE)) ? HEAD_EMPTY : HEAD_FOREIGN;
}

static uint32_t
record_sum(const uint8_t *head, uint64_t salt)
{
	uint32_t crc = crc32c(0, bytes_of(&salt, sizeof salt));

	return crc32c(crc, bytes_of(head, RECORD_SUM_AT));
}

void
format_put_record_head(uint8_t out[static FORMAT_RECORD_HEAD], const struct segment_head *segment,
	const struct record_head *record)
{
	struct buf b;

	buf_init_fixed(&b, out, FORMAT_RECORD_HEAD);
	put_u32(&b, RECORD_MAGIC);
	put_u8(&b, (uint8_t)record->kind);
	put_u8(&b, record->is_last);
	put_u16(&b, 0);
	put_u32(&b, record->octets);
	put_u32(&b, record->payload_crc);
	put_u64(&b, segment->sequence);
	put_u64(&b, record->batch);
	put_u64(&b, record->at);
	put_u32(&b, record_sum(out, segment->salt));
	put_u32(&b, 0);
}

/* A head that was written at this place of this segment in this life of the file. */
static bool
read_record_head(const struct segment_reader *r, size_t at, struct record_head *head)
{
	struct bytes in = bytes_sub(r->octets, at, FORMAT_RECORD_HEAD), all = in;
	uint64_t sequence = 0;
	uint32_t magic = 0, sum = 0;
	uint16_t zero = 0;
	uint8_t kind = 0, is_last = 0;
	struct record_head h = { 0 };

	if (in.len < FORMAT_RECORD_HEAD || !take_u32(&in, &magic) || magic != RECORD_MAGIC)
		return false;
	if (!take_u8(&in, &kind) || !take_u8(&in, &is_last) || !take_u16(&in, &zero) ||
		!take_u32(&in, &h.octets) || !take_u32(&in, &h.payload_crc) || !take_u64(&in, &sequence) ||
		!take_u64(&in, &h.batch) || !take_u64(&in, &h.at) || !take_u32(&in, &sum))
		return false;
	if (sum != record_sum(all.ptr, r->head.salt) || sequence != r->head.sequence || h.at != at)
		return false;
	if ((kind != KIND_RECORD && kind != KIND_CHECKPOINT) ||
		h.octets > r->octets.len - at - FORMAT_RECORD_HEAD)
		return false;
	h.kind = (enum record_kind)kind;
	h.is_last = is_last;
	*head = h;
	return true;
}

void
reader_init(struct segment_reader *r, struct bytes octets, const struct segment_head *head,
	uint64_t last_batch)
{
	*r = (struct segment_reader){ .octets = octets,
		.head = *head,
		.last_batch = last_batch,
		.at = FORMAT_PAGE,
		.batch = head->last_batch };
}

/* Steps behind the record whose head this is. */
static void
step_over(struct segment_reader *r, const struct record_head *head)
{
	r->at = (size_t)(head->at + format_record_room(head->octets));
	if (head->is_last)
		r->at = (size_t)format_page_up(r->at);
	r->batch = head->batch;
	r->is_in_batch = !head->is_last;
}

/* The first head of a batch between least and most, looked for from `from` on in steps. */
static bool
find_head(const struct segment_reader *r, size_t from, size_t step, uint64_t least, uint64_t most,
	struct record_head *head)
{
	for (size_t at = from; at < r->octets.len; at += step)
		if (r->octets.ptr[at] == (RECORD_MAGIC & 0xff) && read_record_head(r, at, head) && head->batch >= least && head->batch <= most)
			return true;
	return false;
}

/* Was the batch safe before the crash?  All that counts in an older segment was; at the end of the
   log any later batch proves it (J4). */
static bool
was_safe(struct segment_reader *r, uint64_t batch)
{
	struct record_head later;

	if (r->last_batch != UINT64_MAX || batch < r->proven)
		return true;
	if (!find_head(r, (size_t)format_page_up(r->at + 1), FORMAT_PAGE, batch + 1, UINT64_MAX, &later))
		return false;
	r->proven = later.batch;
	return true;
}

/* What should stand here doesn't: is this where the crash came, or damage to step over? */
static enum reader_step
read_broken(struct segment_reader *r, uint64_t expected, const struct record_head *whole_head)
{
	struct record_head found;
	size_t from = r->at + 8;

	if (!was_safe(r, expected)) {
		r->is_at_end = true;
		if (whole_head || r->is_in_batch || find_head(r, from, 8, expected, expected, &found))
			return READER_TORN;
		return READER_END;
	}
	if (whole_head) {
		step_over(r, whole_head);
		return READER_DAMAGE;
	}
	if (!find_head(r, from, 8, expected, expected, &found) &&
		!find_head(r, (size_t)format_page_up(from), FORMAT_PAGE, expected + 1, r->last_batch, &found)) {
		r->is_at_end = true;
		return READER_DAMAGE;
	}
	r->at = (size_t)found.at;
	r->batch = found.batch;
	r->is_in_batch = true;
	return READER_DAMAGE;
}

enum reader_step
reader_next(struct segment_reader *r, struct record_head *head, struct bytes *record)
{
	uint64_t expected = r->is_in_batch ? r->batch : r->batch + 1;

	if (r->is_at_end || (!r->is_in_batch && r->batch >= r->last_batch))
		return READER_END;
	if (!read_record_head(r, r->at, head) || head->batch != expected)
		return read_broken(r, expected, NULL);
	*record = bytes_sub(r->octets, r->at + FORMAT_RECORD_HEAD, head->octets);
	if (crc32c(0, *record) != head->payload_crc)
		return read_broken(r, expected, head);
	step_over(r, head);
	return READER_RECORD;
}
