#include "sys/disk_fault_internal.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint64_t
fault_chance(struct disk_fault *d, uint64_t below)
{
	d->chance ^= d->chance << 13;
	d->chance ^= d->chance >> 7;
	d->chance ^= d->chance << 17;
	return d->chance % below;
}

static uint8_t *
reserve(void)
{
	void *ptr = mmap(NULL, FAULT_FILE_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(ptr != MAP_FAILED);
	return ptr;
}

struct fault_node *
fault_node_new(struct disk_fault *d, mode_t mode, const struct fault_node *parent)
{
	struct fault_node *node = NEW(struct fault_node);

	node->number = ++d->next_number;
	node->device = parent ? parent->device : 1;
	node->mode = mode;
	node->next = d->nodes;
	d->nodes = node;
	if (S_ISDIR(mode)) {
		node->names = map_new();
		node->synced_names = map_new();
	} else {
		node->live = reserve();
		node->synced = reserve();
	}
	return node;
}

static void
forget_writes(struct fault_node *node)
{
	while (node->first_write) {
		struct fault_write *next = node->first_write->next;

		memory_free(node->first_write);
		node->first_write = next;
	}
	node->last_write = NULL;
}

static void
forget_namings(struct fault_node *node)
{
	while (node->first_naming) {
		struct fault_naming *next = node->first_naming->next;

		if (node->first_naming->partner)
			node->first_naming->partner->partner = NULL;
		memory_free(node->first_naming->name);
		memory_free(node->first_naming);
		node->first_naming = next;
	}
	node->last_naming = NULL;
}

void
fault_node_free(struct fault_node *node)
{
	forget_writes(node);
	forget_namings(node);
	map_free(&node->names);
	map_free(&node->synced_names);
	if (node->live) {
		(void)munmap(node->live, FAULT_FILE_MAX);
		(void)munmap(node->synced, FAULT_FILE_MAX);
	}
	memory_free(node);
}

static struct fault_write *
add_write(struct fault_node *node)
{
	struct fault_write *w = NEW(struct fault_write);

	if (node->last_write)
		node->last_write->next = w;
	else
		node->first_write = w;
	node->last_write = w;
	return w;
}

void
fault_note_write(struct fault_node *node, uint64_t at, uint64_t count)
{
	uint64_t end = at + count;

	for (at -= at % FAULT_BLOCK; at < end; at += FAULT_BLOCK) {
		struct fault_write *w = add_write(node);

		w->at = at;
		memcpy(w->octets, node->live + at, FAULT_BLOCK);
	}
}

void
fault_note_size(struct fault_node *node)
{
	struct fault_write *w = add_write(node);

	w->is_size = true;
	w->at = node->size;
}

struct fault_naming *
fault_note_name(struct fault_node *dir, const char *name, struct fault_node *node)
{
	struct fault_naming *n = NEW(struct fault_naming);
	size_t len = strlen(name) + 1;

	n->name = memory_new(len);
	memcpy(n->name, name, len);
	n->node = node;
	n->order = ++fault_one->order;
	if (dir->last_naming)
		dir->last_naming->next = n;
	else
		dir->first_naming = n;
	dir->last_naming = n;
	return n;
}

static void
apply_naming(struct map *names, const struct fault_naming *n)
{
	if (n->node)
		(void)map_put(names, bytes_text(n->name), n->node);
	else
		(void)map_remove(names, bytes_text(n->name));
}

static void
copy_names(struct map **to, const struct map *from)
{
	struct bytes name;
	void *node;
	size_t at = 0;

	map_free(to);
	*to = map_new();
	while (map_next(from, &at, &name, &node))
		(void)map_put(*to, name, node);
}

static void
sync_names(struct fault_node *node)
{
	/* The other half of a rename becomes safe, too. */
	for (struct fault_naming *n = node->first_naming; n; n = n->next)
		if (n->partner)
			n->partner->choice = 1;
	copy_names(&node->synced_names, node->names);
	forget_namings(node);
}

void
fault_sync_node(struct fault_node *node)
{
	for (struct fault_node *other = fault_one->is_ordered ? fault_one->nodes : NULL; other; other = other->next)
		if (S_ISDIR(other->mode) && other->device == node->device && other->first_naming)
			sync_names(other);
	if (S_ISDIR(node->mode)) {
		sync_names(node);
		return;
	}
	if (node->is_mapped)
		memcpy(node->synced, node->live, node->size);
	for (struct fault_write *w = node->first_write; w; w = w->next)
		if (!w->is_size)
			memcpy(node->synced + w->at, node->live + w->at, FAULT_BLOCK);
	if (node->size < node->synced_size)
		memset(node->synced + node->size, 0, node->synced_size - node->size);
	node->synced_size = node->size;
	forget_writes(node);
}

/* Any part of the unsynced writes, in their order. */
static void
settle_writes(struct disk_fault *d, struct fault_node *node)
{
	for (struct fault_write *w = node->first_write; w; w = w->next) {
		if (fault_chance(d, 2))
			continue;
		if (w->is_size)
			node->synced_size = w->at;
		else
			memcpy(node->synced + w->at, w->octets, FAULT_BLOCK);
	}
	if (node->is_mapped)
		for (uint64_t at = 0; at < node->size; at += FAULT_BLOCK)
			if (fault_chance(d, 2))
				memcpy(node->synced + at, node->live + at, FAULT_BLOCK);
	forget_writes(node);
}

void
fault_choose_order(struct disk_fault *d)
{
	uint64_t first = d->order + 1;

	for (const struct fault_node *node = d->nodes; node; node = node->next)
		for (const struct fault_naming *n = S_ISDIR(node->mode) ? node->first_naming : NULL; n; n = n->next)
			if (n->order < first)
				first = n->order;
	for (size_t i = 0; i < 2; i++)
		d->order_kept[i] = first - 1 + fault_chance(d, d->order - first + 2);
}

static bool
happens(struct disk_fault *d, const struct fault_node *node, const struct fault_naming *n)
{
	return d->is_ordered ? n->order <= d->order_kept[node->device % 2] : fault_chance(d, 2) != 0;
}

static void
settle_namings(struct disk_fault *d, struct fault_node *node)
{
	for (struct fault_naming *n = node->first_naming; n; n = n->next) {
		if (n->choice == 0)
			n->choice = happens(d, node, n) ? 1 : -1;
		if (n->partner && n->partner->choice == 0)
			n->partner->choice = n->choice;
		if (n->choice > 0)
			apply_naming(node->synced_names, n);
	}
	forget_namings(node);
}

void
fault_lose_part(struct disk_fault *d, struct fault_node *node)
{
	if (S_ISDIR(node->mode))
		settle_namings(d, node);
	else
		settle_writes(d, node);
}

void
fault_crash_node(struct disk_fault *d, struct fault_node *node)
{
	fault_lose_part(d, node);
	if (S_ISDIR(node->mode)) {
		copy_names(&node->names, node->synced_names);
		return;
	}
	/* What was beyond the length that a crash left reads as zeros if the file grows again. */
	memset(node->synced + node->synced_size, 0,
		(size_t)((FAULT_BLOCK - node->synced_size % FAULT_BLOCK) % FAULT_BLOCK));
	if (node->size > node->synced_size)
		memset(node->synced + node->synced_size, 0, node->size - node->synced_size);
	node->is_mapped = false;
	memcpy(node->live, node->synced, node->size > node->synced_size ? node->size : node->synced_size);
	node->size = node->synced_size;
}
