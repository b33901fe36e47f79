/* What decodes must encode to the very same octets: one value has one encoding. */
#include "ipc/ipc.h"

#include "base/memory.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_encoding(const struct message *m, struct bytes frame)
{
	struct buf again;

	buf_init(&again, frame.len);
	ipc_encode(&again, m);
	if (again.has_failed || !bytes_equal(buf_bytes(&again), frame) ||
		ipc_size_at_most(m) < frame.len)
		abort();
	buf_done(&again);
}

/* The first octet: the roles and whether descriptors ride along; then the frame, aligned as channel
   does it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int fds[IPC_FDS_MAX + 1];
	struct message m;
	struct fault f;

	if (size == 0)
		return 0;
	uint8_t *copy = memory_new(size - 1);
	struct bytes frame = bytes_of(copy, size - 1);

	memcpy(copy, data + 1, size - 1);
	if (ipc_decode(frame, data[0] % ROLE_COUNT, data[0] / ROLE_COUNT % ROLE_COUNT, fds,
			data[0] / 16 * 3 % (IPC_FDS_MAX + 2), &m, &f) == 0)
		check_encoding(&m, frame);
	memory_free(copy);
	return 0;
}
