#include "role/directory/userdb.h"

#include "base/event.h"
#include "base/memory.h"
#include "proto/auth/userdb.h"
#include "sys/net.h"
#include "sys/process.h"

#include <errno.h>

enum { READ_MAX = 16384, INPUT_MAX = AUTH_LINE_OCTETS_MAX + READ_MAX, OUTPUT_MAX = 4 * 1024 * 1024, OUTPUT_HIGH = 64 * 1024 };
/* Names of a list in one go; goes of one client before others have theirs. */
enum { LIST_STEP = 256, ROUNDS_MAX = 32 };

struct client {
	struct watch watch;
	struct userdb *userdb;
	struct client *next;
	const struct role_listener *source;
	struct auth_userdb *session;
	struct buf input, output;
	size_t sent; /* octets of output that went out already */
	size_t list_at;
	int fd;
	bool is_closing; /* ends when the output is sent */
	bool has_ended; /* it sent its last octet */
	bool has_more; /* the session can go on without input */
	struct waiter *waiter; /* NULL: there is none */
};

/* A question of a client that waits until it is sure that there is nobody of that name; before it is answered the session goes no further. */
struct waiter {
	struct userdb *userdb;
	struct waiter *next;
	struct client *client; /* NULL: gone */
	struct auth_userdb_effect effect; /* borrowed from its session */
};

struct listener {
	struct watch watch;
	struct userdb *userdb;
	struct listener *next;
	const struct role_listener *source;
};

struct userdb {
	struct loop *loop;
	const struct accounts *accounts;
	uid_t uid;
	gid_t gid;
	const struct userdb_certainty *certainty; /* NULL: who is not known is not there */
	void *arg;
	struct waiter *waiters;
	struct listener *listeners;
	struct client *clients;
	size_t client_count;
};

struct userdb *
userdb_new(struct loop *loop, const struct accounts *accounts, uid_t uid, gid_t gid)
{
	struct userdb *u = NEW(struct userdb);

	*u = (struct userdb){ .loop = loop, .accounts = accounts, .uid = uid, .gid = gid };
	return u;
}

void
userdb_ask_certainty(struct userdb *u, const struct userdb_certainty *certainty, void *arg)
{
	u->certainty = certainty;
	u->arg = arg;
}

/* ---- answers */

static void
answer_user(struct client *c, const struct account *account)
{
	const struct userdb *u = c->userdb;

	if (account->path_len == 0) {
		auth_userdb_answer_later(c->session);
		return;
	}
	auth_userdb_answer_user(c->session, &(struct auth_userdb_user){
		.address = account_address(account),
		.uid = u->uid,
		.gid = u->gid,
		.home = accounts_home(u->accounts, account),
		.maildir = account_path(account),
	});
}

/* A disabled account still gets mail, so it is somewhere; but nobody can log in. */
static void
answer_account(struct client *c, const struct auth_userdb_effect *e, const struct account *account)
{
	if (e->kind == AUTH_USERDB_USER)
		answer_user(c, account);
	else if (account->is_enabled && account_may_log_in(account))
		auth_userdb_answer_pass(c->session, account_address(account));
	else
		auth_userdb_answer_absent(c->session);
}

static const struct account *
find(const struct userdb *u, const struct auth_userdb_effect *e)
{
	const struct account *account = accounts_find(u->accounts, e->name);

	return account && !account->is_made ? account : NULL;
}

static void
forget(struct waiter *w)
{
	struct waiter **at = &w->userdb->waiters;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (w->client)
		w->client->waiter = NULL;
	memory_free(w);
}

static void
answer_at_last(struct client *c, const struct auth_userdb_effect *e, bool is_sure)
{
	const struct account *account = find(c->userdb, e);

	if (account)
		answer_account(c, e, account);
	else if (is_sure)
		auth_userdb_answer_absent(c->session);
	else
		auth_userdb_answer_later(c->session);
	c->has_more = true;
	watch_want(&c->watch, LOOP_WRITABLE);
}

static void
on_sure(void *arg, bool is_sure)
{
	struct waiter *w = arg;

	if (w->client)
		answer_at_last(w->client, &w->effect, is_sure);
	forget(w);
}

/* False: who is not known is not there. */
static bool
wait_for_certainty(struct client *c, const struct auth_userdb_effect *e)
{
	struct userdb *u = c->userdb;
	struct waiter *w = NEW(struct waiter);

	*w = (struct waiter){ u, u->waiters, c, *e };
	u->waiters = c->waiter = w;
	if (u->certainty && u->certainty->confirm(u->arg, e->name, on_sure, w))
		return true;
	forget(w);
	return false;
}

static void
answer(struct client *c, const struct auth_userdb_effect *e)
{
	const struct userdb *u = c->userdb;
	const struct account *account = find(u, e);

	if (!accounts_are_loaded(u->accounts) || (!account && u->certainty && !u->certainty->is_sure(u->arg)))
		auth_userdb_answer_later(c->session);
	else if (account)
		answer_account(c, e, account);
	else if (!wait_for_certainty(c, e))
		auth_userdb_answer_absent(c->session);
}

static void
answer_list(struct client *c, bool is_first)
{
	const struct account *account;

	if (!accounts_are_loaded(c->userdb->accounts)) {
		auth_userdb_end(c->session, false);
		return;
	}
	if (is_first)
		c->list_at = 0;
	for (int i = 0; i < LIST_STEP; i++) {
		account = accounts_next(c->userdb->accounts, &c->list_at);
		if (!account) {
			auth_userdb_end(c->session, true);
			return;
		}
		auth_userdb_add(c->session, account_address(account));
	}
}

/* ---- a client */

static void
on_client_closed(struct watch *w)
{
	struct client *c = (struct client *)w;

	net_close(c->fd);
	auth_userdb_free(&c->session);
	buf_done(&c->input);
	buf_done(&c->output);
	memory_free(c);
}

static void
cut(struct client *c)
{
	struct client **at = &c->userdb->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->userdb->client_count--;
	if (c->waiter)
		c->waiter->client = NULL;
	watch_close(&c->watch, on_client_closed);
}

/* False: no more to be done without input. */
static bool
carry_out(struct client *c, const struct auth_userdb_effect *e)
{
	switch (e->kind) {
	case AUTH_USERDB_OUTPUT:
		put_bytes(&c->output, e->octets);
		return true;
	case AUTH_USERDB_USER:
	case AUTH_USERDB_PASS:
		answer(c, e);
		return !c->waiter;
	case AUTH_USERDB_LIST:
		answer_list(c, e->is_first);
		return true;
	case AUTH_USERDB_CLOSE:
		event(NULL, EV_PROTOCOL_ERROR, STR("service", "auth-userdb"), TEXT("reason", e->octets));
		c->is_closing = true;
		break;
	case AUTH_USERDB_NEED_INPUT:
		break;
	}
	return false;
}

static void
step(struct client *c)
{
	struct bytes in = buf_bytes(&c->input);
	struct auth_userdb_effect effect;

	c->has_more = true;
	for (int round = 0; c->has_more && round < ROUNDS_MAX && c->output.len - c->sent < OUTPUT_HIGH; round++) {
		auth_userdb_step(c->session, &in, &effect);
		c->has_more = carry_out(c, &effect);
	}
	buf_drop(&c->input, c->input.len - in.len);
}

/* False: the connection broke. */
static bool
fill(struct client *c)
{
	uint8_t *to = buf_room(&c->input, READ_MAX);
	ssize_t count = to ? net_read(c->fd, to, READ_MAX) : -1;

	if (!to)
		return false;
	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	buf_added(&c->input, (size_t)count);
	c->has_ended = count == 0;
	return true;
}

static bool
flush(struct client *c)
{
	while (c->sent < c->output.len) {
		ssize_t count = net_write(c->fd, bytes_sub(buf_bytes(&c->output), c->sent, c->output.len));

		if (count < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += (size_t)count;
	}
	c->sent = 0;
	buf_done(&c->output);
	buf_init(&c->output, OUTPUT_MAX);
	return true;
}

static void
on_client_ready(struct watch *w, unsigned int events)
{
	struct client *c = (struct client *)w;
	bool is_whole = true;

	if ((events & LOOP_READABLE) && !c->is_closing && !c->has_ended && !c->has_more && !c->waiter)
		is_whole = fill(c);
	if (is_whole && !c->is_closing && !c->waiter)
		step(c);
	if (!is_whole || !flush(c) || (c->output.len == 0 && !c->waiter && (c->is_closing || (c->has_ended && !c->has_more)))) {
		cut(c);
		return;
	}
	watch_want(w, (c->output.len > 0 || c->has_more ? LOOP_WRITABLE : 0) |
		(c->is_closing || c->has_ended || c->has_more || c->waiter ? 0 : LOOP_READABLE));
}

/* ---- listeners */

static void
add_client(struct listener *l, int fd)
{
	struct userdb *u = l->userdb;
	struct client *c = NEW(struct client);

	c->userdb = u;
	c->source = l->source;
	c->fd = fd;
	c->session = auth_userdb_new((uint32_t)process_id());
	buf_init(&c->input, INPUT_MAX);
	buf_init(&c->output, OUTPUT_MAX);
	c->next = u->clients;
	u->clients = c;
	u->client_count++;
	watch_init(&c->watch, u->loop, fd, on_client_ready);
	watch_want(&c->watch, LOOP_READABLE | LOOP_WRITABLE);
}

static void
on_listener_ready(struct watch *w, unsigned int events)
{
	struct listener *l = (struct listener *)w;
	struct net_address peer;
	int fd;

	(void)events;
	while ((fd = net_accept(l->source->fd, &peer)) >= 0) {
		if (l->userdb->client_count < USERDB_CLIENTS_MAX) {
			add_client(l, fd);
			continue;
		}
		event(NULL, EV_CONNECTION_REFUSED, STR("remote", "unix"), STR("limit", "auth-userdb"));
		net_close(fd);
	}
}

static void
on_listener_closed(struct watch *w)
{
	memory_free(w);
}

void
userdb_listen(struct userdb *u, const struct role_listener *source)
{
	struct listener *l = NEW(struct listener);

	l->userdb = u;
	l->source = source;
	l->next = u->listeners;
	u->listeners = l;
	watch_init(&l->watch, u->loop, source->fd, on_listener_ready);
	watch_want(&l->watch, LOOP_READABLE);
}

static void
stop(struct userdb *u, struct listener *l)
{
	struct listener **at = &u->listeners;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	watch_close(&l->watch, on_listener_closed);
}

void
userdb_unlisten(struct userdb *u, const struct role_listener *source)
{
	struct client *next;

	for (struct listener *l = u->listeners; l; l = l->next)
		if (l->source == source) {
			stop(u, l);
			break;
		}
	for (struct client *c = u->clients; c; c = next) {
		next = c->next;
		if (c->source == source)
			cut(c);
	}
}

void
userdb_free(struct userdb **at)
{
	struct userdb *u = *at;

	if (!u)
		return;
	*at = NULL;
	while (u->listeners)
		stop(u, u->listeners);
	while (u->clients)
		cut(u->clients);
	while (u->waiters)
		forget(u->waiters);
	memory_free(u);
}
