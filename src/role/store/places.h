/* Which folder of an account a mailbox is in at recovery, whatever its name was when a record spoke of it. */
#ifndef STORE_PLACES_H
#define STORE_PLACES_H

#include "role/store/way.h"

struct places;

/* The name of the folder that has the mailbox of that guid, in the account at path; `recorded` is the first guess, and the result when no folder
   has it.  *list: NULL is the empty one; an account is looked through once.  -1 and *f: it may be in one that can't be looked at. */
int places_find(struct places **list, const char *path, const struct way *account, struct bytes guid, struct bytes recorded, struct bytes *name,
	struct fault *f) __attribute__((warn_unused_result));
/* The mailbox got that name since. */
void places_note(struct places *list, const char *path, struct bytes guid, struct bytes name);
void places_free(struct places **list);

#endif
