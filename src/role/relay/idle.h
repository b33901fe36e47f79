/* Connections that wait for the next mail: found by the key of the mails that they may carry, however many there are, and ended oldest first. */
#ifndef RELAY_IDLE_H
#define RELAY_IDLE_H

#include "base/bytes.h"

#include <sys/queue.h>

/* Keys share a chain only by chance (SipHash): of the 10,000 connections that there may be some ten. */
#define IDLE_CHAINS 1024

/* Embed it, with all zero. */
struct idle {
	TAILQ_ENTRY(idle) link, alike;
	struct bytes key;
	bool is_in;
};

TAILQ_HEAD(idle_list, idle);

struct idle_set {
	struct idle_list all, chains[IDLE_CHAINS]; /* the oldest first */
	uint32_t count;
};

/* Empty. */
void idle_init(struct idle_set *set);
/* The newest; nothing when it is in the set.  The key is borrowed until it is removed. */
void idle_add(struct idle_set *set, struct idle *i, struct bytes key);
/* Nothing when it is in no set. */
void idle_remove(struct idle_set *set, struct idle *i);
/* The oldest of that key, of all; NULL: there is none. */
struct idle *idle_find(const struct idle_set *set, struct bytes key);
struct idle *idle_oldest(const struct idle_set *set);

#endif
