#include "role/directory/bind_pace.h"

static int64_t
larger(int64_t x, int64_t y)
{
	return x > y ? x : y;
}

void
bind_pace_learn(struct bind_pace *p, int64_t took_us, int64_t now_us)
{
	int64_t since_us = now_us - p->began_us;

	if (since_us >= BIND_PACE_WINDOW_US) {
		p->longest_us[1] = since_us < 2 * BIND_PACE_WINDOW_US ? p->longest_us[0] : 0;
		p->longest_us[0] = 0;
		p->began_us = now_us;
	}
	p->longest_us[0] = larger(p->longest_us[0], took_us);
}

/* With half as much again, for those that take longer than any before. */
int64_t
bind_pace_hold_us(const struct bind_pace *p, int64_t now_us, int64_t max_us)
{
	int64_t longest_us = larger(p->longest_us[0], p->longest_us[1]), hold_us = BIND_PACE_LEAST_US;

	if (now_us - p->began_us >= 2 * BIND_PACE_WINDOW_US)
		longest_us = 0;
	while (hold_us < longest_us + longest_us / 2 && hold_us < max_us)
		hold_us *= 2;
	return hold_us < max_us ? hold_us : max_us;
}
