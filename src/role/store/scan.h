/* Comparing what is in a Maildir with what we know of it.  On the strand. */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "role/store/listing.h"
#include "role/store/mailbox.h"

/* Makes the view anew from uidlist and directories, with what can be saved of an old one.  Messages without a
   uid stay for the next scan.  -1 and errno. */
int scan_rebuild(struct mailbox *m) __attribute__((warn_unused_result));
/* Takes in what other programs changed in r->mailbox, if it may have been, and goes on with `then` on the
   strand.  r->outcome says how it went. */
void scan_then(struct request *r, void (*then)(struct request *r));
/* A name in another form than ours becomes ours. */
void scan_make_canonical(struct mailbox *m, const struct listing *l, struct listed *e);
/* Is there a reason to look? */
bool scan_is_due(const struct mailbox *m);

#endif
