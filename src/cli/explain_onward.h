/* How mail goes on from here: for each address elsewhere the running server's queue is asked (role/queue/explanation.h). */
#ifndef CLI_EXPLAIN_ONWARD_H
#define CLI_EXPLAIN_ONWARD_H

#include "config/config.h"

/* Of an address that leads to more, the others are counted. */
#define ONWARD_ADDRESSES_MAX 16

struct onward {
	struct bytes addresses[ONWARD_ADDRESSES_MAX];
	size_t count, left_out;
	struct bytes sender; /* in whose name the mail goes on; borrowed */
	bool has_failed; /* the queue could not be asked for one of them */
};

/* The address is borrowed. */
void onward_add(struct onward *o, struct bytes address);
/* Asks for all of them: paragraphs, or ,"onward":[…]; of none, nothing or an empty list. */
void onward_put(struct onward *o, const struct config *c, bool is_json, struct buf *out);

#endif
