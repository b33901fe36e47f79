/* The records that are in force, for those who need them once more: a reading that is compared with them, a load for the sake
   of the embedded directory.  They lie in the snapshot on disk, so that they take no memory beside the replica that was made of them; what changed
   since it was written lies beside it, by the address. */
#ifndef ROLE_DIRECTORY_HELD_H
#define ROLE_DIRECTORY_HELD_H

#include "base/map.h"
#include "role/directory/change.h"

/* Embed it. */
struct held {
	bool is_there; /* something was held ever */
	struct bytes origin; /* borrowed */
	struct run records;
	struct buf changes; /* records */
	struct map *changed; /* address -> place of its record + 2, or 1: it means nothing any more */
};

/* Nothing is held yet.  origin: where records come from (ldap_link_origin); must outlive it. */
void held_init(struct held *h, struct bytes origin);
void held_done(struct held *h);
/* From now on these are held; taken over, and empty then. */
void held_take(struct held *h, struct run *records);
/* What is held is otherwise now.  False: there is no room for that, and it is as it was: all has to be read anew. */
bool held_change(struct held *h, const struct change *change) __attribute__((warn_unused_result));
/* Octets of what changed since held_take. */
size_t held_changes(const struct held *h);
/* Visits what is held.  False: it can't be read any more; the administrator was told. */
bool held_visit(const struct held *h, const struct image_visitor *visitor, void *arg) __attribute__((warn_unused_result));
/* Appends it.  False: as above. */
bool held_read(const struct held *h, struct run *out) __attribute__((warn_unused_result));

#endif
