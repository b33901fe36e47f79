/* The administrator's commands: each goes through the queue once, a few milliseconds at a time, and answers in pieces that fit into a socket's
   buffer.  A piece ends with the line "end", or with "more" and the cursor of the next piece, which "next" asks for; between two pieces the walk
   keeps its place.  An action has answered with "end" when what it changed is durable.

   "body" alone is no walk: it answers "ok" with a descriptor beside it, of the message as it lies here (lines end with LF), to read; or "absent". */
#ifndef QUEUE_WALK_H
#define QUEUE_WALK_H

#include "role/control.h"
#include "role/queue/queue_internal.h"

/* Answers a question of the control socket, now or later; arg: struct queue. */
void walk_ask(void *arg, struct control_question *question, struct bytes line);
/* The message goes: who stands at it steps on. */
void walk_leave(struct queue *q, const struct queued *m);
/* Ends all of them; before control_free. */
void walk_end_all(struct queue *q);

#endif
