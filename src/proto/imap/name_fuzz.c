/* Patterns against a matcher that tries everything; names of any octets. */
#include "proto/imap/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SHORT = 14 };

static bool
matches(struct bytes pattern, struct bytes name)
{
	if (pattern.len == 0)
		return name.len == 0;
	if (pattern.ptr[0] != '*' && pattern.ptr[0] != '%')
		return name.len && pattern.ptr[0] == name.ptr[0] &&
			matches(bytes_sub(pattern, 1, pattern.len), bytes_sub(name, 1, name.len));
	for (size_t i = 0; i <= name.len; i++) {
		if (matches(bytes_sub(pattern, 1, pattern.len), bytes_sub(name, i, name.len)))
			return true;
		if (i < name.len && pattern.ptr[0] == '%' && name.ptr[i] == IMAP_SEPARATOR)
			return false;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size), pattern = take_until(&all, ' '), name = all;

	(void)imap_name_is_valid(name);
	if (pattern.len > 1024 || name.len > IMAP_NAME_MAX)
		return 0;
	if (pattern.len > SHORT || name.len > SHORT || bytes_starts(name, BYTES("INBOX"))) {
		(void)imap_name_matches(pattern, name);
		return 0;
	}
	if (imap_name_matches(pattern, name) != matches(pattern, name))
		abort();
	return 0;
}
