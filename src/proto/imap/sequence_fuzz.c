/* Sets against a table of all small numbers; a settled set printed and taken again is the same. */
#include "proto/imap/sequence.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 300 };

static void
mark(const struct imap_set *set, uint32_t star, bool *numbers)
{
	for (size_t i = 0; i < set->count; i++) {
		uint32_t first = set->ranges[i].first, last = set->ranges[i].last;

		if (!star && (!first || !last))
			continue;
		first = first ? first : star;
		last = last ? last : star;
		for (uint32_t n = 1; n < SMALL; n++)
			numbers[n] |= (n >= first && n <= last) || (n >= last && n <= first);
	}
}

static void
check_again(const struct imap_set *set, struct arena *a)
{
	struct imap_set again;
	struct bytes in;
	struct buf out;

	if (set->count == 0)
		return;
	buf_init(&out, 1U << 20);
	put_imap_set(&out, set->ranges, set->count);
	in = buf_bytes(&out);
	if (!take_imap_set(&in, a, &again) || in.len)
		abort();
	imap_set_settle(&again, 1);
	if (again.count != set->count || memcmp(again.ranges, set->ranges, set->count * sizeof *set->ranges) != 0)
		abort();
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data + 1, size - 1);
	bool numbers[SMALL] = { 0 };
	struct imap_set set;
	struct arena *a;

	if (size == 0 || size > 20000)
		return 0;
	a = arena_new("fuzz", 1U << 24, ARENA_PLAIN);
	if (take_imap_set(&in, a, &set)) {
		mark(&set, data[0], numbers);
		imap_set_settle(&set, data[0]);
		for (uint32_t n = 1; n < SMALL; n++)
			if (imap_set_has(&set, n) != numbers[n])
				abort();
		check_again(&set, a);
	}
	arena_free(&a);
	return 0;
}
