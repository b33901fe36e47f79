/* Hearing of changes in directories (inotify). */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include "base/fault.h"
#include "sys/loop.h"

#include <stdbool.h>

struct notify;

/* A name in a watched directory appeared, went, or was renamed.  watch -1: some were lost, look everywhere.
   One call at a time; from the loop's thread or from notify_poll. */
typedef void (*notify_changed)(void *arg, int watch, const char *name);

/* The loop reads at most every pause_ms.  Owned.  NULL with *f. */
struct notify *notify_new(struct loop *loop, uint64_t pause_ms, notify_changed changed, void *arg,
	struct fault *f);
/* No more calls; frees in a later turn of the loop, sets *n to NULL. */
void notify_free(struct notify **n);
/* Watches a directory: a number above 0, or -1 and errno (there is a limit on how many).  From any thread, as
   are the next two. */
int notify_add(struct notify *n, const char *path);
void notify_remove(struct notify *n, int watch);
/* Takes what has happened so far. */
void notify_poll(struct notify *n);

#endif
