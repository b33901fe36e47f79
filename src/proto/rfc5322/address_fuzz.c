#include "proto/rfc5322/address.h"

#include <assert.h>

/* Every address costs input, its texts fit the room that the contract names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), id;
	struct rfc5322_address a;
	struct buf scratch;
	bool is_in_group = false, was_in_group;
	size_t left;

	buf_init(&scratch, size);
	do {
		left = in.len;
		was_in_group = is_in_group;
		if (!take_address(&in, &is_in_group, &scratch, &a))
			break;
		assert(in.len < left || (was_in_group && !is_in_group));
		assert(!scratch.has_failed);
		assert(!a.local_end || (a.local_end >= data + size - left && a.local_end <= in.ptr));
		assert(is_in_group || a.kind != ADDRESS_GROUP_BEGIN);
	} while (true);
	assert(in.len == 0 && !is_in_group);
	buf_done(&scratch);
	in = bytes_of(data, size);
	while (take_message_id(&in, &id))
		assert(id.ptr >= data && id.ptr + id.len < data + size);
	return 0;
}
