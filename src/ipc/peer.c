/* Requests wait in a list ordered by deadline and in a map by number.  Most have the same time to
   live, so a new one goes to the end of the list at once.  One timer stands at the earliest deadline
   it was ever told of; when it fires too early it is set again. */
#include "ipc/peer.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "sys/net.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

/* Frames up to this size are made on the stack. */
#define SMALL_FRAME 4096

struct pending {
	TAILQ_ENTRY(pending) link;
	uint64_t request;
	int64_t deadline_us; /* mono */
	enum message_type type;
	enum { SENT, UNSENT, LOST } state;
	peer_answered answered;
	void *arg;
};

struct peer {
	struct timer timer; /* first: its close frees the peer */
	struct defer unsent; /* answers requests that could not be sent */
	struct loop *loop;
	enum role self, other;
	uint8_t index;
	struct peer_handlers handlers;
	void *arg;
	TAILQ_HEAD(pending_list, pending) pending;
	struct map *by_request;
	int64_t timer_at_us; /* 0: not set */
	_Atomic uint64_t last_request;
	bool may_go;

	pthread_mutex_t mutex; /* channel is changed on the loop's thread, used on any */
	struct channel *channel;
};

static void
close_descriptors(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		net_close(fds[i]);
}

static void
remove_pending(struct peer *p, struct pending *q)
{
	TAILQ_REMOVE(&p->pending, q, link);
	map_remove_number(p->by_request, q->request);
	memory_free(q);
}

/* Removed before it is called: the callback may make new requests. */
static void
answer(struct peer *p, struct pending *q, const struct message *m)
{
	peer_answered answered = q->answered;
	void *arg = q->arg;

	remove_pending(p, q);
	answered(arg, m);
}

static void
set_timer(struct peer *p)
{
	const struct pending *first = TAILQ_FIRST(&p->pending);
	int64_t now_us = loop_now(p->loop).mono_us;

	if (!first || (p->timer_at_us != 0 && p->timer_at_us <= first->deadline_us))
		return;
	p->timer_at_us = first->deadline_us;
	uint64_t delay_us =
		first->deadline_us > now_us ? (uint64_t)(first->deadline_us - now_us) : 0;
	timer_start(&p->timer, (delay_us + 999) / 1000, 0);
}

static void
on_timer(struct timer *t)
{
	struct peer *p = (struct peer *)t;
	struct pending *q;

	p->timer_at_us = 0;
	while ((q = TAILQ_FIRST(&p->pending)) && q->deadline_us <= loop_now(p->loop).mono_us) {
		event(NULL, EV_REQUEST_LATE, STR("peer", ipc_role_name(p->other)),
			INT("index", p->index), STR("request", ipc_message_name(q->type)));
		answer(p, q, NULL);
	}
	set_timer(p);
}

static struct pending *
first_in_state(struct peer *p, int state)
{
	struct pending *q;

	TAILQ_FOREACH(q, &p->pending, link)
		if ((int)q->state == state)
			return q;
	return NULL;
}

/* One in a turn: who asks again at once must not keep the loop here. */
static void
on_unsent(struct defer *d)
{
	struct peer *p = (struct peer *)((char *)d - offsetof(struct peer, unsent));
	struct pending *q = first_in_state(p, UNSENT);

	if (q)
		answer(p, q, NULL);
	if (first_in_state(p, UNSENT))
		loop_defer(p->loop, &p->unsent);
}

static struct channel *
exchange_channel(struct peer *p, struct channel *new)
{
	pthread_mutex_lock(&p->mutex);
	struct channel *old = p->channel;
	p->channel = new;
	pthread_mutex_unlock(&p->mutex);
	return old;
}

static void
lose(struct peer *p)
{
	struct channel *old = exchange_channel(p, NULL);
	struct pending *q;

	if (!old)
		return;
	channel_free(&old);
	TAILQ_FOREACH(q, &p->pending, link)
		q->state = LOST;
	while ((q = first_in_state(p, LOST)))
		answer(p, q, NULL);
	if (p->handlers.lost)
		p->handlers.lost(p->arg, p);
}

static void
on_lost(void *arg)
{
	struct peer *p = arg;

	if (!p->may_go)
		event(NULL, EV_CHANNEL_LOST, STR("peer", ipc_role_name(p->other)),
			INT("index", p->index));
	lose(p);
}

static void
cut(struct peer *p, const struct fault *f, const int *fds, size_t fd_count)
{
	event(NULL, EV_CHANNEL_CUT, STR("peer", ipc_role_name(p->other)), INT("index", p->index),
		STR("error", f->text));
	close_descriptors(fds, fd_count);
	lose(p);
}

static void
on_answer(struct peer *p, const struct message *m)
{
	struct pending *q = map_get_number(p->by_request, ipc_request_of(m));
	struct fault f;

	if (!q) {
		close_descriptors(m->fds, m->fd_count);
	} else if (ipc_answer_of(q->type) != m->type) {
		fault_set(&f, FAULT_SYNTAX, "%s is no answer to %s", ipc_message_name(m->type),
			ipc_message_name(q->type));
		cut(p, &f, m->fds, m->fd_count);
	} else {
		answer(p, q, m);
	}
}

/* What the channel lent is its own memory, and stays there until other frames come. */
static void
dispatch(struct peer *p, struct bytes frame, const struct message *m)
{
	enum message_type type = m->type;

	p->handlers.message(p->arg, p, m);
	if (ipc_has_secret(type))
		memory_wipe((void *)(uintptr_t)frame.ptr, frame.len);
}

static void
on_frame(void *arg, struct bytes frame, const int *fds, size_t fd_count)
{
	struct peer *p = arg;
	struct message m;
	struct fault f;

	if (ipc_decode(frame, p->other, p->self, fds, fd_count, &m, &f) == -1)
		cut(p, &f, fds, fd_count);
	else if (ipc_is_answer(m.type))
		on_answer(p, &m);
	else
		dispatch(p, frame, &m);
}

struct peer *
peer_new(struct loop *loop, enum role self, enum role other, uint8_t index,
	const struct peer_handlers *handlers, void *arg)
{
	struct peer *p = NEW(struct peer);

	timer_init(&p->timer, loop, on_timer);
	p->unsent.work = on_unsent;
	p->loop = loop;
	p->self = self;
	p->other = other;
	p->index = index;
	p->handlers = *handlers;
	p->arg = arg;
	p->by_request = map_new();
	TAILQ_INIT(&p->pending);
	pthread_mutex_init(&p->mutex, NULL);
	return p;
}

static void
on_timer_closed(struct timer *t)
{
	struct peer *p = (struct peer *)t;

	map_free(&p->by_request);
	pthread_mutex_destroy(&p->mutex);
	memory_free(p);
}

void
peer_free(struct peer **at)
{
	struct peer *p = *at;
	struct pending *q;

	if (!p)
		return;
	*at = NULL;
	struct channel *old = exchange_channel(p, NULL);
	channel_free(&old);
	while ((q = TAILQ_FIRST(&p->pending)))
		remove_pending(p, q);
	loop_defer_cancel(p->loop, &p->unsent);
	timer_close(&p->timer, on_timer_closed);
}

void
peer_connect(struct peer *p, int fd)
{
	static const struct channel_handlers handlers = { .frame = on_frame, .lost = on_lost };

	/* May end in on_lost, after which there is no channel any more. */
	peer_poll(p);
	lose(p);
	exchange_channel(p, channel_new(p->loop, fd, &handlers, p));
}

void
peer_let_go(struct peer *p)
{
	p->may_go = true;
}

bool
peer_is_connected(const struct peer *p)
{
	return p->channel != NULL;
}

enum role
peer_role(const struct peer *p)
{
	return p->other;
}

uint8_t
peer_index(const struct peer *p)
{
	return p->index;
}

static int
send_encoded(struct peer *p, const struct message *m, const struct buf *frame,
	int (*send)(struct channel *c, struct bytes frame, const int *fds, size_t fd_count))
{
	/* A field larger than messages.def allows is a bug of ours. */
	assert(!frame->has_failed);
	pthread_mutex_lock(&p->mutex);
	int result = p->channel ? send(p->channel, buf_bytes(frame), m->fds, m->fd_count) : -1;
	pthread_mutex_unlock(&p->mutex);
	return result;
}

static int
encode_and_send(struct peer *p, const struct message *m,
	int (*send)(struct channel *c, struct bytes frame, const int *fds, size_t fd_count))
{
	uint8_t small[SMALL_FRAME];
	size_t size = ipc_size_at_most(m);
	struct buf frame;

	if (size <= sizeof small) {
		buf_init_fixed(&frame, small, sizeof small);
		ipc_encode(&frame, m);
	} else {
		buf_init(&frame, size);
		(void)buf_room(&frame, size);
		ipc_encode(&frame, m);
	}
	int result = send_encoded(p, m, &frame, send);
	if (ipc_has_secret(m->type))
		memory_wipe(frame.ptr, frame.len);
	if (size > sizeof small)
		buf_done(&frame);
	return result;
}

int
peer_send(struct peer *p, const struct message *m)
{
	return encode_and_send(p, m, channel_send);
}

int
peer_send_now(struct peer *p, const struct message *m)
{
	return encode_and_send(p, m, channel_send_now);
}

uint64_t
peer_request_id(struct peer *p)
{
	return atomic_fetch_add(&p->last_request, 1) + 1;
}

static void
insert_by_deadline(struct peer *p, struct pending *new)
{
	struct pending *q;

	TAILQ_FOREACH_REVERSE(q, &p->pending, pending_list, link)
		if (q->deadline_us <= new->deadline_us) {
			TAILQ_INSERT_AFTER(&p->pending, q, new, link);
			return;
		}
	TAILQ_INSERT_HEAD(&p->pending, new, link);
}

void
peer_request(struct peer *p, const struct message *m, uint64_t request, uint32_t within_ms,
	peer_answered answered, void *arg)
{
	struct pending *q = NEW(struct pending);

	assert(request != 0 && ipc_request_of(m) == request);
	assert(ipc_answer_of(m->type) != MESSAGE_COUNT);
	q->request = request;
	q->deadline_us = loop_now(p->loop).mono_us + (int64_t)within_ms * 1000;
	q->type = m->type;
	q->answered = answered;
	q->arg = arg;
	insert_by_deadline(p, q);
	map_put_number(p->by_request, request, q);
	if (peer_send(p, m) == -1) {
		q->state = UNSENT;
		loop_defer(p->loop, &p->unsent);
	}
	set_timer(p);
}

void
peer_forget(struct peer *p, uint64_t request)
{
	struct pending *q = map_get_number(p->by_request, request);

	if (q)
		remove_pending(p, q);
}

size_t
peer_untaken_octets(struct peer *p)
{
	return p->channel ? channel_untaken_octets(p->channel) : 0;
}

void
peer_poll(struct peer *p)
{
	if (p->channel)
		channel_poll(p->channel);
}
