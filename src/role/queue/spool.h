/* The queue on disk: what was accepted stays until it is delivered, bounced or removed.  spool.c opens with the states and the
   invariants.  Everything here is called on one thread, and calls back on it, from spool_run. */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "base/fault.h"
#include "base/id.h"
#include "role/queue/message.h"

struct spool;

/* Bodies up to this size stand in the journal; larger ones are synced as files. */
#define SPOOL_BODY_JOURNALED_MAX 65536

/* Of any body: half as much again as the largest `message_size` there is (DOWNGRADE_TO_SHORT_LINES), and what is added to it. */
#define SPOOL_BODY_MAX ((off_t)1600 << 20)

struct spool_settings {
	const char *directory; /* made when it is not there */
	uint64_t journal_octets_max;
	uint64_t reserve_octets; /* of free space that is left to others */
	size_t threads;
	/* spool_run is wanted; from any thread. */
	void (*wake)(void *arg);
	/* Puts all messages there are: spool_put for each. */
	void (*put_all)(void *arg, struct spool *s);
	void *arg;
};

enum spool_outcome { SPOOL_OK, SPOOL_LATER, SPOOL_NO_SPACE };

/* Brings the spool into order after whatever ended it, and returns what is in it.  each: a message (owned from then on).
   -1: *f says why.  Blocks. Owned. */
int spool_open(const struct spool_settings *settings, void (*each)(void *arg, struct queued *m), struct spool **out,
	struct fault *f) __attribute__((warn_unused_result));
/* Waits for what is under way (nobody is called back any more), makes all of it durable. */
void spool_close(struct spool **s);
/* Calls back what is done. */
void spool_run(struct spool *s);

/* Takes a message in.  The body, in disk form: head, then octets, copied; or then, when fd is not -1, what is in that file (taken over).  done: once, SPOOL_OK when
   it will survive whatever happens; m stays the caller's.  SPOOL_LATER also when there is a message of that id: it stays as it is. */
void spool_add(struct spool *s, const struct queued *m, struct bytes head, struct bytes octets, int fd,
	void (*done)(void *arg, enum spool_outcome outcome), void *arg);
/* The envelope is another one; durable some time later. */
void spool_update(struct spool *s, const struct queued *m);
/* The message is done with; durable some time later. */
void spool_remove(struct spool *s, const struct mail_id *id);
/* How many updates and removals were asked for, and how many of those, in that order, are durable: none behind one that failed, after which
   the spool is not sound any more. */
uint64_t spool_changes_asked(const struct spool *s);
uint64_t spool_changes_kept(const struct spool *s);
/* Opens the body for reading.  got: once, with a descriptor (the callee's), or -1 and errno. */
void spool_open_body(struct spool *s, const struct mail_id *id, void (*got)(void *arg, int fd, int error), void *arg);
/* Reads the first octets of the body, at most `most` (SPOOL_BODY_JOURNALED_MAX or less).  got: once; octets are borrowed for the call; error: an
   errno, or 0. */
void spool_read(struct spool *s, const struct mail_id *id, size_t most,
	void (*got)(void *arg, struct bytes octets, int error), void *arg);
/* In put_all only. */
void spool_put(struct spool *s, const struct queued *m);
bool spool_has_room(struct spool *s);
/* False: the journal takes nothing any more, or a change is lost; the role has to begin anew. */
bool spool_is_sound(struct spool *s);

#endif
