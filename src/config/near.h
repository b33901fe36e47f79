/* "Did you mean …": the known name that is nearest to what was written. */
#ifndef CONFIG_NEAR_H
#define CONFIG_NEAR_H

#include "base/bytes.h"

#define NEAR_NAME_MAX 64

/* The best so far; start with all zero. */
struct near {
	const char *name; /* NULL: nothing is near enough */
	size_t distance;
};

/* Letters to insert, drop, replace or swap with a neighbour to make b of a; letters' case does not count.
   NEAR_NAME_MAX when one of them is longer than that. */
size_t near_distance(struct bytes a, struct bytes b);
/* Keeps the candidate when it is nearer than the best, and near enough to be meant at all: one change in
   three letters, two at least in names longer than three. */
void near_try(struct near *best, struct bytes written, const char *candidate);

#endif
