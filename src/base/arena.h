/* Memory by lifetime: what belongs to a connection, a transaction, a command goes at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena;

enum arena_kind {
	ARENA_PLAIN,
	ARENA_SECRET, /* wiped before it is reused or given back */
};

/* An empty arena that gives out at most cap octets.  `name` is for events and must outlive it.
   Takes no block before the first arena_take. */
struct arena *arena_new(const char *name, size_t cap, enum arena_kind kind);
/* Gives everything back and sets *a to NULL; *a may be NULL. */
void arena_free(struct arena **a);
/* Everything that was given out is gone; keeps the first block for the next use. */
void arena_reset(struct arena *a);
/* As arena_reset, and gives the first block back too: for idle sessions. */
void arena_release(struct arena *a);
/* size zeroed octets, aligned for any object, or NULL when the cap is reached. */
void *arena_take(struct arena *a, size_t size) __attribute__((warn_unused_result));
/* A copy of the octets; *out is empty and the result false when the cap is reached. */
bool arena_copy(struct arena *a, struct bytes in, struct bytes *out)
	__attribute__((warn_unused_result));
/* Room for one object more behind an array of `count` in the arena, made by this function (NULL for none): the
   array, which moves when count is a power of two.  NULL when the cap is reached. */
void *arena_grow(struct arena *a, void *array, size_t count, size_t size)
	__attribute__((warn_unused_result));
/* Octets given out since the last reset. */
size_t arena_used(const struct arena *a);
const char *arena_name(const struct arena *a);

#endif
