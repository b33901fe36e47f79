#include "role/front/connection.h"

#include "base/map.h"
#include "base/memory.h"
#include "role/front/clients.h"
#include "role/front/output.h"
#include "role/front/settings.h"

#include <errno.h>
#include <string.h>

/* Output waiting for a client: above the high mark its protocol is not stepped.  Input and output give their memory back
   when empty, so that an idle client costs its state alone. */
enum { OUTPUT_HIGH = 128 * 1024, OUTPUT_MAX = 1024 * 1024, INPUT_HIGH = 64 * 1024 };
enum { INPUT_MAX = INPUT_HIGH + FRONT_READ_MAX };

#define USER_UNKNOWN UINT32_MAX

/* Turns of one connection before others have theirs. */
enum { ROUNDS_MAX = 16 };

enum transport { TRANSPORT_CLEAR, TRANSPORT_TLS_WANTED, TRANSPORT_HANDSHAKE, TRANSPORT_TLS };

struct connection {
	TAILQ_ENTRY(connection) link;
	struct watch watch;
	struct front *front;
	const struct protocol *protocol;
	void *client;
	enum ipc_service service;
	const struct role_listener *source; /* NULL: it is closed */
	bool is_closing; /* no more input; the end comes when the output is sent */
	bool is_shut; /* the goodbye was said, or will be */
	bool is_gone; /* freed when the watch is closed */
	bool is_running; /* in run(): do not re-enter */
	bool has_ended; /* the client sent its last octet */
	enum run_status status; /* of the last run */
	enum transport transport;
	int fd;
	struct tls *tls;
	struct buf input;
	struct output output;
	struct net_address remote;
	uint32_t uid; /* of SERVICE_LOCAL: who runs the program at the other end */
	char remote_text[NET_TEXT_MAX];
	struct settings *settings;
	struct event_context context;
	uint64_t account;
	int64_t opened_us, active_us;
	uint64_t octets_in, octets_out;
};

/* Who its connections are counted for: a user of this machine, or a network. */
static struct bytes
key_of(const struct connection *c, char *memory, size_t size)
{
	struct buf text;

	buf_init_fixed(&text, memory, size);
	if (c->service == SERVICE_LOCAL)
		put_format(&text, "user %u", c->uid);
	else
		net_put_network(&text, &c->remote);
	return buf_bytes(&text);
}

static void
count(struct front *front, const struct connection *c, intptr_t by)
{
	char memory[NET_TEXT_MAX];
	struct bytes key = key_of(c, memory, sizeof memory);
	intptr_t count = (intptr_t)map_get(front->addresses, key) + by;

	if (count > 0)
		(void)map_put(front->addresses, key, (void *)count); /* NOLINT(performance-no-int-to-ptr) */
	else
		(void)map_remove(front->addresses, key);
}

static void
freed(struct watch *w)
{
	struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, watch));

	settings_free(&c->settings);
	memory_free(c);
}

/* Ends everything now.  The memory goes in a later turn of the loop. */
static void
destroy(struct connection *c)
{
	if (c->is_gone)
		return;
	c->is_gone = true;
	event(&c->context, EV_CONNECTION_CLOSED, STR("remote", c->remote_text),
		STR("service", ipc_service_name(c->service)), INT("in", c->octets_in),
		INT("out", c->octets_out),
		INT("seconds", (loop_now(c->front->loop).mono_us - c->opened_us) / 1000000));
	TAILQ_REMOVE(&c->front->connections, c, link);
	c->front->connection_count--;
	count(c->front, c, -1);
	c->protocol->closed(c->client);
	tls_free(&c->tls);
	buf_done_secret(&c->input);
	output_done(&c->output);
	watch_close_all(&c->watch, freed);
}

static bool
has_output(const struct connection *c)
{
	return output_waiting(&c->output).len > 0;
}

/* False when the connection broke. */
static bool
flush(struct connection *c)
{
	while (has_output(c)) {
		struct bytes left = output_waiting(&c->output);
		ssize_t count;

		if (output_has_failed(&c->output))
			return false;
		count = c->tls && c->transport == TRANSPORT_TLS ? tls_write(c->tls, left) : net_write(c->fd, left);
		if (count < 0)
			return errno == EAGAIN || errno == EINTR;
		c->active_us = loop_now(c->front->loop).mono_us;
		c->octets_out += (uint64_t)count;
		output_sent(&c->output, (size_t)count);
	}
	return true;
}

static void
want(struct connection *c)
{
	unsigned int events = 0;

	if (c->transport == TRANSPORT_HANDSHAKE)
		events = tls_wants_write(c->tls) ? LOOP_WRITABLE : LOOP_READABLE;
	else {
		if (has_output(c) || c->status == RUN_FULL || (c->tls && tls_wants_write(c->tls)))
			events |= LOOP_WRITABLE;
		if (!c->is_closing && !c->has_ended && c->input.len < INPUT_HIGH)
			events |= LOOP_READABLE;
	}
	watch_want(&c->watch, events);
}

static void
start_handshake(struct connection *c)
{
	/* RFC 3207 6, RFC 3501 11.1: what the client sent behind STARTTLS came in the clear and may be
	   an attacker's; the new session must not see it. */
	buf_done_secret(&c->input);
	buf_init(&c->input, INPUT_MAX);
	c->tls = tls_new(c->settings->tls, c->fd);
	c->transport = TRANSPORT_HANDSHAKE;
}

static bool
shake_hands(struct connection *c)
{
	struct fault f;

	switch (tls_handshake(c->tls, &f)) {
	case TLS_DONE:
		c->transport = TRANSPORT_TLS;
		event(&c->context, EV_TLS_STARTED, STR("remote", c->remote_text),
			STR("version", tls_version(c->tls)), STR("cipher", tls_cipher(c->tls)));
		c->protocol->tls_started(c->client);
		return true;
	case TLS_WANTS_READ:
	case TLS_WANTS_WRITE:
		return true;
	case TLS_BROKEN:
		event(&c->context, EV_TLS_FAILED, STR("remote", c->remote_text), STR("reason", f.text));
		return false;
	}
	return false;
}

/* Lets the protocol work with `fresh` (or what was left before, with fresh behind it). */
static void
run(struct connection *c, struct bytes fresh)
{
	struct bytes in = fresh;

	if (c->input.len) {
		put_bytes(&c->input, fresh);
		in = buf_bytes(&c->input);
	}
	c->is_running = true;
	c->status = c->protocol->run(c->client, &in);
	c->is_running = false;
	/* Who sends a line octet by octet says nothing until it is whole. */
	if (in.len < c->input.len || (c->input.len == 0 && in.len < fresh.len))
		c->active_us = loop_now(c->front->loop).mono_us;
	if (c->transport == TRANSPORT_TLS_WANTED || c->is_closing)
		in.len = 0;
	if (c->input.len)
		buf_drop(&c->input, c->input.len - in.len);
	else
		put_bytes(&c->input, in);
	if (c->input.len == 0 && c->input.size) {
		buf_done_secret(&c->input);
		buf_init(&c->input, INPUT_MAX);
	}
}

/* How many octets came into the scratch; 0: none now. */
static size_t
fill(struct connection *c, bool *is_drained)
{
	ssize_t count = c->tls ? tls_read(c->tls, c->front->scratch, FRONT_READ_MAX) :
		net_read(c->fd, c->front->scratch, FRONT_READ_MAX);

	*is_drained = c->tls ? count <= 0 : count < FRONT_READ_MAX;
	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		c->has_ended = true;
	if (count <= 0)
		return 0;
	c->octets_in += (uint64_t)count;
	return (size_t)count;
}

static bool
may_read(const struct connection *c)
{
	return !c->is_closing && !c->has_ended && c->input.len < INPUT_HIGH &&
		(c->transport == TRANSPORT_CLEAR || c->transport == TRANSPORT_TLS);
}

/* All is said: what the client asked for is answered and sent, and no more will come. */
static bool
is_finished(const struct connection *c)
{
	return !has_output(c) &&
		(c->is_closing || (c->has_ended && c->status == RUN_WAITS));
}

/* One turn: read, step, write.  False when the connection is gone. */
static bool
turn(struct connection *c, bool *is_drained)
{
	size_t count = !*is_drained && may_read(c) ? fill(c, is_drained) : 0;

	if (!c->is_closing && c->transport != TRANSPORT_TLS_WANTED)
		run(c, bytes_of(c->front->scratch, count));
	if (!flush(c) || is_finished(c)) {
		destroy(c);
		return false;
	}
	if (c->transport == TRANSPORT_TLS_WANTED && !has_output(c))
		start_handshake(c);
	return true;
}

static void
pump(struct connection *c, bool is_readable)
{
	bool is_drained = !is_readable;
	int rounds = 0;

	if (c->transport == TRANSPORT_HANDSHAKE) {
		if (!shake_hands(c)) {
			destroy(c);
			return;
		}
		is_drained = c->transport != TRANSPORT_TLS;
	}
	while (c->transport != TRANSPORT_HANDSHAKE) {
		if (!turn(c, &is_drained))
			return;
		if (++rounds >= ROUNDS_MAX || (c->status != RUN_FULL && (is_drained || !may_read(c))) ||
			has_output(c))
			break;
	}
	want(c);
}

static void
ready(struct watch *w, unsigned int events)
{
	struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, watch));

	pump(c, (events & LOOP_READABLE) != 0);
}

void
connection_run(struct connection *c)
{
	/* TLS may hold octets of a record that was read already: the socket won't tell. */
	if (!c->is_gone && !c->is_running)
		pump(c, c->transport == TRANSPORT_TLS);
}

static bool
is_over_limit(struct front *front, const struct connection *c, const char **which)
{
	char memory[NET_TEXT_MAX];
	struct bytes key = key_of(c, memory, sizeof memory);

	*which = "connections";
	if (front->connection_count >= front->config->connections_max)
		return true;
	/* Programs that log users in through us come through a socket file: they are no one address. */
	if (c->remote.storage.ss_family == AF_UNIX && c->service != SERVICE_LOCAL)
		return false;
	*which = "connections_per_address";
	return (uintptr_t)map_get(front->addresses, key) >= front->config->connections_per_address_max;
}

static void
put_remote(struct connection *c)
{
	struct buf text;

	buf_init_fixed(&text, c->remote_text, sizeof c->remote_text - 1);
	if (c->service == SERVICE_LOCAL)
		put_format(&text, "user %u", c->uid);
	else
		net_put_address(&text, &c->remote);
}

void
connection_open(struct front *front, const struct listener *listener, int fd,
	const struct net_address *remote)
{
	struct connection *c;
	const char *limit;

	c = NEW(struct connection);
	c->remote = *remote;
	c->service = listener->service;
	if (c->service == SERVICE_LOCAL && !net_peer_user(fd, &c->uid))
		c->uid = USER_UNKNOWN;
	put_remote(c);
	if (is_over_limit(front, c, &limit)) {
		event(NULL, EV_CONNECTION_REFUSED, STR("remote", c->remote_text), STR("limit", limit));
		clients_refuse(listener->service, fd, front->config->hostname);
		net_close(fd);
		memory_free(c);
		return;
	}
	c->front = front;
	c->fd = fd;
	c->settings = settings_share(front->settings);
	c->source = listener->source;
	c->protocol = clients_protocol(listener->service);
	c->context.session = ++front->last_session;
	c->opened_us = c->active_us = loop_now(front->loop).mono_us;
	buf_init(&c->input, INPUT_MAX);
	output_init(&c->output, OUTPUT_MAX);
	count(front, c, 1);
	front->connection_count++;
	TAILQ_INSERT_TAIL(&front->connections, c, link);
	watch_init(&c->watch, front->loop, fd, ready);
	event(&c->context, EV_CONNECTION_OPENED, STR("remote", c->remote_text),
		STR("service", ipc_service_name(c->service)));
	if (clients_is_tls_from_start(c->service))
		start_handshake(c);
	c->client = c->protocol->start(c);
	pump(c, false);
}

void
connection_put(struct connection *c, struct bytes octets)
{
	if (c->is_gone)
		return;
	output_put(&c->output, octets);
}

bool
connection_is_full(const struct connection *c)
{
	return c->is_gone || output_waiting(&c->output).len > OUTPUT_HIGH;
}

void
connection_start_tls(struct connection *c)
{
	c->transport = TRANSPORT_TLS_WANTED;
}

void
connection_close(struct connection *c)
{
	c->is_closing = true;
}

const struct event_context *
connection_context(const struct connection *c)
{
	return &c->context;
}

void
connection_set_mail(struct connection *c, const char *mail_id)
{
	c->context.mail_id = mail_id;
}

void
connection_note_work(struct connection *c)
{
	c->active_us = loop_now(c->front->loop).mono_us;
}

struct front *
connection_front(const struct connection *c)
{
	return c->front;
}

enum ipc_service
connection_service(const struct connection *c)
{
	return c->service;
}

const struct settings *
connection_settings(const struct connection *c)
{
	return c->settings;
}

uint64_t
connection_session(const struct connection *c)
{
	return c->context.session;
}

void
connection_set_account(struct connection *c, uint64_t account)
{
	c->account = account;
}

bool
connection_peer_user(const struct connection *c, uint32_t *uid)
{
	*uid = c->uid;
	return c->uid != USER_UNKNOWN;
}

bool
connection_is_loopback(const struct connection *c)
{
	return net_is_loopback(&c->remote);
}

const struct net_address *
connection_remote(const struct connection *c)
{
	return &c->remote;
}

const char *
connection_remote_text(const struct connection *c)
{
	return c->remote_text;
}

void
connection_put_local_text(const struct connection *c, struct buf *out)
{
	struct net_address local;

	if (net_local_address(c->fd, &local) == 0)
		net_put_address(out, &local);
}

bool
connection_is_to(const struct connection *c, struct bytes literal)
{
	struct net_address named, local;
	uint8_t named_octets[16], local_octets[16];
	size_t count;

	if (!net_literal_parse(literal, 0, &named) || net_local_address(c->fd, &local) != 0)
		return false;
	count = net_address_octets(&named, named_octets);
	return count && bytes_equal(bytes_of(named_octets, count), bytes_of(local_octets, net_address_octets(&local, local_octets)));
}

const struct tls *
connection_tls(const struct connection *c)
{
	return c->transport == TRANSPORT_TLS ? c->tls : NULL;
}

static void
shut(struct connection *c, struct bytes text)
{
	if (c->is_shut)
		return;
	c->is_shut = true;
	c->protocol->shut(c->client, text);
	connection_run(c);
}

void
connections_shut_account(struct front *front, uint64_t account)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&front->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->account && c->account == account)
			shut(c, BYTES("Your account changed, please log in again"));
	}
}

void
connections_lose_listener(struct front *front, const struct role_listener *source)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&front->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->source != source)
			continue;
		c->source = NULL;
		if (c->protocol == &auth_protocol)
			shut(c, BYTES("Nobody may log in here any more"));
	}
}

void
connections_shut_users(struct front *front, const struct protocol *protocol, struct bytes text)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&front->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->account && c->protocol == protocol)
			shut(c, text);
	}
}

void
connections_shut_all(struct front *front, struct bytes text, bool only_idle)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&front->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!only_idle || c->protocol->is_idle(c->client))
			shut(c, text);
	}
}

void
connections_sweep(struct front *front)
{
	int64_t now_us = loop_now(front->loop).mono_us;
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&front->connections); c; c = next) {
		int64_t silent_s = (now_us - c->active_us) / 1000000, age_s = (now_us - c->opened_us) / 1000000;

		next = TAILQ_NEXT(c, link);
		if (silent_s <= (int64_t)c->protocol->timeout_s(c->client) && !c->protocol->is_late(c->client, age_s))
			continue;
		/* A client that does not even take our goodbye is not waited for. */
		if (c->is_shut || c->is_closing || c->transport == TRANSPORT_HANDSHAKE)
			destroy(c);
		else
			shut(c, BYTES("You were silent for too long, or too slow"));
	}
}
