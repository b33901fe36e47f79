/* The list in RESOLVED, which a memory file carries where a message has no room for it. */
#ifndef ROLE_TARGETS_H
#define ROLE_TARGETS_H

#include "base/buf.h"
#include "ipc/ipc.h"

/* Puts the list, borrowed until it is sent, into the RESOLVED.  The descriptor it may take is the caller's to close.  False: there is no memory for it. */
bool targets_attach(struct message *m, struct bytes list);
/* The list of a RESOLVED that came: a view of the message, or of *space, which is the caller's to free.  Takes its descriptor.  False: what came
   is not whole. */
bool targets_take(const struct message *m, struct buf *space, struct bytes *list);

#endif
