/* Before START the wiring is only kept: descriptors of peers wait, listeners stand in their list.
   START does all the rest in one go, in the order that role.h promises. */
#include "role/role.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/roles.h"
#include "sys/disk.h"
#include "sys/net.h"
#include "sys/process.h"
#include "sys/random.h"
#include "sys/time.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

struct listener {
	struct role_listener public;
	LIST_ENTRY(listener) link;
	uint8_t address[];
};

struct place {
	struct peer *peer; /* NULL until asked for or connected */
	int waiting_fd; /* -1, or a channel that came before START */
};

struct life {
	struct role_self self; /* first: the hooks' pointer is ours */
	const struct role_hooks *hooks;
	struct peer *supervisor;
	struct config *config;
	struct place places[ROLE_COUNT][ROLE_INSTANCES_MAX];
	LIST_HEAD(, listener) listeners;
	struct timer end_of_drain;
	bool has_started, is_draining;
	int exit_code;
};

static void
set_sink(enum role role, const struct config *c)
{
	const struct event_sink sink = {
		.write = process_say,
		.now_us = time_wall_us,
		.role = ipc_role_name(role),
		.pid = process_id(),
		.format = c && c->log_format == LOG_JSON ? EVENT_JSON : EVENT_KEY_VALUE,
		.least = c ? c->log_level : LEVEL_INFO,
	};

	event_set_sink(&sink);
}

static void
stop_with(struct life *l, int exit_code)
{
	l->exit_code = exit_code;
	loop_stop(l->self.loop);
}

static void
fail(struct life *l, const char *what, const struct fault *f)
{
	event(NULL, EV_ROLE_FAILED, STR("role", ipc_role_name(l->self.role)),
		INT("index", l->self.index), STR("at", what), STR("error", f->text));
	stop_with(l, 1);
}

static void
tell_supervisor(struct life *l, const struct message *m)
{
	if (peer_send(l->supervisor, m) == -1)
		stop_with(l, 1);
}

static void
close_descriptors(const struct message *m)
{
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
}

static void
on_message(void *arg, struct peer *p, const struct message *m)
{
	struct life *l = arg;

	if (l->hooks->message)
		l->hooks->message(&l->self, p, m);
	else
		close_descriptors(m);
}

static void
on_lost(void *arg, struct peer *p)
{
	struct life *l = arg;

	if (l->hooks->peer_lost)
		l->hooks->peer_lost(&l->self, p);
}

struct peer *
role_peer(struct role_self *r, enum role other, uint8_t index)
{
	static const struct peer_handlers handlers = { .message = on_message, .lost = on_lost };
	struct life *l = (struct life *)r;
	struct place *place = &l->places[other][index % ROLE_INSTANCES_MAX];

	if (!place->peer)
		place->peer = peer_new(r->loop, r->role, other, index, &handlers, l);
	return place->peer;
}

void
role_end(struct role_self *r)
{
	stop_with((struct life *)r, 0);
}

static void
connect_peer(struct life *l, enum role other, uint8_t index, int fd)
{
	struct peer *p = role_peer(&l->self, other, index);

	peer_connect(p, fd);
	if (l->is_draining)
		peer_let_go(p);
	if (l->hooks->peer_connected)
		l->hooks->peer_connected(&l->self, p);
}

/* The config of a slice in a descriptor, which is closed; NULL with *f. */
static struct config *
read_slice(const struct message *m, struct fault *f)
{
	struct config *c = NULL;
	struct buf text;

	if (m->fd_count != 1) {
		fault_set(f, FAULT_SYNTAX, "no slice came with the message");
		return NULL;
	}
	buf_init(&text, 2 * CONFIG_SLICE_MAX);
	if (disk_read_descriptor(m->fds[0], CONFIG_SLICE_MAX, &text, f) == -1 ||
		config_read_slice(buf_bytes(&text), &c, f) == -1)
		c = NULL;
	buf_done_secret(&text);
	net_close(m->fds[0]);
	return c;
}

static void
on_config(struct life *l, const struct message *m)
{
	struct fault f;

	config_free(&l->config);
	l->config = read_slice(m, &f);
	l->self.config = l->config;
	if (l->config)
		set_sink(l->self.role, l->config);
	else
		fail(l, "config", &f);
}

static void
on_peer(struct life *l, const struct message *m)
{
	enum role other = m->u.peer.role;
	uint8_t index = m->u.peer.index;

	if (m->fd_count != 1 || index >= ROLE_INSTANCES_MAX || !roles_may_talk(l->self.role, other)) {
		close_descriptors(m);
	} else if (l->has_started) {
		connect_peer(l, other, index, m->fds[0]);
	} else {
		net_close(l->places[other][index].waiting_fd);
		l->places[other][index].waiting_fd = m->fds[0];
	}
}

static struct listener *
find_listener(struct life *l, uint8_t service, struct bytes address)
{
	struct listener *at;

	LIST_FOREACH (at, &l->listeners, link)
		if (at->public.service == service && bytes_equal(at->public.address, address))
			return at;
	return NULL;
}

static void
on_listen(struct life *l, const struct message *m)
{
	struct bytes address = m->u.listen.address;

	if (m->fd_count != 1 || l->is_draining || find_listener(l, m->u.listen.service, address)) {
		close_descriptors(m);
		return;
	}
	struct listener *new = memory_new(sizeof *new + address.len);
	memcpy(new->address, address.ptr, address.len);
	new->public = (struct role_listener){ .service = m->u.listen.service,
		.address = bytes_of(new->address, address.len),
		.fd = m->fds[0] };
	LIST_INSERT_HEAD(&l->listeners, new, link);
	if (l->has_started && l->hooks->listen)
		l->hooks->listen(&l->self, &new->public);
}

static void
on_unlisten(struct life *l, const struct message *m)
{
	struct listener *at = find_listener(l, m->u.unlisten.service, m->u.unlisten.address);

	if (!at)
		return;
	if (l->has_started && l->hooks->unlisten)
		l->hooks->unlisten(&l->self, &at->public);
	LIST_REMOVE(at, link);
	net_close(at->public.fd);
	memory_free(at);
}

static int
enter_jail(struct life *l, struct bytes user, struct fault *f)
{
	struct roles_jail jail;
	struct sandbox_report report;
	struct event_field fields[SANDBOX_MEASURES + 2] = { INT("index", l->self.index) };

	roles_jail(l->config, l->self.role, user, &jail);
	if (sandbox_enter(&jail.profile, &report, f) == -1)
		return -1;
	for (unsigned int i = 0; i < SANDBOX_MEASURES; i++)
		fields[i + 1] = (struct event_field)STR(sandbox_measure_name(i),
			report.is_in_force[i] ? "yes" : "no");
	event_emit(NULL, EV_ROLE_SANDBOX, fields);
	return 0;
}

static void
take_up_wiring(struct life *l)
{
	struct listener *at;

	LIST_FOREACH (at, &l->listeners, link)
		if (l->hooks->listen)
			l->hooks->listen(&l->self, &at->public);
	for (enum role other = 0; other < ROLE_COUNT; other++)
		for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++) {
			struct place *place = &l->places[other][i];

			if (place->waiting_fd != -1)
				connect_peer(l, other, (uint8_t)i, place->waiting_fd);
			place->waiting_fd = -1;
		}
}

static void
on_start(struct life *l, const struct message *m)
{
	struct message ready = { .type = MESSAGE_READY };
	struct fault f = { .kind = FAULT_NONE };

	if (l->has_started || !l->config)
		return;
	l->self.index = m->u.start.index;
	if (l->hooks->before_jail && l->hooks->before_jail(&l->self, &f) == -1) {
		fail(l, "before_jail", &f);
		return;
	}
	if (enter_jail(l, m->u.start.user, &f) == -1) {
		fail(l, "jail", &f);
		return;
	}
	if (l->hooks->start(&l->self, &f) == -1) {
		fail(l, "start", &f);
		return;
	}
	l->has_started = true;
	take_up_wiring(l);
	tell_supervisor(l, &ready);
}

static int
reload(struct life *l, const struct message *m, struct fault *f)
{
	struct config *old = l->config, *new = read_slice(m, f);

	if (!new)
		return -1;
	l->self.config = new;
	if (l->has_started && l->hooks->reload && l->hooks->reload(&l->self, old, f) == -1) {
		l->self.config = old;
		config_free(&new);
		return -1;
	}
	l->config = new;
	config_free(&old);
	set_sink(l->self.role, new);
	return 0;
}

static void
on_reload(struct life *l, const struct message *m)
{
	struct message answer = { .type = MESSAGE_RELOADED };
	struct fault f = { .kind = FAULT_NONE };

	answer.u.reloaded.request = m->u.reload.request;
	if (reload(l, m, &f) == -1) {
		answer.u.reloaded.outcome = IPC_INVALID;
		answer.u.reloaded.text = bytes_text(f.text);
	}
	tell_supervisor(l, &answer);
}

static void
on_end_of_drain(struct timer *t)
{
	struct life *l = (struct life *)((char *)t - offsetof(struct life, end_of_drain));

	stop_with(l, 0);
}

static void
let_all_go(struct life *l)
{
	peer_let_go(l->supervisor);
	for (enum role other = 0; other < ROLE_COUNT; other++)
		for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++)
			if (l->places[other][i].peer)
				peer_let_go(l->places[other][i].peer);
}

static void
close_listeners(struct life *l)
{
	while (!LIST_EMPTY(&l->listeners)) {
		struct listener *at = LIST_FIRST(&l->listeners);

		LIST_REMOVE(at, link);
		net_close(at->public.fd);
		memory_free(at);
	}
}

static void
on_drain(struct life *l, const struct message *m)
{
	if (l->is_draining)
		return;
	l->is_draining = true;
	let_all_go(l);
	if (!l->has_started || !l->hooks->drain) {
		stop_with(l, 0);
		return;
	}
	timer_start(&l->end_of_drain, m->u.drain.within_ms, 0);
	l->hooks->drain(&l->self, m->u.drain.within_ms);
	/* Who comes now is refused, and not left to wait for nobody: a socket listens as long as one of us has it open. */
	close_listeners(l);
}

static void
on_order(void *arg, struct peer *p, const struct message *m)
{
	static void (*const orders[MESSAGE_COUNT])(struct life *l, const struct message *m) = {
		[MESSAGE_CONFIG] = on_config,
		[MESSAGE_PEER] = on_peer,
		[MESSAGE_LISTEN] = on_listen,
		[MESSAGE_UNLISTEN] = on_unlisten,
		[MESSAGE_START] = on_start,
		[MESSAGE_RELOAD] = on_reload,
		[MESSAGE_DRAIN] = on_drain,
	};
	struct life *l = arg;

	if (orders[m->type])
		orders[m->type](l, m);
	else if (l->has_started)
		on_message(l, p, m);
	else
		close_descriptors(m);
}

/* Without a supervisor nobody starts us again, reloads or stops us. */
static void
on_orphaned(void *arg, struct peer *p)
{
	(void)p;
	stop_with(arg, 1);
}

static struct life *
begin(enum role role, const struct role_hooks *hooks)
{
	static const struct peer_handlers handlers = { .message = on_order, .lost = on_orphaned };
	struct life *l = NEW(struct life);

	l->hooks = hooks;
	l->self.role = role;
	l->self.loop = loop_new();
	for (enum role other = 0; other < ROLE_COUNT; other++)
		for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++)
			l->places[other][i].waiting_fd = -1;
	timer_init(&l->end_of_drain, l->self.loop, on_end_of_drain);
	l->supervisor = peer_new(l->self.loop, role, ROLE_SUPERVISOR, 0, &handlers, l);
	peer_connect(l->supervisor, PROCESS_CONTROL_FD);
	return l;
}

static void
finish(struct life *l)
{
	if (l->has_started && l->hooks->end)
		l->hooks->end(&l->self);
	peer_free(&l->supervisor);
	for (enum role other = 0; other < ROLE_COUNT; other++)
		for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++) {
			peer_free(&l->places[other][i].peer);
			net_close(l->places[other][i].waiting_fd);
		}
	/* What was freed goes in the loop's last turn, with the watches on our sockets. */
	loop_free(&l->self.loop);
	close_listeners(l);
	config_free(&l->config);
	memory_free(l);
}

int
role_run(enum role role, const struct role_hooks *hooks)
{
	uint8_t key[16];

	random_fill(key, sizeof key);
	map_seed(key);
	set_sink(role, NULL);
	sandbox_hide_rings();
	struct life *l = begin(role, hooks);
	loop_run(l->self.loop);
	int exit_code = l->exit_code;
	finish(l);
	return exit_code;
}
