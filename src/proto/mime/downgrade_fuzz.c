/* Whatever can be converted is 7-bit afterwards, the same however it came in pieces, no longer than was said, and not touched when it was 7-bit and said nothing
   else; and it can be converted again, to itself. */
#include "proto/mime/downgrade.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
downgrade(struct bytes in, size_t piece, uint64_t *more, struct buf *out)
{
	struct downgrade *d = downgrade_new();
	bool can;

	for (size_t at = 0; at < in.len; at += piece)
		downgrade_look(d, bytes_sub(in, at, piece));
	can = downgrade_plan(d, more);
	downgrade_rewind(d);
	for (size_t at = 0; can && at < in.len; at += piece) {
		size_t before = out->len;

		downgrade_convert(d, bytes_sub(in, at, piece), out);
		assert(out->len - before <= DOWNGRADE_OUTPUT_MAX(piece));
	}
	if (can)
		downgrade_end(d, out);
	downgrade_free(&d);
	return can;
}

static uint64_t
wire_size(struct bytes octets)
{
	uint64_t size = octets.len;

	for (size_t i = 0; i < octets.len; i++)
		size += octets.ptr[i] == '\n';
	return size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	size_t piece = size ? 1 + data[0] % 40u : 1;
	struct buf whole, pieces, again;
	uint64_t more, more_too;
	bool can;

	buf_init(&whole, SIZE_MAX);
	buf_init(&pieces, SIZE_MAX);
	buf_init(&again, SIZE_MAX);
	can = downgrade(in, size + 1, &more, &whole);
	assert(downgrade(in, piece, &more_too, &pieces) == can && (!can || more == more_too));
	assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
	if (can) {
		assert(bytes_is_ascii(buf_bytes(&whole)));
		assert(wire_size(buf_bytes(&whole)) <= wire_size(in) + more);
		assert(downgrade(buf_bytes(&whole), piece, &more, &again));
		assert(bytes_equal(buf_bytes(&whole), buf_bytes(&again)));
	}
	buf_done(&whole);
	buf_done(&pieces);
	buf_done(&again);
	return 0;
}
