/* Open mailboxes that nothing pins, of all accounts, in the order in which they were let go: when there are more than
   engine_settings.mailboxes_max, the first are closed, each by a job of its account's strand. */
#ifndef STORE_UNPINNED_H
#define STORE_UNPINNED_H

#include "role/store/engine_internal.h"

/* The mailbox is idle from now on, it is not any more.  On its strand. */
void unpinned_add(struct mailbox *m);
void unpinned_remove(struct mailbox *m);
/* Closes those of the account that are too many; all of them once the engine closes. */
void unpinned_close(struct engine_account *a);

#endif
