/* Open addressing with linear probing; a removed entry's slot is filled by moving later entries of
   its run back, so there are no tombstones.  SipHash: Aumasson and Bernstein, 2012. */
#include "base/map.h"

#include "base/memory.h"

#include <string.h>

enum { MAP_FIRST = 16, KEY_INLINE = 16 };

struct entry {
	void *value; /* NULL: the slot is free */
	uint64_t hash;
	uint32_t key_len;
	union {
		uint8_t octets[KEY_INLINE]; /* keys up to KEY_INLINE stand here */
		uint8_t *ptr;
	} key;
};

struct map {
	struct entry *entries;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

static uint64_t seed[2];

void
map_seed(const uint8_t key[16])
{
	memcpy(seed, key, sizeof seed);
}

#define ROTATE(x, by) (((x) << (by)) | ((x) >> (64 - (by))))

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTATE(v[1], 13) ^ v[0];
	v[0] = ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = ROTATE(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTATE(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTATE(v[1], 17) ^ v[2];
	v[2] = ROTATE(v[2], 32);
}

static void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t
hash_with(const uint64_t key[2], struct bytes in)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	uint64_t word, last = (uint64_t)in.len << 56;
	size_t at = 0;

	for (; in.len - at >= 8; at += 8) {
		memcpy(&word, in.ptr + at, 8);
		sip_word(v, word);
	}
	for (size_t i = 0; at + i < in.len; i++)
		last |= (uint64_t)in.ptr[at + i] << (8 * i);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
map_hash(struct bytes in)
{
	return hash_with(seed, in);
}

uint64_t
map_hash_lasting(struct bytes in)
{
	static const uint64_t no_key[2];

	return hash_with(no_key, in);
}

struct map *
map_new(void)
{
	return NEW(struct map);
}

static struct bytes
entry_key(const struct entry *e)
{
	return bytes_of(e->key_len > KEY_INLINE ? e->key.ptr : e->key.octets, e->key_len);
}

static void
entry_done(struct entry *e)
{
	if (e->key_len > KEY_INLINE)
		memory_free(e->key.ptr);
	*e = (struct entry){ 0 };
}

void
map_free(struct map **m)
{
	if (!*m)
		return;
	for (size_t i = 0; i < (*m)->size; i++)
		entry_done(&(*m)->entries[i]);
	memory_free((*m)->entries);
	memory_free(*m);
	*m = NULL;
}

/* The slot of the key, or the free slot where it would go.  The map is never full. */
static size_t
find(const struct map *m, struct bytes key, uint64_t hash)
{
	size_t at = hash & (m->size - 1);

	while (m->entries[at].value) {
		const struct entry *e = &m->entries[at];

		if (e->hash == hash && bytes_equal(entry_key(e), key))
			break;
		at = (at + 1) & (m->size - 1);
	}
	return at;
}

void *
map_get(const struct map *m, struct bytes key)
{
	return m->count ? m->entries[find(m, key, map_hash(key))].value : NULL;
}

static void
grow(struct map *m)
{
	struct entry *old = m->entries;
	size_t old_size = m->size;

	m->size = old_size ? old_size * 2 : MAP_FIRST;
	m->entries = memory_new_array(m->size, sizeof *m->entries);
	for (size_t i = 0; i < old_size; i++)
		if (old[i].value)
			m->entries[find(m, entry_key(&old[i]), old[i].hash)] = old[i];
	memory_free(old);
}

void *
map_put(struct map *m, struct bytes key, void *value)
{
	uint64_t hash = map_hash(key);
	struct entry *e;
	void *before;
	uint8_t *copy;

	if (m->count + 1 > m->size / 4 * 3)
		grow(m);
	e = &m->entries[find(m, key, hash)];
	before = e->value;
	e->value = value;
	if (before)
		return before;
	e->hash = hash;
	e->key_len = (uint32_t)key.len;
	copy = e->key.octets;
	if (key.len > KEY_INLINE)
		copy = e->key.ptr = memory_new(key.len);
	if (key.len)
		memcpy(copy, key.ptr, key.len);
	m->count++;
	return NULL;
}

/* Moves later entries of the run into the hole, so that no search stops short of them. */
static void
close_hole(struct map *m, size_t hole)
{
	size_t mask = m->size - 1;

	for (size_t at = (hole + 1) & mask; m->entries[at].value; at = (at + 1) & mask) {
		size_t home = m->entries[at].hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		m->entries[hole] = m->entries[at];
		m->entries[at] = (struct entry){ 0 };
		hole = at;
	}
}

void *
map_remove(struct map *m, struct bytes key)
{
	size_t at;
	void *value;

	if (m->count == 0)
		return NULL;
	at = find(m, key, map_hash(key));
	value = m->entries[at].value;
	if (!value)
		return NULL;
	entry_done(&m->entries[at]);
	m->count--;
	close_hole(m, at);
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

bool
map_next(const struct map *m, size_t *at, struct bytes *key, void **value)
{
	while (*at < m->size) {
		const struct entry *e = &m->entries[(*at)++];

		if (!e->value)
			continue;
		*key = entry_key(e);
		*value = e->value;
		return true;
	}
	return false;
}

void *
map_get_number(const struct map *m, uint64_t key)
{
	return map_get(m, bytes_of(&key, sizeof key));
}

void *
map_put_number(struct map *m, uint64_t key, void *value)
{
	return map_put(m, bytes_of(&key, sizeof key), value);
}

void *
map_remove_number(struct map *m, uint64_t key)
{
	return map_remove(m, bytes_of(&key, sizeof key));
}
