#include "role/directory/groups.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/accounts.h"

enum { KEY_OCTETS_MAX = 2048 };

/* An account or a group. */
struct node {
	struct bytes address;
	struct bytes members; /* of a group */
	uint32_t met; /* by the group that met it last */
	bool is_group;
};

struct spreading {
	struct node *nodes;
	size_t count;
	struct map *by_key; /* digests of entries and account names -> node */
	uint32_t group; /* the one that is made, from 1 on */
	struct buf *out;
};

/* What is collected for one alias. */
struct making {
	struct spreading *s;
	struct bytes targets[RECORD_TARGETS_MAX];
	size_t count;
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
count_user(void *arg, const struct user_record *record)
{
	(void)record;
	++*(size_t *)arg;
}

static void
count_group(void *arg, const struct group_record *record)
{
	(void)record;
	++*(size_t *)arg;
}

static void
add_node(struct spreading *s, const struct node *node, struct bytes entry)
{
	s->nodes[s->count] = *node;
	(void)map_put_number(s->by_key, key_of_entry(entry), &s->nodes[s->count++]);
}

static void
add_user(void *arg, const struct user_record *record)
{
	struct spreading *s = arg;

	add_node(s, &(struct node){ .address = record->address }, record->entry);
	if (record->account_name.len)
		(void)map_put_number(s->by_key, key_of_name(record->account_name), &s->nodes[s->count - 1]);
}

static void
add_group(void *arg, const struct group_record *record)
{
	add_node(arg, &(struct node){ .address = record->address, .members = record->members, .is_group = true },
		record->entry);
}

/* ---- members */

static void
add_target(struct making *m, struct bytes address)
{
	if (m->count == RECORD_TARGETS_MAX)
		m->is_too_large = true;
	else
		m->targets[m->count++] = address;
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
	if (node->met == m->s->group)
		return;
	node->met = m->s->group;
	if (!node->is_group || node->address.len)
		add_target(m, node->address);
	else
		add_members(m, node->members, depth + 1);
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
	node = map_get_number(m->s->by_key, is_dn(member) ? key_of_entry(member) : key_of_name(member));
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

	image_put_user(s->out, record);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct spreading *s = arg;

	image_put_alias(s->out, record);
}

static void
put_group(void *arg, const struct group_record *record)
{
	struct making m = { .s = arg };

	if (record->address.len == 0)
		return;
	m.s->group++;
	add_members(&m, record->members, 0);
	if (m.is_too_large)
		event(NULL, EV_ALIAS_LOOP, TEXT("alias", record->address), STR("reason", "too many or too deep"));
	image_put_alias(m.s->out, &(struct alias_record){ record->address, m.targets, m.is_too_large ? 0 : m.count, ALIAS_GROUP,
						  record->entry });
}

bool
groups_are_in(struct bytes records)
{
	static const struct image_visitor visitor = { count_user, NULL, NULL };
	size_t count = 0;

	return !image_visit(records, &visitor, &count);
}

void
groups_spread(struct bytes records, struct buf *out)
{
	static const struct image_visitor count = { count_user, NULL, count_group };
	static const struct image_visitor learn = { add_user, NULL, add_group };
	static const struct image_visitor put = { put_user, put_alias, put_group };
	struct spreading s = { .by_key = map_new(), .out = out };
	size_t nodes = 0;

	if (!image_visit(records, &count, &nodes))
		out->has_failed = true;
	s.nodes = memory_new_array(nodes + 1, sizeof *s.nodes);
	if (!image_visit(records, &learn, &s) || !image_visit(records, &put, &s))
		out->has_failed = true;
	map_free(&s.by_key);
	memory_free(s.nodes);
}
