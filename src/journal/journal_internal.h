/* What the files of the journal share. */
#ifndef JOURNAL_JOURNAL_INTERNAL_H
#define JOURNAL_JOURNAL_INTERNAL_H

#include "journal/format.h"
#include "journal/gather.h"
#include "journal/journal.h"

#include <pthread.h>
#include <sys/uio.h>

enum slot_state {
	SLOT_NONE, /* no file: the place is free for another */
	SLOT_FREE, /* may be begun as the next segment */
	SLOT_LIVE, /* a segment that a replay would read, or the one being written */
	SLOT_BAD, /* a write or sync of it failed: gone with a checkpoint */
};

/* A file `segment-N`. */
struct slot {
	uint32_t number;
	int fd;
	enum slot_state state;
	bool is_damaged;
	bool is_begun; /* its head is known to be safe */
	uint64_t octets; /* of the file */
	uint64_t used; /* octets of records in it */
	struct segment_head head; /* SLOT_LIVE */
};

enum { SLOTS_MAX = 256, PARTS_MAX = 1024 };

struct slots {
	int directory;
	uint64_t segment_octets;
	struct slot at[SLOTS_MAX];
	size_t count;
	uint32_t next_number;
};

/* segment.c: the files. */

/* Opens every segment of the directory and reads its head.  -1: *f; nothing was changed. */
int slots_load(struct slots *s, struct fault *f) __attribute__((warn_unused_result));
void slots_close(struct slots *s);
/* Makes a file of zeros, durable under its name: its descriptor, or -1, nothing left behind.  In two
   steps, so that a lock needs to be held only for the second, slots_adopt. */
int slot_prepare(int directory, uint32_t number, uint64_t octets, struct fault *f)
	__attribute__((warn_unused_result));
/* There is room while slots_has_room. */
void slots_adopt(struct slots *s, uint32_t number, int fd);
bool slots_has_room(const struct slots *s);
/* Removes the file of slot i, whose place becomes SLOT_NONE. */
void slots_remove(struct slots *s, size_t i);
/* Gives the file of slot i the name damaged-SEQUENCE and forgets it. */
int slots_set_aside(struct slots *s, size_t i, struct fault *f) __attribute__((warn_unused_result));
struct slot *slots_find(struct slots *s, uint64_t sequence);
struct slot *slots_find_free(struct slots *s);
size_t slots_count(const struct slots *s, enum slot_state state);
/* Reads the whole file into *out. */
int slot_read(const struct slot *slot, struct buf *out, struct fault *f) __attribute__((warn_unused_result));
/* Writes page 0 and syncs it. */
int slot_begin(struct slot *slot, const struct segment_head *head, struct fault *f)
	__attribute__((warn_unused_result));

/* replay.c */
struct replay_end {
	uint64_t sequence; /* the newest there was, 0: none */
	uint64_t last_batch;
};
int replay_all(struct slots *s, const struct journal_owner *owner, struct journal_report *report,
	struct replay_end *end, struct fault *f) __attribute__((warn_unused_result));

enum entry_state { ENTRY_QUEUED, ENTRY_WRITING, ENTRY_DURABLE, ENTRY_FAILED };

struct journal {
	struct journal_limits limits;
	struct journal_owner owner;
	pthread_t commit_thread, keeper_thread;
	pthread_mutex_t lock; /* of all below, unless it says otherwise */
	pthread_cond_t work; /* for the commit thread */
	pthread_cond_t chores; /* for the keeper thread */
	pthread_cond_t changed; /* for all who wait for an outcome */

	struct journal_entry *first, *last; /* the line */
	uint32_t waiting; /* how many stand in it */
	struct gather gather;
	bool is_gathering; /* the commit thread waits until gather.wanted stand in the line */
	uint32_t followers_due; /* of the group that is being written: how many still stand in the line */
	struct journal_entry *checkpoint_entry; /* before the line */
	uint64_t next_number;
	bool is_writing; /* the commit thread, or who is alone */
	bool is_refusing; /* no segment could be begun after a failure; an append makes it try again */
	bool is_dead; /* settle failed: until it is opened anew */
	bool is_mend_wanted;
	bool is_closing; /* no more appends; the keeper ends */
	bool is_ending; /* the commit thread ends */
	struct fault failure; /* why it refuses or is dead */

	struct slots slots;
	struct slot *current; /* NULL: begin another before the next batch */
	uint64_t at; /* where the next batch goes in it */
	uint64_t sequence; /* the last that was tried */
	uint64_t good_sequence, last_batch; /* the last that was safe */
	uint64_t needed;
	size_t slots_wanted;

	uint64_t epoch; /* grows with every checkpoint */
	uint64_t epoch_first; /* the first segment of this epoch; 0: not begun */
	uint64_t unapplied[2]; /* entries taken from the line and not applied, by the parity of their epoch */
	bool is_checkpoint_wanted, is_checkpointing, is_refill_wanted;
	uint64_t checkpoints_begun, checkpoints_ended;
	struct fault checkpoint_fault; /* of the last one; FAULT_NONE: it went well */
	struct journal_stats stats;

	/* Of who writes. */
	struct iovec parts[PARTS_MAX];
	uint8_t heads[PARTS_MAX / 2][FORMAT_RECORD_HEAD];
};

/* commit.c */
void *journal_commit_thread(void *arg);
/* With the lock held, open while it writes, by who may write: nobody else does.  True: the commit thread is to be woken. */
bool journal_write_alone(struct journal *j) __attribute__((warn_unused_result));
/* With the lock held: */
uint64_t journal_log_octets(const struct journal *j);

/* Takes the first of the line. */
struct journal_entry *journal_unlink_first(struct journal *j);

/* group.c, with the lock held: */

/* Could the log, with nothing else in it, hold the group at once? */
bool group_may_ever_fit(const struct journal *j, const struct journal_entry *first);
/* Is there room for all of it now? */
bool group_has_room(const struct journal *j, const struct journal_entry *first);
/* A group stands first in the line, and nothing that could make room for it is left to be done. */
bool group_is_hopeless(const struct journal *j);

/* keeper.c: checkpoints, and enough segments in reserve. */

/* With the lock held: would a checkpoint find something to do? */
bool journal_has_what_to_free(const struct journal *j);
void *journal_keeper_thread(void *arg);

#endif
