#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>
#include <string.h>

enum { BLOCK_FIRST = 1024 };

struct block {
	struct block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t data[];
};

struct arena {
	const char *name;
	size_t cap;
	size_t used;
	enum arena_kind kind;
	struct block *blocks; /* the newest first */
};

struct arena *
arena_new(const char *name, size_t cap, enum arena_kind kind)
{
	struct arena *a = NEW(struct arena);

	a->name = name;
	a->cap = cap;
	a->kind = kind;
	return a;
}

static void
free_block(const struct arena *a, struct block *block)
{
	if (a->kind == ARENA_SECRET)
		memory_wipe(block->data, block->used);
	memory_free(block);
}

void
arena_release(struct arena *a)
{
	while (a->blocks) {
		struct block *next = a->blocks->next;

		free_block(a, a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

void
arena_free(struct arena **a)
{
	if (!*a)
		return;
	arena_release(*a);
	memory_free(*a);
	*a = NULL;
}

void
arena_reset(struct arena *a)
{
	while (a->blocks && a->blocks->next) {
		struct block *next = a->blocks->next;

		free_block(a, a->blocks);
		a->blocks = next;
	}
	if (a->blocks) {
		memory_wipe(a->blocks->data, a->blocks->used);
		a->blocks->used = 0;
	}
	a->used = 0;
}

static void
add_block(struct arena *a, size_t needed)
{
	size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_FIRST;
	struct block *block;

	if (size < needed)
		size = needed;
	block = memory_new(sizeof *block + size);
	block->size = size;
	block->next = a->blocks;
	a->blocks = block;
}

void *
arena_take(struct arena *a, size_t size)
{
	size_t mask = alignof(max_align_t) - 1;
	void *out;

	if (size > a->cap - a->used)
		return NULL;
	size = (size + mask) & ~mask;
	if (!a->blocks || size > a->blocks->size - a->blocks->used)
		add_block(a, size);
	out = a->blocks->data + a->blocks->used;
	a->blocks->used += size;
	a->used += size;
	if (a->used > a->cap)
		a->used = a->cap;
	return out;
}

bool
arena_copy(struct arena *a, struct bytes in, struct bytes *out)
{
	uint8_t *copy = arena_take(a, in.len);

	*out = BYTES_NONE;
	if (!copy)
		return false;
	if (in.len)
		memcpy(copy, in.ptr, in.len);
	*out = bytes_of(copy, in.len);
	return true;
}

void *
arena_grow(struct arena *a, void *array, size_t count, size_t size)
{
	void *out;

	if (count & (count - 1))
		return array;
	if (count == 0)
		return arena_take(a, size);
	out = arena_take(a, 2 * count * size);
	if (out)
		memcpy(out, array, count * size);
	return out;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

const char *
arena_name(const struct arena *a)
{
	return a->name;
}
