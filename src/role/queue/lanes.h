/* The deliveries of a destination that are ready.

   They stand in lanes, one for each sender, and the lanes in tiers, one for each priority (RFC 6710).  The highest tier goes first, but a lower one
   that was passed over PASSED_MAX times has a turn in between, so that nobody waits for ever; in a tier the lanes take turns. */
#ifndef QUEUE_LANES_H
#define QUEUE_LANES_H

#include "base/map.h"
#include "role/queue/message.h"

struct tier;

/* Of one destination; all zero: empty. */
struct lanes {
	struct tier *tiers; /* the highest first */
	bool was_low; /* the last turn was not the highest one's */
};

/* The delivery is READY, behind what its sender has there.  index: of the lanes of all destinations. */
void lanes_add(struct lanes *l, struct map *index, struct delivery *d);
/* One that was added. */
void lanes_remove(struct lanes *l, struct map *index, struct delivery *d);
/* Whose turn it is, with what stands behind it of the same message, `most` at most: linked by next, ACTIVE.  There is one. */
struct delivery *lanes_take(struct lanes *l, struct map *index, uint32_t most, uint32_t *count);
/* Frees all lanes that are in the index, and those tiers; deliveries are not touched. */
void lanes_free(struct lanes *l);
void lanes_free_index(struct map **index);

#endif
