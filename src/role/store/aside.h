/* lost/ in the store's directory: messages of the journal whose mailbox is refused at recovery, or is not there while another has its place.
   A small one lies there as BASE; of a large one, which is in its mailbox's tmp/, BASE.where says which.  The administrator's. */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include "role/store/engine_internal.h"

struct aside;

/* state_directory: borrowed.  Owned: aside_free. */
struct aside *aside_new(int state_directory);
/* Keeps the message of a RECORD_APPEND for the mailbox that the RECORD_MAILBOX before it named, durably.  -1 and *f. */
int aside_keep(struct aside *a, const struct record *mailbox, const struct record *message, struct fault *f)
	__attribute__((warn_unused_result));
/* The mailbox was deleted later: nobody misses what was in it. */
void aside_forget(struct aside *a, const struct record *mailbox);
/* How many are kept; each is told of by an event. */
uint64_t aside_tell(const struct aside *a);
void aside_free(struct aside **a);

/* Is the file of that name in a mailbox's tmp/ a message that must stay? */
bool aside_is_named(int state_directory, const char *name);

#endif
