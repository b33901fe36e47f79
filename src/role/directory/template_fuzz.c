#include "role/directory/template.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No part of the path that a value made is "..", ".", or hidden. */
static void
check_path(struct bytes path)
{
	while (path.len) {
		struct bytes part = take_until(&path, '/');

		assert(part.len > 0 && part.ptr[0] != '.');
		assert(bytes_find_char(part, '\0') == part.len);
	}
}

/* What is folded folds to itself, splits where it says, and makes no path that leads elsewhere. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), value = in;
	struct bytes name = take_until(&value, '\n');
	const struct record_attribute attributes[] = { { BYTES("a"), value }, { BYTES(RECORD_HOME), value } };
	const struct template usual = { BYTES("m/%d/%u/x%{a}/%{a}"), BYTES_NONE }, of_home = { BYTES("%h/x"), BYTES("/home") };
	const struct template any = { value, BYTES("/home") };
	struct address once, twice;
	uint8_t space[1024];
	struct buf path;

	if (!address_fold(name, &once))
		return 0;
	assert(once.len <= ADDRESS_OCTETS_MAX && once.local_len <= once.len);
	assert(once.local_len == once.len || once.octets[once.local_len] == '@');
	assert(bytes_is_utf8(address_bytes(&once)));
	assert(address_fold(address_bytes(&once), &twice));
	assert(bytes_equal(address_bytes(&once), address_bytes(&twice)));
	buf_init_fixed(&path, space, sizeof space);
	if (template_put_path(&path, &usual, &once, attributes, 2, NULL) == 0)
		check_path(buf_bytes(&path));
	buf_reset(&path);
	if (template_put_path(&path, &of_home, &once, attributes, 2, NULL) == 0) {
		assert(bytes_starts(buf_bytes(&path), BYTES("/home/")));
		check_path(bytes_sub(buf_bytes(&path), 1, path.len));
	}
	buf_reset(&path);
	if (template_put_path(&path, &any, &once, attributes, 2, NULL) == 0)
		assert(!path.has_failed);
	return 0;
}
