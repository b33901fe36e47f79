/* Random octets as a record and as a policy: what is read lies in them, and keeps the limits. */
#include "proto/sts/sts.h"

#include "base/buf.h"

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
	static uint8_t octets[65536];
	struct bytes in = bytes_of(data, size), id;
	struct sts_policy policy;
	struct buf records;

	buf_init_fixed(&records, octets, sizeof octets);
	put_u16(&records, (uint16_t)size);
	put_bytes(&records, in);
	if (!records.has_failed && sts_find_id(buf_bytes(&records), &id) &&
		(id.len == 0 || id.len > STS_ID_OCTETS_MAX || !is_inside(id, records.ptr, records.len)))
		abort();
	if (sts_policy_parse(in, &policy)) {
		if (policy.max_age_s > STS_AGE_MAX_S || policy.mode > STS_ENFORCE || !is_inside(policy.text, data, size))
			abort();
		(void)sts_policy_names(&policy, BYTES("mail.example.com"));
		if (sts_policy_names(&policy, BYTES_NONE))
			abort();
	}
	return 0;
}
