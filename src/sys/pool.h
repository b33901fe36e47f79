/* Threads for blocking work, in strands: the jobs of one strand run one after the other, in order;
   jobs of different strands side by side. */
#ifndef SYS_POOL_H
#define SYS_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Embed it in what the strand belongs to (a mailbox); all zero is a strand with no jobs.  It must outlive its
   jobs: until the run of the last one has returned, which is later than anything that run does. */
struct strand {
	struct job *first, *last; /* that wait behind the one whose turn it is */
	bool is_running; /* one of its jobs is ready or runs */
};

/* Embed it in the work.  run is called on a thread of the pool and may free the job. */
struct job {
	struct job *next;
	struct strand *strand;
	void (*run)(struct job *job);
};

/* threads: 1 or more.  Owned. */
struct pool *pool_new(size_t threads);
/* Waits until every job is done, ends the threads. */
void pool_free(struct pool **pool);
/* Adds a job to the strand; from any thread, a job's own included.  Without a strand (NULL) it runs beside all
   others, and may be freed as soon as run is called, by whomever. */
void pool_add(struct pool *pool, struct strand *strand, struct job *job);

#endif
