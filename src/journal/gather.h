/* How long the commit thread waits for company before it writes a batch.  Where many append at once, a sync for each handful costs more
   than the wait; one that is alone does not wait.  Pure; the commit thread measures and asks. */
#ifndef JOURNAL_GATHER_H
#define JOURNAL_GATHER_H

#include <stdbool.h>
#include <stdint.h>

enum { GATHER_US = 2000 };

/* All zeros is the beginning. */
struct gather {
	uint32_t wanted; /* a batch of so many is written at once; one that is smaller, GATHER_US after it could have been */
	uint32_t mean; /* of the last batches' records, in sixteenths */
	uint32_t calm; /* batches until more are tried for again */
};

/* A batch of `count` records was written; is_vain: it had waited all of GATHER_US, and nobody came in the second half of that.  Whom late
   ones go on coming to, more may come to: where many take turns, a batch holds what comes in the time, not what came once. */
void gather_learn(struct gather *g, uint32_t count, bool is_vain);

#endif
