/* An IMAP client: drives the pure machine of proto/imap.  As in smtp_client.c, a request that is under way
   holds the client. */
#include "role/front/imap_client.h"

#include "base/memory.h"

static struct front *
front_of(const struct imap_client *c)
{
	return connection_front(c->connection);
}

static void
release(struct imap_client *c)
{
	if (c->connection || c->requests)
		return;
	incoming_free(&c->incoming);
	imap_free_bodies(c);
	imap_session_free(&c->session);
	memory_free(c);
}

uint64_t
imap_begin_request(struct imap_client *c, struct peer *peer)
{
	c->requests++;
	return peer_request_id(peer);
}

bool
imap_end_request(struct imap_client *c)
{
	c->requests--;
	if (c->connection)
		return true;
	release(c);
	return false;
}

void
imap_send_request(struct imap_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered)
{
	peer_request(peer, m, request, connection_settings(c->connection)->request_timeout_ms, answered, c);
}

void
imap_give(struct imap_client *c, const struct imap_answer *a)
{
	imap_session_answer(c->session, a);
	connection_run(c->connection);
}

static void
changed(struct mailbox_user *u)
{
	struct imap_client *c = (struct imap_client *)((char *)u - offsetof(struct imap_client, user));

	imap_session_mailbox_changed(c->session);
	/* Between commands nothing may be said unasked but in IDLE: stepping finds out. */
	connection_run(c->connection);
}

static void
new_view(struct mailbox_user *u, const struct view *view)
{
	struct imap_client *c = (struct imap_client *)((char *)u - offsetof(struct imap_client, user));

	imap_session_new_view(c->session, view);
}

static void
mailbox_gone(struct mailbox_user *u)
{
	struct imap_client *c = (struct imap_client *)((char *)u - offsetof(struct imap_client, user));

	imap_session_shut(c->session, BYTES("The mailbox was deleted or replaced"));
	connection_run(c->connection);
}

static void
run_again(struct defer *d)
{
	struct imap_client *c = (struct imap_client *)((char *)d - offsetof(struct imap_client, again));

	connection_run(c->connection);
}

static void *
start(struct connection *connection)
{
	struct imap_client *c = NEW(struct imap_client);
	const struct settings *settings = connection_settings(connection);
	bool in_clear = settings_may_login_in_clear(settings, connection_is_loopback(connection));

	c->connection = connection;
	c->session = imap_session_new(&settings->imap[connection_service(connection)][in_clear]);
	c->user = (struct mailbox_user){ .changed = changed, .new_view = new_view, .gone = mailbox_gone };
	c->again.work = run_again;
	return c;
}

static void
tell_told(struct imap_client *c, uint32_t uid_next)
{
	struct message m = { .type = MESSAGE_TOLD };

	m.u.told = (struct ipc_told){ .session = connection_session(c->connection), .uid_next = uid_next };
	/* What is not told is \Recent once more. */
	(void)!peer_send(front_of(c)->store, &m);
}

/* True: step on. */
static bool
carry_out(struct imap_client *c, const struct imap_effect *e)
{
	switch (e->kind) {
	case IMAP_OUTPUT:
		connection_put(c->connection, e->octets);
		return true;
	case IMAP_START_TLS:
		connection_start_tls(c->connection);
		return false;
	case IMAP_ASK:
		imap_ask(c, &e->ask);
		return true;
	case IMAP_APPEND_BEGIN:
		imap_begin_append(c, e->size);
		return true;
	case IMAP_APPEND_OCTETS:
		imap_add_append(c, e->octets);
		return true;
	case IMAP_APPEND_ABANDONED:
		incoming_free(&c->incoming);
		return true;
	case IMAP_TOLD:
		tell_told(c, (uint32_t)e->size);
		return true;
	case IMAP_CLOSE:
		connection_close(c->connection);
		return false;
	case IMAP_AGAIN:
		loop_defer(front_of(c)->loop, &c->again);
		return false;
	case IMAP_NEED_INPUT:
	case IMAP_BLOCKED:
		break;
	}
	return false;
}

/* Another program wrote on the view while numbers were taken from it. */
static bool
is_senseless(const struct imap_effect *e)
{
	return e->kind == IMAP_ASK && !ipc_are_ordered(imap_ranges_of(&e->ask));
}

static enum run_status
run(void *client, struct bytes *in)
{
	struct imap_client *c = client;
	struct imap_effect effect;

	for (;;) {
		if (c->is_paused || c->again.is_pending)
			return RUN_BLOCKED;
		if (connection_is_full(c->connection))
			return RUN_FULL;
		imap_session_step(c->session, in, &effect);
		if (mailbox_is_torn(&c->user) || is_senseless(&effect))
			effect.kind = IMAP_CLOSE;
		if (!carry_out(c, &effect))
			break;
	}
	if (effect.kind == IMAP_BLOCKED || effect.kind == IMAP_AGAIN)
		return RUN_BLOCKED;
	/* A command that works wants no input: what it was lent it needs no more. */
	imap_free_bodies(c);
	return RUN_WAITS;
}

static void
tls_started(void *client)
{
	struct imap_client *c = client;

	if (!clients_is_tls_from_start(connection_service(c->connection)))
		imap_session_tls_started(c->session);
}

static void
shut(void *client, struct bytes text)
{
	struct imap_client *c = client;

	imap_session_shut(c->session, text);
}

static uint32_t
timeout_s(void *client)
{
	const struct imap_client *c = client;
	const struct settings *settings = connection_settings(c->connection);

	return c->is_logged_in ? settings->imap_timeout_s : settings->login_timeout_s;
}

static bool
is_late(void *client, int64_t age_s)
{
	const struct imap_client *c = client;

	return !c->is_logged_in && age_s > (int64_t)connection_settings(c->connection)->login_timeout_s;
}

static bool
is_idle(void *client)
{
	const struct imap_client *c = client;

	return c->requests == 0 && imap_session_is_idle(c->session);
}

static void
closed(void *client)
{
	struct imap_client *c = client;
	struct front *front = front_of(c);
	struct message m = { .type = MESSAGE_SESSION_END };

	loop_defer_cancel(front->loop, &c->again);
	imap_free_bodies(c);
	mailbox_leave(front, &c->user);
	m.u.session_end.session = connection_session(c->connection);
	/* A store that is away has no sessions to forget. */
	if (c->is_logged_in)
		(void)!peer_send(front->store, &m);
	c->connection = NULL;
	release(c);
}

const struct protocol imap_protocol = {
	.start = start,
	.run = run,
	.tls_started = tls_started,
	.shut = shut,
	.timeout_s = timeout_s,
	.is_late = is_late,
	.is_idle = is_idle,
	.closed = closed,
};
