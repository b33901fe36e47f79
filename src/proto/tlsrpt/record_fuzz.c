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
	static uint8_t octets[65536], record[65536];
	struct buf space, records;
	struct tlsrpt_target t;

	buf_init_fixed(&space, octets, sizeof octets);
	if (tlsrpt_target_parse(in, &space, &t) && !is_sound(&t))
		abort();
	buf_init_fixed(&records, record, sizeof record);
	put_u16(&records, (uint16_t)size);
	put_bytes(&records, in);
	if (records.has_failed || !tlsrpt_find_rua(buf_bytes(&records), &rua))
		return 0;
	if (rua.len == 0 || rua.ptr < record || rua.ptr + rua.len > record + records.len)
		abort();
	while (tlsrpt_take_target(&rua, &space, &t))
		if (!is_sound(&t))
			abort();
	return 0;
}
