/* The names of message files: they follow what the view says, a while later. */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "role/store/mailbox.h"

/* The path of a message's file below the mailbox's directory, as it should be named now, with a NUL. */
bool names_path(const struct mailbox *m, const struct view_record *r, struct buf *out)
	__attribute__((warn_unused_result));
/* The name of that record lags behind from now on: settled in a while. */
void names_lag(struct mailbox *m, uint32_t index);
/* Renames what lags behind. */
void names_settle(struct mailbox *m);
/* As one rename of ours, which watching does not mind.  -1 and errno. */
int names_rename(struct mailbox *m, const char *from, const char *to) __attribute__((warn_unused_result));
int names_unlink(struct mailbox *m, const char *path);

/* Lets every name of every mailbox follow, in jobs of their strands. */
void names_settle_start(struct engine *e);
/* Every name of every mailbox follows now; waits for it.  Not on a strand. */
void names_settle_all(struct engine *e);

#endif
