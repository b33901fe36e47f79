/* The entries of one search as a server has them, each under its entryUUID, kept up to date by what it tells of changes.

   States: the base lies in a file (in memory when there is no place on disk), beside a digest of each entry in memory; changes
   since lie in memory.  entries_save makes a new base of both.  Guarantee: what a file says of entries is what the server
   had at the state that stands in the same file.  A crash leaves an older base with its older state, from which the
   server tells again; a file that is damaged, or of elsewhere, counts as none.  Whoever opens them next writes over it. */
#ifndef ROLE_DIRECTORY_ENTRIES_H
#define ROLE_DIRECTORY_ENTRIES_H

#include "base/map.h"
#include "role/directory/image.h"

/* Embed it. */
struct entries {
	int directory; /* -1: no place on disk */
	const char *name; /* of the file */
	struct bytes origin;
	struct run base; /* items */
	struct entry_digest *digests; /* of the base's entries, sorted */
	size_t count;
	struct buf changes;
	struct map *changed; /* entry -> place of its last change + 1 */
	struct map *met; /* entries of a pass; NULL: there is none */
};

/* Without any entry.  name, origin: as of snapshot_write; borrowed for its life.  changes_max: octets of changes between two bases. */
void entries_init(struct entries *e, int directory, const char *name, struct bytes origin, size_t changes_max);
void entries_done(struct entries *e);
/* Takes the file's entries; appends to *state what entries_save was given.  False: there is none that can be used. */
bool entries_open(struct entries *e, struct buf *state) __attribute__((warn_unused_result));

/* -1 with *f: a change was lost, since there was no room for it.  What is there is not what the server has, until all is forgotten. */
int entries_check_room(const struct entries *e, struct fault *f) __attribute__((warn_unused_result));
/* Forgets all of it; the file stays. */
void entries_clear(struct entries *e);

/* Appends the records of the entry.  False: there is no such entry, or (its base being damaged) it can't be read. */
bool entries_find(const struct entries *e, struct bytes uuid, struct buf *records) __attribute__((warn_unused_result));
/* Is there such an entry, be it that it can't be read? */
bool entries_is_there(const struct entries *e, struct bytes uuid);
/* Has the entry these records? */
bool entries_has(const struct entries *e, struct bytes uuid, struct bytes records);
/* The entry has these records (image.h) now, or none.  True: it had others. */
bool entries_put(struct entries *e, struct bytes uuid, struct bytes records);
/* True: it was there. */
bool entries_delete(struct entries *e, struct bytes uuid);
/* A pass: entries that are not put or met before its end are deleted.  entries_end_pass says how many those were.
   is_full: all that there are will be put. */
void entries_begin_pass(struct entries *e, bool is_full);
void entries_meet(struct entries *e, struct bytes uuid);
/* Were entries met that are not there? */
bool entries_has_strangers(const struct entries *e);
size_t entries_end_pass(struct entries *e);
/* The pass ends, and deletes nothing. */
void entries_drop_pass(struct entries *e);

/* Appends the records of all: those of the base in their places, behind them new ones, the last changed last.  False: the base can't be read any more. */
bool entries_read(const struct entries *e, struct run *records) __attribute__((warn_unused_result));
/* Octets that entries_save would free. */
size_t entries_unsaved(const struct entries *e);
/* Makes a new base, with that state.  -1 with *f: it can't be written, and what is on disk stays as it was; the base is in
   memory then, unless the old one could not be read either. */
int entries_save(struct entries *e, struct bytes state, struct fault *f) __attribute__((warn_unused_result));

#endif
