/* A batch for mailboxes here: the directory says which, the store puts it there.  One recipient after the other. */
#include "role/queue/queue_internal.h"

#include "config/address.h"
#include "role/targets.h"
#include "sys/disk.h"
#include "sys/random.h"

#include <string.h>

/* Of one mail; of a destination some are under way at a time, and the way to the store has room for all of them. */
enum { PARTS_AT_ONCE = 64 };

struct local {
	struct queue *queue;
	struct batch batch;
	struct delivery *current, *rest; /* the one whose turn it is; those behind it */
	struct delivery *failed, **last_failed;
	struct map *accounts; /* whose mailboxes have the mail; NULL: none yet */
	struct delivery *told; /* that arrived, linked by next; the sender wants to hear */
	struct queued *child; /* for addresses elsewhere */
	int fd;
	unsigned int pending;
	bool has_trouble, has_mailbox, is_full, is_silent; /* of the current one */
	struct buf targets; /* where that leads */
	struct bytes left_here, left_elsewhere; /* what of them is still to be seen to */
};

/* A mailbox that the store was asked to deliver to. */
struct part {
	struct local *local;
	uint64_t account;
	size_t len;
	uint8_t address[];
};

static void next(struct local *l);
static bool give_run(struct local *l);

/* Did several lead to this one, none of which is brought there? */
static bool
is_expanded(const struct local *l)
{
	return (l->batch.message->flags & (SEND_EXPANDED | SEND_MAILBOXES)) == SEND_EXPANDED;
}

static void
finish(struct local *l)
{
	struct queue *q = l->queue;
	struct queued *m = l->batch.message;

	schedule_batch_done(q->schedule, &l->batch, BATCH_WENT, queue_now_s());
	/* Each list keeps the message until its report is made. */
	if (l->failed)
		queue_report_failed(q, m, l->failed);
	if (l->told)
		queue_report_success(q, m, l->told, is_expanded(l) ? DSN_EXPANDED : DSN_DELIVERED);
	if (!l->failed && !l->told)
		queue_settle(q, m);
	disk_close(&l->fd);
	buf_done(&l->targets);
	map_free(&l->accounts);
	memory_free(l);
	queue_kick(q);
}

static void
later(struct local *l, const char *why)
{
	queue_deferred(l->queue, l->current, &(struct said){ .reply = bytes_text(why) });
	next(l);
}

static void
failed(struct local *l, const char *why)
{
	struct delivery *d = l->current;

	queue_failed(l->queue, d, &(struct said){ .reply = bytes_text(why) });
	d->next = NULL;
	*l->last_failed = d;
	l->last_failed = &d->next;
	next(l);
}

/* What went on elsewhere carries the sender's wishes with it (RFC 3461 5.2.7.2). */
static void
is_there(struct local *l)
{
	struct said said = { .reply = is_expanded(l) ? BYTES("250 2.1.5 to its several addresses") : BYTES("250 2.0.0 in the mailbox") };

	if (l->has_mailbox)
		queue_delivered_here(l->queue, l->current, &said, queue_wants_success(l->current) ? &l->told : NULL);
	else
		queue_delivered(l->queue, l->current, &said);
	next(l);
}

/* The last part of the current recipient is there, or not. */
static void
part_done(struct local *l)
{
	if (--l->pending > 0 || give_run(l))
		return;
	if (l->has_trouble) {
		later(l, "451 4.3.0 the mail store can't take it now");
		return;
	}
	if (l->is_full) {
		failed(l, "552 5.2.2 the mailbox is full");
		return;
	}
	is_there(l);
}

static void
reached(struct local *l, const struct part *part)
{
	delivery_reached(l->current, bytes_of(part->address, part->len));
	if (!l->accounts)
		l->accounts = map_new();
	(void)map_put_number(l->accounts, part->account, l);
}

static void
stored(void *arg, const struct message *m)
{
	struct part *part = arg;
	struct local *l = part->local;

	if (m && m->u.delivered.outcome == IPC_OK)
		reached(l, part);
	else if (m && m->u.delivered.outcome == IPC_OVER_QUOTA)
		l->is_full = true;
	else
		l->has_trouble = true;
	l->is_silent |= m == NULL;
	memory_free(part);
	part_done(l);
}

static struct part *
part_new(struct local *l, uint64_t account, struct bytes address)
{
	struct part *part = memory_new(sizeof *part + address.len);

	part->local = l;
	part->account = account;
	part->len = address.len;
	if (address.len)
		memcpy(part->address, address.ptr, address.len);
	return part;
}

static void
sent_on(void *arg, enum spool_outcome outcome)
{
	struct local *l = arg;
	struct queued *child = l->child;

	l->child = NULL;
	l->has_trouble |= outcome != SPOOL_OK;
	if (outcome == SPOOL_OK) {
		for (uint16_t i = 0; i < child->count; i++)
			delivery_reached(l->current, delivery_address(&child->at[i]));
		queue_insert(l->queue, child);
	} else {
		queued_free(&child);
	}
	part_done(l);
}

static void
store(struct local *l, struct bytes address, uint64_t account, uint64_t body, bool is_last)
{
	struct peer *peer = role_peer(l->queue->role, ROLE_STORE, 0);
	const struct queued *from = l->batch.message;
	struct message m = { .type = MESSAGE_DELIVER, .fds = { l->fd }, .fd_count = 1 };
	uint8_t space[2048];
	struct buf prefix;

	buf_init_fixed(&prefix, space, sizeof space);
	put_format(&prefix, "Return-Path: <%.*s>\nDelivered-To: %.*s\n", BYTES_ARG(queued_sender(from)), BYTES_ARG(address));
	m.u.deliver = (struct ipc_deliver){
		.request = peer_request_id(peer),
		.body = body,
		.is_last = is_last,
		.account = account,
		.mail_id = bytes_of(queued_told(from)->text, MAIL_ID_LEN),
		.prefix = buf_bytes(&prefix),
		.date_s = (uint64_t)queue_now_s(),
		.size = from->size + prefix.len + 2,
	};
	l->pending++;
	peer_request(peer, &m, m.u.deliver.request, l->queue->config->request_timeout_ms, stored, part_new(l, account, address));
}

static void
child_opened(void *arg, int fd, int error)
{
	struct local *l = arg;

	(void)error;
	if (fd >= 0) {
		spool_add(l->queue->spool, l->child, BYTES_NONE, BYTES_NONE, fd, sent_on, l);
		return;
	}
	queued_free(&l->child);
	l->has_trouble = true;
	part_done(l);
}

/* What leads elsewhere goes on as a message of its own. */
static void
send_on(struct local *l, struct bytes recipients)
{
	const struct queued *from = l->batch.message;
	int64_t now_s = queue_now_s();
	uint8_t random[10];
	struct envelope e = {
		.told = *queued_told(from),
		.sender = queued_sender(from),
		.parameters = queued_parameters(from),
		.recipients = recipients,
		.size = from->size,
		.flags = from->flags & ~(QUEUE_ASK_DIRECTORY | SEND_MAILBOXES),
		.arrived_s = (uint32_t)now_s,
		.by_s = (int32_t)(queued_deadline_s(from) > 0 ? queued_deadline_s(from) - now_s : 0),
		.priority = from->priority,
	};

	random_fill(random, sizeof random);
	e.id = mail_id_make(time_now().wall_us, random);
	l->child = queued_new(&e);
	l->pending++;
	if (l->child) {
		spool_open_body(l->queue->spool, &from->id, child_opened, l);
		return;
	}
	l->has_trouble = true;
	part_done(l);
}

/* One entry of RESOLVED.  Senders stay: those of mail that is sent on were rewritten by the front that took it. */
static bool
take_target(struct bytes *in, uint8_t *kind, uint64_t *account, struct bytes *address)
{
	uint16_t len;

	if (!take_u8(in, kind) || !take_u64(in, account) || !take_u16(in, &len) || !take_octets(in, len, address))
		return false;
	if (*kind == TARGET_FORWARDED || *kind == TARGET_LISTED)
		*kind = TARGET_FOREIGN;
	return true;
}

/* A mailbox gets a mail once, however many of its names the mail has. */
static bool
has_reached(const struct local *l, uint64_t account, struct bytes address)
{
	return delivery_has_reached(l->current, address) || (l->accounts && account && map_get_number(l->accounts, account));
}

/* The next target of that kind that was not reached before. */
static bool
next_target(const struct local *l, struct bytes *in, enum ipc_target wanted, uint64_t *account, struct bytes *address)
{
	uint8_t kind;

	while (take_target(in, &kind, account, address))
		if (kind == wanted && !has_reached(l, *account, *address))
			return true;
	return false;
}

/* Of those that come next, as many as go at once. */
static size_t
count_mailboxes(const struct local *l, struct bytes targets)
{
	size_t count = 0;
	struct bytes address;
	uint64_t account;

	while (count < PARTS_AT_ONCE && next_target(l, &targets, TARGET_MAILBOX, &account, &address))
		count++;
	return count;
}

/* Of a mailbox that a front named the entry that is it, or, when it is there no more, what the address means now. */
static struct bytes
meant(const struct local *l, struct bytes targets)
{
	struct bytes rest = targets, entry = targets, address;
	uint64_t account;
	uint8_t kind;

	if (!(l->batch.message->flags & SEND_MAILBOXES))
		return targets;
	for (; take_target(&rest, &kind, &account, &address); entry = rest)
		if (kind == TARGET_MAILBOX && bytes_equal(address, delivery_address(l->current)))
			return bytes_between(entry, rest);
	return targets;
}

static bool
send_next_on(struct local *l)
{
	struct bytes address, parameters = delivery_parameters(l->current);
	struct buf recipients;
	uint64_t account;
	bool is_any;

	buf_init(&recipients, SIZE_MAX);
	for (unsigned int i = 0; i < PARTS_AT_ONCE && next_target(l, &l->left_elsewhere, TARGET_FOREIGN, &account, &address); i++) {
		put_u16(&recipients, (uint16_t)address.len);
		put_bytes(&recipients, address);
		put_u16(&recipients, (uint16_t)parameters.len);
		put_bytes(&recipients, parameters);
	}
	is_any = recipients.len > 0;
	if (is_any)
		send_on(l, buf_bytes(&recipients));
	buf_done(&recipients);
	return is_any;
}

static bool
store_next(struct local *l)
{
	uint64_t account, body = ++l->queue->last_body;
	size_t count = count_mailboxes(l, l->left_here);
	struct bytes address;

	for (size_t given = 1; given <= count && next_target(l, &l->left_here, TARGET_MAILBOX, &account, &address); given++)
		store(l, address, account, body, given == count);
	return count > 0;
}

/* The next ones of those that are left: thousands at once would fill the way to the store.  False: there are none, or the store says nothing. */
static bool
give_run(struct local *l)
{
	return send_next_on(l) || (!l->is_silent && store_next(l));
}

static bool
leads_to_mailbox(struct bytes targets)
{
	struct bytes address;
	uint64_t account;
	uint8_t kind;

	while (take_target(&targets, &kind, &account, &address))
		if (kind == TARGET_MAILBOX)
			return true;
	return false;
}

static void
give_out(struct local *l, struct bytes targets)
{
	buf_reset(&l->targets);
	put_bytes(&l->targets, targets);
	l->left_here = l->left_elsewhere = buf_bytes(&l->targets);
	l->has_mailbox = leads_to_mailbox(targets);
	l->has_trouble = targets.len == 0;
	l->is_full = l->is_silent = false;
	l->pending = 1;
	part_done(l);
}

/* The directory says that it is not ours: to a relay, if that was the question. */
static void
is_foreign(struct local *l)
{
	struct delivery *d = l->current;
	struct queue *q = l->queue;

	if (!(delivery_message(d)->flags & QUEUE_ASK_DIRECTORY)) {
		later(l, delivery_message(d)->flags & (SEND_MAILBOXES | SEND_EXPANDED) ? "451 4.3.5 the domain is not one of this server any more" : QUEUE_NOT_OURS);
		return;
	}
	delivery_message(d)->flags &= QUEUE_FLAGS & ~QUEUE_ASK_DIRECTORY;
	schedule_forget(q->schedule, d);
	d->next_s = 0;
	queue_schedule(q, d);
	next(l);
}

/* Does the directory send the address on that comes to mailboxes here by our routes?  It would come back for ever. */
static bool
comes_back(const struct local *l, struct bytes targets)
{
	struct domain space;
	struct bytes address;
	struct hop hop;
	uint64_t account;

	while (next_target(l, &targets, TARGET_FOREIGN, &account, &address)) {
		route_find(l->queue->config, BYTES_NONE, address, &space, &hop);
		if (hop.kind == HOP_KIND_MAILBOXES && address_equal(address, delivery_address(l->current)))
			return true;
	}
	return false;
}

static void
resolved(void *arg, const struct message *m)
{
	struct local *l = arg;
	enum ipc_outcome outcome = IPC_LATER;
	struct bytes targets;
	struct buf space;

	buf_init(&space, 0);
	if (m && targets_take(m, &space, &targets))
		outcome = (enum ipc_outcome)m->u.resolved.outcome;
	if (outcome == IPC_OK && comes_back(l, targets))
		later(l, QUEUE_COMES_BACK);
	else if (outcome == IPC_OK)
		give_out(l, meant(l, targets));
	else if (outcome == IPC_FOREIGN)
		is_foreign(l);
	else if (outcome == IPC_ABSENT || outcome == IPC_INVALID)
		failed(l, "550 5.1.1 there is no such address here");
	else
		later(l, "451 4.3.0 the directory can't tell now");
	buf_done(&space);
}

static void
next(struct local *l)
{
	struct peer *directory = role_peer(l->queue->role, ROLE_DIRECTORY, 0);
	struct message m = { .type = MESSAGE_RESOLVE };

	l->current = l->rest;
	if (!l->current) {
		finish(l);
		return;
	}
	l->rest = l->current->next;
	/* Nothing is to be brought, only told. */
	if (l->batch.message->flags & SEND_EXPANDED) {
		l->has_mailbox = true;
		is_there(l);
		return;
	}
	m.u.resolve = (struct ipc_resolve){
		.request = peer_request_id(directory),
		.address = delivery_address(l->current),
	};
	peer_request(directory, &m, m.u.resolve.request, l->queue->config->request_timeout_ms, resolved, l);
}

static void
opened(void *arg, int fd, int error)
{
	struct local *l = arg;
	struct queue *q = l->queue;

	l->fd = fd;
	if (fd >= 0) {
		next(l);
		return;
	}
	queue_unopened(q, l->rest, error);
	schedule_batch_done(q->schedule, &l->batch, BATCH_NOT_TRIED, queue_now_s());
	memory_free(l);
	queue_kick(q);
}

void
queue_deliver(struct queue *q, const struct batch *b)
{
	struct local *l = NEW(struct local);

	l->queue = q;
	l->batch = *b;
	l->rest = b->first;
	l->last_failed = &l->failed;
	l->fd = -1;
	buf_init(&l->targets, SIZE_MAX);
	spool_open_body(q->spool, &b->message->id, opened, l);
}
