/* The records that are in force, for those who need them once more: a reading that is compared with them, a load for the sake
   of the embedded directory.  They lie in the snapshot on disk, so that they take no memory beside the replica that was made of them. */
#ifndef ROLE_DIRECTORY_HELD_H
#define ROLE_DIRECTORY_HELD_H

#include "role/directory/image.h"

/* Embed it. */
struct held {
	bool is_there; /* something was held ever */
	struct bytes origin; /* borrowed */
	struct run records;
};

/* Nothing is held yet.  origin: where records come from (ldap_link_origin); must outlive it. */
void held_init(struct held *h, struct bytes origin);
void held_done(struct held *h);
/* From now on these are held; taken over, and empty then. */
void held_take(struct held *h, struct run *records);
/* What is held, or NULL: it can't be read any more; the administrator was told. */
const struct run *held_read(const struct held *h);

#endif
