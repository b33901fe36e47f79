#include "role/directory/early.h"

#define PAIRS_OCTETS_MAX ((size_t)16 << 20)

void
early_init(struct early *e)
{
	*e = (struct early){ .entries = 0 };
	buf_init(&e->records, IMAGE_OCTETS_MAX);
	buf_init(&e->pairs, PAIRS_OCTETS_MAX);
}

void
early_done(struct early *e)
{
	buf_done_secret(&e->records);
	buf_done_secret(&e->pairs);
}

void
early_reset(struct early *e)
{
	early_done(e);
	early_init(e);
}

/* What of an entry's records others depend on, and the user among them. */
struct seen {
	struct buf shared;
	struct user_record user; /* without what has memory of its own */
	bool has_user;
};

static void
see_user(void *arg, const struct user_record *record)
{
	struct seen *s = arg;
	struct user_record shared = *record;

	s->user = *record;
	s->has_user = true;
	shared.name = shared.secret_password = shared.password_stamp = shared.edit_stamp = BYTES_NONE;
	shared.is_enabled = true;
	shared.attribute_count = 0;
	image_put_user(&s->shared, &shared);
}

static void
see_alias(void *arg, const struct alias_record *record)
{
	struct seen *s = arg;

	image_put_alias(&s->shared, record);
}

static void
see_group(void *arg, const struct group_record *record)
{
	struct seen *s = arg;

	image_put_group(&s->shared, record);
}

static void
see(struct seen *s, struct bytes records)
{
	static const struct image_visitor visitor = { see_user, see_alias, see_group };

	*s = (struct seen){ .has_user = false };
	buf_init(&s->shared, IMAGE_OCTETS_MAX);
	s->shared.has_failed = !image_visit(records, &visitor, s);
}

struct putting {
	struct buf *out;
	bool is_gone;
};

static void
put_user(void *arg, const struct user_record *record)
{
	struct putting *p = arg;
	struct user_record user = *record;

	user.is_enabled = record->is_enabled && !p->is_gone;
	image_put_user(p->out, &user);
}

static void
skip_group(void *arg, const struct group_record *record)
{
	(void)arg, (void)record;
}

static void
put_users(struct buf *out, struct bytes records, bool is_gone)
{
	static const struct image_visitor visitor = { put_user, NULL, skip_group };
	struct putting p = { out, is_gone };

	out->has_failed |= !image_visit(records, &visitor, &p);
}

static bool
is_same_account(const struct seen *x, const struct seen *y)
{
	return x->has_user && y->has_user && bytes_equal(x->user.address, y->user.address) && bytes_equal(x->user.entry, y->user.entry);
}

static void
put_part(struct buf *pairs, struct bytes records)
{
	put_u32(pairs, (uint32_t)records.len);
	put_bytes(pairs, records);
}

static bool
take_part(struct bytes *pairs, struct bytes *records)
{
	uint32_t len;

	return take_u32(pairs, &len) && take_octets(pairs, len, records);
}

bool
early_take_pair(struct bytes *pairs, struct bytes *before, struct bytes *now)
{
	return take_part(pairs, before) && take_part(pairs, now);
}

/* An entry that changed again has one pair: what it had at first, and has now.  It is known by its records, among which its name is. */
static void
note_pair(struct early *e, struct bytes before, struct bytes now)
{
	struct bytes rest = buf_bytes(&e->pairs), first, last;
	bool is_again = false;
	struct buf pairs;

	if (e->pairs.has_failed)
		return;
	buf_init(&pairs, PAIRS_OCTETS_MAX);
	while (early_take_pair(&rest, &first, &last)) {
		bool is_it = before.len && bytes_equal(last, before);

		is_again |= is_it;
		put_part(&pairs, first);
		put_part(&pairs, is_it ? now : last);
	}
	if (!is_again) {
		put_part(&pairs, before);
		put_part(&pairs, now);
	}
	buf_done_secret(&e->pairs);
	e->pairs = pairs;
}

void
early_note(struct early *e, struct bytes before, struct bytes now)
{
	struct seen was, is;

	e->deleted += before.len && !now.len;
	if (e->entries++ >= EARLY_MAX)
		return;
	note_pair(e, before, now);
	see(&was, before);
	see(&is, now);
	if (is_same_account(&was, &is)) {
		put_users(&e->records, now, false);
		e->own += !was.shared.has_failed && !is.shared.has_failed && bytes_equal(buf_bytes(&was.shared), buf_bytes(&is.shared));
	} else if (was.has_user) {
		put_users(&e->records, before, true);
	}
	buf_done(&was.shared);
	buf_done(&is.shared);
}

/* Each is a change that entries.h counts as one. */
static void
note_entry(struct early *e, const struct entries *entries, struct bytes uuid, struct bytes now)
{
	struct buf before;
	bool was_there;

	buf_init(&before, IMAGE_OCTETS_MAX);
	was_there = entries_find(entries, uuid, &before);
	/* What it had then can't be read, and nobody knows what it gives up. */
	if (!was_there && entries_is_there(entries, uuid))
		e->pairs.has_failed = true;
	else if (was_there || now.len)
		early_note(e, buf_bytes(&before), now);
	buf_done_secret(&before);
}

void
early_note_put(struct early *e, const struct entries *entries, struct bytes uuid, struct bytes now)
{
	if (!entries_has(entries, uuid, now))
		note_entry(e, entries, uuid, now);
}

void
early_note_delete(struct early *e, const struct entries *entries, struct bytes uuid)
{
	note_entry(e, entries, uuid, BYTES_NONE);
}

bool
early_take(struct early *e, bool may_delete, struct buf *out)
{
	bool is_hurry = e->entries <= EARLY_MAX && (may_delete || e->deleted == 0) && !e->records.has_failed && e->records.len > 0;

	if (is_hurry)
		put_bytes(out, buf_bytes(&e->records));
	buf_done_secret(&e->records);
	buf_init(&e->records, IMAGE_OCTETS_MAX);
	return is_hurry;
}
