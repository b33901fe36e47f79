/* New messages: from a body to a file in tmp/, a record in the journal, a file in new/ or cur/. */
#ifndef STORE_ARRIVE_H
#define STORE_ARRIVE_H

#include "role/store/mailbox.h"

/* DELIVER, APPEND. */
void arrive_deliver(struct request *r);
void arrive_append(struct request *r);

/* The message's file stands in its place, named by `state`: writes the uidlist's line, publishes the record.
   Room was reserved.  -1 and errno: it is in neither. */
int arrival_publish(struct mailbox *m, const struct arrival *a, uint64_t state)
	__attribute__((warn_unused_result));
/* "tmp/BASE" with a NUL. */
void arrival_put_tmp(struct buf *out, struct bytes base);
/* The names in tmp/ are on the disk, and those that lead there.  Beside the strand, too.  -1 and errno. */
int arrival_sync_way(struct mailbox *m) __attribute__((warn_unused_result));
/* A new name for a message of ours, in the arena. */
bool arrival_make_base(struct request *r, uint64_t octets, uint64_t size, struct bytes *base);
/* What was logged for these uids could not be done: logs that they are gone, and answers then that it is to be
   tried later. */
void arrival_take_back(struct request *r, struct mailbox *m, uint32_t first, uint32_t last);

#endif
