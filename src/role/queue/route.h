/* Where an address leads from here: to the next host, into mailboxes, or nowhere. */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "config/config.h"
#include "config/domain.h"

enum hop_kind { HOP_KIND_RELAY, HOP_KIND_MAILBOXES, HOP_KIND_NOBODY /* a route refuses it */ };

/* A place that mail goes to next.  Texts are the holder's own. */
struct hop {
	enum hop_kind kind;
	enum ipc_hop protocol; /* of HOP_KIND_RELAY */
	uint16_t port; /* 0: the usual one */
	struct bytes host; /* a domain, a name, or a literal address; empty of others */
	struct bytes login; /* of HOP_SMTP: the sender that logs in there for himself, as the configuration has it; empty: as everybody does */
};

/* The hop of mail from a sender (empty: nobody) for an address by the configuration: where its way leads (config_find_way), else our domains are
   mailboxes, and the rest goes to the MX set of its domain, as DNS writes it.  *out borrows from the configuration and from *space.  The route that
   says so, or NULL: none does. */
const struct config_route *route_find(const struct config *c, struct bytes sender, struct bytes address, struct domain *space, struct hop *out);
/* The hop of a target as routes have it, another host; false: it is none.  *out borrows from the text. */
bool route_to_target(struct bytes target, struct hop *out);

#endif
