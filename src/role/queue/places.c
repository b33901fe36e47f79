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

bool
places_has_one(const struct places *p, uint32_t max)
{
	return p->young < max && p->taken < 2 * max;
}

void
places_take(struct places *p, int64_t now_s)
{
	places_pass(p, now_s);
	p->taken++;
	p->young++;
	p->young_of[p->second_s % PLACES_YOUNG_S]++;
}

void
places_give_back(struct places *p, int64_t taken_s, int64_t now_s)
{
	uint32_t *of = &p->young_of[taken_s % PLACES_YOUNG_S];

	places_pass(p, now_s);
	p->taken--;
	/* None of that second is young when the clock was put back since. */
	if (taken_s > p->second_s - PLACES_YOUNG_S && *of > 0) {
		p->young--;
		--*of;
	}
}

int64_t
places_next_s(const struct places *p, uint32_t max)
{
	return p->young >= max && p->taken < 2 * max ? p->second_s + 1 : INT64_MAX;
}
