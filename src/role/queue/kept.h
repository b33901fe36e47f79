/* What the relay fetched of MTA-STS policies (RFC 8461), kept over restarts: a file for each domain in policies/, "UNTIL ID", a line end, the text.
   Guarantee: a file is whole, or is not there.  A crash may lose the last ones: the relay fetches them again. */
#ifndef QUEUE_KEPT_H
#define QUEUE_KEPT_H

#include "base/fault.h"
#include "ipc/peer.h"

/* More is not kept.  The relay lets go of what it has too much of, earlier. */
#define KEPT_MAX 20000
#define KEPT_OCTETS_MAX (8 * 1024 * 1024)
/* Nor is one that comes while so many wait for the disk. */
#define KEPT_WRITES_MAX 200

struct kept;

/* Reads what is there, in a directory of the queue's own; what makes no sense, or holds no more at now_s (wall clock), is removed.  Blocks:
   for the start.  -1: *f says why. */
int kept_open(const char *directory, int64_t now_s, struct kept **kept, struct fault *f) __attribute__((warn_unused_result));
/* Waits for what is being written. */
void kept_close(struct kept **kept);
/* The relay has it so: it is in memory at once and soon on the disk. */
void kept_put(struct kept *p, const struct ipc_keep_policy *m);
/* All of them, for a relay that knows nothing. */
void kept_tell(const struct kept *p, struct peer *relay);

#endif
