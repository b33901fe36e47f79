#include "config/route.h"
#include "role/queue/queue_internal.h"
#include "role/queue/walk.h"

#include <errno.h>

enum { DAY_S = 86400, REFUSAL_MAX = 512 };

/* 0 while the clock is behind. */
static uint64_t
age_s(const struct queued *m)
{
	int64_t age = queue_now_s() - m->arrived_s;

	return age > 0 ? (uint64_t)age : 0;
}

static void
tell(enum event_id id, const struct delivery *d, const struct said *said)
{
	event(NULL, id, STR("mail", queued_told(delivery_message(d))->text), TEXT("sender", queued_sender(delivery_message(d))),
		TEXT("recipient", delivery_address(d)), TEXT("server", said->server), TEXT("reply", said->reply),
		INT("attempts", d->attempts + 1), INT("age_s", age_s(delivery_message(d))));
}

static void
keep_said(struct delivery *d, const struct said *said)
{
	delivery_set_reply(d, said->reply, said->is_theirs ? said->server : BYTES_NONE);
	d->tried_s = (uint32_t)queue_now_s();
}

void
queue_delivered(struct queue *q, struct delivery *d, const struct said *said)
{
	tell(EV_QUEUE_SENT, d, said);
	schedule_forget(q->schedule, d);
	delivery_done(d);
}

void
queue_delivered_here(struct queue *q, struct delivery *d, const struct said *said, struct delivery **told)
{
	if (!told) {
		queue_delivered(q, d, said);
		return;
	}
	tell(EV_QUEUE_SENT, d, said);
	keep_said(d, said);
	while (*told)
		told = &(*told)->next;
	d->next = NULL;
	*told = d;
}

void
queue_deferred(struct queue *q, struct delivery *d, const struct said *said)
{
	tell(EV_QUEUE_DEFERRED, d, said);
	keep_said(d, said);
	schedule_retry(q->schedule, d, queue_now_s());
}

void
queue_put_off(struct queue *q, struct delivery *d, const struct said *said)
{
	tell(EV_QUEUE_DEFERRED, d, said);
	keep_said(d, said);
	schedule_return(q->schedule, d, queue_now_s());
}

static void
hold_lost(struct queue *q, struct delivery *d)
{
	struct said said = { .reply = BYTES("451 4.3.0 the message is lost here") };

	tell(EV_QUEUE_GONE, d, &said);
	delivery_set_reply(d, said.reply, BYTES_NONE);
	schedule_forget(q->schedule, d);
	d->state = DELIVERY_HELD;
}

void
queue_unopened(struct queue *q, struct delivery *first, int error)
{
	struct queued *m = delivery_message(first);

	event(NULL, EV_QUEUE_FAILED, STR("what", "open a message"), STR("mail", queued_told(m)->text), INT("error", error));
	for (struct delivery *d = first, *next; d; d = next) {
		next = d->next;
		if (error == ENOENT)
			hold_lost(q, d);
		else
			schedule_return(q->schedule, d, queue_now_s());
	}
	if (error == ENOENT)
		queue_settle(q, m);
}

void
queue_failed(struct queue *q, struct delivery *d, const struct said *said)
{
	(void)q;
	tell(EV_QUEUE_BOUNCED, d, said);
	keep_said(d, said);
}

void
queue_returned(struct delivery *d, struct bytes reply)
{
	tell(EV_QUEUE_BOUNCED, d, &(struct said){ .reply = reply });
	delivery_set_reply(d, reply, BYTES_NONE);
}

static void
unlist(struct queue *q, const struct queued *m)
{
	(void)map_remove_number(q->changed, (uintptr_t)m);
}

static void
keep(struct queue *q, struct queued *m)
{
	unlist(q, m);
	m->kept_s = (uint8_t)queue_now_s();
	spool_update(q->spool, m);
}

/* Once a second is enough: the envelope of a mail to a thousand hosts is large, and changes a thousand times. */
static void
keep_soon(struct queue *q, struct queued *m)
{
	if (m->kept_s != (uint8_t)queue_now_s())
		keep(q, m);
	else
		(void)map_put_number(q->changed, (uintptr_t)m, m);
}

void
queue_keep_changed(struct queue *q)
{
	struct map *changed = q->changed;
	struct bytes key;
	void *value;

	if (map_count(changed) == 0)
		return;
	q->changed = map_new();
	for (size_t at = 0; map_next(changed, &at, &key, &value);)
		keep(q, value);
	map_free(&changed);
}

void
queue_settle(struct queue *q, struct queued *m)
{
	if (m->open > 0) {
		keep_soon(q, m);
		return;
	}
	unlist(q, m);
	spool_remove(q->spool, &m->id);
	walk_leave(q, m);
	if (q->swept == m)
		q->swept = LIST_NEXT(m, link);
	LIST_REMOVE(m, link);
	q->count--;
	queued_free(&m);
}

/* Late, and to be returned then (RFC 2852 4.1). */
static bool
is_to_return(const struct queued *m)
{
	return m->flags & SEND_BY_RETURN && queued_is_overdue(m, queue_now_s());
}

struct bytes
queue_words_of_others(const struct delivery *d)
{
	const struct destination *to = d->destination;

	/* What a server that answered said is of another's mail, and may name him. */
	if (to && to->failures > 0 && to->silence && to->silence->len)
		return bytes_of(to->silence->octets, to->silence->len);
	return BYTES("451 4.4.0 no server was reached so far");
}

struct bytes
queue_server_of_others(const struct delivery *d)
{
	const struct reply *silence = d->destination ? d->destination->silence : NULL;

	return silence && queue_words_of_others(d).ptr == silence->octets ? reply_server(silence) : BYTES_NONE;
}

static void
expire_one(struct delivery *d)
{
	if (delivery_reply(d).len == 0)
		delivery_set_reply(d, queue_words_of_others(d), queue_server_of_others(d));
	tell(EV_QUEUE_EXPIRED, d, &(struct said){ .reply = delivery_reply(d), .server = delivery_server(d) });
	if (is_to_return(delivery_message(d)))
		delivery_set_reply(d, BYTES("550 5.4.7 not delivered by the time that its sender set"), BYTES_NONE);
}

bool
queue_return_late(struct queue *q, const struct batch *b)
{
	if (!is_to_return(b->message))
		return false;
	for (struct delivery *d = b->first; d; d = d->next)
		expire_one(d);
	schedule_batch_done(q->schedule, b, BATCH_NOT_TRIED, queue_now_s());
	queue_report_failed(q, b->message, b->first);
	return true;
}

/* True: it failed. */
static bool
refuse_one(struct queue *q, struct delivery *d)
{
	struct domain space;
	struct hop hop;
	const struct config_route *route = route_find(q->config, queued_sender(delivery_message(d)), delivery_address(d), &space, &hop);
	char text[REFUSAL_MAX];
	struct buf reply;

	/* It was under way when the configuration changed. */
	if (hop.kind != HOP_KIND_NOBODY) {
		schedule_forget(q->schedule, d);
		queue_schedule(q, d);
		return false;
	}
	buf_init_fixed(&reply, text, sizeof text);
	config_put_refusal(&reply, route);
	if (config_is_refusal_for_now(route))
		queue_deferred(q, d, &(struct said){ .reply = buf_bytes(&reply) });
	else
		queue_returned(d, buf_bytes(&reply));
	return !config_is_refusal_for_now(route);
}

void
queue_refuse(struct queue *q, const struct batch *b)
{
	bool has_time = q->reports <= QUEUE_REPORTS_MAX;
	struct delivery *failed = NULL, **last = &failed;

	for (struct delivery *d = b->first, *next; d; d = next) {
		next = d->next;
		if (!has_time) {
			schedule_return(q->schedule, d, queue_now_s());
		} else if (refuse_one(q, d)) {
			d->next = NULL;
			*last = d;
			last = &d->next;
		}
	}
	schedule_batch_done(q->schedule, b, BATCH_NOT_TRIED, queue_now_s());
	if (failed)
		queue_report_failed(q, b->message, failed);
	else
		queue_settle(q, b->message);
}

/* Those of the message that still wait fail. */
static void
expire(struct queue *q, struct queued *m)
{
	struct delivery *first = NULL;

	for (uint16_t i = m->count; i-- > 0;) {
		struct delivery *d = &m->at[i];

		if (!delivery_is_idle(d))
			continue;
		schedule_take(q->schedule, d);
		expire_one(d);
		d->next = first;
		first = d;
	}
	if (first)
		queue_report_failed(q, m, first);
}

static bool
is_late(const struct queue *q, const struct queued *m, int64_t age)
{
	bool is_old = q->config->queue_delay_notice_s && age >= q->config->queue_delay_notice_s;
	bool is_overdue = queue_is_to_tell_overdue(m);

	for (uint16_t i = 0; i < m->count; i++)
		if ((is_old || is_overdue) && queue_is_late_news(&m->at[i], is_overdue))
			return true;
	return false;
}

static void
sweep_one(struct queue *q, struct queued *m, bool may_expire)
{
	int64_t age = queue_now_s() - queued_since_s(m), lifetime_s = q->config->queue_lifetime_s;

	if (m->flags & QUEUE_DAY_ONLY && lifetime_s > DAY_S)
		lifetime_s = DAY_S;
	if ((age >= lifetime_s && may_expire) || is_to_return(m))
		expire(q, m);
	else if (is_late(q, m, age))
		queue_report_delayed(q, m);
}

void
queue_sweep_on(struct queue *q)
{
	/* What the server slept through is tried once more before it is given up, and the clock may be put right by then. */
	bool may_expire = time_now().mono_us / 1000000 - q->started_s >= q->config->queue_retry_first_s;
	struct queued *m;

	while ((m = q->swept) && q->reports <= QUEUE_REPORTS_MAX && !q->is_draining) {
		q->swept = LIST_NEXT(m, link);
		sweep_one(q, m, may_expire);
	}
}

void
queue_sweep(struct queue *q)
{
	if (!q->swept)
		q->swept = LIST_FIRST(&q->messages);
	queue_sweep_on(q);
}
