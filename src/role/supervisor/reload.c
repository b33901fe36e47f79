/* A reload has three steps.  First everything that can fail here: read, check, compare, open new
   sockets.  Then every running role is asked to take its new slice.  When all have, the sockets
   change and the new configuration is in force; when one has not, those that have are given the
   old slice back and nothing has changed.  A role that was away meanwhile starts with what is in
   force then. */
#include "role/supervisor/supervisor_internal.h"

#include "base/event.h"
#include "base/memory.h"
#include "sys/net.h"

#define ANSWER_WITHIN_MS 10000

static void
refuse(const char *error)
{
	event(NULL, EV_RELOAD_REFUSED, STR("error", error));
}

static struct config *
load(const char *path)
{
	struct config_errors *errors = NEW(struct config_errors);
	struct config *c = NULL;

	if (config_load(path, &c, errors) == -1) {
		c = NULL;
		for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++)
			event(NULL, EV_RELOAD_REFUSED, STR("file", errors->at[i].file),
				INT("line", errors->at[i].line), INT("column", errors->at[i].column),
				STR("error", errors->at[i].text));
	} else {
		supervisor_tell_warnings(errors);
	}
	memory_free(errors);
	return c;
}

static int
prepare(struct supervisor *s, const struct config *c, struct fault *f)
{
	const char *directive = config_needs_restart(s->config, c);

	if (directive)
		return fault_set(f, FAULT_PERM, "%s can only be changed by starting the server anew",
			directive);
	return listening_prepare(s, c, f);
}

static void
ask(struct child *c, const struct config *config, peer_answered answered)
{
	struct message m = { .type = MESSAGE_RELOAD, .fd_count = 1 };
	int fd = child_slice(c, config);

	/* Without the descriptor the role refuses, which is the right answer. */
	m.fds[0] = fd;
	m.fd_count = fd != -1;
	m.u.reload.request = peer_request_id(c->control);
	peer_request(c->control, &m, m.u.reload.request, ANSWER_WITHIN_MS, answered, c);
	net_close(fd);
}

/* A role must not go on with a configuration that is not in force: it starts again with the right one. */
static void
on_settled(void *arg, const struct message *m)
{
	struct child *c = arg;

	if (c->pid && !c->s->is_draining && (!m || m->u.reloaded.outcome != IPC_OK))
		child_kill(c, "it did not take the configuration in force");
}

static void
settle_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++) {
		struct child *c = &s->children[i];

		if (!c->pid || c->generation == s->generation)
			continue;
		c->generation = s->generation;
		ask(c, s->config, on_settled);
	}
}

static void
take_effect(struct supervisor *s, struct reload *r)
{
	config_free(&s->config);
	s->config = r->config;
	s->generation = r->generation;
	supervisor_set_sink(s->config);
	listening_commit(s);
	settle_all(s);
	event(NULL, EV_RELOADED, STR("file", s->config_path));
}

static void
finish(struct supervisor *s)
{
	struct reload *r = s->reload;

	s->reload = NULL;
	if (r->has_failed) {
		refuse(r->why.text);
		listening_roll_back(s);
		settle_all(s);
		config_free(&r->config);
	} else {
		take_effect(s, r);
	}
	memory_free(r);
	if (s->must_reload_again)
		reload_begin(s);
}

static void
note_answer(struct reload *r, struct child *c, const struct message *m)
{
	const char *role = ipc_role_name(c->role);

	if (m && m->u.reloaded.outcome == IPC_OK) {
		c->generation = r->generation;
	} else if (m) {
		r->has_failed = true;
		fault_set(&r->why, FAULT_PERM, "%s: %.*s", role, BYTES_ARG(m->u.reloaded.text));
	} else if (peer_is_connected(c->control)) {
		/* Late: it may have taken it or not. */
		c->generation = 0;
		r->has_failed = true;
		fault_set(&r->why, FAULT_TEMP, "%s did not answer in time", role);
	}
}

static void
on_answer(void *arg, const struct message *m)
{
	struct child *c = arg;
	struct reload *r = c->s->reload;

	if (!r)
		return;
	note_answer(r, c, m);
	if (--r->waiting == 0)
		finish(c->s);
}

static void
ask_all(struct supervisor *s)
{
	struct reload *r = s->reload;

	/* One for this loop: no answer comes before all are asked. */
	r->waiting = 1;
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid) {
			r->waiting++;
			ask(&s->children[i], r->config, on_answer);
		}
	if (--r->waiting == 0)
		finish(s);
}

void
reload_begin(struct supervisor *s)
{
	struct fault f;

	if (s->is_draining)
		return;
	s->must_reload_again = s->reload != NULL;
	if (s->reload)
		return;
	struct config *c = load(s->config_path);
	if (!c)
		return;
	if (prepare(s, c, &f) == -1) {
		refuse(f.text);
		config_free(&c);
		return;
	}
	s->reload = NEW(struct reload);
	s->reload->config = c;
	s->reload->generation = ++s->last_generation;
	ask_all(s);
}

void
reload_abandon(struct supervisor *s)
{
	s->must_reload_again = false;
	if (!s->reload)
		return;
	listening_roll_back(s);
	config_free(&s->reload->config);
	memory_free(s->reload);
	s->reload = NULL;
}
