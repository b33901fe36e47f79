/* Destinations that rest, in the order in which they end that (destination.rests_until_s): a heap.  Pure. */
#ifndef QUEUE_RESTS_H
#define QUEUE_RESTS_H

#include "role/queue/schedule.h"

struct rests {
	struct destination **at; /* the first is the earliest; each knows its place (destination.heap_at) */
	size_t count, size;
};

/* rests_until_s is set. */
void rests_add(struct rests *r, struct destination *d);
/* One that was added, whose rests_until_s is still what it was. */
void rests_remove(struct rests *r, struct destination *d);
/* NULL: nobody rests. */
struct destination *rests_first(const struct rests *r);
/* All end by_s seconds earlier. */
void rests_put_back(struct rests *r, uint32_t by_s);
void rests_free(struct rests *r);

#endif
