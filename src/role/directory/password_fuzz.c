#include "role/directory/password.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The encoded form comes from whoever may write the directory. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return password_is_hash(bytes_of(data, size)) && size > PASSWORD_ENCODED_MAX ? -1 : 0;
}
