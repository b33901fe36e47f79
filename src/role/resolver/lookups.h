/* Questions of other roles: answered from the cache, by a question that is under way already, or by a new one, whose servers are asked
   one after the other until one knows. */
#ifndef ROLE_RESOLVER_LOOKUPS_H
#define ROLE_RESOLVER_LOOKUPS_H

#include "config/config.h"
#include "role/resolver/cache.h"
#include "role/resolver/lane.h"

struct lookups;

/* result: borrowed until this returns. */
typedef void (*lookup_answered)(void *arg, uint64_t request, const struct cache_result *result, uint32_t ttl_s);

/* Owned.  Before the jail (lane_new); NULL: *f says why. */
struct lookups *lookups_new(struct loop *loop, struct fault *f);
/* Nobody is answered any more. */
void lookups_free(struct lookups **l);
/* Whom to ask from now on, for how long, what to keep; what was kept before is forgotten. */
void lookups_configure(struct lookups *l, const struct config *c);
/* `answered` is called once, maybe from in here. */
void lookups_ask(struct lookups *l, enum ipc_record record, struct bytes name, lookup_answered answered, void *arg, uint64_t request);
/* Who asked with that arg is not there any more: it hears nothing. */
void lookups_forget(struct lookups *l, const void *arg);

#endif
