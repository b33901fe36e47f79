/* SEARCH in turns: the messages in order, as far as the view and the summaries tell; those that can't be decided without
   their bodies are asked for in batches.  The numbers of all that matched are told at the end. */
#include "proto/imap/commands.h"
#include "proto/imap/order.h"

#include <stdlib.h>

/* Keys that are looked at in one turn. */
#define TURN_BUDGET 8192
/* Of the messages of one batch together, unless it is one. */
#define BATCH_OCTETS_MAX (4U << 20)

static bool
note(struct imap_session *s, struct imap_search *search, struct imap_candidate *c, uint32_t number)
{
	uint32_t *found = arena_grow(s->command->arena, search->found, search->found_count, sizeof *found);

	if (!found)
		return false;
	search->found = found;
	found[search->found_count++] = s->command->is_uid ? c->record->uid : number;
	return true;
}

bool
imap_parse_search(struct imap_command *c, struct bytes *in)
{
	struct imap_search *search = imap_command_args(c, sizeof *search);

	if (!search)
		return false;
	search->note = note;
	return take_imap_search(in, c->arena, search);
}

enum { START, WALK, ANSWERED, BODIES, SORT = IMAP_SEARCH_FOUND, PUT };

_Static_assert(BODIES < (int)IMAP_SEARCH_FOUND, "what follows is the command's own");

/* A set among the keys says which messages need be looked at at all. */
static const struct imap_set *
find_set(const struct imap_search *search)
{
	for (const struct imap_search_key *key = search->keys->first; key; key = key->next)
		if (key->kind == SEARCH_SET)
			return &key->set;
	return &search->all;
}

static enum imap_turn
start(struct imap_session *s, struct imap_command *c, struct imap_search *search)
{
	if (search->is_charset_bad)
		return imap_no(c, "[BADCHARSET (US-ASCII UTF-8)]", "Not a charset that can be searched in");
	if (!imap_search_settle(s->mailbox, search->keys))
		return imap_bad(c, "There is no message of that number");
	search->whole = (struct imap_range){ 1, s->mailbox->known_uid };
	search->all = (struct imap_set){ &search->whole, s->mailbox->known_uid ? 1 : 0 };
	imap_walk_start(&search->walk, find_set(search));
	s->scratch = arena_new("imap search", IMAP_COMMAND_ARENA_MAX, ARENA_PLAIN);
	buf_init(&s->text, IMAP_SEARCH_TEXT_MAX);
	if (search->note != note)
		s->order = arena_new("imap order", IMAP_ORDER_ARENA_MAX, ARENA_PLAIN);
	c->phase = WALK;
	return TURN_ON;
}

static bool
add_to_batch(struct imap_command *c, struct imap_search *search, const struct view_record *r)
{
	search->batch_octets += r->size;
	search->batch_count++;
	return imap_set_add(&search->batch, c->arena, &search->batch_size, r->uid);
}

static bool
is_batch_full(const struct imap_search *search)
{
	return search->batch_count >= IMAP_BODIES_MAX || search->batch_octets >= BATCH_OCTETS_MAX;
}

/* Is there what has to be known of a message that is found? */
static bool
is_known(const struct imap_search *search, const struct imap_candidate *c)
{
	struct summary summary;

	if (c->body)
		return true;
	if (search->needs_size && atomic_load_explicit(&c->record->size, memory_order_relaxed) == 0)
		return false;
	return !search->needs_summary || imap_search_summary(c, &summary);
}

enum look { LOOK_OVER, LOOK_LATER, LOOK_FULL };

/* LOOK_LATER: the turn is over, the same message comes first in the next.  LOOK_FULL: the arena is. */
static enum look
look_at(struct imap_session *s, struct imap_search *search, uint32_t index, uint32_t number,
	const struct imap_body *body, uint32_t *budget)
{
	const struct view_record *r = &s->mailbox->view->records[index];
	struct imap_candidate candidate = {
		.mailbox = s->mailbox, .record = r, .body = body, .scratch = s->scratch, .text = &s->text, .budget = budget,
	};

	bool fits = true;

	if (view_flags(r) & VIEW_EXPUNGED)
		return LOOK_OVER;
	switch (imap_search_match(&candidate, search->keys)) {
	case VERDICT_NO:
		break;
	case VERDICT_YES:
		fits = is_known(search, &candidate) ? search->note(s, search, &candidate, number) :
			add_to_batch(s->command, search, r);
		break;
	case VERDICT_UNKNOWN:
		fits = body || add_to_batch(s->command, search, r);
		break;
	case VERDICT_LATER:
		return LOOK_LATER;
	}
	return fits ? LOOK_OVER : LOOK_FULL;
}

static enum imap_turn
walk(struct imap_session *s, struct imap_command *c, struct imap_search *search)
{
	uint32_t index, number, budget = TURN_BUDGET;
	enum look look = LOOK_OVER;

	while (budget && look == LOOK_OVER && !is_batch_full(search)) {
		if (!imap_walk_next(&search->walk, s->mailbox, &index, &number)) {
			c->phase = search->batch_count ? ANSWERED : IMAP_SEARCH_FOUND;
			return search->batch_count ? imap_ask_uids(c, IMAP_ASK_BODIES, &search->batch) : TURN_ON;
		}
		look = look_at(s, search, index, number, NULL, &budget);
		if (look == LOOK_LATER)
			imap_walk_back(&search->walk, s->mailbox->view->records[index].uid);
	}
	if (look == LOOK_FULL)
		return imap_refuse(c, IMAP_LIMIT);
	if (!is_batch_full(search))
		return TURN_AGAIN;
	c->phase = ANSWERED;
	return imap_ask_uids(c, IMAP_ASK_BODIES, &search->batch);
}

/* The next batch is what was left out of this one: from that uid on, or (0) nothing. */
static void
keep_left_out(struct imap_search *search, uint32_t from)
{
	struct imap_set *batch = &search->batch;
	size_t count = batch->count;

	batch->count = 0;
	search->batch_count = 0;
	for (size_t i = 0; from && i < count; i++) {
		struct imap_range range = batch->ranges[i];

		if (range.last < from)
			continue;
		if (range.first < from)
			range.first = from;
		batch->ranges[batch->count++] = range;
		search->batch_count += range.last - range.first + 1;
	}
	search->batch_octets = batch->count ? BATCH_OCTETS_MAX : 0;
}

static enum imap_turn
take_bodies(struct imap_command *c, struct imap_search *search)
{
	if (c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome == IMAP_ABSENT ? IMAP_LATER : c->answer.outcome);
	search->bodies = c->answer.bodies;
	search->body_count = c->answer.body_count;
	search->body_at = 0;
	keep_left_out(search, c->answer.left_out_from);
	c->phase = BODIES;
	return TURN_ON;
}

static enum imap_turn
look_at_bodies(struct imap_session *s, struct imap_command *c, struct imap_search *search)
{
	const struct imap_mailbox *m = s->mailbox;
	uint32_t budget = TURN_BUDGET;
	enum look look = LOOK_OVER;

	for (; budget && search->body_at < search->body_count; search->body_at++) {
		const struct imap_body *body = &search->bodies[search->body_at];
		uint32_t index = view_find(m->view, m->known, body->uid);

		if (index == m->known || m->view->records[index].uid != body->uid)
			continue;
		look = look_at(s, search, index, imap_mailbox_number(m, index), body, &budget);
		if (look == LOOK_FULL)
			return imap_refuse(c, IMAP_LIMIT);
		if (look == LOOK_LATER)
			break;
	}
	if (search->body_at < search->body_count)
		return TURN_AGAIN;
	c->phase = WALK;
	return TURN_ON;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

/* What was decided by its body comes behind what the view decided. */
static void
sort_found(struct imap_search *search)
{
	for (size_t i = 1; i < search->found_count; i++)
		if (search->found[i] < search->found[i - 1]) {
			qsort(search->found, search->found_count, sizeof *search->found, compare_numbers);
			return;
		}
}

bool
imap_search_put_numbers(struct imap_session *s, const uint32_t *numbers, size_t count, size_t *put)
{
	s->is_inside_response = true;
	for (; *put < count; ++*put) {
		if (imap_is_output_high(s))
			return false;
		put_char(&s->out, ' ');
		put_number(&s->out, numbers[*put]);
	}
	put_text(&s->out, "\r\n");
	s->is_inside_response = false;
	return true;
}

enum imap_turn
imap_search_turn(struct imap_session *s, struct imap_command *c, struct imap_search *search)
{
	switch (c->phase) {
	case START:
		return start(s, c, search);
	case WALK:
		return walk(s, c, search);
	case ANSWERED:
		return take_bodies(c, search);
	default:
		return look_at_bodies(s, c, search);
	}
}

enum imap_turn
imap_run_search(struct imap_session *s, struct imap_command *c)
{
	struct imap_search *search = c->args;

	if (c->phase < IMAP_SEARCH_FOUND)
		return imap_search_turn(s, c, search);
	if (c->phase == SORT) {
		sort_found(search);
		put_text(&s->out, "* SEARCH");
		c->phase = PUT;
	}
	if (!imap_search_put_numbers(s, search->found, search->found_count, &search->put))
		return TURN_FLUSH;
	return imap_ok(c, NULL, "SEARCH completed");
}
