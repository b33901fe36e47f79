/* An SMTP client: drives the pure machine of proto/smtp. */
#include "role/front/smtp_client_internal.h"

#include "base/map.h"
#include "base/memory.h"
#include "config/route.h"
#include "role/front/clients.h"
#include "sys/time.h"

const struct event_context *
smtp_client_context(const struct smtp_client *c)
{
	static const struct event_context nobody;

	return c->connection ? connection_context(c->connection) : &nobody;
}

struct front *
smtp_client_front(const struct smtp_client *c)
{
	return connection_front(c->connection);
}

void
smtp_client_forget_transaction(struct smtp_client *c)
{
	incoming_free(&c->incoming);
	incoming_free(&c->shortened);
	signing_free(&c->signing);
	map_free(&c->accounts);
	map_free(&c->outgoing_known);
	arena_release(c->arena);
	buf_done(&c->asked);
	buf_done(&c->asked_address);
	buf_done(&c->original);
	c->sender = c->parameters = c->last_parameters = c->first_recipient = c->signatures = BYTES_NONE;
	c->requires_tls = c->is_tls_optional = false;
	c->release_s = 0;
	c->by = (struct smtp_by){ .mode = SMTP_BY_UNSAID };
	c->priority = 0;
	c->targets = c->undelivered = NULL;
	c->last_target = &c->targets;
	c->outgoing = NULL;
	c->renamed = NULL;
	c->as = NULL;
	c->last_outgoing = &c->outgoing;
	c->target_count = c->recipient_count = 0;
	for (size_t i = 0; i < OUTGOING_KINDS; i++)
		c->outgoing_count[i] = 0;
	if (c->connection)
		connection_set_mail(c->connection, NULL);
}

static void
release(struct smtp_client *c)
{
	if (c->connection || c->requests)
		return;
	smtp_client_forget_transaction(c);
	smtp_session_free(&c->session);
	arena_free(&c->arena);
	arena_free(&c->identity);
	memory_free(c);
}

uint64_t
smtp_client_begin_request(struct smtp_client *c, struct peer *peer)
{
	c->requests++;
	return peer_request_id(peer);
}

bool
smtp_client_end_request(struct smtp_client *c)
{
	c->requests--;
	if (c->connection)
		return true;
	release(c);
	return false;
}

void
smtp_client_send_request(struct smtp_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered)
{
	smtp_client_send_request_as(c, peer, m, request, answered, c);
}

void
smtp_client_send_request_as(struct smtp_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered, void *arg)
{
	peer_request(peer, m, request, connection_settings(c->connection)->request_timeout_ms, answered, arg);
}

void
smtp_client_answer(struct smtp_client *c, enum smtp_answer a)
{
	smtp_session_answer(c->session, a);
	connection_run(c->connection);
}

static bool
is_trusted(const struct connection *connection)
{
	uint8_t octets[16];
	size_t count = net_address_octets(connection_remote(connection), octets);

	return config_trusts(connection_front(connection)->config, octets, count);
}

static void *
start(struct connection *connection)
{
	struct smtp_client *c = NEW(struct smtp_client);
	const struct settings *settings = connection_settings(connection);
	bool in_clear = settings_may_login_in_clear(settings, connection_is_loopback(connection));

	c->connection = connection;
	c->session = smtp_session_new(&settings->smtp[connection_service(connection)][in_clear]);
	c->arena = arena_new("smtp transaction", SMTP_CLIENT_ARENA_MAX, ARENA_PLAIN);
	c->identity = arena_new("smtp identity", 1024, ARENA_PLAIN);
	c->last_target = &c->targets;
	c->last_outgoing = &c->outgoing;
	c->is_trusted = is_trusted(connection);
	buf_init(&c->asked, SMTP_PATH_OCTETS_MAX);
	buf_init(&c->asked_address, SMTP_PATH_OCTETS_MAX);
	buf_init(&c->original, DSN_ORIGINAL_MAX);
	if (connection_service(connection) == SERVICE_LOCAL)
		c->local = smtp_local_new(c);
	c->is_trusted |= c->local != NULL;
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
		smtp_ask_login(c, &e->login);
		return true;
	case SMTP_MAIL:
		smtp_ask_sender(c, &e->mail);
		return true;
	case SMTP_ASK_RECIPIENT:
		smtp_ask_recipient(c, &e->path, &e->wishes);
		return true;
	case SMTP_BODY_BEGIN:
		smtp_message_begin(c);
		return true;
	case SMTP_BODY:
		smtp_message_add(c, e->octets);
		return true;
	case SMTP_BODY_END:
		smtp_message_end(c);
		return true;
	case SMTP_ABANDONED:
		smtp_client_forget_transaction(c);
		return true;
	case SMTP_CLOSE:
		if (e->octets.len)
			event(smtp_client_context(c), EV_CONNECTION_CUT, STR("remote", connection_remote_text(c->connection)),
				TEXT("limit", e->octets));
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

	/* The second that begins next: what is held for N seconds is not let go before (RFC 4865 4.1). */
	smtp_session_set_time(c->session, time_now().wall_us / 1000000 + 1);
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

/* A message may take so long as it takes a thin line; who sends octet by octet holds our file for it. */
static bool
is_late(void *client, int64_t age_s)
{
	const struct smtp_client *c = client;
	int64_t taken_s, may_take_s;

	(void)age_s;
	if (!c->incoming || c->requests)
		return false;
	taken_s = (loop_now(smtp_client_front(c)->loop).mono_us - c->incoming_since_us) / 1000000;
	may_take_s = connection_settings(c->connection)->smtp_timeout_s + (int64_t)(c->incoming_octets / SMTP_OCTETS_A_SECOND_MIN);
	return taken_s > may_take_s;
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
	.is_late = is_late,
	.is_idle = is_idle,
	.closed = closed,
};
