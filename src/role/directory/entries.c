/* item = 16 octets entryUUID, u32 octets of records or GONE, records; little-endian.  An entry is found by a keyed digest of
   its UUID, and what it has is compared by one, so that an entry that did not change costs 16 octets of memory. */
#include "role/directory/entries.h"

#include "base/memory.h"
#include "role/directory/snapshot.h"
#include "role/directory/sync_value.h"
#include "sys/disk.h"

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
	*e = (struct entries){ .directory = directory, .name = name, .origin = origin, .fd = -1, .changed = map_new() };
	buf_init(&e->base, IMAGE_OCTETS_MAX);
	buf_init(&e->changes, changes_max);
}

void
entries_done(struct entries *e)
{
	disk_close(&e->fd);
	buf_done_secret(&e->base);
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
	uint32_t len;

	item->records = BYTES_NONE;
	if (!take_octets(in, SYNC_UUID_OCTETS, &item->uuid) || !take_u32(in, &len))
		return false;
	item->is_gone = len == GONE;
	return item->is_gone || take_octets(in, len, &item->records);
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

/* False: these are no items. */
static bool
make_digests(struct entries *e, struct bytes items)
{
	struct bytes rest = items;
	struct item item;

	memory_free(e->digests);
	e->digests = NULL;
	e->count = 0;
	while (rest.len) {
		if (!take_item(&rest, &item) || item.is_gone)
			return false;
		e->count++;
	}
	e->digests = memory_new_array(e->count, sizeof *e->digests);
	rest = items;
	for (size_t i = 0; i < e->count && take_item(&rest, &item); i++)
		e->digests[i] = (struct entry_digest){ map_hash(item.uuid), map_hash(item.records),
			item.records.len ? (uint64_t)(item.records.ptr - items.ptr) : 0 };
	if (e->count)
		qsort(e->digests, e->count, sizeof *e->digests, compare_digests);
	return true;
}

bool
entries_open(struct entries *e, struct buf *state)
{
	struct bytes marker, items;
	struct buf text;
	struct fault f;
	bool is_whole;

	if (e->directory >= 0)
		e->fd = snapshot_open(e->directory, e->name, &f);
	if (e->fd < 0)
		return false;
	is_whole = snapshot_read_descriptor(e->fd, e->origin, &text, &marker, &items, &f) == SNAPSHOT_READ && make_digests(e, items);
	e->items_octets = items.len;
	if (is_whole) {
		put_bytes(state, marker);
	} else {
		e->count = 0;
		disk_close(&e->fd);
	}
	buf_done_secret(&text);
	return is_whole;
}

/* *text is the caller's to end. */
static bool
read_base(const struct entries *e, struct buf *text, struct bytes *items)
{
	struct bytes marker;
	struct fault f;

	*items = buf_bytes(&e->base);
	if (e->fd >= 0)
		return snapshot_read_descriptor(e->fd, e->origin, text, &marker, items, &f) == SNAPSHOT_READ;
	buf_init(text, 0);
	return true;
}

/* The octets behind that place of the base; false: they can't be read. */
static bool
read_place(const struct entries *e, uint64_t place, void *to, size_t len)
{
	struct stat st;

	if (e->fd < 0) {
		struct bytes part = bytes_sub(buf_bytes(&e->base), (size_t)place, len);

		if (part.len == len && len)
			memcpy(to, part.ptr, len);
		return part.len == len;
	}
	/* The items end the file. */
	return disk->fstat(e->fd, &st) == 0 && (uint64_t)st.st_size >= e->items_octets
		&& disk_read_all(e->fd, to, len, st.st_size - (off_t)e->items_octets + (off_t)place) == 0;
}

static bool
read_digested(const struct entries *e, const struct entry_digest *known, struct buf *records)
{
	uint8_t head[sizeof(uint32_t)] = { 0 }, *to;
	struct bytes rest = bytes_of(head, sizeof head);
	size_t before = records->len;
	uint32_t len;

	if (known->place < sizeof head || !read_place(e, known->place - sizeof head, head, sizeof head) || !take_u32(&rest, &len))
		return false;
	to = buf_room(records, len);
	if (!to || !read_place(e, known->place, to, len))
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

/* Deletes what was not met; how much that was. */
static size_t
sweep(struct entries *e, struct bytes items)
{
	size_t count = 0;
	struct item item;

	while (items.len && take_item(&items, &item))
		if (!item.is_gone && !map_get_number(e->met, map_hash(item.uuid)))
			count += entries_delete(e, item.uuid);
	return count;
}

size_t
entries_end_pass(struct entries *e)
{
	struct buf text, changes;
	size_t count = 0;
	struct bytes items;

	if (!e->met)
		return 0;
	if (read_base(e, &text, &items))
		count = sweep(e, items);
	buf_done_secret(&text);
	/* Of a copy: what is deleted is put behind the changes. */
	buf_init(&changes, IMAGE_OCTETS_MAX);
	put_bytes(&changes, buf_bytes(&e->changes));
	count += sweep(e, buf_bytes(&changes));
	buf_done_secret(&changes);
	entries_drop_pass(e);
	return count;
}

/* ---- reading */

static void
put_out(struct buf *out, const struct item *item, bool is_items)
{
	if (is_items)
		put_item(out, item->uuid, item->records, false);
	else
		put_bytes(out, item->records);
}

/* The base's entries in their places, with what was said of them since; behind them the new ones. */
static void
merge(const struct entries *e, struct bytes base, struct buf *out, bool is_items)
{
	struct bytes changes = buf_bytes(&e->changes), rest = changes;
	struct item item, last;

	while (base.len && take_item(&base, &item)) {
		uint64_t hash = map_hash(item.uuid);

		if (!find_change(e, hash, &last))
			last = item;
		if (!last.is_gone)
			put_out(out, &last, is_items);
	}
	for (;;) {
		size_t place = changes.len - rest.len;
		uint64_t hash;

		if (rest.len == 0 || !take_item(&rest, &item))
			return;
		hash = map_hash(item.uuid);
		if (!item.is_gone && (uintptr_t)map_get_number(e->changed, hash) == place + 1 && !find_digest(e, hash))
			put_out(out, &item, is_items);
	}
}

static bool
read_merged(const struct entries *e, struct buf *out, bool is_items)
{
	struct bytes base;
	struct buf text;
	bool is_read = read_base(e, &text, &base);

	if (is_read && base.len + e->changes.len) {
		(void)buf_room(out, base.len + e->changes.len); /* all of it at once: growing copies */
		merge(e, base, out, is_items);
	}
	buf_done_secret(&text);
	return is_read;
}

bool
entries_read(const struct entries *e, struct buf *records)
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
take_base(struct entries *e, struct buf *items, int fd)
{
	(void)make_digests(e, buf_bytes(items));
	e->items_octets = items->len;
	disk_close(&e->fd);
	buf_done_secret(&e->base);
	e->fd = fd;
	if (fd < 0)
		e->base = *items;
	else
		buf_done_secret(items);
	buf_done_secret(&e->changes);
	map_free(&e->changed);
	e->changed = map_new();
}

int
entries_save(struct entries *e, struct bytes state, struct fault *f)
{
	struct buf items;
	int fd = -1;

	if (entries_check_room(e, f) != 0)
		return -1;
	buf_init(&items, IMAGE_OCTETS_MAX);
	if (!read_merged(e, &items, true) || items.has_failed) {
		buf_done_secret(&items);
		return fault_set(f, FAULT_TEMP, "%s can't be read any more, or is too large", e->name);
	}
	if (e->directory >= 0)
		fd = snapshot_write(e->directory, e->name, e->origin, state, buf_bytes(&items), f);
	take_base(e, &items, fd);
	return fd < 0 && e->directory >= 0 ? -1 : 0;
}
