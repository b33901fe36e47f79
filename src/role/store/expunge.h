#ifndef STORE_EXPUNGE_H
#define STORE_EXPUNGE_H

#include "role/store/mailbox.h"

/* Which of these messages go (those that are there; only the \Deleted ones unless is_forced): pairs of u32 in the request's arena, empty
   when none does.  False: they are more than a request has room for. */
bool expunge_collect(struct request *r, struct mailbox *m, const struct ipc_ranges *uids, bool is_forced, struct bytes *gone);
/* Logs that they go. */
void expunge_log(struct request *r, struct mailbox *m, struct bytes gone);
/* Does what was logged: marks the records, removes the files. */
void expunge_apply(struct mailbox *m, struct bytes uids);

#endif
