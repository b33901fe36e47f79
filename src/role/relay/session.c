/* A connection to another server: made without waiting, spoken over by the machine of proto/smtp/client.h, kept for a while for the
   next mail of the same hop.  It belongs to the sending that it was made for until that has its results. */
#include "role/relay/session_internal.h"

#include "base/memory.h"
#include "config/route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	IDLE_MS = 5000,
	SESSIONS_A_MAIL = 4,
	USES_MAX = 100, /* mails over one connection, so that others have their turn */
	INPUT_MAX = SMTP_CLIENT_INPUT_MAX + RELAY_READ_MAX,
	OUTPUT_MAX = 1024 * 1024,
};

static void
one_closed(struct session *c)
{
	if (--c->closing > 0)
		return;
	net_close(c->fd);
	smtp_client_free(&c->client);
	arena_free(&c->secrets);
	memory_free(c);
}

static void
watch_closed(struct watch *w)
{
	one_closed((struct session *)((char *)w - offsetof(struct session, watch)));
}

static void
timer_closed(struct timer *t)
{
	one_closed((struct session *)((char *)t - offsetof(struct session, timer)));
}

static struct session *
session_of(struct idle *i)
{
	return (struct session *)((char *)i - offsetof(struct session, idle));
}

static void
leave_idle(struct session *c)
{
	if (!c->idle.is_in)
		return;
	c->is_timer_due = true;
	idle_remove(&c->relay->idle, &c->idle);
}

static void
count_mail(const struct session *c, intptr_t by)
{
	char network[NET_TEXT_MAX];
	struct buf key;

	if (!c->sending || c->sending->hop != HOP_MX)
		return;
	buf_init_fixed(&key, network, sizeof network);
	net_put_network(&key, &c->target.address);
	relay_count(c->relay->networks, buf_bytes(&key), by);
}

void
session_set_sending(struct session *c, struct sending *s)
{
	count_mail(c, -1);
	c->sending = s;
	count_mail(c, 1);
}

bool
session_is_crowded(const struct sending *s, const struct net_address *address)
{
	char network[NET_TEXT_MAX];
	struct buf key;

	buf_init_fixed(&key, network, sizeof network);
	net_put_network(&key, address);
	return s->hop == HOP_MX && (uintptr_t)map_get(s->relay->networks, buf_bytes(&key)) >= relay_per_network_max(s->relay);
}

void
session_drop(struct session *c)
{
	if (c->is_gone)
		return;
	c->is_gone = true;
	session_set_sending(c, NULL);
	leave_idle(c);
	TAILQ_REMOVE(&c->relay->sessions, c, link);
	c->relay->session_count--;
	tls_free(&c->tls);
	buf_done(&c->input);
	buf_done_secret(&c->output);
	c->closing = 2;
	watch_close(&c->watch, watch_closed);
	timer_close(&c->timer, timer_closed);
}

void
session_flush(struct session *c)
{
	while (!c->has_ended && !session_is_all_sent(c)) {
		struct bytes left = bytes_sub(buf_bytes(&c->output), c->sent, c->output.len);
		ssize_t count = c->stage == STAGE_TLS ? tls_write(c->tls, left) : net_write(c->fd, left);

		if (count < 0) {
			c->has_ended |= errno != EAGAIN;
			return;
		}
		c->sent += (size_t)count;
	}
	if (!session_is_all_sent(c))
		return;
	c->sent = 0;
	if (c->has_secret)
		buf_done_secret(&c->output);
	else if (c->output.size > SMTP_CLIENT_BODY_MAX)
		buf_done(&c->output);
	c->has_secret = false;
	buf_reset(&c->output);
}

/* Steps the machine with `fresh`, or with what was left before and fresh behind it. */
static void
run(struct session *c, struct bytes fresh)
{
	struct smtp_client_effect effect;
	struct bytes in = fresh;
	unsigned int pieces = 0;

	if (c->input.len) {
		put_bytes(&c->input, fresh);
		in = buf_bytes(&c->input);
	}
	c->is_full = false;
	do
		(void)smtp_client_step(c->client, &in, &effect);
	while (session_carry_out(c, &effect, &pieces) && !c->is_gone);
	if (c->is_gone)
		return;
	if (c->input.len)
		buf_drop(&c->input, c->input.len - in.len);
	else
		put_bytes(&c->input, in);
	if (c->input.len == 0)
		buf_done(&c->input);
}

/* How many octets came into the scratch; 0: none now. */
static size_t
fill(struct session *c, bool *is_drained)
{
	ssize_t count = c->stage == STAGE_TLS ? tls_read(c->tls, c->relay->scratch, RELAY_READ_MAX) :
						net_read(c->fd, c->relay->scratch, RELAY_READ_MAX);

	*is_drained = c->stage == STAGE_TLS ? count <= 0 : count < RELAY_READ_MAX;
	if (count == 0 || (count < 0 && errno != EAGAIN))
		c->has_ended = true;
	return count > 0 ? (size_t)count : 0;
}

static void
start_handshake(struct session *c)
{
	struct tls_client_peer peer = sending_tls_peer(c->sending, &c->target);

	c->is_tested = peer.is_tested;
	c->tls = tls_client_new(c->relay->tls, c->fd, &peer);
	c->stage = STAGE_HANDSHAKE;
}

/* False: it is not done yet, or it failed and the machine knows. */
static bool
shake_hands(struct session *c)
{
	struct fault f;

	switch (tls_handshake(c->tls, &f)) {
	case TLS_DONE:
		(void)snprintf(c->tls_text, sizeof c->tls_text, "%s %s", tls_version(c->tls), tls_cipher(c->tls));
		(void)snprintf(c->sending->tls, sizeof c->sending->tls, "%s", c->tls_text);
		event(&c->context, EV_TLS_STARTED, STR("remote", c->target.text), STR("version", tls_version(c->tls)),
			STR("cipher", tls_cipher(c->tls)), STR("level", tls_client_level_name(c->target.level)),
			STR("cause", tls_client_cause_name(c->target.cause)));
		c->stage = STAGE_TLS;
		session_count_tls(c, c->is_tested ? tls_client_tested(c->tls) : TLSRPT_SUCCESS, bytes_text(c->is_tested ? tls_client_tested_trouble(c->tls) : NULL));
		smtp_client_tls_started(c->client, c->target.level >= TLS_CLIENT_VERIFY);
		return true;
	case TLS_WANTS_READ:
	case TLS_WANTS_WRITE:
		return false;
	case TLS_BROKEN:
		c->has_ended = true;
		smtp_client_tls_failed(c->client, bytes_text(f.text));
		run(c, BYTES_NONE);
		break;
	}
	return false;
}

static void
want(struct session *c)
{
	unsigned int events = 0;

	if (c->stage == STAGE_CONNECTING)
		events = LOOP_WRITABLE;
	else if (c->stage == STAGE_HANDSHAKE)
		events = tls_wants_write(c->tls) ? LOOP_WRITABLE : LOOP_READABLE;
	else
		events = LOOP_READABLE |
			(!session_is_all_sent(c) || c->is_full || (c->tls && tls_wants_write(c->tls)) ? LOOP_WRITABLE : 0);
	watch_want(&c->watch, events);
}

/* RFC 5321 4.5.3.2: for each step anew, however many octets its answer comes in. */
static void
set_timer(struct session *c)
{
	uint64_t moves = smtp_client_moves(c->client);

	if (!c->is_timer_due && moves == c->moves)
		return;
	c->is_timer_due = false;
	c->moves = moves;
	timer_start(&c->timer, c->idle.is_in ? IDLE_MS : 1000 * (uint64_t)smtp_client_timeout_s(c->client), 0);
}

/* One turn: read, step, write.  False when the session is gone. */
static bool
turn(struct session *c, bool *is_drained)
{
	size_t count = *is_drained ? 0 : fill(c, is_drained);

	run(c, bytes_of(c->relay->scratch, count));
	if (!c->is_gone)
		session_flush(c);
	if (!c->is_gone && c->has_ended && !c->is_closing) {
		smtp_client_lose(c->client, BYTES("connection lost"));
		run(c, BYTES_NONE);
	}
	if (!c->is_gone && c->is_closing && (c->has_ended || session_is_all_sent(c)))
		session_drop(c);
	if (c->is_gone)
		return false;
	if (c->stage == STAGE_TLS_WANTED && session_is_all_sent(c))
		start_handshake(c);
	return true;
}

static void
pump(struct session *c, bool is_readable)
{
	bool is_drained = !is_readable;

	for (unsigned int rounds = 0; rounds < SESSION_ROUNDS_MAX; rounds++) {
		if (c->stage == STAGE_HANDSHAKE && !c->has_ended) {
			if (!shake_hands(c))
				break;
			is_drained = false;
		}
		if (!turn(c, &is_drained))
			return;
		if (is_drained && c->stage != STAGE_HANDSHAKE)
			break;
	}
	if (!c->is_gone && c->is_closing)
		session_drop(c);
	if (c->is_gone)
		return;
	c->is_full |= !is_drained;
	want(c);
	set_timer(c);
}

/* Did it come to something? */
static void
end_connecting(struct session *c, int error)
{
	struct sending *s = c->sending;
	struct fault f;

	if (error == 0) {
		c->stage = STAGE_CLEAR;
		c->is_timer_due = true;
		sending_connected(s, c);
		event(&c->context, EV_RELAY_CONNECTED, STR("server", c->target.text));
		pump(c, false);
		return;
	}
	(void)fault_errno(&f, error, "451 4.4.1 connection to %s", c->target.text);
	session_set_sending(c, NULL);
	session_drop(c);
	sending_unreachable(s, c, f.text);
}

static void
ready(struct watch *w, unsigned int events)
{
	struct session *c = (struct session *)((char *)w - offsetof(struct session, watch));

	if (c->stage == STAGE_CONNECTING)
		end_connecting(c, net_connect_result(c->fd));
	else /* TLS may hold octets of a record that was read already: the socket won't tell. */
		pump(c, (events & LOOP_READABLE) != 0 || c->stage == STAGE_TLS);
}

void
session_lose(struct session *c, struct bytes why)
{
	c->has_ended = true;
	if (c->sending)
		c->sending->is_silent = true;
	smtp_client_lose(c->client, why);
	pump(c, false);
}

static void
fired(struct timer *t)
{
	struct session *c = (struct session *)((char *)t - offsetof(struct session, timer));

	if (c->stage == STAGE_CONNECTING) {
		end_connecting(c, ETIMEDOUT);
	} else if (c->idle.is_in) {
		leave_idle(c);
		smtp_client_quit(c->client);
		pump(c, false);
	} else {
		session_lose(c, BYTES("timed out"));
	}
}

static void
set_up_client(struct session *c, const struct sending *s)
{
	enum tls_client_level level = c->target.level;

	(void)snprintf(c->hostname, sizeof c->hostname, "%.*s", BYTES_ARG(c->relay->config->hostname));
	c->settings.hostname = bytes_text(c->hostname);
	c->settings.is_lmtp = s->hop == HOP_LMTP;
	/* A host that the configuration names may be another server of this machine, or of its name, where we do not listen ourselves. */
	c->settings.may_be_ourselves = s->hop == HOP_MX || (s->hop == HOP_SMTP && config_listens_at(c->relay->config, s->port));
	c->settings.tls = level > TLS_CLIENT_MAY ? SMTP_CLIENT_TLS_MUST :
		level == TLS_CLIENT_MAY		 ? SMTP_CLIENT_TLS_MAY :
						   SMTP_CLIENT_TLS_NEVER;
	sending_keep_login(s, &c->secrets, &c->settings);
	c->client = smtp_client_new(&c->settings);
}

/* For each mail on its way there may be two connections that are tried, one that is idle, and one that waits for the answer to QUIT; when
   that is not enough, those that carry nothing go without a word. */
static void
make_room(struct relay *relay)
{
	struct session *c, *next;

	for (c = TAILQ_FIRST(&relay->sessions); c && relay->session_count >= SESSIONS_A_MAIL * relay_active_max(relay); c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->sending)
			session_drop(c);
	}
}

struct session *
session_open(struct sending *s, const struct relay_target *target, struct fault *f)
{
	struct relay *relay = s->relay;
	struct session *c;
	int fd;

	make_room(relay);
	fd = net_connect_start(&target->address, relay_source(relay, &target->address));
	if (fd == -1) {
		(void)fault_errno(f, errno, "451 4.4.1 connection to %s", target->text);
		return NULL;
	}
	c = NEW(struct session);
	c->relay = relay;
	c->fd = fd;
	c->target = *target;
	session_set_sending(c, s);
	c->context = (struct event_context){ .session = ++relay->last_session };
	memcpy(c->key, s->key, sizeof c->key);
	buf_init(&c->input, INPUT_MAX);
	buf_init(&c->output, OUTPUT_MAX);
	set_up_client(c, s);
	TAILQ_INSERT_TAIL(&relay->sessions, c, link);
	relay->session_count++;
	watch_init(&c->watch, relay->loop, fd, ready);
	watch_want(&c->watch, LOOP_WRITABLE);
	timer_init(&c->timer, relay->loop, fired);
	timer_start(&c->timer, relay_connect_ms(relay), 0);
	return c;
}

struct session *
session_find_idle(struct relay *relay, const char *key)
{
	struct idle *i = idle_find(&relay->idle, bytes_text(key));

	return i ? session_of(i) : NULL;
}

void
session_use(struct session *c, struct sending *s)
{
	bool was_idle = c->idle.is_in;

	session_set_sending(c, s);
	s->session = c;
	(void)snprintf(s->server, sizeof s->server, "%s", c->target.text);
	(void)snprintf(s->tls, sizeof s->tls, "%s", c->tls_text);
	s->is_silent = false;
	leave_idle(c);
	if (was_idle)
		pump(c, false);
}

bool
session_may_go_on(const struct session *c)
{
	return c->uses < USES_MAX && !c->is_retired && !c->relay->is_draining;
}

void
sessions_end_idle(struct relay *relay, uint32_t most)
{
	while (relay->idle.count > most) {
		struct session *c = session_of(idle_oldest(&relay->idle));

		leave_idle(c);
		smtp_client_quit(c->client);
		pump(c, false);
	}
}

void
sessions_retire(struct relay *relay)
{
	struct session *c;

	TAILQ_FOREACH (c, &relay->sessions, link)
		c->is_retired = true;
	sessions_end_idle(relay, 0);
}

const struct relay_target *
session_target(const struct session *c)
{
	return &c->target;
}

const struct smtp_client *
session_client(const struct session *c)
{
	return c->client;
}
