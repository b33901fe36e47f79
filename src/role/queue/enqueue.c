/* What fronts hand over: answered when it will survive whatever happens. */
#include "role/queue/queue_internal.h"

#include "proto/dkim/dkim.h"
#include "sys/disk.h"

/* That are not durable yet, of all fronts; each may hold what a frame does. */
enum { ARRIVALS_MAX = 2000 };
/* What is added to a message on its way in; lines that were too long make it half as long again at most (DOWNGRADE_TO_SHORT_LINES). */
enum { ADDED_OCTETS_MAX = 2 * 65536 };
/* As SIGNED has room for. */
enum { SIGNATURES_OCTETS_MAX = 8192 };

struct arrival {
	struct arrival *next;
	struct queue *queue;
	struct peer *front; /* NULL: gone */
	uint64_t request;
	struct queued *message;
};

static void
answer(struct peer *front, uint64_t request, enum ipc_outcome outcome)
{
	struct message m = { .type = MESSAGE_ENQUEUED, .u.enqueued = { request, (uint8_t)outcome } };

	if (front && peer_send(front, &m) != 0)
		return; /* it is gone, and its client with it */
}

static void
forget(struct arrival *a)
{
	struct arrival **at = &a->queue->arrivals;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->queue->arrival_count--;
	memory_free(a);
}

static void
added(void *arg, enum spool_outcome outcome)
{
	struct arrival *a = arg;
	struct queue *q = a->queue;
	static const enum ipc_outcome outcomes[] = {
		[SPOOL_OK] = IPC_OK, [SPOOL_LATER] = IPC_LATER, [SPOOL_NO_SPACE] = IPC_NO_SPACE };

	answer(a->front, a->request, outcomes[outcome]);
	if (outcome == SPOOL_OK) {
		event(NULL, EV_QUEUE_TAKEN, STR("mail", queued_told(a->message)->text), STR("part", a->message->id.text), TEXT("sender", queued_sender(a->message)),
			INT("recipients", a->message->count), INT("size", a->message->size));
		queue_insert(q, a->message);
		a->message = NULL;
	}
	queued_free(&a->message);
	forget(a);
	queue_kick(q);
}

/* A front may say any time: nothing stays here for longer than the configuration lets it. */
static uint32_t
release_of(const struct queue *q, const struct ipc_enqueue *e, int64_t now_s)
{
	uint64_t most = (uint64_t)now_s + q->config->queue_hold_most_s;

	return (uint32_t)(e->release_s < most ? e->release_s : most);
}

static int32_t
by_of(const struct ipc_enqueue *e, int64_t now_s)
{
	int64_t by_s = e->deliver_by_s < UINT32_MAX ? (int64_t)e->deliver_by_s - now_s : INT32_MAX;

	if (!(e->flags & (SEND_BY_RETURN | SEND_BY_NOTIFY)))
		return 0;
	return by_s < INT32_MIN ? INT32_MIN : by_s > INT32_MAX ? INT32_MAX : (int32_t)by_s;
}

static struct queued *
message_of(const struct queue *q, const struct ipc_enqueue *e)
{
	int64_t now_s = queue_now_s();
	struct envelope envelope = {
		.sender = e->sender,
		.parameters = e->parameters,
		.recipients = e->recipients,
		.size = e->size,
		.flags = e->flags & (SEND_NEEDS | SEND_MAILBOXES | SEND_EXPANDED),
		.arrived_s = (uint32_t)now_s,
		.release_s = release_of(q, e, now_s),
		.by_s = by_of(e, now_s),
		.priority = (int8_t)e->priority,
	};

	if (!bytes_equal(e->told_id, e->mail_id) && !mail_id_parse(e->told_id, &envelope.told))
		envelope.told.text[0] = '\0';
	return mail_id_parse(e->mail_id, &envelope.id) ? queued_new(&envelope) : NULL;
}

/* A front may hand over any descriptor: a file is read by its size, and fills the disk by it. */
static bool
may_read(const struct queue *q, int fd)
{
	struct stat st;

	return disk->fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
		&& (uint64_t)st.st_size <= q->config->message_octets_max / 2 * 3 + ADDED_OCTETS_MAX;
}

static bool
may_take(const struct queue *q, const struct ipc_enqueue *e, int fd)
{
	if (!q->has_room || q->is_draining || q->arrival_count >= ARRIVALS_MAX)
		return false;
	return fd >= 0 ? may_read(q, fd) : e->octets.len > 0;
}

void
queue_enqueue(struct queue *q, struct peer *front, const struct message *m)
{
	const struct ipc_enqueue *e = &m->u.enqueue;
	int fd = m->fd_count ? m->fds[0] : -1;
	struct queued *message = may_take(q, e, fd) ? message_of(q, e) : NULL;
	struct arrival *a;

	if (!message) {
		disk_close(&fd);
		answer(front, e->request, q->has_room ? IPC_LATER : IPC_NO_SPACE);
		return;
	}
	a = NEW(struct arrival);
	*a = (struct arrival){ q->arrivals, q, front, e->request, message };
	q->arrivals = a;
	q->arrival_count++;
	spool_add(q->spool, message, e->head, e->octets, fd, added, a);
}

void
queue_sign(const struct queue *q, struct peer *front, const struct ipc_sign *s)
{
	struct message m = { .type = MESSAGE_SIGNED };
	struct signed_parts parts = { s->names, s->hashed_header, s->body_hash.ptr };
	struct buf fields;

	buf_init(&fields, SIGNATURES_OCTETS_MAX);
	if (s->body_hash.len != DKIM_HASH_OCTETS || !dkim_are_names(s->names) ||
		signer_sign(q->signer, &parts, s->domain, queue_now_s(), &fields) != 0)
		buf_reset(&fields);
	m.u.signed_mail = (struct ipc_signed_mail){ s->request, buf_bytes(&fields) };
	/* A front that is gone has no client that waits. */
	(void)!peer_send(front, &m);
	buf_done(&fields);
}

void
queue_forget_front(struct queue *q, const struct peer *front)
{
	for (struct arrival *a = q->arrivals; a; a = a->next)
		if (a->front == front)
			a->front = NULL;
}
