/* How many batches are under way.  There are two sets of places of the same size: what has taken some seconds has its place in the second one, so
   that what waits for dead hosts leaves room for the rest.  Pure. */
#ifndef QUEUE_PLACES_H
#define QUEUE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#define PLACES_YOUNG_S 2

struct places {
	uint32_t taken; /* of both */
	uint32_t young, young_of[PLACES_YOUNG_S]; /* taken less than PLACES_YOUNG_S seconds ago; by the second, up to this one: */
	int64_t second_s;
};

/* Time has passed. */
void places_pass(struct places *p, int64_t now_s);
/* max: of a set. */
bool places_has_one(const struct places *p, uint32_t max);
void places_take(struct places *p, int64_t now_s);
void places_give_back(struct places *p, int64_t taken_s, int64_t now_s);
/* When there may be one without any given back; INT64_MAX: there is one, or never. */
int64_t places_next_s(const struct places *p, uint32_t max);

#endif
