/* The message files in new/ and cur/, found by their base. */
#ifndef STORE_LISTING_H
#define STORE_LISTING_H

#include "role/store/engine_internal.h"

struct listed {
	size_t name_at; /* in listing.names */
	uint32_t name_len, base_len;
	uint64_t state;
	bool is_canonical, is_in_new;
	bool is_known; /* for who compares */
};

/* Owned: listing_init .. listing_done. */
struct listing {
	struct buf names;
	struct listed *entries;
	size_t count, room;
	struct map *by_base; /* base -> entry's index + 1 */
};

/* Lists the directories below `directory`.  -1 and errno. */
int listing_init(struct listing *l, int directory) __attribute__((warn_unused_result));
void listing_done(struct listing *l);
/* NULL: there is none. */
struct listed *listing_find(const struct listing *l, struct bytes base);
struct bytes listed_base(const struct listing *l, const struct listed *e);
struct bytes listed_name(const struct listing *l, const struct listed *e);

#endif
