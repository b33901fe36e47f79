/* The folders of an account.  On the strand. */
#ifndef STORE_FOLDERS_H
#define STORE_FOLDERS_H

#include "role/store/mailbox.h"

/* Calls `each` for every folder that is there but INBOX, in no order; -1 and errno. */
int folders_each(struct engine_account *a, void (*each)(void *arg, struct bytes name), void *arg)
	__attribute__((warn_unused_result));
/* Reads the subscriptions file; what can't be read is not subscribed. */
struct subscriptions;
void folders_subscriptions(struct engine_account *a, struct subscriptions *s);
/* Replaces it, durably.  False: reported. */
bool folders_subscribe(struct engine_account *a, const struct subscriptions *s);
/* A directory of this name is being removed; what a crash left of it goes with the next LIST. */
#define FOLDERS_DELETED_PREFIX "mermoz.deleted."
void folders_remove_tree(int directory, const char *name);
/* Removes a folder's directory with everything in it: out of sight at once.  -1 and errno: it stays, which is reported. */
int folders_remove(int account, struct bytes name, struct engine *e);
/* The first log-in to an account that has no list of subscriptions: makes the folders that clients look for. */
void folders_welcome(struct request *r);

#endif
