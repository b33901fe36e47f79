/* Whatever can be converted is 7-bit afterwards, the same however it came in pieces, no longer than was said, and not touched when it was 7-bit and said nothing
   else; and it can be converted again, to itself. */
#include "proto/mime/test_downgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
