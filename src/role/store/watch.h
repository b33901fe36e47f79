/* Hearing of other programs' changes in open mailboxes as they happen. */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include "role/store/engine_internal.h"

/* On the loop's thread: begins to listen, stops.  Without inotify (a limit of the kernel) changes are found
   when a mailbox is opened. */
void watch_start(struct engine *e, struct loop *loop);
void watch_stop(struct engine *e);
/* Watches the directories of a mailbox that is being opened; without room for it, or without a loop, the
   mailbox goes unwatched. */
void watch_add(struct mailbox *m);
void watch_remove(struct mailbox *m);
/* We are about to change that path ("new/…", "cur/…") ourselves. */
void watch_expect(struct mailbox *m, const char *path);
/* It did not work: nothing will be heard of it. */
void watch_unexpect(struct mailbox *m, const char *path);
/* Everything that happened so far is known (needs_scan). */
void watch_drain(struct mailbox *m);

#endif
