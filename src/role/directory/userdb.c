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
	bool (*is_sure)(const void *arg); /* NULL: always */
	const void *arg;
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
userdb_ask_certainty(struct userdb *u, bool (*is_sure)(const void *arg), const void *arg)
{
	u->is_sure = is_sure;
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
answer(struct client *c, const struct auth_userdb_effect *e)
{
	const struct account *account = accounts_find(c->userdb->accounts, e->name);
	bool is_there = account && !account->is_made;

	bool is_sure = !c->userdb->is_sure || c->userdb->is_sure(c->userdb->arg);

	if (!accounts_are_loaded(c->userdb->accounts) || (!account && !is_sure))
		auth_userdb_answer_later(c->session);
	else if (is_there && e->kind == AUTH_USERDB_USER)
		answer_user(c, account);
	else if (is_there && account->is_enabled && account_may_log_in(account))
		auth_userdb_answer_pass(c->session, account_address(account));
	else
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
		return true;
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

	if ((events & LOOP_READABLE) && !c->is_closing && !c->has_ended && !c->has_more)
		is_whole = fill(c);
	if (is_whole && !c->is_closing)
		step(c);
	if (!is_whole || !flush(c) || (c->output.len == 0 && (c->is_closing || (c->has_ended && !c->has_more)))) {
		cut(c);
		return;
	}
	watch_want(w, (c->output.len > 0 || c->has_more ? LOOP_WRITABLE : 0) |
		(c->is_closing || c->has_ended || c->has_more ? 0 : LOOP_READABLE));
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
	memory_free(u);
}
