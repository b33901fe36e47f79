/* For the test and the fuzzer of downgrade.c alone. */
#ifndef MIME_TEST_DOWNGRADE_H
#define MIME_TEST_DOWNGRADE_H

#include "proto/mime/downgrade.h"

#include <assert.h>

/* Both readings, in pieces of so many octets; the second one twice, as when the first server is lost.  False: it can't be done. */
static inline bool
downgrade(enum downgrade_to to, struct bytes in, size_t piece, uint64_t *more, struct buf *out)
{
	struct downgrade *d = downgrade_new(to);
	bool can;

	for (size_t at = 0; at < in.len; at += piece)
		downgrade_look(d, bytes_sub(in, at, piece));
	can = downgrade_plan(d, more);
	for (size_t round = 0; can && round < 2; round++) {
		buf_reset(out);
		downgrade_rewind(d);
		for (size_t at = 0; at < in.len; at += piece) {
			size_t before = out->len;

			downgrade_convert(d, bytes_sub(in, at, piece), out);
			assert(out->len - before <= DOWNGRADE_OUTPUT_MAX(piece));
		}
		downgrade_end(d, out);
	}
	downgrade_free(&d);
	return can;
}

#endif
