/* What the administrator asks of the queue, and whom it means.  Pure. */
#ifndef QUEUE_COMMAND_H
#define QUEUE_COMMAND_H

#include "role/queue/message.h"
#include "role/queue/route.h"

enum queue_verb {
	QUEUE_LIST, /* a line for each recipient */
	QUEUE_SHOW, /* and one for each message */
	QUEUE_STATS,
	QUEUE_HOLD, /* not tried any more until it is released */
	QUEUE_RELEASE,
	QUEUE_RETRY, /* due now */
	QUEUE_REROUTE, /* goes another way from now on, at once */
	QUEUE_REMOVE, /* nobody is told */
	QUEUE_BOUNCE, /* as after a permanent error */
	QUEUE_NEXT, /* the rest of an answer */
	QUEUE_BODY, /* the message itself, by its id */
	QUEUE_VERBS
};

/* All that is said has to hold; what is not said is empty or 0.  Views last as long as what the command was taken from. */
struct command {
	enum queue_verb verb;
	struct bytes id;
	struct bytes sender; /* an address; "<>": the null path */
	struct bytes recipient; /* an address, or "@" and a domain */
	struct bytes destination; /* "local", "error", a host, or host:port, with or without "lmtp:" */
	struct bytes reason; /* part of why it waits (schedule_words) */
	struct bytes to; /* of QUEUE_REROUTE: a target of routes, or empty: where its route leads */
	uint64_t older_s; /* this old at least */
	uint64_t limit; /* recipients at most; 0: no such limit */
	uint64_t cursor; /* of QUEUE_NEXT */
};

/* The verb's word, for people. */
const char *command_name(enum queue_verb verb);
/* It changes something. */
bool command_is_action(enum queue_verb verb);
/* Takes a line with its LF (role/control_line.h); values are put into `space`.  -1: *f says why.  A field that is not known is refused, one that is not for that verb, and an
   action that names nobody and does not say all=1: a misunderstanding must not cost everybody's mail. */
int command_take(struct bytes line, struct buf *space, struct command *out, struct fault *f) __attribute__((warn_unused_result));
bool command_means_message(const struct command *c, const struct queued *m, int64_t now_s);
/* Of a message that is meant; hop: where the delivery leads. */
bool command_means(const struct command *c, const struct delivery *d, const struct hop *hop);
/* "local", "error", the host, or host:port; with "lmtp:" before it where that is spoken. */
void command_put_destination(struct buf *out, const struct hop *hop);

#endif
