#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "role/store/mailbox.h"

/* Copies (or moves) messages of r->mailbox to r->target (what uids points to stays as long as r), then calls `done` on the strand with the outcome. */
void copy_start(struct request *r, const struct ipc_ranges *uids, bool is_move,
	void (*done)(struct request *r, enum ipc_outcome outcome));
/* Gives back what a copy held; in `done`. */
void copy_done(struct request *r);

#endif
