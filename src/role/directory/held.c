#include "role/directory/held.h"

#include "base/event.h"
#include "config/address.h"
#include "role/directory/snapshot.h"

enum { GONE = 1, PLACE = 2 };

void
held_init(struct held *h, struct bytes origin)
{
	*h = (struct held){ .origin = origin, .changed = map_new() };
	run_init(&h->records, -1);
	buf_init(&h->changes, IMAGE_OCTETS_MAX);
}

void
held_done(struct held *h)
{
	run_done(&h->records);
	buf_done_secret(&h->changes);
	map_free(&h->changed);
}

void
held_take(struct held *h, struct run *records)
{
	struct bytes origin = h->origin;
	struct run taken = *records;

	run_init(records, records->directory);
	held_done(h);
	held_init(h, origin);
	h->is_there = true;
	h->records = taken;
}

/* What can't be folded means nothing, and is told of by who loads it. */
static uint64_t
key_of(struct bytes address)
{
	struct address folded;

	return map_hash(address_fold(address, &folded) ? address_bytes(&folded) : address);
}

struct noting {
	struct held *held;
	size_t place; /* of the record that is visited */
};

static void
note(struct noting *n, struct bytes address)
{
	(void)map_put_number(n->held->changed, key_of(address), (void *)(n->place + PLACE));
}

static void
note_user(void *arg, const struct user_record *record)
{
	note(arg, record->address);
}

static void
note_alias(void *arg, const struct alias_record *record)
{
	note(arg, record->address);
}

bool
held_change(struct held *h, const struct change *change)
{
	static const struct image_visitor visitor = { note_user, note_alias, NULL };
	struct bytes gone = buf_bytes(&change->gone), rest = buf_bytes(&change->records), address;
	size_t first = h->changes.len, all = rest.len;
	struct noting n = { .held = h, .place = first };

	put_bytes(&h->changes, rest);
	if (h->changes.has_failed) {
		h->changes.has_failed = false;
		return false;
	}
	while (image_take_member(&gone, &address))
		(void)map_put_number(h->changed, key_of(address), (void *)(uintptr_t)GONE);
	while (rest.len && image_take_record(&rest, &visitor, &n))
		n.place = first + all - rest.len;
	return true;
}

size_t
held_changes(const struct held *h)
{
	return h->changes.len + map_count(h->changed);
}

/* ---- visiting */

struct visiting {
	const struct held *held;
	const struct image_visitor *visitor;
	void *arg;
	uintptr_t wanted; /* what `changed` has to say of a record for it to count: 0, or its place */
};

static bool
counts(const struct visiting *v, struct bytes address)
{
	return (uintptr_t)map_get_number(v->held->changed, key_of(address)) == v->wanted;
}

static void
visit_user(void *arg, const struct user_record *record)
{
	const struct visiting *v = arg;

	if (counts(v, record->address))
		v->visitor->user(v->arg, record);
}

static void
visit_alias(void *arg, const struct alias_record *record)
{
	const struct visiting *v = arg;

	if (v->visitor->alias && counts(v, record->address))
		v->visitor->alias(v->arg, record);
}

static const struct image_visitor visitor_of_some = { visit_user, visit_alias, NULL };

static void
visit_changes(struct visiting *v)
{
	struct bytes all = buf_bytes(&v->held->changes), rest = all;

	do
		v->wanted = (uintptr_t)(all.len - rest.len) + PLACE;
	while (rest.len && image_take_record(&rest, &visitor_of_some, v));
}

bool
held_visit(const struct held *h, const struct image_visitor *visitor, void *arg)
{
	struct visiting v = { h, visitor, arg, 0 };

	if (snapshot_is_whole(&h->records, h->origin)
		&& (held_changes(h) ? image_visit_run(&h->records, &visitor_of_some, &v) : image_visit_run(&h->records, visitor, arg))) {
		visit_changes(&v);
		return true;
	}
	event(NULL, EV_SNAPSHOT_FAILED, STR("reason", "it is damaged, or of another source or version"));
	return false;
}

static void
put_user(void *arg, const struct user_record *record)
{
	struct run *out = arg;

	image_put_user(&out->tail, record);
	run_added(out);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct run *out = arg;

	image_put_alias(&out->tail, record);
	run_added(out);
}

bool
held_read(const struct held *h, struct run *out)
{
	static const struct image_visitor visitor = { put_user, put_alias, NULL };

	return held_visit(h, &visitor, out);
}
