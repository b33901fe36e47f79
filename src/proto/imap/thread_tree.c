#include "proto/imap/thread_tree.h"

#include <string.h>

/* T1 */
enum { ANCESTORS_MAX = 1000 };

enum { BY_NUMBER, BY_DATE, BY_SUBJECT, NAME_SUBJECTS, BY_ID, NAME_IDS, LINK, PRUNE, JOIN, ATTACH, DONE };

void
imap_tree_start(struct imap_tree *t, enum imap_thread_algorithm algorithm,
	const struct imap_thread_message *messages, uint32_t count, const uint64_t *ids, size_t id_count,
	struct arena *a)
{
	*t = (struct imap_tree){
		.threads = { .messages = messages, .count = count, .first = THREAD_NONE },
		.algorithm = algorithm,
		.ids = ids,
		.id_count = id_count,
		.arena = a,
		.phase = BY_NUMBER,
		.nodes = count,
	};
}

static int
compare_numbers(const void *arg, uint32_t a, uint32_t b)
{
	const struct imap_thread_message *m = ((const struct imap_tree *)arg)->threads.messages;

	return (m[a].told > m[b].told) - (m[a].told < m[b].told);
}

/* RFC 5256 2.2: of two with one date the one that comes first in the mailbox. */
static int
compare_dates(const void *arg, uint32_t a, uint32_t b)
{
	const struct imap_thread_message *m = ((const struct imap_tree *)arg)->threads.messages;

	if (m[a].sent_s != m[b].sent_s)
		return m[a].sent_s < m[b].sent_s ? -1 : 1;
	return compare_numbers(arg, a, b);
}

static int
compare_subjects(const void *arg, uint32_t a, uint32_t b)
{
	const struct imap_thread_message *m = ((const struct imap_tree *)arg)->threads.messages;

	return bytes_compare(m[a].subject, m[b].subject);
}

static int
compare_ids(const void *arg, uint32_t a, uint32_t b)
{
	const uint64_t *ids = ((const struct imap_tree *)arg)->ids;

	return (ids[a] > ids[b]) - (ids[a] < ids[b]);
}

static uint32_t *
take_numbers(struct imap_tree *t, size_t count)
{
	uint32_t *numbers = arena_take(t->arena, count * sizeof *numbers);

	if (numbers)
		memset(numbers, 0xff, count * sizeof *numbers); /* THREAD_NONE */
	return numbers;
}

/* Goes on with the sort of this phase; *order is the result when it is done. */
static enum imap_tree_state
sort(struct imap_tree *t, size_t count, int (*compare)(const void *arg, uint32_t a, uint32_t b), size_t budget,
	uint32_t **order)
{
	if (!t->merge.from && !imap_merge_start(&t->merge, count, t->arena))
		return TREE_FULL;
	if (!imap_merge_step(&t->merge, compare, t, budget))
		return TREE_MORE;
	*order = t->merge.from;
	t->merge.from = NULL;
	return TREE_DONE;
}

/* Messages of one subject stand together in `order`. */
static bool
name_subjects(struct imap_tree *t, const uint32_t *order)
{
	uint32_t name = 0;

	t->subjects = take_numbers(t, t->threads.count);
	t->table = take_numbers(t, t->threads.count);
	if (!t->subjects || !t->table)
		return false;
	for (uint32_t i = 0; i < t->threads.count; i++) {
		if (i && compare_subjects(t, order[i - 1], order[i]) != 0)
			name++;
		t->subjects[order[i]] = name;
	}
	return true;
}

static bool
take_nodes(struct imap_tree *t, uint64_t nodes_max)
{
	struct imap_threads *r = &t->threads;

	if (nodes_max >= THREAD_NONE)
		return false;
	t->nodes_max = (uint32_t)nodes_max;
	r->parent = take_numbers(t, t->nodes_max);
	r->first_child = take_numbers(t, t->nodes_max);
	r->next = take_numbers(t, t->nodes_max);
	t->last_child = take_numbers(t, t->nodes_max);
	t->seen = take_numbers(t, t->nodes_max);
	return r->parent && r->first_child && r->next && t->last_child && t->seen;
}

static bool
is_dummy(const struct imap_tree *t, uint32_t node)
{
	return node >= t->threads.count;
}

/* The message whose own id it is, or THREAD_NONE: of several messages with one id only the first has it (RFC 5256 3,
   REFERENCES 1). */
static uint32_t
owner_of(const struct imap_tree *t, const uint32_t *owners, const uint32_t *ids, size_t count)
{
	uint32_t owner = THREAD_NONE;

	for (size_t i = 0; i < count; i++) {
		uint32_t one = owners[ids[i]];

		if (one != THREAD_NONE && (owner == THREAD_NONE || compare_numbers(t, one, owner) < 0))
			owner = one;
	}
	return owner;
}

/* Gives each id its node.  Equal ids stand together in `order`. */
static bool
name_ids(struct imap_tree *t, const uint32_t *order)
{
	uint32_t *owners = take_numbers(t, t->id_count);
	size_t end;

	t->id_nodes = take_numbers(t, t->id_count);
	if (!owners || !t->id_nodes)
		return false;
	for (uint32_t m = 0; m < t->threads.count; m++)
		if (t->ids[t->threads.messages[m].ids_at])
			owners[t->threads.messages[m].ids_at] = m;
	for (size_t at = 0; at < t->id_count; at = end) {
		uint32_t node;

		for (end = at + 1; end < t->id_count && t->ids[order[end]] == t->ids[order[at]];)
			end++;
		node = owner_of(t, owners, order + at, end - at);
		if (node == THREAD_NONE)
			node = t->nodes++;
		for (size_t i = at; i < end; i++)
			t->id_nodes[order[i]] = node;
	}
	return take_nodes(t, (uint64_t)t->nodes + t->threads.count);
}

/* T1 */
static bool
is_above(const struct imap_tree *t, uint32_t node, uint32_t other)
{
	int steps = 0;

	if (node == other)
		return true;
	/* Who has no children is above nobody. */
	if (t->seen[node] == THREAD_NONE)
		return false;
	for (; other != THREAD_NONE; other = t->threads.parent[other])
		if (other == node || ++steps == ANCESTORS_MAX)
			return true;
	return false;
}

static void
set_parent(struct imap_tree *t, uint32_t node, uint32_t parent)
{
	if (is_above(t, node, parent))
		return;
	t->threads.parent[node] = parent;
	t->seen[parent] = 1;
}

/* RFC 5256 3, REFERENCES 1 */
static void
link_message(struct imap_tree *t, uint32_t message)
{
	const struct imap_thread_message *m = &t->threads.messages[message];
	const uint32_t *nodes = t->id_nodes + m->ids_at;
	uint32_t *parent = t->threads.parent;

	for (size_t i = 2; i < m->id_count; i++)
		if (parent[nodes[i]] == THREAD_NONE)
			set_parent(t, nodes[i], nodes[i - 1]);
	if (m->id_count > 1 && parent[message] == nodes[m->id_count - 1])
		return;
	parent[message] = THREAD_NONE;
	if (m->id_count > 1)
		set_parent(t, message, nodes[m->id_count - 1]);
}

/* The nearest message above, or the dummy at the root.  Dummies on the way are passed once. */
static uint32_t
resolve(struct imap_tree *t, uint32_t node)
{
	uint32_t *parent = t->threads.parent;

	while (node != THREAD_NONE && is_dummy(t, node) && parent[node] != THREAD_NONE) {
		uint32_t above = parent[node];

		if (is_dummy(t, above) && parent[above] != THREAD_NONE)
			parent[node] = parent[above];
		node = parent[node];
	}
	return node;
}

/* RFC 5256 3, REFERENCES 3: a dummy gives its children to what is above it; at the root it stays when it has several. */
static void
prune(struct imap_tree *t)
{
	uint32_t *parent = t->threads.parent, *children = t->seen;

	memset(children, 0, t->nodes_max * sizeof *children);
	for (uint32_t m = 0; m < t->threads.count; m++) {
		parent[m] = resolve(t, parent[m]);
		if (parent[m] != THREAD_NONE)
			children[parent[m]]++;
	}
	for (uint32_t m = 0; m < t->threads.count; m++)
		if (parent[m] != THREAD_NONE && is_dummy(t, parent[m]) && children[parent[m]] == 1)
			parent[m] = THREAD_NONE;
	memset(t->seen, 0xff, t->nodes_max * sizeof *t->seen);
}

/* The roots in the order of their dates (REFERENCES 4): calls `each` with the root and its first message. */
static void
each_root(struct imap_tree *t, void (*each)(struct imap_tree *t, uint32_t root, uint32_t message))
{
	for (uint32_t i = 0; i < t->threads.count; i++) {
		uint32_t message = t->by_date[i], above = t->threads.parent[message];

		if (above == THREAD_NONE) {
			each(t, message, message);
		} else if (is_dummy(t, above) && t->threads.parent[above] == THREAD_NONE && t->seen[above] == THREAD_NONE) {
			t->seen[above] = message;
			each(t, above, message);
		}
	}
}

static bool
is_reply(const struct imap_tree *t, uint32_t node)
{
	return t->threads.messages[node].is_reply;
}

/* REFERENCES 5 B */
static void
enter_subject(struct imap_tree *t, uint32_t root, uint32_t message)
{
	uint32_t *there = &t->table[t->subjects[message]];

	if (t->threads.messages[message].subject.len == 0)
		return;
	if (*there == THREAD_NONE ||
		(!is_dummy(t, *there) && (is_dummy(t, root) || (is_reply(t, *there) && !is_reply(t, root)))))
		*there = root;
}

/* REFERENCES 5 C.  A dummy that joins another one becomes its child: ATTACH sees through it. */
static void
join_subject(struct imap_tree *t, uint32_t root, uint32_t message)
{
	uint32_t *there = &t->table[t->subjects[message]], *parent = t->threads.parent, dummy;

	if (t->threads.messages[message].subject.len == 0 || *there == root || parent[root] != THREAD_NONE)
		return;
	if (is_dummy(t, *there) || (is_reply(t, root) && !is_reply(t, *there))) {
		parent[root] = *there;
		return;
	}
	dummy = t->nodes++;
	parent[root] = parent[*there] = dummy;
	*there = dummy;
}

static void
join_subjects(struct imap_tree *t)
{
	each_root(t, enter_subject);
	memset(t->seen, 0xff, t->nodes_max * sizeof *t->seen);
	each_root(t, join_subject);
}

/* ORDEREDSUBJECT: those of one subject stand below the first of them. */
static void
thread_by_subject(struct imap_tree *t)
{
	for (uint32_t i = 0; i < t->threads.count; i++) {
		uint32_t message = t->by_date[i], *there = &t->table[t->subjects[message]];

		if (*there == THREAD_NONE)
			*there = message;
		else
			t->threads.parent[message] = *there;
	}
}

static void
append(struct imap_tree *t, uint32_t node, uint32_t *first, uint32_t *last)
{
	if (*first == THREAD_NONE)
		*first = node;
	else
		t->threads.next[*last] = node;
	*last = node;
}

/* T3 */
static void
attach(struct imap_tree *t)
{
	struct imap_threads *r = &t->threads;
	uint32_t last = THREAD_NONE;

	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t message = t->by_date[i], above = resolve(t, r->parent[message]);

		r->parent[message] = above;
		if (above == THREAD_NONE) {
			append(t, message, &r->first, &last);
			continue;
		}
		if (is_dummy(t, above) && r->first_child[above] == THREAD_NONE)
			append(t, above, &r->first, &last);
		append(t, message, &r->first_child[above], &t->last_child[above]);
	}
}

static enum imap_tree_state
go_on(struct imap_tree *t, int phase)
{
	t->phase = phase;
	return phase == DONE ? TREE_DONE : TREE_MORE;
}

static enum imap_tree_state
sort_step(struct imap_tree *t, size_t budget)
{
	enum imap_tree_state state = TREE_FULL;
	uint32_t *order = NULL;
	bool fits = true;

	switch (t->phase) {
	case BY_NUMBER:
		state = sort(t, t->threads.count, compare_numbers, budget, &t->by_number);
		break;
	case BY_DATE:
		state = sort(t, t->threads.count, compare_dates, budget, &t->by_date);
		break;
	case BY_SUBJECT:
		state = sort(t, t->threads.count, compare_subjects, budget, &order);
		fits = state != TREE_DONE || name_subjects(t, order);
		break;
	case BY_ID:
		state = sort(t, t->id_count, compare_ids, budget, &order);
		fits = state != TREE_DONE || name_ids(t, order);
		break;
	}
	if (!fits)
		return TREE_FULL;
	return state == TREE_DONE ? go_on(t, t->phase + 1) : state;
}

enum imap_tree_state
imap_tree_step(struct imap_tree *t, size_t budget)
{
	switch (t->phase) {
	case BY_NUMBER:
	case BY_DATE:
	case BY_SUBJECT:
	case BY_ID:
		return sort_step(t, budget);
	case NAME_SUBJECTS:
		if (t->algorithm == THREAD_REFERENCES)
			return go_on(t, BY_ID);
		if (!take_nodes(t, t->threads.count))
			return TREE_FULL;
		thread_by_subject(t);
		return go_on(t, ATTACH);
	case NAME_IDS:
		return go_on(t, LINK);
	case LINK:
		for (uint32_t i = 0; i < t->threads.count; i++)
			link_message(t, t->by_number[i]);
		return go_on(t, PRUNE);
	case PRUNE:
		prune(t);
		return go_on(t, JOIN);
	case JOIN:
		join_subjects(t);
		return go_on(t, ATTACH);
	case ATTACH:
		attach(t);
		return go_on(t, DONE);
	}
	return TREE_DONE;
}
