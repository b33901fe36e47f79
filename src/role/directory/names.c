/* Open addressing with linear probing, as base/map.c.  A sweep puts what stays into a new table: what is gone needs no holes closed. */
#include "role/directory/names.h"

#include "base/map.h"
#include "base/memory.h"

#include <string.h>

enum { SLOTS_FIRST = 64 };

struct slot {
	struct name *name; /* NULL: it is free */
	uint64_t hash;
};

struct names {
	struct slot *slots;
	size_t size; /* a power of two */
	size_t count;
};

struct bytes
name_address(const struct name *name)
{
	return bytes_of(name->octets, name->len);
}

struct names *
names_new(void)
{
	struct names *n = NEW(struct names);

	n->size = SLOTS_FIRST;
	n->slots = memory_new_array(n->size, sizeof *n->slots);
	return n;
}

void
names_free(struct names **at)
{
	struct names *n = *at;

	if (!n)
		return;
	*at = NULL;
	for (size_t i = 0; i < n->size; i++)
		memory_free(n->slots[i].name);
	memory_free(n->slots);
	memory_free(n);
}

/* The slot of the address, or the free one where it would go.  The table is never full. */
static struct slot *
find(const struct names *n, struct bytes address, uint64_t hash)
{
	size_t at = hash & (n->size - 1);

	while (n->slots[at].name && (n->slots[at].hash != hash || !bytes_equal(name_address(n->slots[at].name), address)))
		at = (at + 1) & (n->size - 1);
	return &n->slots[at];
}

struct name *
names_get(const struct names *n, struct bytes address)
{
	return find(n, address, map_hash(address))->name;
}

static bool
is_empty(const struct name *name)
{
	return !name->account && !name->alias;
}

/* Into a table of that size; those that mean nothing are freed, when they are not to be kept. */
static void
move(struct names *n, size_t size, bool keeps_empty)
{
	struct slot *old = n->slots;
	size_t old_size = n->size;

	n->size = size;
	n->slots = memory_new_array(size, sizeof *n->slots);
	n->count = 0;
	for (size_t i = 0; i < old_size; i++) {
		if (!old[i].name)
			continue;
		if (is_empty(old[i].name) && !keeps_empty) {
			memory_free(old[i].name);
			continue;
		}
		*find(n, name_address(old[i].name), old[i].hash) = old[i];
		n->count++;
	}
	memory_free(old);
}

struct name *
names_make(struct names *n, struct bytes address)
{
	uint64_t hash = map_hash(address);
	struct slot *slot = find(n, address, hash);

	if (slot->name)
		return slot->name;
	if (n->count + 1 > n->size / 4 * 3) {
		move(n, n->size * 2, true);
		slot = find(n, address, hash);
	}
	slot->hash = hash;
	slot->name = memory_new(sizeof *slot->name + address.len);
	slot->name->len = (uint16_t)address.len;
	memcpy(slot->name->octets, address.ptr, address.len);
	n->count++;
	return slot->name;
}

struct name *
names_next(const struct names *n, size_t *at)
{
	while (*at < n->size) {
		struct name *name = n->slots[(*at)++].name;

		if (name)
			return name;
	}
	return NULL;
}

void
names_sweep(struct names *n)
{
	for (size_t i = 0; i < n->size; i++)
		if (n->slots[i].name && is_empty(n->slots[i].name)) {
			move(n, n->size, false);
			return;
		}
}

/* Moves later ones of the run into the hole, so that no search stops short of them. */
static void
close_hole(struct names *n, size_t hole)
{
	size_t mask = n->size - 1;

	for (size_t at = (hole + 1) & mask; n->slots[at].name; at = (at + 1) & mask) {
		size_t home = n->slots[at].hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		n->slots[hole] = n->slots[at];
		n->slots[at] = (struct slot){ 0 };
		hole = at;
	}
}

void
names_drop(struct names *n, struct name *name)
{
	struct slot *slot;

	if (!is_empty(name))
		return;
	slot = find(n, name_address(name), map_hash(name_address(name)));
	memory_free(name);
	*slot = (struct slot){ 0 };
	n->count--;
	close_hole(n, (size_t)(slot - n->slots));
}
