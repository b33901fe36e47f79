/* The addresses of an HTTPS server, of both families. */
#ifndef RELAY_ADDRESSES_H
#define RELAY_ADDRESSES_H

#include "config/config.h"
#include "ipc/peer.h"
#include "sys/net.h"

#define ADDRESSES_MAX 8
#define ADDRESSES_FAMILIES 2

struct address_search;

/* Of one family. */
struct address_look_up {
	struct address_search *search;
	uint64_t request; /* 0: none that is not answered yet */
	size_t octets; /* of an address */
};

/* Embed it. */
struct address_search {
	struct peer *resolver;
	struct address_look_up look_ups[ADDRESSES_FAMILIES];
	struct net_address found[ADDRESSES_MAX];
	size_t count;
	uint16_t port;
	bool may_be_ours; /* those that lead to this machine count */
	/* Called once, with what was found, which may be nothing; never from in addresses_find. */
	void (*done)(struct address_search *a);
};

/* Looks a host up, whose name is shorter than 256 octets.  The rest of *a is zero before. */
void addresses_find(struct address_search *a, struct peer *resolver, const struct config *config, struct bytes host, uint16_t port,
	void (*done)(struct address_search *a));
/* The answers are not wanted any more. */
void addresses_forget(struct address_search *a);

#endif
