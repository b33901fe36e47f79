/* A hash map from octets to pointers.  Keyed SipHash: a peer can't choose keys that collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"

struct map;

/* The key of the hash, 16 random octets; once, before the first map is made. */
void map_seed(const uint8_t key[16]);
struct map *map_new(void);
/* Frees the map and its copies of the keys, not the values; sets *m to NULL. */
void map_free(struct map **m);
/* The value, or NULL. */
void *map_get(const struct map *m, struct bytes key);
/* Sets the value of the key (copied) and returns the value it had before, or NULL.  The value
   may not be NULL. */
void *map_put(struct map *m, struct bytes key, void *value);
/* Forgets the key; returns its value, or NULL when it was not there. */
void *map_remove(struct map *m, struct bytes key);
size_t map_count(const struct map *m);
/* Walks the map: start with *at == 0; false at the end.  Nothing may be added or removed
   meanwhile. */
bool map_next(const struct map *m, size_t *at, struct bytes *key, void **value);

/* The same with an integer for a key. */
void *map_get_number(const struct map *m, uint64_t key);
void *map_put_number(struct map *m, uint64_t key, void *value);
void *map_remove_number(struct map *m, uint64_t key);

/* SipHash-2-4 of the octets with the process's key. */
uint64_t map_hash(struct bytes in);
/* The same in every process, for what is kept; who chooses the octets of two can make them alike. */
uint64_t map_hash_lasting(struct bytes in);

#endif
