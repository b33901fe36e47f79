/* For the tests of the journal: an owner of a journal on the fault disk, which remembers what it was told. */
#ifndef JOURNAL_TEST_SUPPORT_H
#define JOURNAL_TEST_SUPPORT_H

#include "journal/journal.h"
#include "sys/disk_fault.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SEGMENT = 32 * 1024, RECORD_MAX = 5000, IDS_MAX = 400 };
/* Bodies from this id on are all large, two pages: the log of a test has room for a group of twelve. */
enum { LARGE_FROM = 360, GROUP_MAX = 12 };

/* What the owner of the journal knows, and what the outside world was told. */
struct world {
	struct disk_fault *disk;
	int root;
	struct journal *journal;
	struct journal_report report;
	pthread_mutex_t lock;
	bool was_appended[IDS_MAX], was_told_ok[IDS_MAX], was_told_failed[IDS_MAX];
	bool is_applied[IDS_MAX]; /* in memory: lost by a crash */
	bool is_settled[IDS_MAX];
	unsigned int replayed[IDS_MAX * 2];
	size_t replayed_count;
	unsigned int last_ok;
	bool fails_settle;
	atomic_bool is_over; /* for a thread of the test */
	void (*after_settle)(struct world *w); /* what comes while a checkpoint is under way; NULL: nothing */
};

/* A record of the test: an id and a body whose length and octets follow from it. */
struct work {
	struct journal_entry entry;
	struct world *world;
	unsigned int id;
	bool is_finished;
	uint8_t head[4], body[RECORD_MAX];
};

/* A new disk, no journal yet. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
struct work *work_new(struct world *w, unsigned int id);
/* Opens the journal: what it replays counts as applied. */
int open_journal(struct world *w, struct fault *f) __attribute__((warn_unused_result));
void must_open(struct world *w);
/* Until the spare segments are made, so that the next call on the disk is the journal's. */
void wait_for_quiet(struct world *w);
/* Appends the ids without waiting; those that are refused count as failed. */
void append(struct world *w, unsigned int first, unsigned int count);
/* As one group, each of which is applied as soon as it is durable; -1: refused, *f says why. */
int append_group(struct world *w, unsigned int first, unsigned int count, struct fault *f);

/* A group that is not applied before all of it is durable, as a request of the store is. */
struct held {
	struct work *at[IDS_MAX];
	unsigned int count;
};
void append_held_group(struct world *w, unsigned int first, unsigned int count, struct held *held);
/* How many became durable. */
unsigned int wait_for_held(struct world *w, struct held *held);
/* Applied or given up. */
void let_go(struct world *w, struct held *held, bool is_applied);

/* Appends one and waits until it is durable. */
int append_and_wait(struct world *w, unsigned int id);
/* Closes the journal and cuts the power: what was applied and not settled is gone. */
void crash(struct world *w);
/* J1, J2, J5: what was told safe is there, what is there was appended, in order. */
void check_replay(struct world *w);

#endif
