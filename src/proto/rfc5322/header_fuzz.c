#include "proto/rfc5322/header.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields follow each other without a gap and hold their names and values. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), name, value, field;
	const uint8_t *at = data;
	struct buf text;

	buf_init(&text, size);
	while (take_header_field(&in, &name, &value, &field)) {
		assert(field.ptr == at && field.len > 0);
		at += field.len;
		assert(in.ptr == at);
		assert(value.ptr >= field.ptr && value.ptr + value.len <= at);
		buf_reset(&text);
		put_unfolded(&text, value);
		assert(!text.has_failed && bytes_find_char(buf_bytes(&text), '\n') == text.len);
	}
	buf_done(&text);
	return 0;
}
