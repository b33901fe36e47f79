/* What the administrator's actions do to one delivery. */
#ifndef QUEUE_ACTION_H
#define QUEUE_ACTION_H

#include "role/queue/command.h"
#include "role/queue/queue_internal.h"

/* False: it is not in a state for that, and nothing was changed; what is being sent right now never is.  Of QUEUE_BOUNCE the delivery is ACTIVE
   and failed then, and waits for queue_report_failed. */
bool action_do(struct queue *q, const struct command *c, struct delivery *d);

#endif
