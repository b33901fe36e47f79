/* A batch on its way through a relay. */
#include "role/queue/queue_internal.h"

#include "proto/dsn/parameter.h"
#include "proto/smtp/client_reply.h"
#include "sys/disk.h"

/* The relay has time limits of its own for each step (RFC 5321 4.5.3.2); this is for one that says nothing. */
enum { ANSWER_WITHIN_MS = 2 * 3600 * 1000 };
/* Of SEND. */
enum { RECIPIENTS_OCTETS_MAX = 65536 };

struct sending {
	struct queue *queue;
	struct batch batch;
	bool was_sent; /* to a relay that was there */
	bool has_taken, is_too_much; /* the next server took something; it ended the connection */
	struct delivery *failed, **last_failed, *told; /* linked by next: who is reported on */
	struct delivery *at[]; /* in the order of SEND */
};

static void
not_tried(struct sending *s)
{
	struct queue *q = s->queue;
	int64_t now = queue_now_s();

	for (uint32_t i = 0; i < s->batch.count; i++)
		schedule_return(q->schedule, s->at[i], now);
	schedule_batch_done(q->schedule, &s->batch, BATCH_NOT_TRIED, now);
	memory_free(s);
	queue_kick(q);
}

/* The relay ended, or said nothing, while it was at it: perhaps over this very message, and what it was at beside that may have been taken by
   the next server.  So this is an attempt like others, and the next one waits longer each time. */
static void
lost(struct sending *s)
{
	struct queue *q = s->queue;
	struct queued *m = s->batch.message;

	for (uint32_t i = 0; i < s->batch.count; i++)
		queue_deferred(q, s->at[i], &(struct said){ .reply = BYTES("451 4.3.0 our relay ended while it was sending") });
	schedule_batch_done(q->schedule, &s->batch, BATCH_NOT_TRIED, queue_now_s());
	queue_settle(q, m);
	memory_free(s);
	queue_kick(q);
}

/* RFC 3461 5.2.2: a server with DSN tells itself.  RFC 2852 4.1: of one that takes no notice of the time the sender hears, and with a trace of
   all.  Behind LMTP there is the mailbox. */
static bool
wants_to_hear(const struct sending *s, const struct delivery *d, const struct ipc_sent *sent)
{
	uint32_t flags = delivery_message(d)->flags;
	bool is_traced = flags & SEND_BY_TRACE || (flags & SEND_BY_NOTIFY && !sent->has_deliver_by);

	if (is_traced && s->batch.destination->hop.protocol != HOP_LMTP && queue_may_be_told(d))
		return true;
	return !sent->has_dsn && queue_wants_success(d);
}

/* RFC 5321 3.8: it closes the channel; or it was lost, as the relay says. */
static bool
is_end_of_connection(struct bytes reply)
{
	return bytes_starts(reply, BYTES("421")) || bytes_starts(reply, BYTES("451 4.4.2 "));
}

static void
take_result(struct sending *s, struct delivery *d, enum ipc_outcome outcome, const struct ipc_sent *sent, const struct said *said)
{
	s->is_too_much |= outcome == IPC_LATER && is_end_of_connection(said->reply);
	if (outcome == IPC_OK) {
		queue_delivered_here(s->queue, d, said, wants_to_hear(s, d, sent) ? &s->told : NULL);
	} else if (outcome == IPC_LATER && s->has_taken && smtp_reply_is_too_many(said->reply)) {
		queue_put_off(s->queue, d, said);
	} else if (outcome == IPC_LATER) {
		queue_deferred(s->queue, d, said);
	} else {
		queue_failed(s->queue, d, said);
		d->next = NULL;
		*s->last_failed = d;
		s->last_failed = &d->next;
	}
}

static bool
take_entry(struct bytes *in, uint16_t *index, uint8_t *outcome, struct said *said)
{
	uint16_t len;
	uint8_t is_theirs;

	if (!take_u16(in, index) || !take_u8(in, outcome) || !take_u8(in, &is_theirs) || !take_u16(in, &len) || !take_octets(in, len, &said->reply))
		return false;
	said->is_theirs = is_theirs != 0;
	return true;
}

/* Each recipient once; one that is named twice or not at all is our own trouble. */
static void
take_results(struct sending *s, const struct ipc_sent *sent)
{
	struct said said = { .server = sent->host };
	struct bytes rest = sent->results;
	uint16_t index;
	uint8_t outcome;

	while (take_entry(&rest, &index, &outcome, &said))
		s->has_taken |= outcome == IPC_OK;
	rest = sent->results;
	while (take_entry(&rest, &index, &outcome, &said)) {
		if (index >= s->batch.count || !s->at[index])
			continue;
		take_result(s, s->at[index], (enum ipc_outcome)outcome, sent, &said);
		s->at[index] = NULL;
	}
	for (uint32_t i = 0; i < s->batch.count; i++)
		if (s->at[i])
			schedule_return(s->queue->schedule, s->at[i], queue_now_s());
}

/* RFC 3461 5.2.2: a server without DSN tells nobody; behind LMTP there is the mailbox (RFC 2033). */
static void
report(struct sending *s, bool is_lmtp)
{
	struct queue *q = s->queue;
	struct queued *m = s->batch.message;
	struct delivery *failed = s->failed, *told = s->told;

	/* Each list keeps the message until its report is made. */
	if (failed)
		queue_report_failed(q, m, failed);
	if (told)
		queue_report_success(q, m, told, is_lmtp ? DSN_DELIVERED : DSN_RELAYED);
	if (!failed && !told)
		queue_settle(q, m);
}

/* What the relay can't do now, or this mail alone can't, is not the destination's fault: nobody else waits for it.  Who answered at first and then lets everybody wait is as one that does not answer: else
   such hosts could have all places. */
static enum batch_result
result_of(const struct sending *s, const struct ipc_sent *sent)
{
	switch ((enum ipc_destination)sent->destination) {
	case DESTINATION_ANSWERS:
		if (s->is_too_much)
			return BATCH_TOO_MUCH;
		return s->has_taken ? BATCH_WENT : BATCH_REFUSED;
	case DESTINATION_SILENT:
		return BATCH_NO_ANSWER;
	case DESTINATION_UNKNOWN:
	case IPC_DESTINATIONS:
		break;
	}
	return BATCH_NOT_TRIED;
}

static void
sent(void *arg, const struct message *m)
{
	struct sending *s = arg;
	struct queue *q = s->queue;
	bool is_lmtp;

	if (!m) {
		if (s->was_sent)
			lost(s);
		else
			not_tried(s);
		return;
	}
	take_results(s, &m->u.sent);
	is_lmtp = s->batch.destination->hop.protocol == HOP_LMTP;
	schedule_batch_done(q->schedule, &s->batch, result_of(s, &m->u.sent), queue_now_s());
	report(s, is_lmtp);
	memory_free(s);
	queue_kick(q);
}

/* As many as there is room for; the first has it. */
static uint32_t
put_recipients(const struct sending *s, struct buf *out)
{
	uint32_t i;

	for (i = 0; i < s->batch.count; i++) {
		struct bytes address = delivery_address(s->at[i]), parameters = dsn_rcpt_for_servers(delivery_parameters(s->at[i]));

		if (out->len + 2 * sizeof(uint16_t) + address.len + parameters.len > RECIPIENTS_OCTETS_MAX)
			break;
		put_u16(out, (uint16_t)address.len);
		put_bytes(out, address);
		put_u16(out, (uint16_t)parameters.len);
		put_bytes(out, parameters);
	}
	return i;
}

static void
return_rest(struct sending *s, uint32_t sent)
{
	for (uint32_t i = sent; i < s->batch.count; i++)
		schedule_return(s->queue->schedule, s->at[i], queue_now_s());
	s->batch.count = sent;
}

static void
send_to_relay(struct sending *s, int fd)
{
	struct peer *relay = role_peer(s->queue->role, ROLE_RELAY, 0);
	const struct queued *m = s->batch.message;
	const struct hop *hop = &s->batch.destination->hop;
	struct message frame = { .type = MESSAGE_SEND, .fds = { fd }, .fd_count = 1 };
	struct buf recipients;

	buf_init(&recipients, RECIPIENTS_OCTETS_MAX);
	return_rest(s, put_recipients(s, &recipients));
	frame.u.send = (struct ipc_send){
		.request = peer_request_id(relay),
		.mail_id = bytes_of(queued_told(m)->text, MAIL_ID_LEN),
		.hop = (uint8_t)hop->protocol,
		.host = hop->host,
		.port = hop->port,
		.sender = queued_sender(m),
		.flags = m->flags & SEND_NEEDS,
		.deliver_by_s = (uint64_t)queued_deadline_s(m),
		.priority = (uint8_t)m->priority,
		.size = m->size,
		.parameters = queued_parameters(m),
		.recipients = buf_bytes(&recipients),
	};
	s->was_sent = peer_is_connected(relay);
	peer_request(relay, &frame, frame.u.send.request, ANSWER_WITHIN_MS, sent, s);
	buf_done(&recipients);
}

static void
opened(void *arg, int fd, int error)
{
	struct sending *s = arg;
	struct queue *q = s->queue;

	if (fd < 0) {
		queue_unopened(q, s->batch.first, error);
		schedule_batch_done(q->schedule, &s->batch, BATCH_NOT_TRIED, queue_now_s());
		memory_free(s);
		queue_kick(q);
		return;
	}
	send_to_relay(s, fd);
	disk_close(&fd);
}

void
queue_relay(struct queue *q, const struct batch *b)
{
	struct sending *s = memory_new(sizeof *s + b->count * sizeof s->at[0]);
	uint32_t i = 0;

	s->queue = q;
	s->batch = *b;
	s->last_failed = &s->failed;
	for (struct delivery *d = b->first; d; d = d->next)
		s->at[i++] = d;
	spool_open_body(q->spool, &b->message->id, opened, s);
}
