/* Records are known by their places, where they are read again when a group names them; in memory are the digests that they are found by. */
#include "role/directory/groups.h"

#include "base/event.h"
#include "base/memory.h"
#include "base/sort.h"
#include "role/directory/accounts.h"
#include "role/directory/groups_internal.h"

enum { KEY_OCTETS_MAX = 2048, READ_OCTETS = 512 };

struct groups *
groups_new(void)
{
	struct groups *g = NEW(struct groups);

	run_init(&g->records, -1);
	g->moved = map_new();
	return g;
}

void
groups_free(struct groups **at)
{
	struct groups *g = *at;

	if (!g)
		return;
	*at = NULL;
	run_done(&g->records);
	memory_free(g->nodes.at);
	memory_free(g->members.at);
	memory_free(g->members_since.at);
	memory_free(g->touched.at);
	memory_free(g->to_make.at);
	map_free(&g->moved);
	memory_free(g);
}

/* ---- keys */

static bool
is_at_separator(struct bytes text, size_t at)
{
	return (at > 0 && bytes_find_char(BYTES(",=+"), text.ptr[at - 1]) < 3)
		|| (at + 1 < text.len && bytes_find_char(BYTES(",=+"), text.ptr[at + 1]) < 3);
}

/* A server writes one DN in one way, but for case and for spaces at separators: that much is made equal. */
static uint64_t
key_of(char kind, struct bytes text)
{
	uint8_t space[KEY_OCTETS_MAX + 1];
	struct buf key;

	buf_init_fixed(&key, space, sizeof space);
	put_char(&key, (uint8_t)kind);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ' || !is_at_separator(text, i))
			put_char(&key, byte_lower(text.ptr[i]));
	}
	return map_hash(buf_bytes(&key));
}

uint64_t
groups_key_of_entry(struct bytes dn)
{
	return key_of('e', dn);
}

/* Two that are one to the replica have one key. */
uint64_t
groups_key_of_name(struct bytes name)
{
	struct address folded;

	return key_of('n', address_fold(name, &folded) ? address_bytes(&folded) : name);
}

static bool
is_sound(struct bytes address)
{
	struct address folded;

	return address_fold(address, &folded) && folded.local_len > 0 && folded.local_len < folded.len;
}

/* An address has no "," and a DN is none without "=". */
static bool
is_dn(struct bytes member)
{
	return bytes_find_char(member, '=') < member.len
		&& (bytes_find_char(member, ',') < member.len || bytes_find_char(member, '@') == member.len);
}

bool
groups_key_of_member(struct bytes member, uint64_t *key)
{
	bool is_entry = is_dn(member);

	if (!is_entry && bytes_find_char(member, '@') < member.len)
		return false;
	*key = is_entry ? groups_key_of_entry(member) : groups_key_of_name(member);
	return true;
}

void
groups_add_key(struct group_keys *keys, uint64_t digest, uint32_t place)
{
	if (keys->count == keys->size) {
		keys->size = keys->size ? keys->size * 2 : 64;
		keys->at = memory_resize(keys->at, keys->size, sizeof *keys->at);
	}
	keys->at[keys->count++] = (struct group_key){ digest, place };
}

static int
compare_keys(const void *x, const void *y)
{
	const struct group_key *a = x, *b = y;

	if (a->digest != b->digest)
		return a->digest < b->digest ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

static void
sort(struct group_keys *keys)
{
	if (keys->count)
		sort_in_place(keys->at, keys->count, sizeof *keys->at, compare_keys);
}

size_t
groups_first_key(const struct group_keys *keys, uint64_t digest)
{
	size_t low = 0, high = keys->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (keys->at[middle].digest < digest)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
groups_find(const struct groups *g, uint64_t digest)
{
	uintptr_t moved = (uintptr_t)map_get_number(g->moved, digest);
	uint32_t place = GROUPS_NOWHERE;

	if (moved)
		return moved == 1 ? GROUPS_NOWHERE : (uint32_t)(moved - 2);
	for (size_t i = groups_first_key(&g->nodes, digest); i < g->nodes.count && g->nodes.at[i].digest == digest; i++)
		place = g->nodes.at[i].place;
	return place;
}

/* ---- who there is */

struct spreading {
	struct groups *groups;
	uint32_t at; /* place of the record that is visited */
	struct run *out;
};

static void
learn_user(void *arg, const struct user_record *record)
{
	struct spreading *s = arg;

	s->groups->accounts++;
	groups_add_key(&s->groups->nodes, groups_key_of_entry(record->entry), s->at);
	if (record->account_name.len)
		groups_add_key(&s->groups->nodes, groups_key_of_name(record->account_name), s->at);
}

static void
learn_group(void *arg, const struct group_record *record)
{
	struct spreading *s = arg;
	struct bytes rest = record->members, member;
	uint64_t key;

	s->groups->has_groups = true;
	groups_add_key(&s->groups->nodes, groups_key_of_entry(record->entry), s->at);
	while (image_take_member(&rest, &member))
		if (groups_key_of_member(member, &key))
			groups_add_key(&s->groups->members, key, s->at);
}

static bool
learn(void *arg, struct bytes *in)
{
	static const struct image_visitor visitor = { learn_user, NULL, learn_group };
	struct spreading *s = arg;
	size_t before = in->len;

	if (!image_take_record(in, &visitor, s))
		return false;
	s->at += (uint32_t)(before - in->len);
	return true;
}

/* ---- their records, once more */

static void
see_user(void *arg, const struct user_record *record)
{
	struct group_reading *r = arg;

	*r = (struct group_reading){ .address = record->address, .entry = record->entry, .is_there = true };
}

static void
see_group(void *arg, const struct group_record *record)
{
	struct group_reading *r = arg;

	*r = (struct group_reading){ record->address, record->entry, record->members, .is_group = true, .is_there = true };
}

bool
groups_read(const struct groups *g, uint32_t place, struct buf *text, struct group_reading *r)
{
	static const struct image_visitor visitor = { see_user, NULL, see_group };
	uint64_t end = place < g->records.written ? g->records.written : run_octets(&g->records), left = end - place;

	*r = (struct group_reading){ .is_there = false };
	buf_init(text, IMAGE_OCTETS_MAX);
	for (size_t len = READ_OCTETS;; len *= 2) {
		struct bytes rest;
		uint8_t *to;

		len = len < left ? len : (size_t)left;
		buf_reset(text);
		to = buf_room(text, len);
		if (!to || !run_read(&g->records, place, to, len))
			return false;
		buf_added(text, len);
		rest = buf_bytes(text);
		if (image_take_record(&rest, &visitor, r) || len == left)
			return r->is_there;
	}
}

/* ---- members */

/* What is collected for one alias. */
struct making {
	const struct groups *g;
	struct target_text {
		size_t place, len; /* in `texts` */
	} targets[RECORD_TARGETS_MAX];
	size_t count;
	struct buf texts;
	struct map *met; /* places */
	bool is_too_large;
};

static void
add_target(struct making *m, struct bytes address)
{
	if (m->count == RECORD_TARGETS_MAX) {
		m->is_too_large = true;
		return;
	}
	m->targets[m->count++] = (struct target_text){ m->texts.len, address.len };
	put_bytes(&m->texts, address);
}

static void add_members(struct making *m, struct bytes members, unsigned int depth);

static void
add_member_node(struct making *m, uint32_t place, unsigned int depth)
{
	struct group_reading r;
	struct buf text;

	if (map_put_number(m->met, place, m))
		return;
	if (!groups_read(m->g, place, &text, &r))
		m->texts.has_failed = true;
	else if (!r.is_group || r.address.len)
		add_target(m, r.address);
	else
		add_members(m, r.members, depth + 1);
	buf_done_secret(&text);
}

static void
add_member(struct making *m, struct bytes member, unsigned int depth)
{
	uint32_t place;
	uint64_t key;

	if (!groups_key_of_member(member, &key)) {
		if (is_sound(member))
			add_target(m, member);
		return;
	}
	place = groups_find(m->g, key);
	if (place != GROUPS_NOWHERE)
		add_member_node(m, place, depth);
}

static void
add_members(struct making *m, struct bytes members, unsigned int depth)
{
	struct bytes member;

	if (depth > ALIAS_DEPTH_MAX)
		m->is_too_large = true;
	while (!m->is_too_large && image_take_member(&members, &member))
		add_member(m, member, depth);
}

static void
put_made(struct making *m, const struct group_record *group, struct buf *out)
{
	struct bytes targets[RECORD_TARGETS_MAX];

	for (size_t i = 0; i < m->count; i++)
		targets[i] = bytes_sub(buf_bytes(&m->texts), m->targets[i].place, m->targets[i].len);
	image_put_alias(out, &(struct alias_record){ group->address, targets, m->is_too_large ? 0 : m->count, ALIAS_GROUP, group->entry });
	out->has_failed |= m->texts.has_failed;
}

void
groups_make(const struct groups *g, const struct group_record *group, struct buf *out)
{
	struct making m = { .g = g, .met = map_new() };

	buf_init(&m.texts, IMAGE_OCTETS_MAX);
	add_members(&m, group->members, 0);
	if (m.is_too_large)
		event(NULL, EV_ALIAS_LOOP, TEXT("alias", group->address), STR("reason", "too many or too deep"));
	put_made(&m, group, out);
	buf_done(&m.texts);
	map_free(&m.met);
}

/* ---- putting out */

static void
put_user(void *arg, const struct user_record *record)
{
	struct run *out = ((struct spreading *)arg)->out;

	image_put_user(&out->tail, record);
	run_added(out);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct run *out = ((struct spreading *)arg)->out;

	image_put_alias(&out->tail, record);
	run_added(out);
}

static void
put_group(void *arg, const struct group_record *record)
{
	struct spreading *s = arg;

	if (record->address.len == 0)
		return;
	groups_make(s->groups, record, &s->out->tail);
	run_added(s->out);
}

static void
forget(struct groups *g)
{
	g->nodes.count = g->members.count = g->members_since.count = g->touched.count = g->to_make.count = 0;
	g->has_groups = false;
	g->accounts = 0;
	run_done(&g->records);
	run_init(&g->records, -1);
	map_free(&g->moved);
	g->moved = map_new();
}

bool
groups_spread(struct groups *g, struct run *records, struct run *out)
{
	static const struct image_visitor visitor = { put_user, put_alias, put_group };
	struct spreading s = { .groups = g, .out = out };

	forget(g);
	if (!run_each(records, learn, &s))
		out->tail.has_failed = true;
	sort(&g->nodes);
	sort(&g->members);
	if (!g->has_groups)
		return false;
	run_replace(&g->records, records);
	if (!image_visit_run(&g->records, &visitor, &s))
		out->tail.has_failed = true;
	return true;
}
