/* Whatever can be converted is 7-bit afterwards, the same however it came in pieces, no longer than was said, and not touched when it was 7-bit and said nothing
   else; and it can be converted again, to itself.  The same for lines that are too long. */
#include "proto/mime/test_downgrade.h"

#include "proto/rfc5322/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
wire_size(struct bytes octets)
{
	uint64_t size = octets.len;

	for (size_t i = 0; i < octets.len; i++)
		size += octets.ptr[i] == '\n';
	return size;
}

static void
check_lines(struct bytes octets)
{
	for (size_t lf; octets.len; octets = bytes_sub(octets, lf + 1, octets.len)) {
		lf = bytes_find_char(octets, '\n');
		assert(lf <= RFC5322_LINE_MAX);
	}
}

static void
check_result(enum downgrade_to to, struct bytes in, struct bytes out, uint64_t more)
{
	if (to == DOWNGRADE_TO_7BIT) {
		assert(bytes_is_ascii(out));
		assert(wire_size(out) <= wire_size(in) + more);
	} else {
		check_lines(out);
		assert(wire_size(out) <= wire_size(in) / 2 * 3 + 65536);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	size_t piece = size ? 1 + data[0] % 40u : 1;
	enum downgrade_to to = size && data[0] & 64 ? DOWNGRADE_TO_SHORT_LINES : DOWNGRADE_TO_7BIT;
	struct buf whole, pieces, again;
	uint64_t more, more_too;
	bool can;

	buf_init(&whole, SIZE_MAX);
	buf_init(&pieces, SIZE_MAX);
	buf_init(&again, SIZE_MAX);
	can = downgrade(to, in, size + 1, &more, &whole);
	assert(downgrade(to, in, piece, &more_too, &pieces) == can && (!can || more == more_too));
	assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
	if (can) {
		check_result(to, in, buf_bytes(&whole), more);
		assert(downgrade(to, buf_bytes(&whole), piece, &more, &again));
		assert(bytes_equal(buf_bytes(&whole), buf_bytes(&again)));
	}
	buf_done(&whole);
	buf_done(&pieces);
	buf_done(&again);
	return 0;
}
