/* Reads any octets as a segment.  A checksum would keep the fuzzer out, so the first octet chooses
   records whose heads are made to fit before the reading begins. */
#include "journal/format.h"

#include "base/memory.h"
#include "journal/crc.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES_MAX = 16, HEADS_MAX = 40 };

/* Turns places that the input names into heads that are whole. */
static void
plant_heads(uint8_t *segment, size_t octets, const struct segment_head *head, struct bytes plan)
{
	uint16_t at, len;
	uint8_t batch, flags;

	for (int i = 0; i < HEADS_MAX && take_u16(&plan, &at) && take_u16(&plan, &len) && take_u8(&plan, &batch) && take_u8(&plan, &flags); i++) {
		size_t place = (size_t)at / 8 * 8;

		if (place + FORMAT_RECORD_HEAD > octets)
			continue;
		format_put_record_head(segment + place, head,
			&(struct record_head){ .kind = flags & 2 ? KIND_CHECKPOINT : KIND_RECORD,
				.is_last = flags & 1,
				.octets = len,
				.payload_crc = flags & 4 ? 0 : crc32c(0, bytes_sub(bytes_of(segment, octets), place + FORMAT_RECORD_HEAD, len)),
				.batch = batch,
				.at = place });
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment_head head = { .sequence = 1 };
	struct segment_reader r;
	struct record_head record_head;
	struct bytes in = bytes_of(data, size), plan, record;
	uint8_t pages, last_batch;
	size_t octets, steps = 0;
	enum reader_step step;
	uint8_t *segment;

	if (!take_u8(&in, &pages) || !take_u8(&in, &last_batch))
		return 0;
	octets = (size_t)(pages % PAGES_MAX + 1) * FORMAT_PAGE - (pages & 128 ? 100 : 0);
	segment = memory_new(octets);
	plan = bytes_sub(in, 0, in.len / 2);
	in = bytes_sub(in, in.len / 2, in.len);
	if (in.len)
		memcpy(segment, in.ptr, in.len < octets ? in.len : octets);
	(void)format_read_head(bytes_of(segment, octets), &head);
	plant_heads(segment, octets, &head, plan);
	reader_init(&r, bytes_of(segment, octets), &head, last_batch == 255 ? UINT64_MAX : last_batch);
	while ((step = reader_next(&r, &record_head, &record)) == READER_RECORD || step == READER_DAMAGE) {
		assert(++steps <= octets);
		if (step == READER_RECORD)
			assert(record.len == 0 || (record.ptr >= segment && record.ptr + record.len <= segment + octets));
	}
	memory_free(segment);
	return 0;
}
