#include "role/directory/scheme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is known must be tried without a fault; nothing is right for the empty password. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes stored = bytes_of(data, size);

	if (!scheme_is_known(stored) && scheme_is_right(stored, BYTES("x"), NULL))
		__builtin_trap();
	if (scheme_is_right(stored, BYTES_NONE, NULL))
		__builtin_trap();
	return 0;
}
