/* Random octets as a record and as a policy: what is read lies in them, and keeps the limits. */
#include "proto/sts/sts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_inside(struct bytes part, const uint8_t *data, size_t size)
{
	return part.ptr >= data && part.len <= size && part.ptr <= data + size - part.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), id;
	struct sts_policy policy;

	if (sts_record_parse(in, &id)) {
		if (!sts_record_is_meant(in) || id.len == 0 || id.len > STS_ID_OCTETS_MAX || !is_inside(id, data, size))
			abort();
	}
	if (sts_policy_parse(in, &policy)) {
		if (policy.max_age_s > STS_AGE_MAX_S || policy.mode > STS_ENFORCE || !is_inside(policy.text, data, size))
			abort();
		(void)sts_policy_names(&policy, BYTES("mail.example.com"));
		if (sts_policy_names(&policy, BYTES_NONE))
			abort();
	}
	return 0;
}
