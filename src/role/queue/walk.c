#include "role/queue/walk.h"

#include "role/control_line.h"
#include "role/queue/action.h"
#include "role/queue/command.h"
#include "sys/disk.h"

#include <errno.h>
#include <string.h>

/* So many may be under way or have their place kept; the one that waits longest gives way. */
enum { WALKS_MAX = 32 };
enum { STEP_US = 5000, PAUSE_MS = 1, PIECE_US = 2000000, PIECE_OCTETS = CONTROL_LINES_MAX - 8192 };
/* What the disk or the reports can't keep up with waits here. */
enum { CHANGES_MAX = 4096 };
enum { DESTINATION_MAX = 300 };

struct counts {
	uint64_t messages, recipients; /* that were meant; of an action: changed */
	uint64_t ready, waiting, postponed, sending, held;
	uint64_t left_alone; /* meant by an action, but on their way */
	int64_t oldest_s;
};

struct walk {
	LIST_ENTRY(walk) link;
	struct queue *queue;
	uint64_t number; /* the cursor */
	struct command command; /* borrows from text */
	uint8_t text[CONTROL_LINE_MAX];
	struct queued *message; /* whose turn it is; NULL: it is through */
	uint16_t at; /* the recipient whose turn it is */
	struct control_question *question; /* NULL: the next piece was not asked for yet */
	int64_t asked_us;
	bool is_settled; /* what an action changed is on its way to the disk */
	uint64_t change; /* the last of it, by spool_changes_asked */
	struct timer timer;
	struct buf answer;
	struct counts counts;
};

static void
timer_closed(struct timer *t)
{
	memory_free((char *)t - offsetof(struct walk, timer));
}

static void
walk_free(struct walk *w)
{
	LIST_REMOVE(w, link);
	w->queue->walk_count--;
	buf_done(&w->answer);
	timer_close(&w->timer, timer_closed);
}

void
walk_end_all(struct queue *q)
{
	struct walk *w;

	while ((w = LIST_FIRST(&q->walks))) {
		if (w->question)
			control_answer(&w->question, BYTES("error the queue stops\n"));
		walk_free(w);
	}
}

void
walk_leave(struct queue *q, const struct queued *m)
{
	struct walk *w;

	LIST_FOREACH (w, &q->walks, link)
		if (w->message == m) {
			w->message = LIST_NEXT(w->message, link);
			w->at = 0;
		}
}

/* ---- what is told */

/* What is on its way goes where it was sent. */
static struct hop
hop_of(const struct queue *q, const struct delivery *d, struct domain *space)
{
	return d->destination ? d->destination->hop : queue_hop(q, d, space);
}

/* As people see it. */
enum standing { STANDS_READY, STANDS_WAITING, STANDS_RESTING, STANDS_POSTPONED, STANDS_HELD, STANDS_SENDING };

static const char *const standing_names[] = { [STANDS_READY] = "ready", [STANDS_WAITING] = "waiting", [STANDS_RESTING] = "resting", [STANDS_POSTPONED] = "postponed",
	[STANDS_HELD] = "held", [STANDS_SENDING] = "sending" };

/* until_s: of what waits; what is ready waits as long as its destination rests. */
static enum standing
standing_of(const struct delivery *d, uint32_t *until_s)
{
	*until_s = 0;
	switch ((enum delivery_state)d->state) {
	case DELIVERY_WAITING:
		*until_s = d->next_s;
		return d->is_postponed ? STANDS_POSTPONED : STANDS_WAITING;
	case DELIVERY_READY:
		*until_s = d->destination ? d->destination->rests_until_s : 0;
		return *until_s ? STANDS_RESTING : STANDS_READY;
	case DELIVERY_HELD:
		return STANDS_HELD;
	case DELIVERY_ACTIVE:
	case DELIVERY_DONE:
		break;
	}
	return STANDS_SENDING;
}

static void
tell_recipient(struct walk *w, const struct delivery *d, const struct hop *hop)
{
	const struct queued *m = delivery_message(d);
	uint8_t space[DESTINATION_MAX];
	struct buf destination;
	uint32_t until_s;
	const char *state = standing_names[standing_of(d, &until_s)];

	buf_init_fixed(&destination, space, sizeof space);
	command_put_destination(&destination, hop);
	control_line_put(&w->answer, "recipient", FIELDS(STR("mail", queued_told(m)->text), INT("age_s", queue_now_s() - m->arrived_s),
		TEXT("sender", queued_sender(m)), TEXT("recipient", delivery_address(d)), STR("state", state), INT("until_s", until_s),
		INT("attempts", d->attempts), TEXT("destination", buf_bytes(&destination)), TEXT("parameters", delivery_parameters(d)),
		TEXT("rerouted", delivery_way(d)), TEXT("reply", schedule_words(d))));
}

/* Of the mail that this is a part of, or all of it. */
static uint64_t
count_open(const struct queue *q, const struct queued *part)
{
	const struct queued *m;
	uint64_t count = 0;

	LIST_FOREACH (m, &q->messages, link)
		if (bytes_equal(bytes_text(queued_told(m)->text), bytes_text(queued_told(part)->text)))
			count += m->open;
	return count;
}

static void
tell_message(struct walk *w, const struct queued *m)
{
	control_line_put(&w->answer, "message", FIELDS(STR("mail", queued_told(m)->text), INT("arrived_s", m->arrived_s),
		INT("age_s", queue_now_s() - m->arrived_s), TEXT("sender", queued_sender(m)), INT("size", m->size),
		TEXT("parameters", queued_parameters(m)), INT("release_s", queued_release_s(m)),
		INT("deliver_by_s", queued_deadline_s(m)), INT("priority", m->priority), INT("recipients", count_open(w->queue, m))));
}

static void
tell_end(struct walk *w)
{
	const struct counts *c = &w->counts;
	const struct schedule *s = w->queue->schedule;

	if (w->command.verb == QUEUE_STATS)
		control_line_put(&w->answer, "end", FIELDS(INT("messages", c->messages), INT("recipients", c->recipients),
			INT("ready", c->ready), INT("waiting", c->waiting), INT("postponed", c->postponed), INT("sending", c->sending),
			INT("held", c->held), INT("destinations", schedule_destinations(s)), INT("resting", schedule_resting(s)), INT("oldest_s", c->oldest_s)));
	else
		control_line_put(&w->answer, "end", FIELDS(INT("messages", c->messages), INT("recipients", c->recipients),
			INT("left_alone", c->left_alone)));
}

/* ---- one message */

static bool
is_through(const struct walk *w)
{
	return !w->message || (w->command.limit && w->counts.recipients >= w->command.limit);
}

static bool
is_full(const struct walk *w)
{
	return w->answer.len >= PIECE_OCTETS;
}

static void
step_on(struct walk *w)
{
	w->message = LIST_NEXT(w->message, link);
	w->at = 0;
}

/* As far as the piece has room. */
static void
list(struct walk *w)
{
	struct queued *m = w->message;
	struct domain space;

	if (w->at == 0 && w->counts.messages++ == 0 && w->command.verb == QUEUE_SHOW)
		tell_message(w, m);
	for (; w->at < m->count && !is_full(w) && !is_through(w); w->at++) {
		const struct delivery *d = &m->at[w->at];
		struct hop hop;

		if (d->state == DELIVERY_DONE)
			continue;
		hop = hop_of(w->queue, d, &space);
		if (!command_means(&w->command, d, &hop))
			continue;
		tell_recipient(w, d, &hop);
		w->counts.recipients++;
	}
	if (w->at == m->count)
		step_on(w);
}

static void
count_one(struct counts *c, const struct delivery *d)
{
	uint32_t until_s;

	c->recipients++;
	switch (standing_of(d, &until_s)) {
	case STANDS_READY:
		c->ready++;
		return;
	case STANDS_WAITING:
	case STANDS_RESTING:
		c->waiting++;
		return;
	case STANDS_POSTPONED:
		c->postponed++;
		return;
	case STANDS_HELD:
		c->held++;
		return;
	case STANDS_SENDING:
		c->sending++;
		return;
	}
}

static void
count(struct walk *w)
{
	struct counts *c = &w->counts;
	const struct queued *m = w->message;
	int64_t age_s = queue_now_s() - m->arrived_s;
	uint64_t before = c->recipients;
	struct domain space;

	for (uint16_t i = 0; i < m->count; i++) {
		const struct delivery *d = &m->at[i];
		struct hop hop;

		if (d->state == DELIVERY_DONE)
			continue;
		hop = hop_of(w->queue, d, &space);
		if (command_means(&w->command, d, &hop))
			count_one(c, d);
	}
	if (c->recipients > before) {
		c->messages++;
		c->oldest_s = age_s > c->oldest_s ? age_s : c->oldest_s;
	}
	step_on(w);
}

/* ---- an action on one message */

/* The message has changed, and may go. */
static void
keep(struct walk *w, struct queued *m, struct delivery *failed)
{
	struct queue *q = w->queue;

	if (failed)
		queue_report_failed(q, m, failed);
	else if (w->command.verb != QUEUE_RETRY)
		queue_settle(q, m);
}

/* What is on its way is not touched. */
static void
act(struct walk *w)
{
	struct queued *m = w->message;
	struct delivery *failed = NULL, **last = &failed;
	uint64_t before = w->counts.recipients;
	struct domain space;

	for (uint16_t i = 0; i < m->count && !is_through(w); i++) {
		struct delivery *d = &m->at[i];
		struct hop hop;

		if (d->state == DELIVERY_DONE)
			continue;
		hop = hop_of(w->queue, d, &space);
		if (!command_means(&w->command, d, &hop))
			continue;
		w->counts.left_alone += d->state == DELIVERY_ACTIVE;
		if (!action_do(w->queue, &w->command, d))
			continue;
		w->counts.recipients++;
		if (w->command.verb != QUEUE_BOUNCE)
			continue;
		d->next = NULL;
		*last = d;
		last = &d->next;
	}
	step_on(w);
	if (w->counts.recipients == before)
		return;
	w->counts.messages++;
	keep(w, m, failed);
}

/* ---- the way */

static bool
must_pause(const struct walk *w)
{
	const struct spool *s = w->queue->spool;

	return command_is_action(w->command.verb)
		&& (spool_changes_asked(s) - spool_changes_kept(s) > CHANGES_MAX || w->queue->reports > QUEUE_REPORTS_MAX);
}

static void
visit(struct walk *w)
{
	const struct queued *m = w->message;

	if (!command_means_message(&w->command, m, queue_now_s())) {
		step_on(w);
		return;
	}
	if (w->command.verb == QUEUE_STATS)
		count(w);
	else if (command_is_action(w->command.verb))
		act(w);
	else
		list(w);
}

/* Who hears it may ask again at once, and that may cost an idle walk its place: the walk is not touched behind the answer. */
static void
answer(struct walk *w, bool is_last)
{
	struct control_question *question = w->question;
	struct buf out = w->answer;

	w->question = NULL;
	buf_init(&w->answer, CONTROL_LINES_MAX);
	if (is_last)
		walk_free(w);
	put_char(&out, '\n');
	control_answer(&question, out.has_failed ? BYTES("error the answer is too long\n") : buf_bytes(&out));
	buf_done(&out);
}

static void
finish(struct walk *w)
{
	if (command_is_action(w->command.verb))
		event(NULL, EV_QUEUE_COMMAND, STR("command", command_name(w->command.verb)), INT("messages", w->counts.messages),
			INT("recipients", w->counts.recipients));
	tell_end(w);
	answer(w, true);
}

/* Envelopes that changed within a second are kept together; who waits for an answer is not to be told of what is in memory alone. */
static bool
is_durable(struct walk *w)
{
	struct spool *s = w->queue->spool;

	if (!command_is_action(w->command.verb))
		return true;
	if (!w->is_settled) {
		queue_keep_changed(w->queue);
		w->change = spool_changes_asked(s);
		w->is_settled = true;
	}
	return spool_changes_kept(s) >= w->change;
}

/* For some milliseconds, so that mail goes on meanwhile. */
static void
step(struct timer *t)
{
	struct walk *w = (struct walk *)((char *)t - offsetof(struct walk, timer));
	int64_t now_us = time_now().mono_us, until_us = now_us + STEP_US;

	for (; !is_through(w) && !is_full(w) && !must_pause(w) && now_us < until_us; now_us = time_now().mono_us)
		visit(w);
	if (w->command.verb == QUEUE_RETRY || w->command.verb == QUEUE_RELEASE || w->command.verb == QUEUE_REROUTE)
		queue_kick(w->queue);
	if (is_through(w) && is_durable(w)) {
		finish(w);
	} else if (is_full(w) || now_us - w->asked_us > PIECE_US) {
		control_line_put(&w->answer, "more", FIELDS(INT("cursor", w->number)));
		answer(w, false);
	} else {
		timer_start(&w->timer, PAUSE_MS, 0);
	}
}

/* ---- questions */

static void
begin_piece(struct walk *w, struct control_question *question)
{
	w->question = question;
	w->asked_us = time_now().mono_us;
	put_text(&w->answer, "lines\n");
	timer_start(&w->timer, PAUSE_MS, 0);
}

static void
refuse(struct control_question *question, const char *why)
{
	uint8_t space[FAULT_TEXT_MAX + 16];
	struct buf out;

	buf_init_fixed(&out, space, sizeof space);
	put_format(&out, "error %s\n", why);
	control_answer(&question, buf_bytes(&out));
}

/* Room for one more: who left his walk in the middle gives way. */
static bool
make_room(struct queue *q)
{
	struct walk *w, *idle = NULL;

	if (q->walk_count < WALKS_MAX)
		return true;
	LIST_FOREACH (w, &q->walks, link)
		if (!w->question)
			idle = w; /* the oldest is the last */
	if (idle)
		walk_free(idle);
	return idle != NULL;
}

static struct walk *
find(const struct queue *q, uint64_t number)
{
	struct walk *w;

	LIST_FOREACH (w, &q->walks, link)
		if (w->number == number && !w->question)
			return w;
	return NULL;
}

static void
begin(struct queue *q, struct walk *w, struct control_question *question)
{
	w->queue = q;
	w->number = ++q->last_walk;
	w->message = LIST_FIRST(&q->messages);
	timer_init(&w->timer, q->role->loop, step);
	buf_init(&w->answer, CONTROL_LINES_MAX);
	LIST_INSERT_HEAD(&q->walks, w, link);
	q->walk_count++;
	begin_piece(w, question);
}

static void
go_on(struct queue *q, uint64_t cursor, struct control_question *question)
{
	struct walk *w = find(q, cursor);

	if (w)
		begin_piece(w, question);
	else
		refuse(question, "the rest of that answer was given up: ask anew");
}

static void
opened(void *arg, int fd, int error)
{
	struct control_question *question = arg;

	if (fd >= 0)
		control_answer_with(&question, BYTES("ok\n"), fd);
	else if (error == ENOENT)
		control_answer(&question, BYTES("absent\n"));
	else
		refuse(question, "the disk does not give the message");
	disk_close(&fd);
}

static void
open_body(struct queue *q, struct bytes id, struct control_question *question)
{
	struct mail_id mail;
	const struct queued *m;

	if (!mail_id_parse(id, &mail)) {
		refuse(question, "that is no mail id");
		return;
	}
	LIST_FOREACH (m, &q->messages, link)
		if (bytes_equal(bytes_text(queued_told(m)->text), id))
			break;
	spool_open_body(q->spool, m ? &m->id : &mail, opened, question);
}

void
walk_ask(void *arg, struct control_question *question, struct bytes line)
{
	struct queue *q = arg;
	struct walk *w = NEW(struct walk);
	struct buf values;
	struct fault f;

	buf_init_fixed(&values, w->text, sizeof w->text);
	if (command_take(line, &values, &w->command, &f) != 0) {
		refuse(question, f.text);
	} else if (w->command.verb == QUEUE_NEXT) {
		go_on(q, w->command.cursor, question);
	} else if (w->command.verb == QUEUE_BODY) {
		open_body(q, w->command.id, question);
	} else if (!make_room(q)) {
		refuse(question, "too many questions at a time");
	} else {
		begin(q, w, question);
		return;
	}
	memory_free(w);
}
