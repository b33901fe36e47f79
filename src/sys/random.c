#include "sys/random.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Mail ids and the like ask for a few octets at a time: one system call fetches many. */
#define STOCK 256

static _Thread_local struct {
	uint8_t octets[STOCK];
	size_t left;
} stock;

static void
fill_from_kernel(uint8_t *out, size_t count)
{
	while (count > 0) {
		ssize_t got = getrandom(out, count, 0);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		out += got;
		count -= (size_t)got;
	}
}

void
random_fill(void *out, size_t count)
{
	if (count > STOCK / 4) {
		fill_from_kernel(out, count);
		return;
	}
	if (stock.left < count) {
		fill_from_kernel(stock.octets, STOCK);
		stock.left = STOCK;
	}
	stock.left -= count;
	memcpy(out, stock.octets + stock.left, count);
	memory_wipe(stock.octets + stock.left, count);
}

uint64_t
random_number(void)
{
	uint64_t number;

	random_fill(&number, sizeof number);
	return number;
}
