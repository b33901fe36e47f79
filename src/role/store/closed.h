/* Mailboxes that were closed in the midst of recovery, and that messages are to be removed from at its end: no more is left of one. */
#ifndef STORE_CLOSED_H
#define STORE_CLOSED_H

#include "role/store/offline.h"

struct engine;

/* Closes one that was written down; it stays in its list. */
void closed_shrink(struct offline *m);
/* It was opened again, as *m: what is to be removed from it.  What stood for it in the list is freed. */
void closed_open_again(struct offline **list, struct offline *m);
/* -1 and *f. */
int closed_remove_expunged(const struct engine *e, struct offline *m, struct fault *f) __attribute__((warn_unused_result));

#endif
