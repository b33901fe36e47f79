#include "role/queue/action.h"

static bool
hold(struct queue *q, struct delivery *d)
{
	if (!delivery_is_idle(d))
		return false;
	schedule_remove(q->schedule, d);
	d->state = DELIVERY_HELD;
	return true;
}

/* Its age is counted from now on when nothing of the message is postponed any more. */
static void
release_early(struct queue *q, struct delivery *d)
{
	struct queued *m = delivery_message(d);
	bool is_postponed = false;

	schedule_hurry(q->schedule, d, queue_now_s());
	for (uint16_t i = 0; i < m->count; i++)
		is_postponed |= m->at[i].state != DELIVERY_DONE && m->at[i].is_postponed;
	if (!is_postponed)
		queued_release(m, (uint32_t)queue_now_s());
}

static bool
release(struct queue *q, struct delivery *d)
{
	if (d->state == DELIVERY_WAITING && d->is_postponed) {
		release_early(q, d);
		return true;
	}
	if (d->state != DELIVERY_HELD)
		return false;
	d->state = DELIVERY_WAITING;
	queue_schedule(q, d);
	return true;
}

static bool
retry(struct queue *q, struct delivery *d)
{
	if (!delivery_is_idle(d) || d->is_postponed)
		return false;
	if (d->state == DELIVERY_READY)
		schedule_wake(q->schedule, d->destination);
	else
		schedule_hurry(q->schedule, d, queue_now_s());
	return true;
}

static bool
remove_one(struct queue *q, struct delivery *d)
{
	if (delivery_is_idle(d))
		schedule_remove(q->schedule, d);
	else if (d->state != DELIVERY_HELD)
		return false;
	event(NULL, EV_QUEUE_REMOVED, STR("mail", queued_told(delivery_message(d))->text), TEXT("sender", queued_sender(delivery_message(d))),
		TEXT("recipient", delivery_address(d)), TEXT("reply", delivery_reply(d)));
	delivery_done(d);
	return true;
}

static bool
bounce(struct queue *q, struct delivery *d)
{
	if (delivery_is_idle(d))
		schedule_take(q->schedule, d);
	else if (d->state == DELIVERY_HELD)
		d->state = DELIVERY_ACTIVE;
	else
		return false;
	queue_returned(d, BYTES("550 5.7.0 returned to its sender by the administrator"));
	return true;
}

/* What is due waits no longer; what is held goes that way when it is released.  Of an address that led to several the sender is told, and
   nothing is sent (SEND_EXPANDED). */
static bool
reroute(struct queue *q, struct delivery *d, struct bytes to)
{
	bool was_idle = delivery_is_idle(d);
	uint8_t space[QUEUE_WAY_MAX];
	struct buf way;

	if ((!was_idle && d->state != DELIVERY_HELD) || (delivery_message(d)->flags & SEND_EXPANDED))
		return false;
	if (was_idle)
		schedule_remove(q->schedule, d);
	buf_init_fixed(&way, space, sizeof space);
	for (size_t i = 0; i < to.len; i++)
		put_char(&way, byte_lower(to.ptr[i]));
	delivery_set_way(d, buf_bytes(&way));
	if (!d->is_postponed)
		d->next_s = 0;
	if (was_idle) {
		d->state = DELIVERY_WAITING;
		queue_schedule(q, d);
	}
	event(NULL, EV_QUEUE_REROUTED, STR("mail", queued_told(delivery_message(d))->text), TEXT("recipient", delivery_address(d)), TEXT("to", to));
	return true;
}

bool
action_do(struct queue *q, const struct command *c, struct delivery *d)
{
	switch (c->verb) {
	case QUEUE_HOLD:
		return hold(q, d);
	case QUEUE_RELEASE:
		return release(q, d);
	case QUEUE_RETRY:
		return retry(q, d);
	case QUEUE_REROUTE:
		return reroute(q, d, c->to);
	case QUEUE_REMOVE:
		return remove_one(q, d);
	case QUEUE_BOUNCE:
		return bounce(q, d);
	case QUEUE_LIST:
	case QUEUE_SHOW:
	case QUEUE_STATS:
	case QUEUE_NEXT:
	case QUEUE_BODY:
	case QUEUE_VERBS:
		break;
	}
	return false;
}
