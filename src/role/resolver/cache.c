#include "role/resolver/cache.h"

#include "base/map.h"
#include "base/memory.h"

#include <string.h>
#include <sys/queue.h>

enum {
	KEY_MAX = 256, /* the type, and a name */
	ENTRY_COST = 192, /* of the map and the allocator */
	DUE_PART = 10, /* the last tenth of its life */
	DUE_LEAST_S = 10, /* what lives shorter is not worth it */
};

static const int64_t second_us = 1000000;

struct entry {
	TAILQ_ENTRY(entry) link;
	struct cache_result result; /* over octets */
	struct bytes key;
	size_t cost;
	int64_t kept_us, ends_us;
	uint32_t uses;
	bool was_due;
	uint8_t octets[];
};

/* The one that was used last stands last. */
struct cache {
	struct map *entries;
	TAILQ_HEAD(entries, entry) by_use;
	size_t octets, octets_max;
};

struct cache *
cache_new(size_t octets_max)
{
	struct cache *c = NEW(struct cache);

	c->entries = map_new();
	TAILQ_INIT(&c->by_use);
	c->octets_max = octets_max;
	return c;
}

static void
drop(struct cache *c, struct entry *e)
{
	(void)map_remove(c->entries, e->key);
	TAILQ_REMOVE(&c->by_use, e, link);
	c->octets -= e->cost;
	memory_free(e);
}

void
cache_clear(struct cache *c)
{
	while (!TAILQ_EMPTY(&c->by_use))
		drop(c, TAILQ_FIRST(&c->by_use));
}

void
cache_free(struct cache **c)
{
	if (!*c)
		return;
	cache_clear(*c);
	map_free(&(*c)->entries);
	memory_free(*c);
	*c = NULL;
}

static void
make_room(struct cache *c, size_t octets)
{
	while (c->octets + octets > c->octets_max && !TAILQ_EMPTY(&c->by_use))
		drop(c, TAILQ_FIRST(&c->by_use));
}

void
cache_limit(struct cache *c, size_t octets_max)
{
	c->octets_max = octets_max;
	make_room(c, 0);
}

/* Names are the same in any case of letters (RFC 4343 3). */
static struct bytes
key_of(enum ipc_record record, struct bytes name, uint8_t room[KEY_MAX])
{
	size_t len = name.len < KEY_MAX - 1 ? name.len : KEY_MAX - 1;

	room[0] = (uint8_t)record;
	for (size_t i = 0; i < len; i++)
		room[i + 1] = byte_lower(name.ptr[i]);
	return bytes_of(room, len + 1);
}

static struct bytes
copy(uint8_t **to, struct bytes from)
{
	uint8_t *at = *to;

	if (from.len)
		memcpy(at, from.ptr, from.len);
	*to += from.len;
	return bytes_of(at, from.len);
}

static struct entry *
entry_new(struct bytes key, const struct cache_result *result)
{
	size_t octets = key.len + result->canonical.len + result->records.len;
	struct entry *e = memory_new(sizeof *e + octets);
	uint8_t *at = e->octets;

	e->cost = sizeof *e + octets + ENTRY_COST;
	e->result = *result;
	e->key = copy(&at, key);
	e->result.canonical = copy(&at, result->canonical);
	e->result.records = copy(&at, result->records);
	return e;
}

void
cache_put(struct cache *c, enum ipc_record record, struct bytes name, const struct cache_result *result, uint32_t ttl_s,
	int64_t now_us)
{
	uint8_t room[KEY_MAX];
	struct bytes key = key_of(record, name, room);
	struct entry *old = map_get(c->entries, key), *e;

	if (old)
		drop(c, old);
	if (ttl_s == 0)
		return;
	e = entry_new(key, result);
	if (e->cost > c->octets_max) {
		memory_free(e);
		return;
	}
	make_room(c, e->cost);
	e->kept_us = now_us;
	e->ends_us = now_us + ttl_s * second_us;
	(void)map_put(c->entries, e->key, e);
	TAILQ_INSERT_TAIL(&c->by_use, e, link);
	c->octets += e->cost;
}

static bool
is_due_now(const struct entry *e, int64_t now_us)
{
	int64_t life_us = e->ends_us - e->kept_us;

	return !e->was_due && e->uses > 1 && life_us >= DUE_LEAST_S * second_us && e->ends_us - now_us <= life_us / DUE_PART;
}

bool
cache_get(struct cache *c, enum ipc_record record, struct bytes name, int64_t now_us, struct cache_result *out, uint32_t *ttl_s,
	bool *is_due)
{
	uint8_t room[KEY_MAX];
	struct entry *e = map_get(c->entries, key_of(record, name, room));

	if (!e)
		return false;
	if (e->ends_us <= now_us) {
		drop(c, e);
		return false;
	}
	e->uses++;
	TAILQ_REMOVE(&c->by_use, e, link);
	TAILQ_INSERT_TAIL(&c->by_use, e, link);
	*is_due = is_due_now(e, now_us);
	e->was_due |= *is_due;
	*out = e->result;
	*ttl_s = (uint32_t)((e->ends_us - now_us + second_us - 1) / second_us);
	return true;
}

size_t
cache_count(const struct cache *c)
{
	return map_count(c->entries);
}
