/* What every role but the supervisor has in common: its start-up, its wiring, its jail, its end.
   A role is a table of hooks; everything runs on the thread of role_run unless the role hands it
   to a pool.

   The order: before_jail - jail - start - listen for each listener - peer_connected for each
   peer - READY.  Nothing arrives from a peer before its peer_connected. */
#ifndef ROLE_ROLE_H
#define ROLE_ROLE_H

#include "base/fault.h"
#include "config/config.h"
#include "ipc/peer.h"
#include "sys/loop.h"

/* The most processes of one role. */
#define ROLE_INSTANCES_MAX 64

/* A listening socket; both belong to role.c and live until `unlisten` or `drain` returns. */
struct role_listener {
	enum ipc_service service;
	struct bytes address; /* as configured, with the port; of SERVICE_CONTROL and SERVICE_QUEUE_CONTROL the path */
	int fd;
};

/* The role that this process is. */
struct role_self {
	enum role role;
	uint8_t index; /* 0 but for one of many fronts */
	struct loop *loop;
	const struct config *config; /* the slice in force; replaced by a reload */
	void *state; /* the role's own */
};

/* Any hook but start may be NULL. */
struct role_hooks {
	/* With the rights of the supervisor and the whole file system: load what can't be reached
	   from the jail (OpenSSL's and libraries' own files), make no file and no thread.
	   -1: *f says why; the role ends and is started again with back-off. */
	int (*before_jail)(struct role_self *r, struct fault *f);
	/* In the jail, no peer connected yet.  Threads are made here.  -1 as above. */
	int (*start)(struct role_self *r, struct fault *f);
	/* r->config is the new slice, `old` the one before, which goes when this returns: keep no
	   view into it.  -1: *f says why, and r->config goes back to the old one. */
	int (*reload)(struct role_self *r, const struct config *old, struct fault *f);
	/* Accept from it, until `unlisten` of the same. */
	void (*listen)(struct role_self *r, const struct role_listener *l);
	void (*unlisten)(struct role_self *r, const struct role_listener *l);
	/* p is there, for the first time or again after peer_lost: the other side may be a new
	   process that knows nothing of us. */
	void (*peer_connected)(struct role_self *r, struct peer *p);
	/* As `message` of peer_handlers: no answer to a request of ours; of the supervisor, what is no wiring. */
	void (*message)(struct role_self *r, struct peer *p, const struct message *m);
	void (*peer_lost)(struct role_self *r, struct peer *p);
	/* Take no new work, finish what is open, call role_end when done; role.c does it when
	   within_ms have passed.  The listeners are closed when this returns; `unlisten` is not called for
	   them.  NULL: ends at once.  Called once. */
	void (*drain)(struct role_self *r, uint32_t within_ms);
	/* The loop has ended: join the threads, make everything durable, give everything back. */
	void (*end)(struct role_self *r);
};

/* The life of a role: reads its wiring from PROCESS_CONTROL_FD and serves until it is drained.  The
   exit code of the process. */
int role_run(enum role role, const struct role_hooks *hooks);

/* The peer at that place; never NULL.  When it is away, requests to it are answered with NULL and
   peer_send says -1. */
struct peer *role_peer(struct role_self *r, enum role other, uint8_t index);
/* The role is done: role_run calls `end` and returns. */
void role_end(struct role_self *r);

#endif
