/* A spool on a disk that fails or loses power when the test says so, and what it promised. */
#ifndef QUEUE_SPOOL_TEST_SUPPORT_H
#define QUEUE_SPOOL_TEST_SUPPORT_H

#include "role/queue/spool.h"
#include "sys/disk_fault.h"

#include <pthread.h>

enum { MESSAGES = 5, LARGE = SPOOL_BODY_JOURNALED_MAX + 9000, SMALL = 600 };

struct world {
	struct disk_fault *disk;
	struct spool *spool;
	struct queued *live[MESSAGES]; /* answered with SPOOL_OK, not removed */
	struct queued *found[MESSAGES];
	bool is_promised[MESSAGES], may_be_gone[MESSAGES];
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool is_woken;
	int answers;
	enum spool_outcome outcome;
	struct buf body; /* read back */
	int error;
};

/* 0 … 9. */
struct mail_id id_of(int number);
/* Odd numbers have a body that is too large for the journal. */
struct bytes body_of(int number);
/* Owned. */
struct queued *message(int number);
/* Owned. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* As spool_open; what there is stands in w->found. */
int open_spool(struct world *w);
/* Closes, loses power, forgets what was found. */
void end_life(struct world *w);
void wait_for_answer(struct world *w);
/* Until the spool has something to say, which is called back. */
void wait_for_wake(struct world *w);
void forget_found(struct world *w);
/* Of spool_add: the outcome is w->outcome. */
void added(void *arg, enum spool_outcome outcome);
/* A descriptor, or -1. */
int file_with(struct bytes octets);
/* Waits for the answer. */
void add(struct world *w, int number);
void take_away(struct world *w, int number);
/* Two come, one changes, one goes, three more come. */
void run_workload(struct world *w);
/* The guarantee and Q2, of what was found. */
void check(struct world *w);
/* Of spool_open_body: what was read is w->body, the error w->error. */
void got_body(void *arg, int fd, int error);
/* Events with that text are counted from now on. */
void watch_events(const char *text);
int events_watched(void);
/* Of the group. */
int set_up(void **state);

#endif
