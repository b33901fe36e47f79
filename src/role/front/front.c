/* The role's hooks: accepting, reloading, draining, what other roles tell unasked. */
#include "role/front/front.h"

#include "base/map.h"
#include "base/memory.h"
#include "proto/mime/charset.h"
#include "role/front/clients.h"
#include "role/front/mailboxes.h"
#include "role/front/recipients.h"
#include "role/front/settings.h"

#include <errno.h>

enum { SWEEP_MS = 2000, ACCEPTS_AT_ONCE = 64, ACCEPTS_IN_TURN = 16 };

static int
before_jail(struct role_self *r, struct fault *f)
{
	(void)r;
	(void)f;
	mime_charsets_preload();
	return 0;
}

/* One front is woken for a connection, and not all of them, of which all but one would find nothing.  The system wakes the
   first in line that has nothing to do: each time this is called we go to its end, so that who comes when all are idle is
   spread over them, too. */
static void
stand_in_line(struct listener *l)
{
	watch_want(&l->watch, 0);
	watch_want(&l->watch, LOOP_READABLE | LOOP_ALONE);
	l->accepted = 0;
}

static void
acceptable(struct watch *w, unsigned int events)
{
	struct listener *l = (struct listener *)((char *)w - offsetof(struct listener, watch));
	struct net_address remote;
	int fd;

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		fd = net_accept(l->source->fd, &remote);
		if (fd < 0) {
			/* No descriptors are left: the socket would call again at once, and until there are some. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				watch_want(w, 0);
			return;
		}
		/* A reload took the certificates away; that this listener goes with them is about to be said. */
		if (clients_is_tls_from_start(l->service) && !l->front->settings->tls)
			net_close(fd);
		else
			connection_open(l->front, l, fd, &remote);
		if (++l->accepted >= ACCEPTS_IN_TURN)
			stand_in_line(l);
	}
}

/* Whoever waits is seen then, even if the front that was woken for them has died.  Our place in the line stays: all fronts look
   one after the other, and who comes now and then would always meet the same one. */
static void
sweep(struct timer *t)
{
	struct front *front = (struct front *)((char *)t - offsetof(struct front, sweep));
	struct listener *l;

	LIST_FOREACH (l, &front->listeners, link) {
		if (l->watch.wanted)
			acceptable(&l->watch, LOOP_READABLE);
		else
			stand_in_line(l);
	}
	connections_sweep(front);
	mailboxes_sweep(front);
}

/* The certificates in force; a configuration without any is no fault. */
static int
load_tls(const struct config *config, struct tickets *tickets, struct tls_server **out, struct fault *f)
{
	*out = tls_server_new(config, tickets, f);
	return *out || f->kind == FAULT_NONE ? 0 : -1;
}

static int
start(struct role_self *r, struct fault *f)
{
	struct front *front = NEW(struct front);
	struct tls_server *tls;

	front->tickets = tickets_new();
	if (load_tls(r->config, front->tickets, &tls, f) != 0) {
		tickets_free(&front->tickets);
		memory_free(front);
		return -1;
	}
	r->state = front;
	front->role = r;
	front->loop = r->loop;
	front->config = r->config;
	front->settings = settings_new(r->config, tls);
	front->directory = role_peer(r, ROLE_DIRECTORY, 0);
	front->store = role_peer(r, ROLE_STORE, 0);
	front->queue = role_peer(r, ROLE_QUEUE, 0);
	front->addresses = map_new();
	front->large_bodies = map_new();
	front->mailboxes = mailboxes_new();
	front->recipients = recipients_new();
	front->has_room = true;
	LIST_INIT(&front->listeners);
	TAILQ_INIT(&front->connections);
	timer_init(&front->sweep, r->loop, sweep);
	timer_start(&front->sweep, SWEEP_MS, SWEEP_MS);
	return 0;
}

static int
reload(struct role_self *r, const struct config *old, struct fault *f)
{
	struct front *front = r->state;
	struct tls_server *tls;

	(void)old;
	if (load_tls(r->config, front->tickets, &tls, f) != 0)
		return -1;
	settings_free(&front->settings);
	front->config = r->config;
	front->settings = settings_new(r->config, tls);
	return 0;
}

static void
listen_on(struct role_self *r, const struct role_listener *source)
{
	struct front *front = r->state;
	struct listener *l = NEW(struct listener);

	l->front = front;
	l->source = source;
	l->service = source->service;
	net_send_at_once(source->fd);
	watch_init(&l->watch, front->loop, source->fd, acceptable);
	stand_in_line(l);
	LIST_INSERT_HEAD(&front->listeners, l, link);
}

static void
listener_closed(struct watch *w)
{
	memory_free((char *)w - offsetof(struct listener, watch));
}

static void
stop_listener(struct listener *l)
{
	LIST_REMOVE(l, link);
	watch_close(&l->watch, listener_closed);
}

static void
unlisten(struct role_self *r, const struct role_listener *source)
{
	struct front *front = r->state;
	struct listener *l;

	LIST_FOREACH (l, &front->listeners, link)
		if (l->source == source) {
			stop_listener(l);
			break;
		}
	connections_lose_listener(front, source);
}

static void
message(struct role_self *r, struct peer *p, const struct message *m)
{
	struct front *front = r->state;

	if (m->type == MESSAGE_CHANGED)
		mailboxes_changed(front, m);
	else if (m->type == MESSAGE_ROOM)
		front->has_room = m->u.room.has_room != 0;
	else if (m->type == MESSAGE_ANSWERS_CHANGED)
		recipients_forget(front->recipients);
	else if (m->type == MESSAGE_ACCOUNT_GONE)
		connections_shut_account(front, m->u.account_gone.account);
	else if (m->type == MESSAGE_TICKET_KEYS)
		tickets_take(front->tickets, &m->u.ticket_keys);
	(void)p;
}

/* A new directory knows nothing of whom the one before it let in, so it could not end their sessions; and what changed in between was told to
   nobody. */
static void
peer_connected(struct role_self *r, struct peer *p)
{
	static const struct protocol *const protocols[] = { &imap_protocol, &smtp_protocol };

	if (peer_role(p) != ROLE_DIRECTORY)
		return;
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		connections_shut_users(r->state, protocols[i], BYTES("The directory was started again, please log in again"));
}

/* What a store knew of sessions is gone with it: those that are logged in have to log in again. */
static void
peer_lost(struct role_self *r, struct peer *p)
{
	struct front *front = r->state;

	if (peer_role(p) == ROLE_DIRECTORY)
		recipients_forget(front->recipients); /* accounts have other numbers with the next one */
	if (peer_role(p) != ROLE_STORE)
		return;
	mailboxes_forget(front);
	connections_shut_users(front, &imap_protocol, BYTES("The mail store is starting again, please come back"));
}

static void
end_when_done(struct timer *t)
{
	struct front *front = (struct front *)((char *)t - offsetof(struct front, sweep));

	connections_shut_all(front, BYTES("The server is going away"), true);
	if (TAILQ_EMPTY(&front->connections))
		role_end(front->role);
}

static void
drain(struct role_self *r, uint32_t within_ms)
{
	struct front *front = r->state;

	(void)within_ms;
	front->is_draining = true;
	while (!LIST_EMPTY(&front->listeners))
		stop_listener(LIST_FIRST(&front->listeners));
	front->sweep.fired = end_when_done;
	timer_start(&front->sweep, 0, 50);
}

const struct role_hooks front_hooks = {
	.before_jail = before_jail,
	.start = start,
	.reload = reload,
	.listen = listen_on,
	.unlisten = unlisten,
	.peer_connected = peer_connected,
	.message = message,
	.peer_lost = peer_lost,
	.drain = drain,
};
