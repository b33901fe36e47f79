/* The records that are in force, for those who need them once more: a reading that is compared with them, a load for the sake
   of the embedded directory.  They lie in the snapshot on disk, whose descriptor is kept, so that they take no memory
   beside the replica that was made of them; in memory only when there is no place on disk, or no writing to it. */
#ifndef ROLE_DIRECTORY_HELD_H
#define ROLE_DIRECTORY_HELD_H

#include "role/directory/image.h"

/* Embed it. */
struct held {
	bool is_there; /* something was held ever */
	int fd; /* the snapshot's, or -1 */
	uint64_t digest; /* map_hash of the records */
	struct bytes origin; /* borrowed */
	struct buf records; /* when there is no snapshot */
};

/* Nothing is held yet.  origin: where records come from (ldap_link_origin); must outlive it. */
void held_init(struct held *h, struct bytes origin);
void held_done(struct held *h);
/* From now on these are held.  fd: of a snapshot that has them, taken over, or -1.  *records is taken over, and empty then. */
void held_take(struct held *h, struct buf *records, uint64_t digest, int fd);
/* *text, which is initialised here and the caller's to end with buf_done_secret whatever the result, holds them; *records is
   a view into it, empty when nothing is held.  False: they can't be read any more; the administrator was told. */
bool held_read(const struct held *h, struct buf *text, struct bytes *records) __attribute__((warn_unused_result));

#endif
