#include "role/queue/lanes.h"

#include "base/memory.h"

#include <string.h>

enum { PASSED_MAX = 8, KEY_MAX = 400 };

/* The ready deliveries of one sender with one priority for one destination; gone when empty. */
struct lane {
	struct lane *next, *before; /* of the ring */
	struct tier *tier;
	struct delivery *first, **last;
	struct bytes key;
	uint8_t key_octets[];
};

/* The lanes of one priority; gone when empty. */
struct tier {
	struct tier *next;
	struct lane *lanes; /* a ring; the one whose turn it is last */
	uint32_t passed; /* turns of others since its last */
	int8_t priority;
};

static struct bytes
lane_key(const struct lanes *l, const struct delivery *d, uint8_t space[KEY_MAX])
{
	struct buf key;

	buf_init_fixed(&key, space, KEY_MAX);
	put_u64(&key, (uint64_t)(uintptr_t)l);
	put_u8(&key, (uint8_t)delivery_message(d)->priority);
	put_bytes(&key, queued_sender(delivery_message(d)));
	return buf_bytes(&key);
}

static struct tier *
find_tier(struct lanes *l, int8_t priority)
{
	struct tier **at = &l->tiers, *tier;

	while (*at && (*at)->priority > priority)
		at = &(*at)->next;
	if (*at && (*at)->priority == priority)
		return *at;
	tier = NEW(struct tier);
	*tier = (struct tier){ .next = *at, .priority = priority };
	*at = tier;
	return tier;
}

static void
remove_tier(struct lanes *l, struct tier *tier)
{
	struct tier **at = &l->tiers;

	while (*at != tier)
		at = &(*at)->next;
	*at = tier->next;
	memory_free(tier);
}

static struct lane *
find_lane(struct lanes *l, struct map *index, const struct delivery *d)
{
	uint8_t space[KEY_MAX];
	struct bytes key = lane_key(l, d, space);
	struct lane *lane = map_get(index, key);
	struct tier *tier;

	if (lane)
		return lane;
	tier = find_tier(l, delivery_message(d)->priority);
	lane = memory_new(sizeof *lane + key.len);
	memcpy(lane->key_octets, key.ptr, key.len);
	lane->key = bytes_of(lane->key_octets, key.len);
	lane->tier = tier;
	lane->last = &lane->first;
	/* Behind all others: the ring begins with lanes->next. */
	lane->before = tier->lanes ? tier->lanes : lane;
	lane->next = tier->lanes ? tier->lanes->next : lane;
	lane->before->next = lane->next->before = lane;
	tier->lanes = lane;
	(void)map_put(index, lane->key, lane);
	return lane;
}

static void
remove_lane(struct lanes *l, struct map *index, struct lane *lane)
{
	struct tier *tier = lane->tier;

	lane->before->next = lane->next;
	lane->next->before = lane->before;
	if (tier->lanes == lane)
		tier->lanes = lane->before == lane ? NULL : lane->before;
	(void)map_remove(index, lane->key);
	memory_free(lane);
	if (!tier->lanes)
		remove_tier(l, tier);
}

void
lanes_add(struct lanes *l, struct map *index, struct delivery *d)
{
	struct lane *lane = find_lane(l, index, d);

	d->state = DELIVERY_READY;
	d->next = NULL;
	d->back = lane->last;
	*lane->last = d;
	lane->last = &d->next;
}

void
lanes_remove(struct lanes *l, struct map *index, struct delivery *d)
{
	struct lane *lane = find_lane(l, index, d);

	*d->back = d->next;
	if (d->next)
		d->next->back = d->back;
	else
		lane->last = d->back;
	if (!lane->first)
		remove_lane(l, index, lane);
}

/* The highest, which has every other turn at least, or who was passed over most. */
static struct tier *
choose_tier(struct lanes *l)
{
	struct tier *chosen = l->tiers;
	uint32_t passed = PASSED_MAX - 1;

	for (struct tier *t = l->tiers->next; t && !l->was_low; t = t->next)
		if (t->passed > passed) {
			chosen = t;
			passed = t->passed;
		}
	l->was_low = chosen != l->tiers;
	for (struct tier *t = l->tiers; t; t = t->next)
		t->passed = t == chosen ? 0 : t->passed + 1;
	return chosen;
}

struct delivery *
lanes_take(struct lanes *l, struct map *index, uint32_t most, uint32_t *count)
{
	struct lane *lane = choose_tier(l)->lanes->next;
	struct delivery *first = lane->first, **end = &lane->first;

	*count = 0;
	while (*end && delivery_message(*end) == delivery_message(first) && *count < most) {
		(*end)->state = DELIVERY_ACTIVE;
		++*count;
		end = &(*end)->next;
	}
	lane->first = *end;
	*end = NULL;
	if (!lane->first) {
		remove_lane(l, index, lane);
		return first;
	}
	lane->first->back = &lane->first;
	lane->tier->lanes = lane;
	return first;
}

void
lanes_free(struct lanes *l)
{
	struct tier *next;

	for (struct tier *t = l->tiers; t; t = next) {
		next = t->next;
		memory_free(t);
	}
	l->tiers = NULL;
}

void
lanes_free_index(struct map **index)
{
	struct bytes key;
	void *value;

	for (size_t i = 0; map_next(*index, &i, &key, &value);)
		memory_free(value);
	map_free(index);
}
