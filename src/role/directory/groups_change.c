/* Which groups a change of few entries makes others: those that name one whose address, entry or name is another one, which was not there, or is not any more;
   those that such a group stands in without an address of its own, and so on; and those that changed themselves.

   Two entries by one name, or one that is both an account and a group, are left to a spreading. */
#include "role/directory/groups_internal.h"

#include <string.h>

enum { GONE = 1, MOVED_MAX = 16384, MEMBERS_MAX = 16384, TOUCHED_MAX = 1024, TO_MAKE_MAX = 256, KEYS_OF_NODE = 2 };

/* What the records of an entry say of an account or a group. */
struct node {
	struct bytes address, entry, name, members;
	bool is_group;
	size_t count; /* of those */
};

static void
see_user(void *arg, const struct user_record *record)
{
	struct node *n = arg;

	*n = (struct node){ .address = record->address, .entry = record->entry, .name = record->account_name, .count = n->count + 1 };
}

static void
see_group(void *arg, const struct group_record *record)
{
	struct node *n = arg;

	*n = (struct node){ .address = record->address, .entry = record->entry, .members = record->members, .is_group = true, .count = n->count + 1 };
}

/* False: these are none of an entry. */
static bool
see(struct bytes records, struct node *n)
{
	static const struct image_visitor visitor = { see_user, NULL, see_group };

	*n = (struct node){ .count = 0 };
	return image_visit(records, &visitor, n) && n->count <= 1;
}

static bool
is_same(const struct node *x, const struct node *y)
{
	return x->count == y->count && x->is_group == y->is_group && bytes_equal(x->address, y->address) && bytes_equal(x->entry, y->entry)
		&& bytes_equal(x->name, y->name);
}

static size_t
keys_of(const struct node *n, uint64_t keys[KEYS_OF_NODE])
{
	size_t count = 0;

	if (n->count)
		keys[count++] = groups_key_of_entry(n->entry);
	if (n->count && n->name.len)
		keys[count++] = groups_key_of_name(n->name);
	return count;
}

static bool
has_several(const struct groups *g, uint64_t key)
{
	size_t first = groups_first_key(&g->nodes, key);

	return first + 1 < g->nodes.count && g->nodes.at[first].digest == key && g->nodes.at[first + 1].digest == key;
}

static void
touch(struct groups *g, uint64_t key)
{
	for (size_t i = 0; i < g->touched.count; i++)
		if (g->touched.at[i].digest == key)
			return;
	groups_add_key(&g->touched, key, GROUPS_NOWHERE);
}

static void
touch_all(struct groups *g, const struct node *n)
{
	uint64_t keys[KEYS_OF_NODE];
	size_t count = keys_of(n, keys);

	for (size_t i = 0; i < count; i++)
		touch(g, keys[i]);
}

static bool
drop(struct groups *g, const struct node *n)
{
	uint64_t keys[KEYS_OF_NODE];
	size_t count = keys_of(n, keys);

	for (size_t i = 0; i < count; i++) {
		if (has_several(g, keys[i]) || groups_find(g, keys[i]) == GROUPS_NOWHERE)
			return false;
		(void)map_put_number(g->moved, keys[i], (void *)(uintptr_t)GONE);
	}
	return true;
}

static void
put_record(struct groups *g, const struct node *n)
{
	if (n->is_group)
		image_put_group(&g->records.tail, &(struct group_record){ n->address, n->entry, n->members });
	else
		image_put_user(&g->records.tail, &(struct user_record){ .address = n->address, .entry = n->entry, .account_name = n->name });
	run_added(&g->records);
}

static bool
add(struct groups *g, const struct node *n)
{
	uint32_t place = (uint32_t)run_octets(&g->records);
	uint64_t keys[KEYS_OF_NODE], key;
	size_t count = keys_of(n, keys);
	struct bytes rest = n->members, member;

	for (size_t i = 0; i < count; i++) {
		if (has_several(g, keys[i]) || groups_find(g, keys[i]) != GROUPS_NOWHERE)
			return false;
		(void)map_put_number(g->moved, keys[i], (void *)((uintptr_t)place + 2));
	}
	while (image_take_member(&rest, &member))
		if (groups_key_of_member(member, &key))
			groups_add_key(&g->members_since, key, place);
	put_record(g, n);
	if (n->is_group)
		groups_add_key(&g->to_make, 0, place);
	return !g->records.tail.has_failed && map_count(g->moved) < MOVED_MAX && g->members_since.count < MEMBERS_MAX;
}

bool
groups_note(struct groups *g, struct bytes before, struct bytes now)
{
	struct node was, is;
	bool stays;

	if (!see(before, &was) || !see(now, &is))
		return false;
	if (!g->has_groups && (was.is_group || is.is_group))
		return false;
	stays = is_same(&was, &is);
	if (stays && !is.is_group)
		return true;
	if (!stays || is.address.len == 0) {
		touch_all(g, &was);
		touch_all(g, &is);
	}
	g->accounts -= was.count && !was.is_group;
	g->accounts += is.count && !is.is_group;
	return drop(g, &was) && add(g, &is);
}

size_t
groups_accounts(const struct groups *g)
{
	return g->accounts;
}

/* ---- making */

/* False: it is no group any more, or lies elsewhere by now. */
static bool
read_current(const struct groups *g, uint32_t place, struct buf *text, struct group_reading *r)
{
	return groups_read(g, place, text, r) && r->is_group && groups_find(g, groups_key_of_entry(r->entry)) == place;
}

static void
follow(struct groups *g, uint32_t place)
{
	struct group_reading r;
	struct buf text;

	for (size_t i = 0; i < g->to_make.count; i++)
		if (g->to_make.at[i].place == place)
			return;
	if (read_current(g, place, &text, &r)) {
		if (r.address.len)
			groups_add_key(&g->to_make, 0, place);
		else
			touch(g, groups_key_of_entry(r.entry));
	}
	buf_done(&text);
}

static bool
is_little(const struct groups *g)
{
	return g->touched.count <= TOUCHED_MAX && g->to_make.count <= TO_MAKE_MAX;
}

/* Those that name it, until they are too many. */
static void
follow_all(struct groups *g, uint64_t key)
{
	for (size_t i = groups_first_key(&g->members, key); i < g->members.count && g->members.at[i].digest == key && is_little(g); i++)
		follow(g, g->members.at[i].place);
	for (size_t i = 0; i < g->members_since.count && is_little(g); i++)
		if (g->members_since.at[i].digest == key)
			follow(g, g->members_since.at[i].place);
}

static void
make(const struct groups *g, uint32_t place, struct buf *out)
{
	struct group_reading r;
	struct buf text;

	if (read_current(g, place, &text, &r) && r.address.len)
		groups_make(g, &(struct group_record){ r.address, r.entry, r.members }, out);
	buf_done(&text);
}

bool
groups_make_noted(struct groups *g, struct buf *out)
{
	bool is_done;

	for (size_t i = 0; i < g->touched.count && is_little(g); i++)
		follow_all(g, g->touched.at[i].digest);
	is_done = is_little(g);
	for (size_t i = 0; i < g->to_make.count && is_done; i++)
		make(g, g->to_make.at[i].place, out);
	g->touched.count = g->to_make.count = 0;
	return is_done && !out->has_failed;
}
