#include "role/store/request.h"

#include "role/store/failure.h"
#include "role/store/mailbox.h"
#include "role/store/usage.h"

#include <string.h>

enum { REQUEST_ARENA_MAX = 64 * 1024 * 1024 };

/* Everything in a message that is not in the struct itself, as the X-macros of messages.def see it. */
#define U8(n)
#define U16(n)
#define U32(n)
#define U64(n)
#define FDS(most)
#define OCTETS(n, most) copy_octets(&from->n, to ? &to->n : NULL, at, &used);
#define RANGES(n, most) copy_ranges(&from->n, to ? &to->n : NULL, at, &used);

static void
copy_octets(const struct bytes *from, struct bytes *to, uint8_t *at, size_t *used)
{
	if (to && from->len) {
		memcpy(at + *used, from->ptr, from->len);
		to->ptr = at + *used;
	}
	*used += (from->len + 7) / 8 * 8;
}

static void
copy_ranges(const struct ipc_ranges *from, struct ipc_ranges *to, uint8_t *at, size_t *used)
{
	size_t octets = from->count * sizeof *from->at;

	if (to && octets) {
		memcpy(at + *used, from->at, octets);
		to->at = (const void *)(at + *used);
	}
	*used += (octets + 7) / 8 * 8;
}

/* Copies what m's members point to behind `at` and lets *copy point there; counts only without copy. */
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static size_t __attribute__((unused)) copy_##member(                                       \
		const struct ipc_##member *from, struct ipc_##member *to, uint8_t *at)             \
	{                                                                                          \
		size_t used = 0;                                                                   \
                                                                                                   \
		(void)from;                                                                        \
		(void)to;                                                                          \
		(void)at;                                                                          \
		__VA_ARGS__                                                                        \
		return used;                                                                       \
	}
#include "ipc/messages.def"
#undef MESSAGE

static size_t
copy_message(const struct message *m, struct message *copy, uint8_t *at)
{
	switch (m->type) {
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	case MESSAGE_##name:                                                                       \
		return copy_##member(&m->u.member, copy ? &copy->u.member : NULL, at);
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		break;
	}
	return 0;
}

#undef U8
#undef U16
#undef U32
#undef U64
#undef FDS
#undef OCTETS
#undef RANGES

static struct request *
allocate(struct engine_account *a, const struct message *m)
{
	size_t head = (sizeof(struct request) + 7) / 8 * 8;
	struct request *r = memory_new(head + copy_message(m, NULL, NULL));

	r->m = *m;
	(void)copy_message(m, &r->m, (uint8_t *)r + head);
	r->engine = a->engine;
	r->account = a;
	pthread_mutex_lock(&a->engine->lock);
	a->engine->requests++;
	pthread_mutex_unlock(&a->engine->lock);
	r->arena = arena_new("request", REQUEST_ARENA_MAX, ARENA_PLAIN);
	return r;
}

/* The body's octets are held with the body; they are not copied once more. */
static struct message
without_body(const struct message *m)
{
	struct message bare = *m;

	if (m->type == MESSAGE_DELIVER)
		bare.u.deliver.octets = BYTES_NONE;
	if (m->type == MESSAGE_APPEND)
		bare.u.append.octets = BYTES_NONE;
	return bare;
}

uint64_t
request_octets(const struct engine_body *body, const struct message *m)
{
	struct message bare = without_body(m);

	return sizeof(struct request) + copy_message(&bare, NULL, NULL) + (body ? body->octets.len : 0);
}

struct request *
request_new(struct engine_account *a, struct engine_session *s, struct engine_body *body,
	struct engine_outlet *o, const struct message *m)
{
	struct message bare = without_body(m);
	struct request *r = allocate(a, &bare);

	if (s)
		atomic_fetch_add(&s->holds, 1);
	r->session = s;
	r->body = body ? engine_body_hold(body) : NULL;
	r->outlet = o;
	r->outlet_epoch = o ? outlet_epoch(o) : 0;
	r->octets = request_octets(body, m);
	if (o)
		atomic_fetch_add(&o->requests_octets, r->octets);
	r->is_exclusive = m->type == MESSAGE_MAILBOX_CHANGE;
	return r;
}

struct request *
request_new_internal(struct engine_account *a)
{
	const struct message none = { .type = MESSAGE_COUNT };

	return allocate(a, &none);
}

/* May r begin?  An exclusive request waits until all that began before are done, and holds up all others. */
static bool
may_begin(struct engine_account *a, struct request *r)
{
	if (a->exclusive && a->exclusive != r)
		return false;
	if (!r->is_exclusive)
		return true;
	a->exclusive = r;
	return a->started == 0;
}

static void
park(struct engine_account *a, struct request *r)
{
	r->next = NULL;
	if (a->parked)
		a->parked_last->next = r;
	else
		a->parked = r;
	a->parked_last = r;
}

static void
run(struct job *job)
{
	struct request *r = (void *)((uint8_t *)job - offsetof(struct request, job));
	struct engine_account *a = r->account;

	if (!r->is_started) {
		if (!may_begin(a, r)) {
			if (a->exclusive != r)
				park(a, r);
			return;
		}
		r->is_started = true;
		a->started++;
	}
	r->work(r);
}

/* A request ended: the exclusive one's turn, or of those that waited for its end. */
static void
give_turn(struct engine_account *a)
{
	struct request *r = a->exclusive;

	if (r) {
		if (!r->is_started && a->started == 0)
			pool_add(a->engine->pool, &a->strand, &r->job);
		return;
	}
	while ((r = a->parked)) {
		a->parked = r->next;
		pool_add(a->engine->pool, &a->strand, &r->job);
	}
}

void
request_start(struct request *r, void (*work)(struct request *r))
{
	request_continue(r, work);
}

void
request_continue(struct request *r, void (*work)(struct request *r))
{
	r->work = work;
	r->job.run = run;
	pool_add(r->engine->pool, &r->account->strand, &r->job);
}

void
request_beside(struct request *r, void (*work)(struct request *r))
{
	r->work = work;
	r->job.run = run;
	/* No strand: what it asks for next, on the account's strand, may end r before this job's run returns. */
	pool_add(r->engine->pool, NULL, &r->job);
}

struct message
request_refusal(const struct message *m, enum ipc_outcome outcome)
{
	struct message reply = { .type = MESSAGE_COUNT };

	if (m->type < MESSAGE_COUNT)
		reply.type = ipc_answer_of(m->type);
	if (reply.type == MESSAGE_COUNT)
		return reply;
	/* Every answer begins as DONE does. */
	reply.u.done.request = ipc_request_of(m);
	reply.u.done.outcome = (uint8_t)outcome;
	return reply;
}

struct message
request_reply(const struct request *r, enum ipc_outcome outcome)
{
	return request_refusal(&r->m, outcome);
}

void
request_send(struct request *r, const struct message *reply)
{
	if (r->outlet && reply->type != MESSAGE_COUNT)
		outlet_send(r->outlet, r->outlet_epoch, reply);
}

void
request_done(struct request *r)
{
	struct engine_account *a = r->account;

	request_log_done(r);
	usage_give_back(r);
	mailbox_unpin(&r->mailbox);
	mailbox_unpin(&r->target);
	if (r->outlet)
		atomic_fetch_sub(&r->outlet->requests_octets, r->octets);
	if (r->session)
		session_release(r->session);
	engine_body_release(&r->body);
	arena_free(&r->arena);
	if (a->exclusive == r)
		a->exclusive = NULL;
	a->started--;
	account_rest(a);
	memory_free(r);
	give_turn(a);
	pthread_mutex_lock(&a->engine->lock);
	if (--a->engine->requests == 0)
		pthread_cond_broadcast(&a->engine->settled);
	pthread_mutex_unlock(&a->engine->lock);
}

void
request_answer(struct request *r, enum ipc_outcome outcome)
{
	struct message reply = request_reply(r, outcome);

	request_send(r, &reply);
	request_done(r);
}

void
request_fail(struct request *r, const char *what, int error)
{
	request_answer(r, failure_report(what, r->account->path, error));
}
