#include "proto/mime/message.h"
#include "proto/mime/search.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Header text, part text and folding read anything, stay within bounds, and folding twice changes
   nothing in ASCII. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	size_t half = bytes_find(in, BYTES("\n\n"));
	struct buf text, folded, again;

	buf_init(&text, 8 * size + 64);
	put_header_text(&text, in);
	buf_reset(&text);
	put_part_text(&text, bytes_sub(in, 0, half), bytes_sub(in, half + 2, size));
	buf_init(&folded, 64 * size + 64);
	buf_init(&again, 64 * size + 64);
	put_folded(&folded, in);
	assert(!folded.has_failed);
	if (bytes_is_ascii(in)) {
		put_folded(&again, buf_bytes(&folded));
		assert(bytes_equal(buf_bytes(&again), buf_bytes(&folded)));
		assert(text_contains(in, buf_bytes(&folded)));
	}
	(void)text_contains(in, bytes_sub(buf_bytes(&folded), folded.len / 2, 10));
	buf_done(&again);
	buf_done(&folded);
	buf_done(&text);
	return 0;
}
