#include "role/relay/idle.h"

#include "base/map.h"

static size_t
chain_of(struct bytes key)
{
	return map_hash(key) % IDLE_CHAINS;
}

void
idle_init(struct idle_set *set)
{
	set->count = 0;
	TAILQ_INIT(&set->all);
	for (size_t i = 0; i < IDLE_CHAINS; i++)
		TAILQ_INIT(&set->chains[i]);
}

void
idle_add(struct idle_set *set, struct idle *i, struct bytes key)
{
	if (i->is_in)
		return;
	i->is_in = true;
	i->key = key;
	TAILQ_INSERT_TAIL(&set->all, i, link);
	TAILQ_INSERT_TAIL(&set->chains[chain_of(key)], i, alike);
	set->count++;
}

void
idle_remove(struct idle_set *set, struct idle *i)
{
	if (!i->is_in)
		return;
	i->is_in = false;
	TAILQ_REMOVE(&set->all, i, link);
	TAILQ_REMOVE(&set->chains[chain_of(i->key)], i, alike);
	set->count--;
}

struct idle *
idle_find(const struct idle_set *set, struct bytes key)
{
	struct idle *i;

	TAILQ_FOREACH (i, &set->chains[chain_of(key)], alike)
		if (bytes_equal(i->key, key))
			return i;
	return NULL;
}

struct idle *
idle_oldest(const struct idle_set *set)
{
	return TAILQ_FIRST(&set->all);
}
