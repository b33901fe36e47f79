/* Whose name a mail has that goes on to another server because an alias, a forward or a group of ours says so, and where reports on it
   go: SRS (proto/srs), and owner-NAME of lists. */
#ifndef ROLE_DIRECTORY_FORWARDING_H
#define ROLE_DIRECTORY_FORWARDING_H

#include "role/directory/accounts.h"

/* Appends the sender (as written; empty: nobody) that mail for `address`, which leads to foreign ones, has there.  Nothing: it stays as it is. */
void forwarding_put_sender(const struct config *config, const struct accounts *a, struct bytes address, struct bytes sender, int64_t now_s,
	struct buf *out);
/* Is the address one that stands for a sender elsewhere?  IPC_OK: that one was appended; IPC_ABSENT: we did not make it, or too long
   ago; IPC_FOREIGN: it is no such address. */
enum ipc_outcome forwarding_find_sender(const struct config *config, struct bytes address, int64_t now_s, struct buf *out);

#endif
