/* Random octets as a record: what is read keeps the limits, and holds nothing that a header or a URL must not. */
#include "proto/tlsrpt/tlsrpt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_plain(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '<' || text.ptr[i] == '>' || text.ptr[i] == ',')
			return false;
	return text.len > 0;
}

static bool
is_sound(const struct tlsrpt_target *t)
{
	if (t->kind == TLSRPT_MAILTO)
		return is_plain(t->address) && bytes_find_char(t->address, '@') < t->address.len;
	return is_plain(t->host) && t->port > 0 && is_plain(t->path) && t->path.ptr[0] == '/';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), rua;
	static uint8_t octets[65536];
	struct tlsrpt_target t;
	struct buf space;

	buf_init_fixed(&space, octets, sizeof octets);
	if (tlsrpt_target_parse(in, &space, &t) && !is_sound(&t))
		abort();
	if (!tlsrpt_record_parse(in, &rua))
		return 0;
	if (!tlsrpt_record_is_meant(in) || rua.len == 0 || rua.ptr < data || rua.ptr + rua.len > data + size)
		abort();
	while (tlsrpt_take_target(&rua, &space, &t))
		if (!is_sound(&t))
			abort();
	return 0;
}
