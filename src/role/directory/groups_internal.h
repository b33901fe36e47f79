#ifndef ROLE_DIRECTORY_GROUPS_INTERNAL_H
#define ROLE_DIRECTORY_GROUPS_INTERNAL_H

#include "base/map.h"
#include "role/directory/groups.h"

#define GROUPS_NOWHERE UINT32_MAX

/* The digest of an entry or of an account name, and the place of a record.  Packed: there are 300,000 of 100,000 accounts and 2,000 groups of 50. */
struct group_key {
	uint64_t digest;
	uint32_t place;
} __attribute__((packed));

struct group_keys {
	struct group_key *at;
	size_t count, size;
};

struct groups {
	struct run records; /* that were spread last, and behind them those that changed since */
	bool has_groups;
	size_t accounts; /* as of now */
	struct group_keys nodes; /* accounts and groups; sorted, of equal ones the last counts */
	struct group_keys members; /* whom groups name; sorted */
	/* since they were spread */
	struct map *moved; /* nodes: place + 2, or 1: it is gone */
	struct group_keys members_since;
	/* the change under way */
	struct group_keys touched; /* whose meaning is another one, and (without a place) groups to be made */
	struct group_keys to_make; /* groups, by their places */
};

/* A record, once more; views into the buffer that it was read to. */
struct group_reading {
	struct bytes address, entry, members;
	bool is_group, is_there;
};

uint64_t groups_key_of_entry(struct bytes dn);
uint64_t groups_key_of_name(struct bytes name);
/* The key by which a member is found; false: it is an address. */
bool groups_key_of_member(struct bytes member, uint64_t *key);
void groups_add_key(struct group_keys *keys, uint64_t digest, uint32_t place);
/* The first that is not below the digest. */
size_t groups_first_key(const struct group_keys *keys, uint64_t digest);
/* The place of the node, or GROUPS_NOWHERE. */
uint32_t groups_find(const struct groups *g, uint64_t digest);
/* *text is the caller's to end, whatever the result. */
bool groups_read(const struct groups *g, uint32_t place, struct buf *text, struct group_reading *r);
/* Appends the group as an alias; it has an address. */
void groups_make(const struct groups *g, const struct group_record *group, struct buf *out);

#endif
