/* The write-ahead log: a change is durable once its record is, and one sync makes durable all that
   waits.  Store and queue stand on it.  journal.c opens with the states and the invariants, format.h
   with the format on disk.

   How to use it: write the change to its own files without syncing them, before or after the record
   is durable; journal_append the record that can do the change again; answer when done says that it is
   durable; call journal_applied as soon as the files hold the change.  A record must be a full image:
   replaying it twice, or over the change it describes, gives the same. */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "base/fault.h"

struct journal;

struct journal_limits {
	/* Of one segment file; a multiple of 4096 with room for the largest record twice. */
	uint64_t segment_octets;
	/* A checkpoint begins by itself when the log holds so much.  The files together take about
	   twice that, and three segments, all taken beforehand. */
	uint64_t octets_max;
	uint64_t record_octets_max;
};

/* What journal_open found. */
struct journal_report {
	uint64_t records; /* replayed */
	bool has_torn_tail; /* a crash cut the last batch off; nobody was told that it was safe */
	uint64_t damaged_records; /* places where something that was safe is lost, by a fault of the disk */
	uint64_t missing_segments; /* whole files that should be there */
};

struct journal_owner {
	/* Does what a record says (borrowed for the call); -1 and *f ends the opening. */
	int (*replay)(void *arg, struct bytes record, struct fault *f);
	/* Makes everything that was applied so far durable outside the journal (syncfs).  On a
	   thread of the journal, appends go on meanwhile. -1: the journal refuses everything until it
	   is opened anew and replays, because a sync that failed once may not be believed twice. */
	int (*settle)(void *arg, struct fault *f);
	void *arg;
};

/* What the files of a journal take together, beforehand. */
uint64_t journal_files_octets(uint64_t octets_max, uint64_t segment_octets);
/* Replays every record since the last checkpoint in order, settles, and begins a new segment.
   directory: open, borrowed until journal_close; nobody else may have it as a journal.  Files that
   are not segments of this version are refused (FAULT_PERM) and left as they are; damage is stepped
   over, the damaged segment kept as `damaged-N`, and *report (which may be NULL) says so. -1: *f says
   why; FAULT_TEMP when the disk is full or fails. */
int journal_open(int directory, const struct journal_limits *limits, const struct journal_owner *owner,
	struct journal **out, struct journal_report *report, struct fault *f)
	__attribute__((warn_unused_result));
/* Waits for what was appended, makes a checkpoint when it can, ends the threads; *j becomes NULL. */
void journal_close(struct journal **j);

#define JOURNAL_PIECES_MAX 8

/* One record on its way.  Embed it in the work that waits; it and what the pieces point to stay the
   journal's until done was called, the entry itself until journal_applied was called, too. */
struct journal_entry {
	/* The caller's: the record is the pieces one after the other; set count and done too. */
	struct bytes pieces[JOURNAL_PIECES_MAX];
	uint32_t piece_count;
	/* Called once for each entry whose append returned 0, in the order of the numbers, on the
	   journal's thread or in journal_commit: be quick.  May append.  f NULL: the record is durable.  Else it is not
	   (FAULT_TEMP): undo, and answer "later".  NULL done: somebody calls journal_wait. */
	void (*done)(struct journal_entry *entry, const struct fault *f);

	/* Set by journal_append: grows from record to record. */
	uint64_t number;

	/* The next of a group; the journal's as soon as it stands in line. */
	struct journal_entry *next;

	/* The journal's. */
	uint64_t epoch;
	uint32_t payload_octets, payload_crc;
	uint32_t followers; /* of the first of a group: how many belong behind it */
	uint8_t kind, state;
	bool is_applied;
};

/* Puts the record in line; returns at once.  From any thread.  -1: not taken, done will not be called:
   FAULT_LIMIT (larger than record_octets_max) or FAULT_TEMP (the journal refuses, see journal_ready). */
int journal_append(struct journal *j, struct journal_entry *entry, struct fault *f)
	__attribute__((warn_unused_result));
/* As journal_append, by a thread that may wait for the disk: when nobody else appends and no checkpoint has to make
   room first, it writes the record itself and done has been called when this returns. */
int journal_commit(struct journal *j, struct journal_entry *entry, struct fault *f)
	__attribute__((warn_unused_result));
/* As journal_append, with records that count together: the first, which leads to the others by `next`.  None is written before there is room
   for all, and no checkpoint begins in the midst of them, so that they may be applied when the last is durable (J10).  When one fails, those
   behind it have failed, too.  -1: none was taken; FAULT_LIMIT, too, when the journal can never have room for all at once. */
int journal_append_group(struct journal *j, struct journal_entry *first, struct fault *f)
	__attribute__((warn_unused_result));
/* The files hold what the entry's record says, or it was given up; once for each entry whose append
   returned 0, at any time from then on, from any thread.  Until then no checkpoint ends, and appends may
   have to wait for one: so it may not depend on a later append, but for those of the same group. */
void journal_applied(struct journal *j, struct journal_entry *entry);
/* Blocks until the entry (with done NULL) is durable: 0, or -1 and *f. */
int journal_wait(struct journal *j, struct journal_entry *entry, struct fault *f)
	__attribute__((warn_unused_result));
/* Will an append be taken now?  0, or -1 and *f (FAULT_TEMP): ask before data is accepted. */
int journal_ready(struct journal *j, struct fault *f) __attribute__((warn_unused_result));
/* Blocks until all that was durable before the call is settled and its segments are free. */
int journal_checkpoint(struct journal *j, struct fault *f) __attribute__((warn_unused_result));

struct journal_stats {
	uint64_t records, octets; /* made durable since the journal was opened */
	uint64_t syncs; /* of segments */
	uint64_t checkpoints;
	uint64_t failures; /* batches that could not be written */
	uint64_t free_segments; /* prepared for what comes */
	uint64_t log_octets; /* that a replay would read now */
};
/* The counts now; from any thread. */
struct journal_stats journal_stats(struct journal *j);

#endif
