/* What an account's mail takes, and whether its quota has room.  Counted for accounts that have a quota, and when an
   administrator asks: from the heads of the mailboxes' views when it is asked for first, kept up since by what those heads say of the
   mailboxes that are open. */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "role/store/engine_internal.h"

/* All of it is for jobs of the account's strand. */

/* The mailbox was opened: as it was closed (is_same), or made anew, which changes what it takes. */
void usage_opened(struct mailbox *m, bool is_same);
/* The mailbox is about to be closed, with its view still there. */
void usage_closing(struct mailbox *m);
/* A mailbox is gone, or another one has taken its place. */
void usage_forget(struct engine_account *a);
/* Has the account a quota? */
bool usage_is_limited(const struct engine_account *a);
/* What its mail takes now. */
struct usage usage_now(struct engine_account *a);
/* Is there room for so much more, beside what requests under way have taken? */
bool usage_has_room(struct engine_account *a, struct usage more);
/* Takes the room until the request is done; then what it made counts.  False: there is none. */
bool usage_take(struct request *r, struct usage more) __attribute__((warn_unused_result));
/* What usage_take took. */
void usage_give_back(struct request *r);

#endif
