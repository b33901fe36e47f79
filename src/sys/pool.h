/* Threads for blocking work, in strands: the jobs of one strand run one after the other, in order;
   jobs of different strands side by side. */
#ifndef SYS_POOL_H
#define SYS_POOL_H

#include <stddef.h>

struct pool;

/* Embed it in what the strand belongs to (a mailbox); all zero is a strand with no jobs.  It must
   outlive its jobs. */
struct strand {
	struct job *first, *last;
	struct strand *next_ready;
	int is_running; /* or queued to run */
};

/* Embed it in the work.  run is called on a thread of the pool and may free the job. */
struct job {
	struct job *next;
	void (*run)(struct job *job);
};

/* threads: 1 or more.  Owned. */
struct pool *pool_new(size_t threads);
/* Waits until every job is done, ends the threads. */
void pool_free(struct pool **pool);
/* Adds a job to the strand; from any thread, a job's own included. */
void pool_add(struct pool *pool, struct strand *strand, struct job *job);

#endif
