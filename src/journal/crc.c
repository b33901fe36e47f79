/* Eight tables, eight octets a step ("slicing by 8": Kounavis and Berry, 2008). */
#include "journal/crc.h"

#include <pthread.h>
#include <string.h>

enum { SLICES = 8 };
#define POLYNOMIAL 0x82f63b78u

static uint32_t tables[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][i] = crc;
	}
	for (int slice = 1; slice < SLICES; slice++)
		for (int i = 0; i < 256; i++) {
			uint32_t before = tables[slice - 1][i];

			tables[slice][i] = before >> 8 ^ tables[0][before & 0xff];
		}
}

static uint32_t
take_eight(uint32_t crc, const uint8_t *p)
{
	uint32_t low, high;

	memcpy(&low, p, 4);
	memcpy(&high, p + 4, 4);
	low ^= crc;
	return tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
		tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
		tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "take_eight reads little-endian words");

uint32_t
crc32c(uint32_t before, struct bytes in)
{
	uint32_t crc = ~before;
	size_t at = 0;

	(void)pthread_once(&once, make_tables);
	for (; in.len - at >= 8; at += 8)
		crc = take_eight(crc, in.ptr + at);
	for (; at < in.len; at++)
		crc = crc >> 8 ^ tables[0][(crc ^ in.ptr[at]) & 0xff];
	return ~crc;
}
