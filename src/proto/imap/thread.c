/* THREAD (RFC 5256 3). */
#include "proto/imap/commands.h"
#include "proto/imap/order.h"
#include "proto/imap/thread_tree.h"

struct thread {
	struct imap_search search; /* first: what search.c hands back */
	enum imap_thread_algorithm algorithm;
	struct imap_thread_message *messages;
	uint32_t count;
	uint64_t *ids;
	size_t id_count;
	struct imap_tree tree;
	uint32_t at; /* the node that is told next; THREAD_NONE: all is told */
};

/* thread-alg = "ORDEREDSUBJECT" / "REFERENCES" */
static bool
take_algorithm(struct bytes *in, enum imap_thread_algorithm *algorithm)
{
	*algorithm = THREAD_REFERENCES;
	if (take_imap_word(in, BYTES("REFERENCES")))
		return true;
	*algorithm = THREAD_ORDEREDSUBJECT;
	return take_imap_word(in, BYTES("ORDEREDSUBJECT"));
}

/* False: the arena is full. */
static bool
note_id(struct imap_session *s, struct thread *thread, uint64_t id)
{
	uint64_t *ids = arena_grow(s->order, thread->ids, thread->id_count, sizeof *ids);

	if (!ids)
		return false;
	thread->ids = ids;
	ids[thread->id_count++] = id;
	return true;
}

/* Its own first, which is 0 when it has none. */
static bool
note_ids(struct imap_session *s, struct thread *thread, struct bytes ids)
{
	uint64_t id = 0;

	(void)!take_u64(&ids, &id);
	do {
		if (!note_id(s, thread, id))
			return false;
	} while (thread->algorithm == THREAD_REFERENCES && take_u64(&ids, &id));
	return true;
}

static bool
note(struct imap_session *s, struct imap_search *search, struct imap_candidate *c, uint32_t number)
{
	struct thread *thread = (struct thread *)search;
	struct imap_thread_message *m = arena_grow(s->order, thread->messages, thread->count, sizeof *m);
	struct imap_order_facts facts;
	size_t ids_at = thread->id_count;

	if (!m || !imap_order_read(c, true, s->order, &facts) || !note_ids(s, thread, facts.ids))
		return false;
	thread->messages = m;
	m[thread->count++] = (struct imap_thread_message){
		.told = s->command->is_uid ? c->record->uid : number,
		.is_reply = facts.is_reply,
		.sent_s = facts.sent_s,
		.subject = facts.subject,
		.ids_at = ids_at,
		.id_count = thread->id_count - ids_at,
	};
	return true;
}

/* thread = "THREAD" SP thread-alg SP charset 1*(SP search-key) */
bool
imap_parse_thread(struct imap_command *c, struct bytes *in)
{
	struct thread *thread = imap_command_args(c, sizeof *thread);

	if (!thread || !take_char(in, ' ') || !take_algorithm(in, &thread->algorithm))
		return false;
	thread->search.needs_summary = true;
	thread->search.note = note;
	return take_imap_search_criteria(in, c->arena, &thread->search);
}

static bool
is_only_child(const struct imap_threads *t, uint32_t node)
{
	uint32_t parent = t->parent[node];

	return parent != THREAD_NONE && parent < t->count && t->first_child[parent] == node &&
		t->next[node] == THREAD_NONE;
}

/* Behind a node without children: up to the next that has a sibling. */
static uint32_t
leave(const struct imap_threads *t, uint32_t node, struct buf *out)
{
	for (; node != THREAD_NONE; node = t->parent[node]) {
		if (is_only_child(t, node))
			continue;
		put_char(out, ')');
		if (t->next[node] != THREAD_NONE)
			return t->next[node];
	}
	return THREAD_NONE;
}

/* thread-list = "(" (thread-members / thread-nested) ")"        thread-members = nz-number *(SP nz-number) [SP thread-nested]
   thread-nested = 2*thread-list.  Puts one node; the result is the one to put next. */
static uint32_t
put_node(const struct imap_threads *t, uint32_t node, struct buf *out)
{
	bool is_message = node < t->count;

	if (!is_only_child(t, node))
		put_char(out, '(');
	if (is_message)
		put_number(out, t->messages[node].told);
	if (t->first_child[node] == THREAD_NONE)
		return leave(t, node, out);
	if (is_message)
		put_char(out, ' ');
	return t->first_child[node];
}

static enum imap_turn
put_threads(struct imap_session *s, struct imap_command *c, struct thread *thread)
{
	s->is_inside_response = true;
	while (thread->at != THREAD_NONE) {
		if (imap_is_output_high(s))
			return TURN_FLUSH;
		thread->at = put_node(&thread->tree.threads, thread->at, &s->out);
	}
	put_text(&s->out, "\r\n");
	s->is_inside_response = false;
	return imap_ok(c, NULL, "THREAD completed");
}

enum { START = IMAP_SEARCH_FOUND, TREE, PUT };

static enum imap_turn
make_tree(struct imap_session *s, struct imap_command *c, struct thread *thread)
{
	if (thread->count) {
		enum imap_tree_state state = imap_tree_step(&thread->tree, IMAP_ORDER_BUDGET);

		if (state != TREE_DONE)
			return state == TREE_FULL ? imap_refuse(c, IMAP_LIMIT) : TURN_AGAIN;
	}
	thread->at = thread->tree.threads.first;
	put_text(&s->out, thread->at == THREAD_NONE ? "* THREAD" : "* THREAD ");
	c->phase = PUT;
	return TURN_ON;
}

enum imap_turn
imap_run_thread(struct imap_session *s, struct imap_command *c)
{
	struct thread *thread = c->args;

	if (c->phase < IMAP_SEARCH_FOUND)
		return imap_search_turn(s, c, &thread->search);
	if (c->phase == START) {
		imap_tree_start(&thread->tree, thread->algorithm, thread->messages, thread->count, thread->ids,
			thread->id_count, s->order);
		c->phase = TREE;
	}
	return c->phase == TREE ? make_tree(s, c, thread) : put_threads(s, c, thread);
}
