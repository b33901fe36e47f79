/* The front's own state, shared by its files. */
#ifndef FRONT_FRONT_INTERNAL_H
#define FRONT_FRONT_INTERNAL_H

#include "config/config.h"
#include "ipc/peer.h"
#include "role/role.h"
#include "sys/loop.h"
#include "sys/net.h"

#include <sys/queue.h>

/* One read takes at most so much. */
#define FRONT_READ_MAX 65536

struct front;

struct listener {
	LIST_ENTRY(listener) link;
	struct watch watch;
	struct front *front;
	const struct role_listener *source;
	enum ipc_service service;
	unsigned int accepted; /* since we went to the end of the line */
};

struct front {
	struct role_self *role;
	struct loop *loop;
	const struct config *config;
	struct settings *settings; /* of the connections to come */
	struct tickets *tickets; /* of all, whatever is reloaded */
	struct peer *directory, *store, *queue;
	struct recipients *recipients;
	LIST_HEAD(, listener) listeners;
	TAILQ_HEAD(, connection) connections;
	uint32_t connection_count;
	struct map *addresses; /* host of a client → how many connections, as a pointer's value */
	struct mailboxes *mailboxes;
	struct map *large_bodies; /* account → octets of its large messages that are in memory, as a pointer's value */
	uint64_t large_octets; /* of all accounts */
	uint64_t last_session, last_body;
	uint64_t delivering_octets; /* of what the store is asked to deliver, and has not answered */
	bool is_draining;
	bool has_room; /* the store can take mail: the disk is not full */
	struct timer sweep;
	uint8_t scratch[FRONT_READ_MAX];
};

#endif
