#include "journal/gather.h"

#include <sys/param.h>

/* A try for more that nobody comes to costs all who wait GATHER_US, so it is rare. */
enum { WEIGHT = 8, SIXTEENTHS = 16, CROWD = 2 * SIXTEENTHS, WANTED_MAX = 64, CALM = 32 };

void
gather_learn(struct gather *g, uint32_t count, bool is_vain)
{
	g->mean = (g->mean * (WEIGHT - 1) + MIN(count, WANTED_MAX) * SIXTEENTHS) / WEIGHT;
	if (is_vain)
		g->calm = CALM;
	else if (g->calm > 0)
		g->calm--;
	if (g->mean < CROWD)
		g->wanted = 0;
	else
		g->wanted = MIN(howmany(g->mean * (g->calm ? 1 : 2), SIXTEENTHS), WANTED_MAX);
}
