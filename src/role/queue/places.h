/* How many batches are under way.  There are twice as many places as the limit says: what goes to who answers has the first set, and a place of the
   second one when it has taken some seconds.  Probes, whose destinations have not answered yet or did not last time, have three quarters of
   all, those that were silent two thirds of that: whatever is dead, there is room for the living, and for finding out who lives.  Pure. */
#ifndef QUEUE_PLACES_H
#define QUEUE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#define PLACES_YOUNG_S 2

/* Of a destination; the better one's turn is first. */
enum place_kind { PLACE_ANSWERS, PLACE_UNKNOWN, PLACE_SILENT, PLACE_KINDS };

struct places {
	uint32_t taken[PLACE_KINDS];
	/* Of PLACE_ANSWERS: taken less than PLACES_YOUNG_S seconds ago; by the second, up to this one: */
	uint32_t young, young_of[PLACES_YOUNG_S];
	int64_t second_s;
};

/* Time has passed. */
void places_pass(struct places *p, int64_t now_s);
uint32_t places_taken(const struct places *p);
/* max: of a set. */
bool places_has_one(const struct places *p, enum place_kind kind, uint32_t max);
void places_take(struct places *p, enum place_kind kind, int64_t now_s);
void places_give_back(struct places *p, enum place_kind kind, int64_t taken_s, int64_t now_s);
/* When there may be one for who answers without any given back; INT64_MAX: there is one, or never. */
int64_t places_next_s(const struct places *p, uint32_t max);

#endif
