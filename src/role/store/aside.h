/* lost/ in the store's directory, a Maildir: messages of the journal whose mailbox is refused at recovery, or is not there while another has
   its place, or whose own place is taken by what is no file.  Of one whose octets are in its mailbox's tmp/, if anywhere, lost/BASE.where says which.  The administrator's. */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include "role/store/offline.h"

struct engine;

/* For the mailbox that the RECORD_MAILBOX names, of the account at path.  NULL and *f. */
struct offline *aside_open(struct engine *e, const char *path, const struct record *mailbox, struct fault *f);
/* Tells of each message that is missed by an event, and says where those without a file are; not yet durable.  -1 and *f. */
int aside_tell(const struct offline *m, struct fault *f) __attribute__((warn_unused_result));

/* Is the file of that name in a mailbox's tmp/ a message that must stay? */
bool aside_is_named(int state_directory, const char *name);

#endif
