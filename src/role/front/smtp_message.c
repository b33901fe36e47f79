/* An SMTP client's message: taken in, finished with what we add, handed to the store for each mailbox. */
#include "role/front/smtp_client_internal.h"

#include "proto/rfc5322/received.h"

/* Of one mail; of all of a front, but for the first of each mail: what does not fit the way to the store (CHANNEL_QUEUE_MAX) would cut it off. */
enum { DELIVERIES_AT_ONCE = 256, DELIVERING_OCTETS_MAX = 4 * 1024 * 1024 };

static enum smtp_answer
temporary(enum ipc_outcome outcome)
{
	return outcome == IPC_NO_SPACE ? SMTP_ANSWER_NO_SPACE : SMTP_ANSWER_LATER;
}

static void
put_received(const struct smtp_client *c, struct buf *out)
{
	const struct tls *tls = connection_tls(c->connection);
	char host[NET_TEXT_MAX];
	struct buf text;

	buf_init_fixed(&text, host, sizeof host);
	if (!c->local)
		net_put_host(&text, connection_remote(c->connection));
	rfc5322_put_received(out, &(struct rfc5322_received){
		.helo = c->local ? smtp_local_user(c) : smtp_session_helo(c->session),
		.client_address = buf_bytes(&text),
		.by = bytes_text(connection_settings(c->connection)->hostname),
		.is_esmtp = smtp_session_is_esmtp(c->session),
		.is_tls = tls != NULL,
		.is_authenticated = c->account != 0,
		.is_utf8 = c->is_utf8,
		.tls_version = bytes_text(tls ? tls_version(tls) : ""),
		.tls_cipher = bytes_text(tls ? tls_cipher(tls) : ""),
		.mail_id = bytes_text(c->mail_id.text),
		.recipient = c->recipient_count == 1 ? c->first_recipient : BYTES_NONE,
		.date_s = c->now_s,
	});
}

static bool
has_field(struct bytes header, struct bytes wanted)
{
	struct bytes name, value, field;

	while (take_header_field(&header, &name, &value, &field))
		if (bytes_equal_nocase(name, wanted))
			return true;
	return false;
}

/* RFC 6409 8.2, 8.3: what a client that submits left out. */
static void
put_missing(const struct smtp_client *c, struct bytes header, struct buf *out)
{
	if (!has_field(header, BYTES("Date"))) {
		put_text(out, "Date: ");
		clock_put_rfc5322(out, c->now_s, 0);
		put_text(out, "\n");
	}
	if (!has_field(header, BYTES("Message-ID")))
		put_format(out, "Message-ID: <%s@%s>\n", c->mail_id.text,
			connection_settings(c->connection)->hostname);
}

/* tls-required = "TLS-Required:" [CFWS] "No" [CFWS] CRLF      RFC 8689 3 */
static bool
is_tls_optional(struct bytes header)
{
	struct bytes name, value, field;

	while (take_header_field(&header, &name, &value, &field))
		if (bytes_equal_nocase(name, BYTES("TLS-Required")) && bytes_equal_nocase(bytes_trim(value), BYTES("No")))
			return true;
	return false;
}

static void
put_head(void *arg, struct bytes header, bool is_whole, struct buf *out)
{
	struct smtp_client *c = arg;

	c->is_tls_optional = is_tls_optional(header);
	put_received(c, out);
	if (c->account || c->local)
		put_missing(c, header, out);
	smtp_signing_begin(c, buf_bytes(out), header, is_whole);
}

static void
file_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	bool is_alive = smtp_client_end_request(c);
	enum ipc_outcome outcome = m ? m->u.new_file_result.outcome : IPC_LATER;

	if (!is_alive || outcome != IPC_OK || m->fd_count == 0) {
		if (m && m->fd_count)
			net_close(m->fds[0]);
		if (is_alive) {
			/* The rest is swallowed, then the answer says why. */
			c->result = temporary(outcome);
			incoming_free(&c->incoming);
		}
	} else if (c->incoming) {
		incoming_set_file(c->incoming, m->fds[0]);
	} else {
		net_close(m->fds[0]);
	}
	if (!is_alive)
		return;
	c->is_paused = false;
	connection_run(c->connection);
}

static void
ask_file(struct smtp_client *c)
{
	struct peer *store = smtp_client_front(c)->store;
	struct message m = { .type = MESSAGE_NEW_FILE };

	m.u.new_file = (struct ipc_new_file){
		.request = smtp_client_begin_request(c, store),
		.octets = connection_settings(c->connection)->message_octets_max,
	};
	c->is_paused = true;
	smtp_client_send_request(c, store, &m, m.u.new_file.request, file_answered);
}

void
smtp_message_begin(struct smtp_client *c)
{
	c->result = SMTP_ANSWER_OK;
	c->incoming = incoming_new(put_head, smtp_signing_add, c);
	c->incoming_octets = 0;
	c->incoming_since_us = loop_now(smtp_client_front(c)->loop).mono_us;
	smtp_session_answer(c->session, SMTP_ANSWER_OK);
}

void
smtp_message_add(struct smtp_client *c, struct bytes octets)
{
	if (!c->incoming)
		return;
	incoming_add(c->incoming, octets);
	c->incoming_octets += octets.len;
	if (incoming_needs_file(c->incoming))
		ask_file(c);
}

static void
end_mail(struct smtp_client *c)
{
	enum smtp_answer a = c->result;

	if (a == SMTP_ANSWER_OK)
		event(smtp_client_context(c), EV_MAIL_ACCEPTED, TEXT("sender", c->sender),
			INT("recipients", c->recipient_count), INT("mailboxes", c->target_count + c->outgoing_count[OUTGOING_MAILBOX]),
			INT("elsewhere", smtp_outgoing_elsewhere(c)), INT("waiting", c->outgoing_count[OUTGOING_REST]),
			INT("size", incoming_facts(c->incoming).size));
	else if (a == SMTP_ANSWER_OVER_QUOTA)
		event(smtp_client_context(c), EV_MAIL_REFUSED, TEXT("sender", c->sender), STR("reason", "over quota"));
	else
		event(smtp_client_context(c), EV_MAIL_LATER, TEXT("sender", c->sender),
			STR("reason", a == SMTP_ANSWER_NO_SPACE ? "no space" : "store away or slow"));
	smtp_client_forget_transaction(c);
	smtp_client_answer(c, a);
}

static void
delivered(void *arg, const struct message *m)
{
	struct target *t = arg;
	enum ipc_outcome outcome = m ? (enum ipc_outcome)m->u.delivered.outcome : IPC_LATER;

	t->front->delivering_octets -= t->asked_octets;
	t->is_there = outcome == IPC_OK;
	t->is_full = outcome == IPC_OVER_QUOTA;
	/* Who says nothing in time would not for the others. */
	if (!m)
		t->client->undelivered = NULL;
	smtp_message_delivered(t->client, outcome);
}

/* RFC 5321 4.4: who it comes back to, then (for mail programs that ask) who it was for. */
static void
put_prefix(const struct smtp_client *c, const struct target *t, struct buf *out)
{
	put_format(out, "Return-Path: <%.*s>\nDelivered-To: %.*s\n", BYTES_ARG(c->sender),
		BYTES_ARG(t->address));
}

/* True: it was the last one of that body. */
static bool
deliver(struct smtp_client *c, struct target *t, uint64_t body, bool is_first, bool is_last)
{
	struct front *front = smtp_client_front(c);
	struct peer *store = front->store;
	struct message m = { .type = MESSAGE_DELIVER };
	uint8_t prefix_memory[2048], summary_memory[SUMMARY_MAX];
	struct buf prefix, summary;
	uint64_t prefix_size;

	buf_init_fixed(&prefix, prefix_memory, sizeof prefix_memory);
	buf_init_fixed(&summary, summary_memory, sizeof summary_memory);
	put_prefix(c, t, &prefix);
	prefix_size = prefix.len + 2;
	summary_put_prefixed(&summary, incoming_summary(c->incoming), prefix_size);
	m.u.deliver = (struct ipc_deliver){
		.request = smtp_client_begin_request(c, store),
		.body = body,
		.account = t->account,
		.mail_id = bytes_text(c->mail_id.text),
		.prefix = buf_bytes(&prefix),
		.date_s = (uint64_t)c->now_s,
		.size = incoming_facts(c->incoming).size + prefix_size,
		.octets = is_first ? incoming_octets(c->incoming) : BYTES_NONE,
		.summary = buf_bytes(&summary),
	};
	if (is_first && incoming_file(c->incoming) >= 0) {
		m.fds[0] = incoming_file(c->incoming);
		m.fd_count = 1;
	}
	t->front = front;
	t->asked_octets = (uint32_t)ipc_size_at_most(&m);
	front->delivering_octets += t->asked_octets;
	is_last |= front->delivering_octets >= DELIVERING_OCTETS_MAX;
	m.u.deliver.is_last = is_last;
	smtp_client_send_request_as(c, store, &m, m.u.deliver.request, delivered, t);
	return is_last;
}

/* To the next of a list's mailboxes.  Thousands at once would fill the way to the store, which others go too. */
static void
deliver_run(struct smtp_client *c)
{
	struct target *first = c->undelivered, *t;
	uint64_t body = ++smtp_client_front(c)->last_body;
	unsigned int left = DELIVERIES_AT_ONCE;
	bool is_last = false;

	if (first)
		connection_note_work(c->connection);
	while (!is_last && (t = c->undelivered)) {
		c->undelivered = t->next;
		c->deliveries++;
		is_last = deliver(c, t, body, t == first, !t->next || --left == 0);
	}
}

/* Is it safe with anybody, who would get it twice if the client came with it again? */
static bool
is_with_anybody(const struct smtp_client *c)
{
	for (const struct target *t = c->targets; t; t = t->next)
		if (t->is_there)
			return true;
	return smtp_outgoing_elsewhere(c) + c->outgoing_count[OUTGOING_MAILBOX] > 0;
}

/* There was room for it nowhere: so the client hears that, and not later its sender. */
static bool
is_full(const struct smtp_client *c)
{
	for (const struct target *t = c->targets; t; t = t->next)
		if (!t->is_full)
			return false;
	return true;
}

/* Some mailbox could not take it: the queue brings it there later, or tells the sender, so that nobody else gets it twice. */
static void
enqueue_rest(struct smtp_client *c)
{
	enum smtp_answer failed = is_full(c) ? SMTP_ANSWER_OVER_QUOTA : c->result;

	c->result = SMTP_ANSWER_OK;
	if (!is_with_anybody(c) || !smtp_message_enqueue_rest(c))
		c->result = failed;
}

static void
begin_stage(struct smtp_client *c)
{
	switch (c->stage) {
	case STAGE_SHORTEN:
		smtp_lines_shorten(c);
		return;
	case STAGE_SIGN:
		if (c->result == SMTP_ANSWER_OK)
			smtp_signing_ask(c);
		return;
	case STAGE_ENQUEUE:
		if (c->result == SMTP_ANSWER_OK)
			smtp_message_enqueue(c);
		return;
	case STAGE_DELIVER:
		if (c->result == SMTP_ANSWER_OK)
			c->undelivered = c->targets;
		else
			c->stage = STAGE_TELL;
		deliver_run(c);
		return;
	case STAGE_REST:
		if (c->result != SMTP_ANSWER_OK)
			enqueue_rest(c);
		return;
	case STAGE_TELL:
		if (c->result == SMTP_ANSWER_OK)
			smtp_message_enqueue_told(c);
		return;
	}
}

/* The stages that have nothing to wait for are passed over. */
static void
go_on(struct smtp_client *c)
{
	deliver_run(c);
	while (c->deliveries == 0 && c->stage < STAGE_TELL) {
		c->stage++;
		begin_stage(c);
	}
	if (c->deliveries == 0)
		end_mail(c);
}

void
smtp_message_delivered(struct smtp_client *c, enum ipc_outcome outcome)
{
	c->deliveries--;
	/* Who hears 4xx sends again, and everybody would have the mail twice. */
	if (outcome != IPC_OK && c->stage == STAGE_TELL)
		event(smtp_client_context(c), EV_MAIL_UNREPORTED, TEXT("sender", c->sender));
	else if (outcome != IPC_OK)
		c->result = temporary(outcome);
	if (smtp_client_end_request(c) && c->deliveries == 0)
		go_on(c);
}

static enum smtp_answer
judge(struct smtp_client *c)
{
	struct message_facts facts;

	if (!c->incoming)
		return c->result;
	if (!incoming_finish(c->incoming))
		return SMTP_ANSWER_NO_SPACE;
	facts = incoming_facts(c->incoming);
	/* RFC 5321 6.3; our own Received: line is one of them. */
	return facts.received_count > connection_settings(c->connection)->hops_max ? SMTP_ANSWER_LOOP :
		SMTP_ANSWER_OK;
}

void
smtp_message_end(struct smtp_client *c)
{
	enum smtp_answer a = judge(c);

	if (a != SMTP_ANSWER_OK) {
		event(smtp_client_context(c), a == SMTP_ANSWER_LOOP ? EV_MAIL_REFUSED : EV_MAIL_LATER,
			TEXT("sender", c->sender), STR("reason", a == SMTP_ANSWER_LOOP ? "too many hops" :
				"no space"));
		smtp_client_forget_transaction(c);
		smtp_session_answer(c->session, a);
		return;
	}
	c->result = SMTP_ANSWER_OK;
	c->deliveries = 0;
	c->stage = STAGE_SHORTEN;
	begin_stage(c);
	if (c->deliveries == 0)
		go_on(c);
}
