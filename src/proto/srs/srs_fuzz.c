#include "proto/srs/srs.h"

#include <assert.h>
#include <string.h>

#define NOW (INT64_C(86400) * 700)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
mac(void *arg, struct bytes text, uint8_t out[SRS_MAC_OCTETS])
{
	uint64_t sum = 1469598103934665603u;

	(void)arg;
	for (size_t i = 0; i < text.len; i++)
		sum = (sum ^ text.ptr[i]) * 1099511628211u;
	for (size_t i = 0; i < SRS_MAC_OCTETS; i++)
		out[i] = (uint8_t)(sum >> (56 - 8 * (i % 8)));
	return true;
}

/* What was rewritten comes back as it was, unless others had rewritten it before. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct srs srs = { BYTES_INIT("ours.example"), mac, NULL };
	struct bytes in = bytes_of(data, size);
	struct buf made, again;

	buf_init(&made, 4096);
	buf_init(&again, 4096);
	if (srs_put_back(&srs, in, NOW, &again) != SRS_BACK)
		assert(again.len == 0);
	buf_reset(&again);
	if (srs_put_sender(&srs, in, NOW, &made)) {
		assert(made.len <= SRS_ADDRESS_MAX && bytes_ends_nocase(buf_bytes(&made), BYTES("@ours.example")));
		assert(srs_put_back(&srs, buf_bytes(&made), NOW, &again) == SRS_BACK);
		assert(bytes_starts(buf_bytes(&made), BYTES("SRS1")) || bytes_equal(buf_bytes(&again), in));
	} else {
		assert(made.len == 0);
	}
	buf_done(&made);
	buf_done(&again);
	return 0;
}
