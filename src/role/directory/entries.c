/* item = 16 octets entryUUID, u32 octets of records or GONE, records; little-endian.  An entry is found by a keyed digest of
   its UUID, and what it has is compared by one, so that an entry that did not change costs 16 octets of memory. */
#include "role/directory/entries.h"

#include "base/memory.h"
#include "base/sort.h"
#include "role/directory/snapshot.h"
#include "role/directory/sync_value.h"

#include <stdlib.h>
#include <string.h>

#define GONE UINT32_MAX

struct entry_digest {
	uint64_t uuid, records;
	uint64_t place; /* in the base */
};

struct item {
	struct bytes uuid, records;
	bool is_gone;
};

void
entries_init(struct entries *e, int directory, const char *name, struct bytes origin, size_t changes_max)
{
	*e = (struct entries){ .directory = directory, .name = name, .origin = origin, .changed = map_new() };
	run_init(&e->base, directory);
	buf_init(&e->changes, changes_max);
}

void
entries_done(struct entries *e)
{
	run_done(&e->base);
	buf_done_secret(&e->changes);
	memory_free(e->digests);
	map_free(&e->changed);
	map_free(&e->met);
}

void
entries_clear(struct entries *e)
{
	entries_done(e);
	entries_init(e, e->directory, e->name, e->origin, e->changes.max);
}

int
entries_check_room(const struct entries *e, struct fault *f)
{
	return e->changes.has_failed ? fault_set(f, FAULT_LIMIT, "the directory holds more than fits") : 0;
}

/* ---- items */

static void
put_item(struct buf *out, struct bytes uuid, struct bytes records, bool is_gone)
{
	put_bytes(out, uuid);
	put_u32(out, is_gone ? GONE : (uint32_t)records.len);
	put_bytes(out, records);
}

static bool
take_item(struct bytes *in, struct item *item)
{
	struct bytes rest = *in;
	uint32_t len;

	item->records = BYTES_NONE;
	if (!take_octets(&rest, SYNC_UUID_OCTETS, &item->uuid) || !take_u32(&rest, &len))
		return false;
	item->is_gone = len == GONE;
	if (!item->is_gone && !take_octets(&rest, len, &item->records))
		return false;
	*in = rest;
	return true;
}

/* What was said last of the entry since the base. */
static bool
find_change(const struct entries *e, uint64_t uuid, struct item *item)
{
	uintptr_t place = (uintptr_t)map_get_number(e->changed, uuid);
	struct bytes rest;

	if (place == 0)
		return false;
	rest = bytes_sub(buf_bytes(&e->changes), place - 1, SIZE_MAX);
	return take_item(&rest, item);
}

static int
compare_digests(const void *x, const void *y)
{
	const struct entry_digest *a = x, *b = y;

	return (a->uuid > b->uuid) - (a->uuid < b->uuid);
}

static const struct entry_digest *
find_digest(const struct entries *e, uint64_t uuid)
{
	const struct entry_digest wanted = { .uuid = uuid };

	return e->count ? bsearch(&wanted, e->digests, e->count, sizeof wanted, compare_digests) : NULL;
}

/* ---- the base */

struct digesting {
	struct entries *e;
	size_t size;
	uint64_t at; /* of the item in the base */
};

static bool
take_digest(void *arg, struct bytes *in)
{
	struct digesting *d = arg;
	struct entries *e = d->e;
	size_t before = in->len;
	struct item item;

	if (!take_item(in, &item) || item.is_gone)
		return false;
	if (e->count == d->size) {
		d->size = d->size ? d->size * 2 : 64;
		e->digests = memory_resize(e->digests, d->size, sizeof *e->digests);
	}
	d->at += before - in->len;
	e->digests[e->count++] = (struct entry_digest){ map_hash(item.uuid), map_hash(item.records), d->at - item.records.len };
	return true;
}

/* False: these are no items. */
static bool
make_digests(struct entries *e)
{
	struct digesting d = { .e = e };
	bool is_whole;

	memory_free(e->digests);
	e->digests = NULL;
	e->count = 0;
	is_whole = run_each(&e->base, take_digest, &d);
	if (e->count) {
		e->digests = memory_resize(e->digests, e->count, sizeof *e->digests);
		sort_in_place(e->digests, e->count, sizeof *e->digests, compare_digests);
	}
	return is_whole;
}

bool
entries_open(struct entries *e, struct buf *state)
{
	struct buf marker;
	struct fault f;
	bool is_whole;

	if (e->directory < 0)
		return false;
	run_done(&e->base);
	buf_init(&marker, IMAGE_TEXT_MAX);
	is_whole = snapshot_read(e->directory, e->name, e->origin, &marker, &e->base, &f) == SNAPSHOT_READ && make_digests(e);
	if (is_whole)
		put_bytes(state, buf_bytes(&marker));
	else
		entries_clear(e);
	buf_done(&marker);
	return is_whole;
}

static bool
read_digested(const struct entries *e, const struct entry_digest *known, struct buf *records)
{
	uint8_t head[sizeof(uint32_t)] = { 0 }, *to;
	struct bytes rest = bytes_of(head, sizeof head);
	size_t before = records->len;
	uint32_t len;

	if (known->place < sizeof head || !run_read(&e->base, known->place - sizeof head, head, sizeof head) || !take_u32(&rest, &len))
		return false;
	to = buf_room(records, len);
	if (!to || !run_read(&e->base, known->place, to, len))
		return false;
	buf_added(records, len);
	return map_hash(bytes_sub(buf_bytes(records), before, len)) == known->records;
}

bool
entries_find(const struct entries *e, struct bytes uuid, struct buf *records)
{
	uint64_t hash = map_hash(uuid);
	const struct entry_digest *known;
	size_t before = records->len;
	struct item item;

	if (find_change(e, hash, &item)) {
		put_bytes(records, item.records);
		return !item.is_gone;
	}
	known = find_digest(e, hash);
	if (known && read_digested(e, known, records))
		return true;
	records->len = before;
	return false;
}

/* ---- changes */

static void
change(struct entries *e, struct bytes uuid, struct bytes records, bool is_gone)
{
	size_t place = e->changes.len;

	put_item(&e->changes, uuid, records, is_gone);
	if (!e->changes.has_failed)
		(void)map_put_number(e->changed, map_hash(uuid), (void *)(uintptr_t)(place + 1));
}

/* Is there such an entry, and with this digest (when it is not NULL)? */
static bool
is_there(const struct entries *e, uint64_t uuid, const uint64_t *digest)
{
	const struct entry_digest *known;
	struct item item;

	if (find_change(e, uuid, &item))
		return !item.is_gone && (!digest || map_hash(item.records) == *digest);
	known = find_digest(e, uuid);
	return known && (!digest || known->records == *digest);
}

bool
entries_is_there(const struct entries *e, struct bytes uuid)
{
	return is_there(e, map_hash(uuid), NULL);
}

bool
entries_has(const struct entries *e, struct bytes uuid, struct bytes records)
{
	uint64_t digest = map_hash(records);

	return is_there(e, map_hash(uuid), &digest);
}

bool
entries_delete(struct entries *e, struct bytes uuid)
{
	if (!is_there(e, map_hash(uuid), NULL))
		return false;
	change(e, uuid, BYTES_NONE, true);
	return true;
}

bool
entries_put(struct entries *e, struct bytes uuid, struct bytes records)
{
	uint64_t digest = map_hash(records);

	entries_meet(e, uuid);
	if (is_there(e, map_hash(uuid), &digest))
		return false;
	change(e, uuid, records, false);
	return true;
}

/* The first reading of all needs none. */
void
entries_begin_pass(struct entries *e, bool is_full)
{
	entries_drop_pass(e);
	if (!is_full || e->count || e->changes.len)
		e->met = map_new();
}

void
entries_drop_pass(struct entries *e)
{
	map_free(&e->met);
}

void
entries_meet(struct entries *e, struct bytes uuid)
{
	if (e->met)
		(void)map_put_number(e->met, map_hash(uuid), e);
}

bool
entries_has_strangers(const struct entries *e)
{
	struct bytes key, octets;
	uint64_t hash;
	void *value;

	for (size_t i = 0; e->met && map_next(e->met, &i, &key, &value);)
		if (take_octets(&key, sizeof hash, &octets)) {
			memcpy(&hash, octets.ptr, sizeof hash);
			if (!is_there(e, hash, NULL))
				return true;
		}
	return false;
}

struct sweeping {
	struct entries *e;
	size_t count; /* of what was deleted */
};

/* Deletes what was not met. */
static bool
sweep_item(void *arg, struct bytes *in)
{
	struct sweeping *s = arg;
	struct item item;

	if (!take_item(in, &item))
		return false;
	if (!item.is_gone && !map_get_number(s->e->met, map_hash(item.uuid)))
		s->count += entries_delete(s->e, item.uuid);
	return true;
}

size_t
entries_end_pass(struct entries *e)
{
	struct sweeping s = { .e = e };
	struct buf changes;
	struct bytes rest;

	if (!e->met)
		return 0;
	/* A base that can't be read is found by who reads the entries. */
	(void)(snapshot_is_whole(&e->base, e->origin) && run_each(&e->base, sweep_item, &s));
	/* Of a copy: what is deleted is put behind the changes. */
	buf_init(&changes, IMAGE_OCTETS_MAX);
	put_bytes(&changes, buf_bytes(&e->changes));
	for (rest = buf_bytes(&changes); rest.len && sweep_item(&s, &rest);)
		continue;
	buf_done_secret(&changes);
	entries_drop_pass(e);
	return s.count;
}

/* ---- reading */

struct merging {
	const struct entries *e;
	struct run *out;
	bool is_items;
};

static void
put_out(struct merging *m, const struct item *item)
{
	if (m->is_items)
		put_item(&m->out->tail, item->uuid, item->records, false);
	else
		put_bytes(&m->out->tail, item->records);
	run_added(m->out);
}

/* With what was said of it since. */
static bool
merge_item(void *arg, struct bytes *in)
{
	struct merging *m = arg;
	struct item item, last;

	if (!take_item(in, &item))
		return false;
	if (!find_change(m->e, map_hash(item.uuid), &last))
		last = item;
	if (!last.is_gone)
		put_out(m, &last);
	return true;
}

static void
merge_new(struct merging *m)
{
	const struct entries *e = m->e;
	struct bytes changes = buf_bytes(&e->changes), rest = changes;
	struct item item;

	for (;;) {
		size_t place = changes.len - rest.len;
		uint64_t hash;

		if (rest.len == 0 || !take_item(&rest, &item))
			return;
		hash = map_hash(item.uuid);
		if (!item.is_gone && (uintptr_t)map_get_number(e->changed, hash) == place + 1 && !find_digest(e, hash))
			put_out(m, &item);
	}
}

/* The base's entries in their places, with what was said of them since; behind them the new ones. */
static bool
read_merged(const struct entries *e, struct run *out, bool is_items)
{
	struct merging m = { e, out, is_items };

	if (!snapshot_is_whole(&e->base, e->origin) || !run_each(&e->base, merge_item, &m))
		return false;
	merge_new(&m);
	return true;
}

bool
entries_read(const struct entries *e, struct run *records)
{
	return read_merged(e, records, false);
}

size_t
entries_unsaved(const struct entries *e)
{
	return e->changes.len;
}

/* ---- saving */

static void
take_base(struct entries *e, struct run *items)
{
	run_replace(&e->base, items);
	buf_done_secret(&e->changes);
	map_free(&e->changed);
	e->changed = map_new();
	(void)make_digests(e);
}

int
entries_save(struct entries *e, struct bytes state, struct fault *f)
{
	struct run items;
	int result = 0;

	if (entries_check_room(e, f) != 0)
		return -1;
	run_init(&items, e->directory);
	if (!read_merged(e, &items, true) || items.tail.has_failed) {
		run_done(&items);
		return fault_set(f, FAULT_TEMP, "%s can't be read any more, or is too large", e->name);
	}
	if (e->directory >= 0)
		result = snapshot_write(e->directory, e->name, e->origin, state, &items, f);
	take_base(e, &items);
	return result;
}
