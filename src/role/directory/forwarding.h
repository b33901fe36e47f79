/* Whose name a mail has that goes on to another server because an alias, a forward or a group of ours says so, and where reports on it
   go: SRS (proto/srs), and owner-NAME of lists. */
#ifndef ROLE_DIRECTORY_FORWARDING_H
#define ROLE_DIRECTORY_FORWARDING_H

#include "role/directory/accounts.h"

/* What the foreign addresses are that mail of that sender (as written; empty: nobody) for `address` leads to, and appends the sender that it has
   there.  An address of ours is the sender's own only when it is known who sends: anybody can write it.  TARGET_FOREIGN, with nothing appended: it stays as it is. */
enum ipc_target forwarding_put_sender(const struct config *config, const struct accounts *a, struct bytes address, struct bytes sender, bool is_known,
	int64_t now_s, struct buf *out);
/* Is the address one that stands for a sender elsewhere?  IPC_OK: that one was appended; IPC_ABSENT: we did not make it, or too long
   ago; IPC_FOREIGN: it is no such address. */
enum ipc_outcome forwarding_find_sender(const struct config *config, struct bytes address, int64_t now_s, struct buf *out);

#endif
