/* One exchange with one DNS server at a time: c-ares sends, waits, repeats, goes over to TCP when the answer is truncated, and
   drops what comes from elsewhere or with another id.  What the answer says is not its business. */
#ifndef ROLE_RESOLVER_LANE_H
#define ROLE_RESOLVER_LANE_H

#include "base/buf.h"
#include "base/fault.h"
#include "sys/loop.h"
#include "sys/net.h"

struct lane;

/* answer: the packet, borrowed until this returns; empty: none came. */
typedef void (*lane_answered)(void *arg, struct lane *l, struct bytes answer);

/* Owned.  Reads files of the system (and takes nothing from them): before the jail.  NULL: *f says why. */
struct lane *lane_new(struct loop *loop, lane_answered answered, struct fault *f);
/* Gives up what is under way, without `answered`; the memory goes in a later turn of the loop. */
void lane_free(struct lane **l);
/* Sends a query (RFC 1035 4.1) to the server; the lane must be idle.  `answered` is called once, in a later turn of the
   loop, unless lane_cancel comes before. */
void lane_ask(struct lane *l, const struct net_address *server, struct bytes query, void *arg);
/* The answer is not wanted any more: idle again. */
void lane_cancel(struct lane *l);

#endif
