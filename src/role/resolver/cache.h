/* Answers that are kept for as long as they last, the least used ones going first when there is no room. */
#ifndef ROLE_RESOLVER_CACHE_H
#define ROLE_RESOLVER_CACHE_H

#include "ipc/ipc.h"

/* What is known of a name and a type; texts borrowed. */
struct cache_result {
	enum ipc_answer answer;
	bool is_authentic;
	struct bytes canonical, records; /* as in LOOKED_UP */
};

struct cache;

/* Empty; its entries, with what they cost beside their octets, take octets_max at most. */
struct cache *cache_new(size_t octets_max);
void cache_free(struct cache **c);
/* As many entries go as must. */
void cache_limit(struct cache *c, size_t octets_max);
void cache_clear(struct cache *c);
/* Keeps a copy for ttl_s from now on, in place of what was there; of 0 nothing is kept. */
void cache_put(struct cache *c, enum ipc_record record, struct bytes name, const struct cache_result *result, uint32_t ttl_s,
	int64_t now_us);
/* False: nothing that lasts still.  *out is borrowed until the next call that changes the cache; *ttl_s is what is left, 1 at
   least.  *is_due: it was asked for again and will soon be gone, so that it is worth being asked anew; said once. */
bool cache_get(struct cache *c, enum ipc_record record, struct bytes name, int64_t now_us, struct cache_result *out, uint32_t *ttl_s,
	bool *is_due);
size_t cache_count(const struct cache *c);

#endif
