/* What of changed entries can be put in force at once, before (or without) making anew what all entries mean: that an account is disabled, or
   gone, has another password, quota or path.  All of that is the entry's own; who has an address, where mail is sent on and who is in a group
   depends on others too. */
#ifndef ROLE_DIRECTORY_EARLY_H
#define ROLE_DIRECTORY_EARLY_H

#include "role/directory/entries.h"
#include "role/directory/image.h"

/* More entries at once are no single changes. */
#define EARLY_MAX 64

/* Embed it. */
struct early {
	struct buf records; /* of users, as they are now; one that is gone is disabled */
	size_t entries, deleted; /* that it was told of */
	size_t own; /* of them those that changed in nothing but what is their own */
	struct buf pairs; /* what each had before and has now, in turn, as early_take_pair takes them; has_failed: they are too large, or what one had can't be read */
};

/* Nothing was told yet; ends it; forgets what was told. */
void early_init(struct early *e);
void early_done(struct early *e);
void early_reset(struct early *e);
/* An entry has these records now, and had those before; none: it was, or is, not there. */
void early_note(struct early *e, struct bytes before, struct bytes now);
/* The same of an entry that is about to be put, or deleted; nothing when that changes nothing: `entries` is never more than entries_put and
   entries_delete count, and as many only when all that they count was told. */
void early_note_put(struct early *e, const struct entries *entries, struct bytes uuid, struct bytes now);
void early_note_delete(struct early *e, const struct entries *entries, struct bytes uuid);
/* Takes an entry from the front of them. */
bool early_take_pair(struct bytes *pairs, struct bytes *before, struct bytes *now);
/* Moves the records to *out.  False: there are none, or so many entries changed (and may_delete is false: one was deleted) that nothing is to be
   hurried. */
bool early_take(struct early *e, bool may_delete, struct buf *out);

#endif
