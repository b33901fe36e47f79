#ifndef STORE_EXPUNGE_H
#define STORE_EXPUNGE_H

#include "role/store/mailbox.h"

/* Logs that these messages go (those that are there; only the \Deleted ones unless is_forced), and tells
   which: pairs of u32 in the request's arena.  Empty: none. */
struct bytes expunge_log(struct request *r, struct mailbox *m, const struct ipc_ranges *uids, bool is_forced);
/* Does what was logged: marks the records, removes the files; the modseq. */
uint64_t expunge_apply(struct mailbox *m, struct bytes uids);

#endif
