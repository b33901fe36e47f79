/* FETCH in the order of the messages.  What the view knows is told at once; bodies are asked for in batches, looking ahead
   over the set.  A message goes out item after item, a large section in pieces as the client reads them. */
#include "proto/imap/commands.h"
#include "proto/imap/fetch_internal.h"

/* Of the messages of one batch together, unless it is one. */
#define BATCH_OCTETS_MAX (4U << 20)
/* Records that are looked at for a batch. */
#define LOOK_AHEAD_MAX 4096
/* Octets that are looked at before others have their turn. */
#define TURN_WORK_MAX (16U << 20)
/* Room that a literal leaves in one piece of output for what comes around it. */
#define LITERAL_PIECE (IMAP_OUTPUT_MAX - IMAP_OUTPUT_HIGH)

/* fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")") */
bool
imap_parse_fetch(struct imap_command *c, struct bytes *in)
{
	struct imap_fetch *f = imap_command_args(c, sizeof *f);

	if (!f || !take_char(in, ' ') || !take_imap_set(in, c->arena, &f->set) || !take_char(in, ' ') ||
		!take_imap_fetch_spec(in, c->arena, &f->spec))
		return false;
	/* RFC 3501 6.4.8: the UID is always part of what UID FETCH tells. */
	if (c->is_uid)
		f->spec.items |= FETCH_UID;
	return true;
}

static bool
needs_body(const struct imap_fetch *f, const struct view *view, const struct view_record *r)
{
	return f->spec.section_count > 0 || !imap_fetch_has_record(f, view, r);
}

enum { START, MESSAGES, BODIES, SEEN };

/* The messages from `uid` on whose bodies are needed. */
static enum imap_turn
ask_bodies(struct imap_session *s, struct imap_command *c, struct imap_fetch *f, uint32_t uid)
{
	struct imap_walk ahead;
	uint32_t index, number, bodies = 0;
	uint64_t octets = 0;
	size_t size = 0;

	imap_walk_back(&f->walk, uid);
	ahead = f->walk;
	f->batch = (struct imap_set){ 0 };
	for (int looked = 0; looked < LOOK_AHEAD_MAX && bodies < IMAP_BODIES_MAX; looked++) {
		const struct view_record *r;

		if (!imap_walk_next(&ahead, s->mailbox, &index, &number))
			break;
		r = &s->mailbox->view->records[index];
		octets += r->size;
		if (bodies && octets > BATCH_OCTETS_MAX)
			break;
		f->batch_last = r->uid;
		if ((view_flags(r) & VIEW_EXPUNGED) || !needs_body(f, s->mailbox->view, r))
			continue;
		if (!imap_set_add(&f->batch, c->arena, &size, r->uid))
			return imap_refuse(c, IMAP_LIMIT);
		bodies++;
	}
	f->body_count = 0;
	c->phase = f->batch.count ? BODIES : MESSAGES;
	return f->batch.count == 0 ? TURN_ON : imap_ask_uids(c, IMAP_ASK_BODIES, &f->batch);
}

/* Those of the bodies that are not \Seen yet become so. */
static enum imap_turn
ask_seen(struct imap_session *s, struct imap_command *c, struct imap_fetch *f)
{
	const struct imap_mailbox *m = s->mailbox;
	size_t size = 0;

	f->seen = (struct imap_set){ 0 };
	for (size_t i = 0; i < f->body_count; i++) {
		uint32_t uid = f->bodies[i].uid, index = view_find(m->view, m->known, uid);

		if (index < m->known && m->view->records[index].uid == uid &&
			!(view_flags(&m->view->records[index]) & VIEW_SEEN) &&
			!imap_set_add(&f->seen, c->arena, &size, uid))
			return imap_refuse(c, IMAP_LIMIT);
	}
	c->phase = f->seen.count ? SEEN : MESSAGES;
	if (!f->seen.count)
		return TURN_ON;
	(void)imap_ask_uids(c, IMAP_ASK_SET_FLAGS, &f->seen);
	c->ask.mode = IMAP_FLAGS_ADD;
	c->ask.told = UINT64_MAX;
	c->ask.flags = VIEW_SEEN;
	return TURN_ASK;
}

static enum imap_turn
take_bodies(struct imap_session *s, struct imap_command *c, struct imap_fetch *f)
{
	if (c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome == IMAP_ABSENT ? IMAP_LATER : c->answer.outcome);
	f->bodies = c->answer.bodies;
	f->body_count = c->answer.body_count;
	f->body_at = 0;
	if (c->answer.left_out_from)
		f->batch_last = c->answer.left_out_from - 1;
	c->phase = MESSAGES;
	if (f->spec.sets_seen && !s->mailbox->is_read_only)
		return ask_seen(s, c, f);
	return TURN_ON;
}

static const struct imap_body *
find_body(struct imap_fetch *f, uint32_t uid)
{
	while (f->body_at < f->body_count && f->bodies[f->body_at].uid < uid)
		f->body_at++;
	return f->body_at < f->body_count && f->bodies[f->body_at].uid == uid ? &f->bodies[f->body_at] : NULL;
}

/* "BODY[TEXT] {342}", or NIL. */
static bool
begin_section(struct imap_session *s, struct imap_fetch *f)
{
	const struct imap_section *section = &f->spec.sections[f->section_at];

	arena_reset(s->scratch);
	if (!imap_extract_find(&f->extract, section, f->body, s->scratch))
		f->extract = (struct imap_extract){ .is_nil = true };
	f->work += f->extract.work;
	if (!f->is_first_item)
		put_char(&s->out, ' ');
	f->is_first_item = false;
	put_bytes(&s->out, section->label);
	if (f->extract.is_nil) {
		put_text(&s->out, " NIL");
		return false;
	}
	put_text(&s->out, " {");
	put_number(&s->out, f->extract.octets);
	put_text(&s->out, "}\r\n");
	return true;
}

static bool
has_worked_enough(struct imap_fetch *f)
{
	if (f->work < TURN_WORK_MAX)
		return false;
	f->work = 0;
	return true;
}

/* Goes on with the sections of a message.  TURN_DONE: its line is complete. */
static enum imap_turn
put_sections(struct imap_session *s, struct imap_fetch *f)
{
	while (f->section_at < f->spec.section_count) {
		if (imap_is_output_high(s))
			return TURN_FLUSH;
		if (has_worked_enough(f))
			return TURN_AGAIN;
		if (!f->is_in_section)
			f->is_in_section = begin_section(s, f);
		if (f->is_in_section && !imap_extract_put(&f->extract, &s->out, LITERAL_PIECE))
			return TURN_FLUSH;
		f->is_in_section = false;
		f->section_at++;
	}
	put_text(&s->out, ")\r\n");
	s->is_inside_response = false;
	f->body = NULL;
	return TURN_DONE;
}

static enum imap_turn
put_message(struct imap_session *s, struct imap_fetch *f, uint32_t index, uint32_t number, const struct imap_body *body)
{
	const struct view_record *r = &s->mailbox->view->records[index];

	if ((needs_body(f, s->mailbox->view, r) && !body) || !imap_fetch_put_items(s, f, index, number, body)) {
		f->has_missed = true;
		return TURN_DONE;
	}
	f->body = body;
	f->is_first_item = f->spec.items == 0 && !imap_set_has(&f->seen, r->uid);
	f->section_at = 0;
	s->is_inside_response = true;
	return put_sections(s, f);
}

/* RFC 2180 4.1.3, RFC 5530 3: what is left was told. */
static enum imap_turn
end(struct imap_session *s, struct imap_command *c, const struct imap_fetch *f)
{
	if (f->has_missed || (!c->is_uid && imap_mailbox_has_ghost(s->mailbox, &f->set)))
		return imap_no(c, "[EXPUNGEISSUED]", "Some of the messages no longer exist");
	return imap_ok(c, NULL, "FETCH completed");
}

static bool
is_short(const struct imap_fetch *f)
{
	return f->spec.section_count == 0 && !(f->spec.items & ~(unsigned int)(FETCH_UID | FETCH_FLAGS));
}

static enum imap_turn
put_messages(struct imap_session *s, struct imap_command *c, struct imap_fetch *f)
{
	bool is_plain = is_short(f);
	uint32_t index, number;
	enum imap_turn turn;

	while (!imap_is_output_high(s)) {
		const struct view_record *r;

		if (!imap_walk_next(&f->walk, s->mailbox, &index, &number))
			return end(s, c, f);
		r = &s->mailbox->view->records[index];
		if (is_plain && !atomic_load_explicit(&r->keywords, memory_order_relaxed)) {
			imap_fetch_put_short(s, f, index, number);
			continue;
		}
		if (r->uid > f->batch_last && needs_body(f, s->mailbox->view, r))
			return ask_bodies(s, c, f, r->uid);
		turn = put_message(s, f, index, number, find_body(f, r->uid));
		if (turn != TURN_DONE)
			return turn;
	}
	return TURN_FLUSH;
}

enum imap_turn
imap_run_fetch(struct imap_session *s, struct imap_command *c)
{
	struct imap_fetch *f = c->args;
	enum imap_turn turn = TURN_DONE;

	switch (c->phase) {
	case START:
		if (!imap_mailbox_resolve(s->mailbox, &f->set, c->is_uid))
			return imap_bad(c, "There is no message of that number");
		imap_walk_start(&f->walk, &f->set);
		imap_put_new_keywords(s);
		if (f->spec.section_count && !s->scratch)
			s->scratch = arena_new("imap section", IMAP_COMMAND_ARENA_MAX, ARENA_PLAIN);
		c->phase = MESSAGES;
		return TURN_ON;
	case BODIES:
		return take_bodies(s, c, f);
	case SEEN:
		if (c->answer.outcome == IMAP_OK)
			imap_own_add(c, c->answer.modseq);
		c->phase = MESSAGES;
		return TURN_ON;
	default:
		if (f->body)
			turn = put_sections(s, f);
		return turn == TURN_DONE ? put_messages(s, c, f) : turn;
	}
}
