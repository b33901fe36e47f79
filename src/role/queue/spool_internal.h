/* What the spool's files share. */
#ifndef QUEUE_SPOOL_INTERNAL_H
#define QUEUE_SPOOL_INTERNAL_H

#include "base/map.h"
#include "base/memory.h"
#include "journal/journal.h"
#include "role/queue/spool.h"
#include "role/queue/spool_record.h"
#include "sys/pool.h"

#include <pthread.h>
#include <stdatomic.h>

/* A file that is there from the moment on when a gap was found until the bodies without an envelope are safe. */
#define SPOOL_MARK "damaged"

struct task;

struct spool {
	struct spool_settings settings;
	int directory, messages, journal_directory, envelopes;
	struct journal *journal;
	struct pool *pool;
	struct strand log; /* writes to `envelopes`, in order */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct task *came_first, **came_last; /* under the lock */
	size_t under_way; /* under the lock */
	struct map *found; /* while it is opened: hash of the id -> struct queued, and others of that hash behind it (link) */
	struct map *heard; /* while it is opened: hash of a reply -> struct reply */
	struct buf *gathers; /* of put_all */
	/* Strand. */
	uint64_t envelopes_octets;
	/* The spool's thread: what of it counts, as far as we know. */
	uint64_t log_octets, whole_octets;
	uint64_t changes_asked, changes_kept;
	bool is_rewriting, is_closing;
	_Atomic bool is_broken; /* a write to `envelopes` or a change's record failed: only a new start puts that right */
};

/* The name of a body below messages/. */
struct spool_name {
	char text[48];
};

struct spool_name spool_name(const struct mail_id *id);
/* Writes a body that the journal has, or will have; -1 and errno, the file may be there. */
int spool_write_body(const struct spool *s, const struct mail_id *id, struct bytes octets);
void spool_unlink_body(const struct spool *s, const struct mail_id *id);
/* Behind what `envelopes` holds; -1 and errno. */
int spool_write_envelopes(struct spool *s, struct bytes octets);
/* spool_open.c: puts each message that was found. */
void spool_put_found(const struct spool *s, struct buf *out);
/* spool_open.c: what the record says is done to what was found; false: it is damaged. */
bool spool_note(struct spool *s, const struct spool_record *r);
/* spool_envelopes.c: notes every entry, opens the file; -1: *f says why. */
int spool_read_envelopes(struct spool *s, struct fault *f) __attribute__((warn_unused_result));
/* On the strand (Q5); when there is no room for the new one the old one serves on.  -1 and errno: neither can be opened. */
int spool_replace_envelopes(struct spool *s, struct bytes octets);
/* spool_open.c: the descriptors and the lock. */
void spool_give_back(struct spool *s);

#endif
