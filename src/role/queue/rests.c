#include "role/queue/rests.h"

#include "base/memory.h"

static void
put(struct rests *r, size_t at, struct destination *d)
{
	r->at[at] = d;
	d->heap_at = (uint32_t)at;
}

/* Of the place, which is free, and those above it: where d belongs. */
static size_t
move_up(struct rests *r, size_t at, const struct destination *d)
{
	for (; at > 0 && r->at[(at - 1) / 2]->rests_until_s > d->rests_until_s; at = (at - 1) / 2)
		put(r, at, r->at[(at - 1) / 2]);
	return at;
}

/* The same of those below it. */
static size_t
move_down(struct rests *r, size_t at, const struct destination *d)
{
	size_t child;

	while ((child = 2 * at + 1) < r->count) {
		if (child + 1 < r->count && r->at[child + 1]->rests_until_s < r->at[child]->rests_until_s)
			child++;
		if (r->at[child]->rests_until_s >= d->rests_until_s)
			break;
		put(r, at, r->at[child]);
		at = child;
	}
	return at;
}

void
rests_add(struct rests *r, struct destination *d)
{
	if (r->count == r->size) {
		r->size = r->size ? 2 * r->size : 64;
		r->at = memory_resize(r->at, r->size, sizeof *r->at);
	}
	put(r, move_up(r, r->count++, d), d);
}

void
rests_remove(struct rests *r, struct destination *d)
{
	struct destination *last = r->at[--r->count];

	if (last != d)
		put(r, move_down(r, move_up(r, d->heap_at, last), last), last);
}

struct destination *
rests_first(const struct rests *r)
{
	return r->count ? r->at[0] : NULL;
}

void
rests_put_back(struct rests *r, uint32_t by_s)
{
	/* All alike, so that the heap stays in order. */
	for (size_t i = 0; i < r->count; i++)
		r->at[i]->rests_until_s -= r->at[i]->rests_until_s <= by_s ? r->at[i]->rests_until_s - 1 : by_s;
}

void
rests_free(struct rests *r)
{
	memory_free(r->at);
}
