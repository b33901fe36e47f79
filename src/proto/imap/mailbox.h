/* The selected mailbox as one client knows it.  The view changes under the session at any time; the client may learn of
   it only at certain moments (RFC 3501 5.5, 7.4.1).  Between the two stands this module: which sequence number is which
   message, and what has not been told yet.

   The view holds records in the order of their uids, and an expunge is a mark on a record.  So in the common case
   the message with number n is record n - 1, and nothing is kept per message.  What differs is kept as exceptions:

   M1  Records [0, known) of the view, without the holes, and the ghosts, in the order of their uids, are the
       client's messages 1, 2, …
   M2  holes: indexes of records that have no number (their expunge was told, or they went before they
       were told at all). Sorted.
   M3  ghosts: uids of messages that have a number but no record any more (a new generation of the view came before
       their expunge could be told).  Sorted; told at the next moment that allows it.
   M4  No uid above known_uid has a number.
   M5  Numbers change in imap_sync alone. */
#ifndef IMAP_MAILBOX_H
#define IMAP_MAILBOX_H

#include "proto/imap/sequence.h"
#include "view/view.h"

/* Numbers that grow in order; owned. */
struct imap_numbers {
	uint32_t *at;
	size_t count;
	size_t size;
};

/* What is being told to the client (sync.c). */
struct imap_sync {
	enum { SYNC_START, SYNC_EXPUNGES, SYNC_EXISTS, SYNC_FLAGS } phase;
	uint64_t horizon; /* changes up to this modseq are told */
	struct imap_numbers fresh; /* records whose expunge is told in this round, the last first */
	size_t fresh_left; /* so many of them are still to tell */
	uint32_t index, flags_end;
};

struct imap_mailbox {
	const struct view *view;
	uint32_t known; /* M1 */
	uint32_t known_uid; /* M4 */
	uint32_t recent_from;
	uint32_t told_keywords;
	uint32_t epoch; /* grows with each view: indexes from before are void */
	struct imap_numbers holes; /* M2 */
	struct imap_numbers ghosts; /* M3 */
	uint64_t flags_modseq, expunges_modseq; /* told up to here */
	struct imap_sync sync;
	bool is_read_only;
};

/* The mailbox as it is now.  Owned. */
struct imap_mailbox *imap_mailbox_new(const struct view *view, uint32_t recent_from, bool is_read_only);
void imap_mailbox_free(struct imap_mailbox **m);
/* Goes on with another view of the same mailbox; the numbers stay. */
void imap_mailbox_new_view(struct imap_mailbox *m, const struct view *view);
/* How many messages the client knows of. */
uint32_t imap_mailbox_exists(const struct imap_mailbox *m);
/* How many of them are \Recent. */
uint32_t imap_mailbox_recent(const struct imap_mailbox *m);
/* The number of record `index` (below known, no hole). */
uint32_t imap_mailbox_number(const struct imap_mailbox *m, uint32_t index);
/* The uid of message `number` (1 to exists). */
uint32_t imap_mailbox_uid(const struct imap_mailbox *m, uint32_t number);
/* Makes uids of a set as taken from a command, settled, none above known_uid.  False: a number is not that
   of a message (RFC 3501 9, seq-number). */
bool imap_mailbox_resolve(const struct imap_mailbox *m, struct imap_set *set, bool is_uids);
/* Is one of the settled set of uids a ghost (M3)? */
bool imap_mailbox_has_ghost(const struct imap_mailbox *m, const struct imap_set *uids);
/* \Recent, or not? */
static inline bool
imap_mailbox_is_recent(const struct imap_mailbox *m, uint32_t uid)
{
	return uid >= m->recent_from;
}

/* Takes up to `count` records behind the known ones: those that are there already expunged get no number. */
void imap_mailbox_learn(struct imap_mailbox *m, uint32_t count);
/* What was told of sync.fresh becomes holes; the rest is forgotten. */
void imap_mailbox_settle_fresh(struct imap_mailbox *m);

/* Appends; the caller keeps the order. */
void imap_numbers_add(struct imap_numbers *n, uint32_t number);
/* Empty again, its memory given back. */
void imap_numbers_done(struct imap_numbers *n);
/* How many are below `number`. */
size_t imap_numbers_below(const struct imap_numbers *n, uint32_t number);

/* Steps over the messages of a settled set of uids, in order; goes on at the right one when the view was
   replaced meanwhile. */
struct imap_walk {
	const struct imap_set *uids;
	size_t range;
	uint64_t next_uid; /* all below are done */
	uint32_t epoch, index;
	size_t hole, ghost;
	bool is_placed;
};

/* Before the first message of the set, which must outlive the walk. */
void imap_walk_start(struct imap_walk *w, const struct imap_set *uids);
/* The next message: its record and its number.  False at the end. */
bool imap_walk_next(struct imap_walk *w, const struct imap_mailbox *m, uint32_t *index, uint32_t *number);
/* The next message is this one again. */
void imap_walk_back(struct imap_walk *w, uint32_t uid);

#endif
