#include "role/directory/scheme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lies_in(struct bytes part, struct bytes whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/* Whatever is found lies in the value or in the space, and asks for no more than the bounds. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scheme_value v;
	struct bytes value = bytes_of(data, size);
	const struct bytes *const parts[] = { &v.secret_text, &v.salt, &v.digest };

	if (scheme_parse(value, &v) != SCHEME_USABLE)
		return 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!lies_in(*parts[i], value) && !lies_in(*parts[i], bytes_of(v.space, v.used)))
			__builtin_trap();
	if (v.digest.len > SCHEME_DIGEST_MAX || v.secret_text.len > SCHEME_VALUE_MAX
		|| v.rounds > SCHEME_PBKDF2_ROUNDS_MAX || v.kib > SCHEME_MEMORY_KIB_MAX
		|| v.kib * v.rounds > SCHEME_ARGON2_WORK_KIB_MAX || v.lanes > SCHEME_ARGON2_LANES_MAX)
		__builtin_trap();
	return 0;
}
