#include "role/supervisor/supervisor_internal.h"

#include "base/event.h"
#include "base/memory.h"
#include "role/roles.h"
#include "sys/channel.h"
#include "sys/net.h"
#include "sys/process.h"

#include <signal.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MOST_MS 30000
/* Who lived that long starts again at once. */
#define LONG_LIFE_US (60 * 1000000LL)
/* A role whose channel is gone and that does not end by itself. */
#define LINGER_MS 2000

static void
on_ready(struct child *c)
{
	c->is_ready = true;
	event(NULL, EV_ROLE_STARTED, STR("started", ipc_role_name(c->role)), INT("index", c->index),
		INT("process", c->pid));
	supervisor_child_ready(c->s);
}

static void
on_message(void *arg, struct peer *p, const struct message *m)
{
	(void)p;
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
	if (m->type == MESSAGE_READY)
		on_ready(arg);
}

static void
on_lost(void *arg, struct peer *p)
{
	struct child *c = arg;

	(void)p;
	if (c->pid && !c->s->is_draining)
		timer_start(&c->timer, LINGER_MS, 0);
}

static void
on_timer(struct timer *t)
{
	struct child *c = (struct child *)((char *)t - offsetof(struct child, timer));

	if (c->pid)
		child_kill(c, "its channel is gone");
	else if (!c->s->is_draining)
		child_start(c);
}

static void
make(struct supervisor *s, struct child *c, enum role role, uint8_t index)
{
	static const struct peer_handlers handlers = { .message = on_message, .lost = on_lost };

	c->s = s;
	c->role = role;
	c->index = index;
	c->control = peer_new(s->loop, ROLE_SUPERVISOR, role, index, &handlers, c);
	/* Its end is told by role.died. */
	peer_let_go(c->control);
	timer_init(&c->timer, s->loop, on_timer);
}

void
children_make(struct supervisor *s)
{
	size_t at = 0;

	for (enum role role = 0; role < ROLE_COUNT; role++)
		s->child_count += roles_count(s->config, role);
	s->children = memory_new_array(s->child_count, sizeof *s->children);
	for (enum role role = 0; role < ROLE_COUNT; role++)
		for (uint8_t i = 0; i < roles_count(s->config, role); i++)
			make(s, &s->children[at++], role, i);
}

/* The timers go with the loop. */
void
children_free(struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		peer_free(&s->children[i].control);
}

void
child_kill(struct child *c, const char *why)
{
	c->is_killed = true;
	event(NULL, EV_ROLE_KILLED, STR("killed", ipc_role_name(c->role)), INT("index", c->index),
		INT("process", c->pid), STR("why", why));
	process_kill(c->pid, SIGKILL);
}

/* Orders are few and small: a child that can't take them is beyond help. */
void
child_tell(struct child *c, const struct message *m)
{
	if (c->pid && peer_send(c->control, m) == -1 && peer_is_connected(c->control))
		child_kill(c, "it takes no orders");
}

int
child_slice(const struct child *c, const struct config *config)
{
	struct buf text;
	struct fault f;
	int fd = -1;

	buf_init(&text, CONFIG_SLICE_MAX);
	config_put_slice(config, c->role, &text);
	if (text.has_failed)
		fault_set(&f, FAULT_LIMIT, "the slice of the configuration is too large");
	else
		fd = process_memory_file("mermoz-slice", text.ptr, text.len, &f);
	buf_done_secret(&text);
	if (fd == -1)
		event(NULL, EV_ROLE_FAILED, STR("failed", ipc_role_name(c->role)),
			INT("index", c->index), STR("at", "slice"), STR("error", f.text));
	return fd;
}

static void
tell_config(struct child *c)
{
	struct message m = { .type = MESSAGE_CONFIG, .fd_count = 1 };
	int fd = child_slice(c, c->s->config);

	if (fd == -1)
		return;
	m.fds[0] = fd;
	child_tell(c, &m);
	net_close(fd);
	c->generation = c->s->generation;
}

static void
tell_peer(struct child *c, const struct child *other, int fd)
{
	struct message m = { .type = MESSAGE_PEER, .fds = { fd }, .fd_count = 1 };

	m.u.peer.role = (uint8_t)other->role;
	m.u.peer.index = other->index;
	child_tell(c, &m);
}

static void
wire(struct child *a, struct child *b)
{
	struct fault f;
	int fds[2];

	if (!b->pid || !roles_may_talk(a->role, b->role))
		return;
	if (channel_pair(fds, &f) == -1) {
		event(NULL, EV_ROLE_FAILED, STR("failed", ipc_role_name(a->role)),
			INT("index", a->index), STR("at", "wiring"), STR("error", f.text));
		return;
	}
	tell_peer(a, b, fds[0]);
	tell_peer(b, a, fds[1]);
	net_close(fds[0]);
	net_close(fds[1]);
}

static void
tell_start(struct child *c)
{
	struct message m = { .type = MESSAGE_START };

	m.u.start.index = c->index;
	if (process_is_root())
		m.u.start.user = roles_user(c->s->config, c->role);
	child_tell(c, &m);
}

static void
start_later(struct child *c)
{
	timer_start(&c->timer, c->back_off_ms, 0);
	c->back_off_ms = c->back_off_ms ? c->back_off_ms * 2 : BACK_OFF_FIRST_MS;
	if (c->back_off_ms > BACK_OFF_MOST_MS)
		c->back_off_ms = BACK_OFF_MOST_MS;
}

static int
start_process(struct child *c, struct fault *f)
{
	const char *const argv[] = { "mermoz", "role", ipc_role_name(c->role), NULL };
	int fds[2];

	if (channel_pair(fds, f) == -1)
		return -1;
	pid_t pid = process_start(argv, fds[1], f);
	net_close(fds[1]);
	if (pid == -1) {
		net_close(fds[0]);
		return -1;
	}
	peer_connect(c->control, fds[0]);
	c->pid = pid;
	return 0;
}

void
child_start(struct child *c)
{
	struct supervisor *s = c->s;
	struct fault f;

	c->is_ready = c->is_killed = false;
	c->started_us = loop_now(s->loop).mono_us;
	if (start_process(c, &f) == -1) {
		event(NULL, EV_ROLE_FAILED, STR("failed", ipc_role_name(c->role)),
			INT("index", c->index), STR("at", "process"), STR("error", f.text),
			INT("again_in_ms", c->back_off_ms));
		start_later(c);
		return;
	}
	tell_config(c);
	for (size_t i = 0; i < s->child_count; i++)
		wire(c, &s->children[i]);
	listening_give(s, c);
	tell_start(c);
	tickets_give(c);
}

static void
died(const struct child *c, pid_t pid, int status)
{
	char text[32] = "";
	struct buf end;

	buf_init_fixed(&end, text, sizeof text - 1);
	process_put_end(&end, status);
	if (c->s->is_draining)
		event(NULL, EV_ROLE_DIED, STR("died", ipc_role_name(c->role)), INT("index", c->index),
			INT("process", pid), STR("by", text));
	else
		event(NULL, EV_ROLE_DIED, STR("died", ipc_role_name(c->role)), INT("index", c->index),
			INT("process", pid), STR("by", text), INT("again_in_ms", c->back_off_ms));
}

/* What we had to kill was late, which role.killed said. */
static void
ended_draining(struct child *c, pid_t pid, int status)
{
	if (status != 0 && !c->is_killed) {
		c->s->has_ended_badly = true;
		died(c, pid, status);
	}
	supervisor_drain_further(c->s);
}

static void
ended(struct child *c, int status)
{
	pid_t pid = c->pid;

	c->pid = 0;
	c->is_ready = false;
	timer_stop(&c->timer);
	if (c->s->is_draining) {
		ended_draining(c, pid, status);
		return;
	}
	if (loop_now(c->s->loop).mono_us - c->started_us >= LONG_LIFE_US)
		c->back_off_ms = 0;
	died(c, pid, status);
	start_later(c);
}

void
children_reap(struct supervisor *s)
{
	pid_t pid;
	int status;

	while ((pid = process_reap(&status)) != 0)
		for (size_t i = 0; i < s->child_count; i++)
			if (s->children[i].pid == pid) {
				ended(&s->children[i], status);
				break;
			}
}
