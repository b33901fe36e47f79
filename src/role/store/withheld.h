/* Messages whose copy could not be brought at recovery to where it was to go: a MOVE that took them away must not.  When where they were to go
   was deleted later, it may. */
#ifndef STORE_WITHHELD_H
#define STORE_WITHHELD_H

#include "role/store/offline.h"

struct withheld;

/* The message of RECORD_COPY, of a mailbox of that account, that did not come to the mailbox of that guid.  *list: NULL is the empty one. */
void withheld_add(struct withheld **list, const char *path, struct bytes target_guid, const struct record *copy);
/* That mailbox was deleted. */
void withheld_forget(struct withheld **list, const char *path, struct bytes target_guid);
/* They stay in the mailbox, if they are of it. */
void withheld_keep(const struct withheld *list, struct offline *m);
void withheld_free(struct withheld **list);

#endif
