#include "role/directory/ldap_range.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A piece has a next one, or is the last. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ldap_range r;

	if (ldap_range_parse(bytes_of(data, size), BYTES("member"), &r))
		assert(r.is_end || (r.first <= r.last && r.last < UINT32_MAX));
	return 0;
}
