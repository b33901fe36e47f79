/* An SMTP client: drives the pure machine of proto/smtp, asks the directory about senders, recipients and
   passwords, hands messages to the store.

   A request that is under way holds the client: when the connection goes first, the client is freed by the
   last answer. */
#include "role/front/clients.h"

#include "base/map.h"
#include "base/memory.h"
#include "proto/rfc5322/received.h"
#include "role/front/incoming.h"
#include "role/front/settings.h"
#include "sys/random.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

enum { ARENA_MAX = 1024 * 1024, RECIPIENTS_MAX = 10000 };

/* A mailbox that the message goes to. */
struct target {
	struct target *next;
	uint64_t account;
	struct bytes address;
};

struct smtp_client {
	struct connection *connection; /* NULL: gone */
	struct smtp_session *session;
	unsigned int requests; /* under way */
	bool is_paused; /* waiting for a file from the store */
	uint32_t failures; /* of log-in */
	uint64_t account; /* logged in as; 0: not */
	struct bytes address; /* of the account; in `identity` */
	struct arena *identity;

	/* the transaction */
	struct arena *arena;
	struct mail_id mail_id;
	struct bytes sender;
	bool is_utf8;
	struct target *targets, **last_target;
	size_t target_count;
	struct map *accounts; /* those that are targets already */
	struct bytes recipient; /* the one being asked for; the first one afterwards */
	size_t recipient_count;
	struct incoming *incoming;
	int64_t now_s;
	unsigned int deliveries; /* still to be answered */
	enum smtp_answer result; /* of those that were */
};

static const struct event_context *
context(const struct smtp_client *c)
{
	static const struct event_context nobody;

	return c->connection ? connection_context(c->connection) : &nobody;
}

static struct front *
front_of(const struct smtp_client *c)
{
	return connection_front(c->connection);
}

static void
forget_transaction(struct smtp_client *c)
{
	incoming_free(&c->incoming);
	map_free(&c->accounts);
	arena_release(c->arena);
	c->sender = c->recipient = BYTES_NONE;
	c->targets = NULL;
	c->last_target = &c->targets;
	c->target_count = c->recipient_count = 0;
	if (c->connection)
		connection_set_mail(c->connection, NULL);
}

static void
release(struct smtp_client *c)
{
	if (c->connection || c->requests)
		return;
	forget_transaction(c);
	smtp_session_free(&c->session);
	arena_free(&c->arena);
	arena_free(&c->identity);
	memory_free(c);
}

static uint64_t
begin_request(struct smtp_client *c, struct peer *peer)
{
	c->requests++;
	return peer_request_id(peer);
}

/* False when the client is gone: the answer is nobody's. */
static bool
end_request(struct smtp_client *c)
{
	c->requests--;
	if (c->connection)
		return true;
	release(c);
	return false;
}

static void
send_request(struct smtp_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered)
{
	peer_request(peer, m, request, connection_settings(c->connection)->request_timeout_ms, answered, c);
}

static void
answer(struct smtp_client *c, enum smtp_answer a)
{
	smtp_session_answer(c->session, a);
	connection_run(c->connection);
}

static enum smtp_answer
temporary(enum ipc_outcome outcome)
{
	return outcome == IPC_NO_SPACE ? SMTP_ANSWER_NO_SPACE : SMTP_ANSWER_LATER;
}

/* ---- log-in */

static void
logged_in(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!end_request(c))
		return;
	if (m && m->u.logged_in.outcome == IPC_OK) {
		a = SMTP_ANSWER_OK;
		c->account = m->u.logged_in.account;
		if (!arena_copy(c->identity, m->u.logged_in.address, &c->address))
			a = SMTP_ANSWER_LATER;
		connection_set_account(c->connection, c->account);
	} else if (m && m->u.logged_in.outcome != IPC_LATER) {
		a = SMTP_ANSWER_BAD_CREDENTIALS;
		c->failures++;
	}
	smtp_session_answer_login(c->session, a);
	if (c->failures >= connection_settings(c->connection)->login_failures_max)
		smtp_session_shut(c->session, BYTES("Too many failed log-ins"));
	connection_run(c->connection);
}

static void
ask_login(struct smtp_client *c, const struct smtp_login *login)
{
	struct peer *directory = front_of(c)->directory;
	const struct tls *tls = connection_tls(c->connection);
	char local[NET_TEXT_MAX];
	struct buf local_text;
	struct message m = { .type = MESSAGE_LOG_IN };
	uint64_t request = begin_request(c, directory);

	buf_init_fixed(&local_text, local, sizeof local);
	connection_put_local_text(c->connection, &local_text);
	m.u.log_in = (struct ipc_log_in){
		.request = request,
		.session = connection_session(c->connection),
		.service = (uint8_t)connection_service(c->connection),
		.mechanism = bytes_text(login->mechanism),
		.name = login->name,
		.authorize_as = login->authorize_as,
		.secret_password = login->secret_password,
		.remote = bytes_text(connection_remote_text(c->connection)),
		.local = buf_bytes(&local_text),
		.tls = bytes_text(tls ? tls_version(tls) : ""),
	};
	send_request(c, directory, &m, request, logged_in);
}

/* ---- sender and recipients */

static void
sender_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!end_request(c))
		return;
	if (m && m->u.may_send_result.outcome == IPC_OK)
		a = SMTP_ANSWER_OK;
	else if (m && m->u.may_send_result.outcome != IPC_LATER)
		a = SMTP_ANSWER_NOT_YOURS;
	if (a != SMTP_ANSWER_OK)
		event(context(c), EV_SENDER_REFUSED, TEXT("sender", c->sender), TEXT("account", c->address));
	answer(c, a);
}

/* The address as the directory takes it: local part and domain; "postmaster" stands alone. */
static struct bytes
address_of(struct smtp_client *c, const struct smtp_path *path)
{
	uint8_t *text;

	if (path->domain.len == 0)
		return arena_copy(c->arena, path->local, &c->recipient) ? c->recipient : BYTES_NONE;
	text = arena_take(c->arena, path->local.len + 1 + path->domain.len);
	if (!text)
		return BYTES_NONE;
	if (path->local.len)
		memcpy(text, path->local.ptr, path->local.len);
	text[path->local.len] = '@';
	memcpy(text + path->local.len + 1, path->domain.ptr, path->domain.len);
	return bytes_of(text, path->local.len + 1 + path->domain.len);
}

static void
begin_mail(struct smtp_client *c, const struct smtp_mail *mail)
{
	struct front *front = front_of(c);
	struct message m = { .type = MESSAGE_MAY_SEND };
	uint8_t random[10];
	struct moment now = time_now();

	forget_transaction(c);
	random_fill(random, sizeof random);
	c->mail_id = mail_id_make(now.wall_us, random);
	c->now_s = now.wall_us / 1000000;
	c->is_utf8 = mail->is_utf8;
	smtp_session_set_mail_id(c->session, &c->mail_id);
	connection_set_mail(c->connection, c->mail_id.text);
	if (!arena_copy(c->arena, mail->path.text, &c->sender)) {
		smtp_session_answer(c->session, SMTP_ANSWER_LATER);
		return;
	}
	event(context(c), EV_MAIL_STARTED, TEXT("sender", c->sender), INT("size", mail->size));
	if (!front->has_room || front->is_draining) {
		smtp_session_answer(c->session, front->has_room ? SMTP_ANSWER_LATER : SMTP_ANSWER_NO_SPACE);
		return;
	}
	if (!c->account || mail->path.is_null) {
		smtp_session_answer(c->session, SMTP_ANSWER_OK);
		return;
	}
	m.u.may_send = (struct ipc_may_send){
		.request = begin_request(c, front->directory),
		.account = c->account,
		.address = address_of(c, &mail->path),
	};
	send_request(c, front->directory, &m, m.u.may_send.request, sender_answered);
}

/* An account gets one copy, however many of its addresses are named. */
static bool
add_target(struct smtp_client *c, uint64_t account, struct bytes address)
{
	struct target *t;

	if (!c->accounts)
		c->accounts = map_new();
	if (map_get_number(c->accounts, account))
		return true;
	t = arena_take(c->arena, sizeof *t);
	if (!t || !arena_copy(c->arena, address, &t->address))
		return false;
	t->account = account;
	*c->last_target = t;
	c->last_target = &t->next;
	c->target_count++;
	(void)map_put_number(c->accounts, account, t);
	return true;
}

/* All mailboxes that an address stands for, or none: half of them would be neither accepted nor refused. */
static enum smtp_answer
add_targets(struct smtp_client *c, struct bytes targets)
{
	struct bytes rest = targets, address;
	uint8_t kind;
	uint16_t len;
	uint64_t account;

	while (take_u8(&rest, &kind) && take_u64(&rest, &account) && take_u16(&rest, &len) &&
		take_octets(&rest, len, &address))
		if (kind != TARGET_MAILBOX)
			return SMTP_ANSWER_NO_ROUTE;
	for (rest = targets; take_u8(&rest, &kind) && take_u64(&rest, &account) &&
		take_u16(&rest, &len) && take_octets(&rest, len, &address);)
		if (c->target_count >= RECIPIENTS_MAX || !add_target(c, account, address))
			return SMTP_ANSWER_LATER;
	return targets.len ? SMTP_ANSWER_OK : SMTP_ANSWER_LATER;
}

static enum smtp_answer
resolution(struct smtp_client *c, const struct ipc_resolved *r)
{
	switch ((enum ipc_outcome)r->outcome) {
	case IPC_OK:
		return add_targets(c, r->targets);
	case IPC_ABSENT:
	case IPC_DENIED:
	case IPC_INVALID:
		return SMTP_ANSWER_UNKNOWN;
	case IPC_FOREIGN:
		return c->account ? SMTP_ANSWER_NO_ROUTE : SMTP_ANSWER_NO_RELAY;
	case IPC_NO_SPACE:
		return SMTP_ANSWER_NO_SPACE;
	case IPC_LATER:
	case IPC_EXISTS:
	case IPC_LIMIT:
	case IPC_OUTCOMES:
		break;
	}
	return SMTP_ANSWER_LATER;
}

static void
resolved(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!end_request(c))
		return;
	if (m)
		a = resolution(c, &m->u.resolved);
	if (a == SMTP_ANSWER_OK) {
		c->recipient_count++;
		event(context(c), EV_RCPT_ACCEPTED, TEXT("recipient", c->recipient));
	} else {
		event(context(c), EV_RCPT_REFUSED, TEXT("recipient", c->recipient), TEXT("sender", c->sender),
			STR("reason", a == SMTP_ANSWER_UNKNOWN ? "unknown" : a == SMTP_ANSWER_NO_RELAY ?
				"no relay" : a == SMTP_ANSWER_NO_ROUTE ? "no route" : "try later"));
	}
	answer(c, a);
}

static void
ask_recipient(struct smtp_client *c, const struct smtp_path *path)
{
	struct peer *directory = front_of(c)->directory;
	struct message m = { .type = MESSAGE_RESOLVE };

	c->recipient = address_of(c, path);
	m.u.resolve = (struct ipc_resolve){
		.request = begin_request(c, directory),
		.session = connection_session(c->connection),
		.address = c->recipient,
	};
	send_request(c, directory, &m, m.u.resolve.request, resolved);
}

/* ---- the message */

static void
put_received(const struct smtp_client *c, struct buf *out)
{
	const struct tls *tls = connection_tls(c->connection);
	char host[NET_TEXT_MAX];
	struct buf text;

	buf_init_fixed(&text, host, sizeof host);
	net_put_host(&text, connection_remote(c->connection));
	rfc5322_put_received(out, &(struct rfc5322_received){
		.helo = smtp_session_helo(c->session),
		.client_address = buf_bytes(&text),
		.by = bytes_text(connection_settings(c->connection)->hostname),
		.is_esmtp = smtp_session_is_esmtp(c->session),
		.is_tls = tls != NULL,
		.is_authenticated = c->account != 0,
		.is_utf8 = c->is_utf8,
		.tls_version = bytes_text(tls ? tls_version(tls) : ""),
		.tls_cipher = bytes_text(tls ? tls_cipher(tls) : ""),
		.mail_id = bytes_text(c->mail_id.text),
		.recipient = c->recipient_count == 1 ? c->recipient : BYTES_NONE,
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

static void
put_head(void *arg, struct bytes header, struct buf *out)
{
	struct smtp_client *c = arg;

	put_received(c, out);
	if (c->account)
		put_missing(c, header, out);
}

static void
file_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	bool is_alive = end_request(c);
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
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_NEW_FILE };

	m.u.new_file = (struct ipc_new_file){
		.request = begin_request(c, store),
		.octets = connection_settings(c->connection)->message_octets_max,
	};
	c->is_paused = true;
	send_request(c, store, &m, m.u.new_file.request, file_answered);
}

static void
begin_body(struct smtp_client *c)
{
	c->result = SMTP_ANSWER_OK;
	c->incoming = incoming_new(put_head, c);
	smtp_session_answer(c->session, SMTP_ANSWER_OK);
}

static void
add_body(struct smtp_client *c, struct bytes octets)
{
	if (!c->incoming)
		return;
	incoming_add(c->incoming, octets);
	if (incoming_needs_file(c->incoming))
		ask_file(c);
}

static void
end_mail(struct smtp_client *c)
{
	enum smtp_answer a = c->result;

	if (a == SMTP_ANSWER_OK)
		event(context(c), EV_MAIL_ACCEPTED, TEXT("sender", c->sender),
			INT("recipients", c->recipient_count), INT("mailboxes", c->target_count),
			INT("size", incoming_facts(c->incoming).size));
	else
		event(context(c), EV_MAIL_LATER, TEXT("sender", c->sender),
			STR("reason", a == SMTP_ANSWER_NO_SPACE ? "no space" : "store away or slow"));
	forget_transaction(c);
	answer(c, a);
}

static void
delivered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum ipc_outcome outcome = m ? m->u.delivered.outcome : IPC_LATER;

	c->deliveries--;
	if (outcome != IPC_OK)
		c->result = temporary(outcome);
	if (!end_request(c) || c->deliveries > 0)
		return;
	end_mail(c);
}

/* RFC 5321 4.4: who it comes back to, then (for mail programs that ask) who it was for. */
static void
put_prefix(const struct smtp_client *c, const struct target *t, struct buf *out)
{
	put_format(out, "Return-Path: <%.*s>\nDelivered-To: %.*s\n", BYTES_ARG(c->sender),
		BYTES_ARG(t->address));
}

static void
deliver(struct smtp_client *c, const struct target *t, uint64_t body)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_DELIVER };
	uint8_t prefix_memory[2048], summary_memory[SUMMARY_MAX];
	struct buf prefix, summary;
	bool is_first = t == c->targets;
	uint64_t prefix_size;

	buf_init_fixed(&prefix, prefix_memory, sizeof prefix_memory);
	buf_init_fixed(&summary, summary_memory, sizeof summary_memory);
	put_prefix(c, t, &prefix);
	prefix_size = prefix.len + 2;
	summary_put_prefixed(&summary, incoming_summary(c->incoming), prefix_size);
	m.u.deliver = (struct ipc_deliver){
		.request = begin_request(c, store),
		.body = body,
		.is_last = t->next == NULL,
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
	send_request(c, store, &m, m.u.deliver.request, delivered);
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

static void
end_body(struct smtp_client *c)
{
	enum smtp_answer a = judge(c);
	uint64_t body;

	if (a != SMTP_ANSWER_OK) {
		event(context(c), a == SMTP_ANSWER_LOOP ? EV_MAIL_REFUSED : EV_MAIL_LATER,
			TEXT("sender", c->sender), STR("reason", a == SMTP_ANSWER_LOOP ? "too many hops" :
				"no space"));
		forget_transaction(c);
		smtp_session_answer(c->session, a);
		return;
	}
	c->result = SMTP_ANSWER_OK;
	c->deliveries = (unsigned int)c->target_count;
	body = ++front_of(c)->last_body;
	for (const struct target *t = c->targets; t; t = t->next)
		deliver(c, t, body);
}

/* ---- the protocol */

static void *
start(struct connection *connection)
{
	struct smtp_client *c = NEW(struct smtp_client);
	const struct settings *settings = connection_settings(connection);
	bool in_clear = settings_may_login_in_clear(settings, connection_is_loopback(connection));

	c->connection = connection;
	c->session = smtp_session_new(&settings->smtp[connection_service(connection)][in_clear]);
	c->arena = arena_new("smtp transaction", ARENA_MAX, ARENA_PLAIN);
	c->identity = arena_new("smtp identity", 1024, ARENA_PLAIN);
	c->last_target = &c->targets;
	return c;
}

/* False: stop stepping. */
static bool
carry_out(struct smtp_client *c, const struct smtp_effect *e)
{
	switch (e->kind) {
	case SMTP_OUTPUT:
		connection_put(c->connection, e->octets);
		return true;
	case SMTP_START_TLS:
		connection_start_tls(c->connection);
		return false;
	case SMTP_ASK_LOGIN:
		ask_login(c, &e->login);
		return true;
	case SMTP_MAIL:
		begin_mail(c, &e->mail);
		return true;
	case SMTP_ASK_RECIPIENT:
		ask_recipient(c, &e->path);
		return true;
	case SMTP_BODY_BEGIN:
		begin_body(c);
		return true;
	case SMTP_BODY:
		add_body(c, e->octets);
		return true;
	case SMTP_BODY_END:
		end_body(c);
		return true;
	case SMTP_ABANDONED:
		forget_transaction(c);
		return true;
	case SMTP_CLOSE:
		connection_close(c->connection);
		return false;
	case SMTP_NEED_INPUT:
	case SMTP_BLOCKED:
		break;
	}
	return false;
}

static enum run_status
run(void *client, struct bytes *in)
{
	struct smtp_client *c = client;
	struct smtp_effect effect;

	for (;;) {
		if (c->is_paused)
			return RUN_BLOCKED;
		if (connection_is_full(c->connection))
			return RUN_FULL;
		if (!carry_out(c, (smtp_session_step(c->session, in, &effect), &effect)))
			break;
	}
	return effect.kind == SMTP_BLOCKED ? RUN_BLOCKED : RUN_WAITS;
}

static void
tls_started(void *client)
{
	struct smtp_client *c = client;

	if (!clients_is_tls_from_start(connection_service(c->connection)))
		smtp_session_tls_started(c->session);
}

static void
shut(void *client, struct bytes text)
{
	struct smtp_client *c = client;

	smtp_session_shut(c->session, text);
}

static uint32_t
timeout_s(void *client)
{
	const struct smtp_client *c = client;

	return connection_settings(c->connection)->smtp_timeout_s;
}

static bool
is_idle(void *client)
{
	const struct smtp_client *c = client;

	return c->requests == 0 && !c->incoming;
}

static void
closed(void *client)
{
	struct smtp_client *c = client;

	c->connection = NULL;
	release(c);
}

const struct protocol smtp_protocol = {
	.start = start,
	.run = run,
	.tls_started = tls_started,
	.shut = shut,
	.timeout_s = timeout_s,
	.is_idle = is_idle,
	.closed = closed,
};
