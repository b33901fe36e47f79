/* Heapsort: Williams, 1964; the hole sinks to a leaf and rises again (Wegener, 1993), which saves nearly half of the compares. */
#include "base/sort.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct heap {
	uint8_t *at;
	size_t size;
	int (*compare)(const void *, const void *);
};

static uint8_t *
item(const struct heap *h, size_t i)
{
	return h->at + i * h->size;
}

/* The item goes where it belongs below the hole at `top`, of a heap of `count`. */
static void
sink(const struct heap *h, size_t top, size_t count, const void *what)
{
	size_t hole = top;

	while (hole * 2 + 2 < count) {
		size_t child = hole * 2 + 1;

		child += h->compare(item(h, child), item(h, child + 1)) < 0;
		memcpy(item(h, hole), item(h, child), h->size);
		hole = child;
	}
	if (hole * 2 + 1 < count) {
		memcpy(item(h, hole), item(h, hole * 2 + 1), h->size);
		hole = hole * 2 + 1;
	}
	while (hole > top && h->compare(item(h, (hole - 1) / 2), what) < 0) {
		memcpy(item(h, hole), item(h, (hole - 1) / 2), h->size);
		hole = (hole - 1) / 2;
	}
	memcpy(item(h, hole), what, h->size);
}

void
sort_in_place(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	const struct heap h = { items, size, compare };
	uint8_t what[SORT_ITEM_OCTETS_MAX];

	assert(size <= sizeof what);
	for (size_t i = count / 2; i-- > 0;) {
		memcpy(what, item(&h, i), size);
		sink(&h, i, count, what);
	}
	for (size_t left = count; left > 1; left--) {
		memcpy(what, item(&h, left - 1), size);
		memcpy(item(&h, left - 1), item(&h, 0), size);
		sink(&h, 0, left - 1, what);
	}
}
