#include "role/directory/quota.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the octets are: no more than others can hold, and what is refused changes nothing. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quota quota = { UINT64_MAX, UINT64_MAX };

	if (quota_parse(bytes_of(data, size), &quota))
		assert(quota.octets <= INT64_MAX && quota.messages <= INT64_MAX);
	else
		assert(quota.octets == UINT64_MAX && quota.messages == UINT64_MAX);
	return 0;
}
