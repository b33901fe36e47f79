/* How long a question may keep its lane while others wait for one.  Pure.

   The first time for as long as answers need that come at once: four times what they took lately, smoothed, between PACE_LEAST_US and PACE_MOST_US.  So names of which
   a server nearby says nothing take little from those that it knows.  Later, when the server has had time to look, for PACE_MOST_US, and for longer
   each second time. */
#ifndef RESOLVER_PACE_H
#define RESOLVER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_LEAST_US 15000
#define PACE_MOST_US 50000

struct pace {
	int64_t answer_us; /* smoothed */
};

/* Before anything came: the longest. */
void pace_init(struct pace *p);
/* An answer came so long after its question had got its lane.  was_again: not in its first slice, which was too short for it. */
void pace_learn(struct pace *p, int64_t took_us, bool was_again);
/* slices: it gave its lane away so often.  is_hurried: it has no claim to a longer one. */
int64_t pace_slice_us(const struct pace *p, unsigned int slices, bool is_hurried);

#endif
