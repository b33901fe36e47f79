/* A notification taken apart again, for tests and the fuzzer. */
#ifndef DSN_TEST_REPORT_H
#define DSN_TEST_REPORT_H

#include "proto/rfc5322/header.h"

struct report_parts {
	struct bytes header; /* with the empty line */
	struct bytes parts[3];
	size_t count; /* of parts, also of those beyond 3 */
	bool is_closed;
};

/* As a reader does: by its own Content-Type: (RFC 2046 5.1.1). */
static inline struct report_parts
report_split(struct bytes all)
{
	struct report_parts out = { .count = 0 };
	struct bytes rest = all, name, value, field, boundary = BYTES_NONE, part = BYTES_NONE;

	while (take_header_field(&rest, &name, &value, &field))
		if (bytes_equal_nocase(name, BYTES("content-type"))) {
			boundary = bytes_sub(value, bytes_find(value, BYTES("boundary=\"")) + 10, value.len);
			boundary = bytes_sub(boundary, 0, bytes_find_char(boundary, '"'));
		}
	out.header = bytes_between(all, rest);
	while (rest.len && !out.is_closed) {
		struct bytes before = rest, line = take_until(&rest, '\n');
		bool is_delimiter = boundary.len && bytes_starts(line, BYTES("--")) &&
			bytes_starts(bytes_sub(line, 2, line.len), boundary);

		if (!is_delimiter)
			continue;
		if (out.count && out.count <= 3)
			out.parts[out.count - 1] = bytes_sub(part, 0, (size_t)(before.ptr - part.ptr) - 1);
		out.is_closed = bytes_equal(bytes_sub(line, 2 + boundary.len, line.len), BYTES("--"));
		out.count += !out.is_closed;
		part = rest;
	}
	return out;
}

/* The value of the first field of that name in a block of fields, unfolded by nobody; empty: none. */
static inline struct bytes
report_field(struct bytes block, const char *wanted)
{
	struct bytes name, value, field;

	while (take_header_field(&block, &name, &value, &field))
		if (bytes_equal_nocase(name, bytes_text(wanted)))
			return bytes_trim(value);
	return BYTES_NONE;
}

/* Behind the header of a part. */
static inline struct bytes
report_body(struct bytes part)
{
	struct bytes name, value, field;

	while (take_header_field(&part, &name, &value, &field))
		;
	return bytes_sub(part, 1, part.len);
}

#endif
