/* Records are known by their places, where they are read again when a group names them; in memory are the digests that they are found by. */
#include "role/directory/groups.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/accounts.h"

#include <stdlib.h>

enum { KEY_OCTETS_MAX = 2048, READ_OCTETS = 512 };

/* An account or a group. */
struct node {
	uint32_t place; /* of its record */
	uint32_t met; /* by the group that met it last */
};

/* The digest of an entry or an account name. */
struct key {
	uint64_t digest;
	uint32_t node;
};

struct spreading {
	const struct run *records;
	uint32_t at; /* place of the record that is visited */
	struct node *nodes;
	size_t node_count, node_size;
	struct key *keys; /* sorted; of equal ones the last counts */
	size_t key_count, key_size;
	bool has_groups;
	uint32_t group; /* the one that is made, from 1 on */
	struct run *out;
};

/* What is collected for one alias. */
struct making {
	struct spreading *s;
	struct target_text {
		size_t place, len; /* in `texts` */
	} targets[RECORD_TARGETS_MAX];
	size_t count;
	struct buf texts;
	bool is_too_large;
};

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

static uint64_t
key_of_entry(struct bytes dn)
{
	return key_of('e', dn);
}

static uint64_t
key_of_name(struct bytes name)
{
	return key_of('n', name);
}

/* ---- who there is */

static void
add_key(struct spreading *s, uint64_t digest)
{
	if (s->key_count == s->key_size) {
		s->key_size = s->key_size ? s->key_size * 2 : 64;
		s->keys = memory_resize(s->keys, s->key_size, sizeof *s->keys);
	}
	s->keys[s->key_count++] = (struct key){ digest, (uint32_t)s->node_count - 1 };
}

static void
add_node(struct spreading *s, struct bytes entry)
{
	if (s->node_count == s->node_size) {
		s->node_size = s->node_size ? s->node_size * 2 : 64;
		s->nodes = memory_resize(s->nodes, s->node_size, sizeof *s->nodes);
	}
	s->nodes[s->node_count++] = (struct node){ .place = s->at };
	add_key(s, key_of_entry(entry));
}

static void
add_user(void *arg, const struct user_record *record)
{
	add_node(arg, record->entry);
	if (record->account_name.len)
		add_key(arg, key_of_name(record->account_name));
}

static void
add_group(void *arg, const struct group_record *record)
{
	struct spreading *s = arg;

	s->has_groups = true;
	add_node(s, record->entry);
}

static bool
learn(void *arg, struct bytes *in)
{
	static const struct image_visitor visitor = { add_user, NULL, add_group };
	struct spreading *s = arg;
	size_t before = in->len;

	if (!image_take_record(in, &visitor, s))
		return false;
	s->at += (uint32_t)(before - in->len);
	return true;
}

static int
compare_keys(const void *x, const void *y)
{
	const struct key *a = x, *b = y;

	if (a->digest != b->digest)
		return a->digest < b->digest ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static struct node *
find_node(const struct spreading *s, uint64_t digest)
{
	size_t low = 0, high = s->key_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->keys[middle].digest <= digest)
			low = middle + 1;
		else
			high = middle;
	}
	return low && s->keys[low - 1].digest == digest ? &s->nodes[s->keys[low - 1].node] : NULL;
}

/* ---- their records, once more */

struct reading {
	struct bytes address, members;
	bool is_group, is_there;
};

static void
see_user(void *arg, const struct user_record *record)
{
	struct reading *r = arg;

	*r = (struct reading){ .address = record->address, .is_there = true };
}

static void
see_group(void *arg, const struct group_record *record)
{
	struct reading *r = arg;

	*r = (struct reading){ .address = record->address, .members = record->members, .is_group = true, .is_there = true };
}

/* Views into *text, which is the caller's to end. */
static bool
read_record(const struct spreading *s, const struct node *node, struct buf *text, struct reading *r)
{
	static const struct image_visitor visitor = { see_user, NULL, see_group };
	uint64_t left = run_octets(s->records) - node->place;
	size_t len = READ_OCTETS;

	*r = (struct reading){ .is_there = false };
	for (;; len *= 2) {
		struct bytes rest;
		uint8_t *to;

		len = len < left ? len : (size_t)left;
		buf_reset(text);
		to = buf_room(text, len);
		if (!to || !run_read(s->records, node->place, to, len))
			return false;
		buf_added(text, len);
		rest = buf_bytes(text);
		if (image_take_record(&rest, &visitor, r) || len == left)
			return r->is_there;
	}
}

/* ---- members */

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

static void add_members(struct making *m, struct bytes members, unsigned int depth);

static void
add_member_node(struct making *m, struct node *node, unsigned int depth)
{
	struct reading r;
	struct buf text;

	if (node->met == m->s->group)
		return;
	node->met = m->s->group;
	buf_init(&text, IMAGE_OCTETS_MAX);
	if (!read_record(m->s, node, &text, &r))
		m->s->out->tail.has_failed = true;
	else if (!r.is_group || r.address.len)
		add_target(m, r.address);
	else
		add_members(m, r.members, depth + 1);
	buf_done_secret(&text);
}

static void
add_member(struct making *m, struct bytes member, unsigned int depth)
{
	struct node *node;

	if (!is_dn(member) && bytes_find_char(member, '@') < member.len) {
		if (is_sound(member))
			add_target(m, member);
		return;
	}
	node = find_node(m->s, is_dn(member) ? key_of_entry(member) : key_of_name(member));
	if (node)
		add_member_node(m, node, depth);
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

/* ---- putting out */

static void
put_user(void *arg, const struct user_record *record)
{
	struct spreading *s = arg;

	image_put_user(&s->out->tail, record);
	run_added(s->out);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct spreading *s = arg;

	image_put_alias(&s->out->tail, record);
	run_added(s->out);
}

static void
put_made(struct making *m, const struct group_record *group)
{
	struct bytes targets[RECORD_TARGETS_MAX];

	for (size_t i = 0; i < m->count; i++)
		targets[i] = bytes_sub(buf_bytes(&m->texts), m->targets[i].place, m->targets[i].len);
	image_put_alias(&m->s->out->tail, &(struct alias_record){ group->address, targets, m->is_too_large ? 0 : m->count, ALIAS_GROUP, group->entry });
	run_added(m->s->out);
}

static void
put_group(void *arg, const struct group_record *record)
{
	struct making m = { .s = arg };

	if (record->address.len == 0)
		return;
	m.s->group++;
	buf_init(&m.texts, IMAGE_OCTETS_MAX);
	add_members(&m, record->members, 0);
	if (m.is_too_large)
		event(NULL, EV_ALIAS_LOOP, TEXT("alias", record->address), STR("reason", "too many or too deep"));
	put_made(&m, record);
	buf_done(&m.texts);
}

bool
groups_spread(const struct run *records, struct run *out)
{
	static const struct image_visitor put = { put_user, put_alias, put_group };
	struct spreading s = { .records = records, .out = out };

	if (!run_each(records, learn, &s))
		out->tail.has_failed = true;
	if (s.has_groups) {
		qsort(s.keys, s.key_count, sizeof *s.keys, compare_keys);
		if (!image_visit_run(records, &put, &s))
			out->tail.has_failed = true;
	}
	memory_free(s.keys);
	memory_free(s.nodes);
	return s.has_groups;
}
