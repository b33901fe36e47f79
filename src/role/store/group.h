/* Records that count when the last of them has come, and none is missing: a request of which a part failed was not answered with IPC_OK, and
   nothing of it is done.  Those of several accounts come in turns. */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include "role/store/record.h"

struct group;

/* The entries behind a RECORD_PART; *list: NULL is the empty one.  True: they were the last, and *whole, for buf_done, is those of all parts. */
bool group_add(struct group **list, const struct record *part, struct bytes entries, struct buf *whole) __attribute__((warn_unused_result));
void group_free_all(struct group **list);

#endif
