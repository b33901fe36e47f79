#include "role/directory/sync_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is told lies within what was given. */
static void
check(struct bytes all, struct bytes part)
{
	if (part.len && (part.ptr < all.ptr || part.ptr + part.len > all.ptr + all.len))
		__builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), uuid;
	struct sync_state state;
	struct sync_info info;
	size_t octets = 0;

	if (sync_parse_state(in, &state)) {
		check(in, state.uuid);
		check(in, state.cookie);
	}
	if (!sync_parse_info(in, &info))
		return 0;
	check(in, info.cookie);
	for (struct bytes rest = info.uuids; sync_take_uuid(&rest, &uuid); octets += uuid.len)
		check(in, uuid);
	if (octets > size)
		__builtin_trap();
	return 0;
}
