/* A program that logs its own users in through us: drives the pure machine of proto/auth, asks the directory about
   passwords.  As in smtp_client.c, a request that is under way holds the client.

   Who may open the socket is the file's mode to say; what the program claims of its user's address stands in events, and
   nothing is decided by it. */
#include "role/front/clients.h"

#include "base/memory.h"
#include "proto/auth/session.h"
#include "role/front/settings.h"
#include "sys/process.h"
#include "sys/random.h"

struct auth_client {
	struct connection *connection; /* NULL: gone */
	struct auth_session *session;
	unsigned int requests; /* under way */
};

/* A question to the directory. */
struct question {
	struct auth_client *client;
	uint64_t ticket;
};

static void
release(struct auth_client *c)
{
	if (c->connection || c->requests)
		return;
	auth_session_free(&c->session);
	memory_free(c);
}

static enum auth_answer
answer_of(const struct ipc_logged_in *m)
{
	static const enum auth_answer refusals[REFUSALS] = {
		[REFUSAL_CREDENTIALS] = AUTH_ANSWER_BAD_CREDENTIALS,
		[REFUSAL_DISABLED] = AUTH_ANSWER_DISABLED,
		[REFUSAL_EXPIRED] = AUTH_ANSWER_EXPIRED,
		[REFUSAL_NOT_AUTHORIZED] = AUTH_ANSWER_NOT_AUTHORIZED,
	};

	if (m->outcome == IPC_OK)
		return AUTH_ANSWER_OK;
	return m->outcome == IPC_DENIED ? refusals[m->refusal] : AUTH_ANSWER_LATER;
}

static void
logged_in(void *arg, const struct message *m)
{
	struct question *q = arg;
	struct auth_client *c = q->client;

	c->requests--;
	if (c->connection) {
		auth_session_answer(c->session, q->ticket, m ? answer_of(&m->u.logged_in) : AUTH_ANSWER_LATER,
			m ? m->u.logged_in.address : BYTES_NONE);
		connection_run(c->connection);
	} else {
		release(c);
	}
	memory_free(q);
}

/* What is no address is as good as not said. */
static void
put_claimed_address(struct buf *out, struct bytes host, struct bytes port)
{
	char text[2 * AUTH_CLAIM_OCTETS_MAX + 8];
	struct net_address address;
	struct buf b;

	buf_init_fixed(&b, text, sizeof text);
	put_format(&b, bytes_find_char(host, ':') < host.len ? "[%.*s]:%.*s" : "%.*s:%.*s", BYTES_ARG(host),
		BYTES_ARG(port.len ? port : BYTES("0")));
	if (b.has_failed || net_address_parse(buf_bytes(&b), 0, &address, NULL) != 0)
		put_text(out, "unix");
	else if (port.len)
		net_put_address(out, &address);
	else
		net_put_host(out, &address);
}

static void
ask_login(struct auth_client *c, const struct auth_login *login)
{
	struct peer *directory = connection_front(c->connection)->directory;
	struct question *q = NEW(struct question);
	char remote[NET_TEXT_MAX], local[NET_TEXT_MAX];
	struct buf remote_text, local_text;
	struct message m = { .type = MESSAGE_LOG_IN };

	buf_init_fixed(&remote_text, remote, sizeof remote);
	buf_init_fixed(&local_text, local, sizeof local);
	put_claimed_address(&remote_text, login->claims.remote_host, login->claims.remote_port);
	put_claimed_address(&local_text, login->claims.local_host, login->claims.local_port);
	m.u.log_in = (struct ipc_log_in){
		.request = peer_request_id(directory),
		.session = connection_session(c->connection),
		.service = SERVICE_AUTH,
		.mechanism = bytes_text(login->mechanism),
		.name = login->name,
		.authorize_as = login->authorize_as,
		.secret_password = login->secret_password,
		.remote = buf_bytes(&remote_text),
		.local = buf_bytes(&local_text),
		.tls = login->claims.tls,
		.application = login->claims.service,
	};
	*q = (struct question){ .client = c, .ticket = login->ticket };
	c->requests++;
	peer_request(directory, &m, m.u.log_in.request, connection_settings(c->connection)->request_timeout_ms, logged_in, q);
}

static void *
start(struct connection *connection)
{
	struct auth_client *c = NEW(struct auth_client);
	struct auth_identity identity = {
		.process = (uint32_t)process_id(),
		.connection = connection_session(connection),
	};

	random_fill(identity.cookie, sizeof identity.cookie);
	c->connection = connection;
	c->session = auth_session_new(&identity);
	return c;
}

static void
report_wrong(const struct auth_client *c, struct bytes wrong)
{
	if (wrong.len)
		event(connection_context(c->connection), EV_PROTOCOL_ERROR, STR("service", "auth"), TEXT("reason", wrong));
}

/* False: stop stepping. */
static bool
carry_out(struct auth_client *c, const struct auth_effect *e)
{
	switch (e->kind) {
	case AUTH_OUTPUT:
		connection_put(c->connection, e->octets);
		return true;
	case AUTH_ASK_LOGIN:
		ask_login(c, &e->login);
		return true;
	case AUTH_CLOSE:
		report_wrong(c, e->octets);
		connection_close(c->connection);
		return false;
	case AUTH_NEED_INPUT:
	case AUTH_BLOCKED:
		break;
	}
	return false;
}

/* A program that has said its last word still hears what is due. */
static enum run_status
run(void *client, struct bytes *in)
{
	struct auth_client *c = client;
	struct auth_effect effect;

	do {
		if (connection_is_full(c->connection))
			return RUN_FULL;
		auth_session_step(c->session, in, &effect);
	} while (carry_out(c, &effect));
	return effect.kind == AUTH_BLOCKED || c->requests ? RUN_BLOCKED : RUN_WAITS;
}

static void
tls_started(void *client)
{
	(void)client;
}

static void
shut(void *client, struct bytes text)
{
	struct auth_client *c = client;

	(void)text;
	auth_session_shut(c->session);
}

/* Programs keep the connection for as long as they live. */
static uint32_t
timeout_s(void *client)
{
	(void)client;
	return UINT32_MAX;
}

static bool
is_late(void *client, int64_t age_s)
{
	(void)client;
	(void)age_s;
	return false;
}

static bool
is_idle(void *client)
{
	const struct auth_client *c = client;

	return c->requests == 0;
}

static void
closed(void *client)
{
	struct auth_client *c = client;

	c->connection = NULL;
	release(c);
}

const struct protocol auth_protocol = {
	.start = start,
	.run = run,
	.tls_started = tls_started,
	.shut = shut,
	.timeout_s = timeout_s,
	.is_late = is_late,
	.is_idle = is_idle,
	.closed = closed,
};
