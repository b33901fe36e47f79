#include "role/directory/password.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The stored form comes from whoever may write the directory.  Only what is cheap is tried. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes stored = bytes_of(data, size);
	struct password_trouble trouble;
	enum password_cost cost = password_cost(stored);

	if (!password_trouble(stored, &trouble) && size && cost == PASSWORD_USELESS)
		__builtin_trap();
	if (trouble.scheme.len > size)
		__builtin_trap();
	if (cost != PASSWORD_DEAR && password_is_right(stored, BYTES("no password that a fuzzer finds"), NULL)
		&& cost == PASSWORD_USELESS)
		__builtin_trap();
	return 0;
}
