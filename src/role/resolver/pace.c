#include "role/resolver/pace.h"

enum {
	SMOOTHING = 8, /* as RFC 6298 2 has it for TCP */
	MARGIN = 4,
	DOUBLINGS_MAX = 12, /* to longer than anybody waits */
};

void
pace_init(struct pace *p)
{
	p->answer_us = PACE_MOST_US / MARGIN;
}

/* So that slices get longer again when many are too short: of what is cut off nobody knows how long it would have taken. */
void
pace_learn(struct pace *p, int64_t took_us, bool was_again)
{
	if (was_again || took_us > PACE_MOST_US)
		took_us = PACE_MOST_US;
	p->answer_us += (took_us - p->answer_us) / SMOOTHING;
}

int64_t
pace_slice_us(const struct pace *p, unsigned int slices, bool is_hurried)
{
	int64_t first_us = p->answer_us * MARGIN;
	unsigned int doublings = slices / 2 < DOUBLINGS_MAX ? slices / 2 : DOUBLINGS_MAX;

	if (slices > 0)
		return (int64_t)PACE_MOST_US << (is_hurried ? 0 : doublings);
	return first_us < PACE_LEAST_US ? PACE_LEAST_US : first_us > PACE_MOST_US ? PACE_MOST_US : first_us;
}
