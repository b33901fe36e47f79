#include "role/queue/places.h"

#include <string.h>

/* A clock that is put back makes all of them old. */
void
places_pass(struct places *p, int64_t now_s)
{
	if (now_s < p->second_s || now_s - p->second_s >= PLACES_YOUNG_S) {
		memset(p->young_of, 0, sizeof p->young_of);
		p->young = 0;
		p->second_s = now_s;
	}
	while (p->second_s < now_s) {
		uint32_t *old = &p->young_of[++p->second_s % PLACES_YOUNG_S];

		p->young -= *old;
		*old = 0;
	}
}

uint32_t
places_taken(const struct places *p)
{
	return p->taken[PLACE_ANSWERS] + p->taken[PLACE_UNKNOWN] + p->taken[PLACE_SILENT];
}

bool
places_has_one(const struct places *p, enum place_kind kind, uint32_t max)
{
	if (places_taken(p) >= 2 * max)
		return false;
	if (kind == PLACE_ANSWERS)
		return p->young < max;
	if (kind == PLACE_SILENT && p->taken[PLACE_SILENT] >= max)
		return false;
	return p->taken[PLACE_UNKNOWN] + p->taken[PLACE_SILENT] < max + max / 2;
}

void
places_take(struct places *p, enum place_kind kind, int64_t now_s)
{
	places_pass(p, now_s);
	p->taken[kind]++;
	if (kind != PLACE_ANSWERS)
		return;
	p->young++;
	p->young_of[p->second_s % PLACES_YOUNG_S]++;
}

void
places_give_back(struct places *p, enum place_kind kind, int64_t taken_s, int64_t now_s)
{
	uint32_t *of = &p->young_of[taken_s % PLACES_YOUNG_S];

	places_pass(p, now_s);
	p->taken[kind]--;
	/* None of that second is young when the clock was put back since. */
	if (kind == PLACE_ANSWERS && taken_s > p->second_s - PLACES_YOUNG_S && *of > 0) {
		p->young--;
		--*of;
	}
}

int64_t
places_next_s(const struct places *p, uint32_t max)
{
	return p->young >= max && places_taken(p) < 2 * max ? p->second_s + 1 : INT64_MAX;
}
