#include "role/supervisor/supervisor.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/supervisor/supervisor_internal.h"
#include "sys/process.h"
#include "sys/random.h"
#include "sys/time.h"

#include <signal.h>

void
supervisor_set_sink(const struct config *c)
{
	const struct event_sink sink = {
		.write = process_say,
		.now_us = time_wall_us,
		.role = ipc_role_name(ROLE_SUPERVISOR),
		.pid = process_id(),
		.format = c->log_format == LOG_JSON ? EVENT_JSON : EVENT_KEY_VALUE,
		.least = c->log_level,
	};

	event_set_sink(&sink);
}

static void
say(const char *text)
{
	uint8_t memory[1024];
	struct buf line;

	buf_init_fixed(&line, memory, sizeof memory);
	put_format(&line, "mermoz: %s\n", text);
	process_say(NULL, buf_bytes(&line));
}

static void
say_errors(const struct config_errors *errors)
{
	uint8_t memory[1024];
	struct buf line;

	for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++) {
		const struct config_error *at = &errors->at[i];

		buf_init_fixed(&line, memory, sizeof memory);
		put_format(&line, "%s:%u:%u: %s\n", at->file, at->line, at->column, at->text);
		process_say(NULL, buf_bytes(&line));
	}
}

void
supervisor_tell_warnings(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->warning_count; i++) {
		const struct config_error *at = &errors->warnings[i];

		event(NULL, EV_CONFIG_WARNING, STR("file", at->file), INT("line", at->line), INT("column", at->column), STR("warning", at->text));
	}
}

static struct config *
load(const char *path)
{
	struct config_errors *errors = NEW(struct config_errors);
	struct config *c = NULL;

	if (config_load(path, &c, errors) == -1) {
		say_errors(errors);
		c = NULL;
	} else {
		supervisor_set_sink(c);
		supervisor_tell_warnings(errors);
	}
	memory_free(errors);
	return c;
}

void
supervisor_child_ready(struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (!s->children[i].is_ready)
			return;
	if (s->has_started || s->is_draining)
		return;
	s->has_started = true;
	event(NULL, EV_SERVER_STARTED, STR("version", MERMOZ_VERSION), INT("roles", s->child_count));
	process_notify("READY=1");
}

static void
tell_drain(struct child *c, uint32_t within_ms)
{
	struct message m = { .type = MESSAGE_DRAIN };

	if (c->is_told_to_drain)
		return;
	c->is_told_to_drain = true;
	m.u.drain.within_ms = within_ms;
	child_tell(c, &m);
}

/* Tells those of one stage that still run; false when none does. */
static bool
drain_stage(struct supervisor *s, bool is_front_stage)
{
	uint32_t within_ms = is_front_stage ? DRAIN_FRONTS_MS : DRAIN_MS - DRAIN_FRONTS_MS;
	bool has_any = false;

	for (size_t i = 0; i < s->child_count; i++) {
		struct child *c = &s->children[i];

		if (!c->pid || (c->role == ROLE_FRONT) != is_front_stage)
			continue;
		has_any = true;
		tell_drain(c, within_ms);
	}
	return has_any;
}

/* The fronts go first: what they finish needs the others. */
void
supervisor_drain_further(struct supervisor *s)
{
	if (drain_stage(s, true) || drain_stage(s, false))
		return;
	event(NULL, EV_SERVER_STOPPED);
	loop_stop(s->loop);
}

static void
kill_all(struct supervisor *s, const char *why)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid)
			child_kill(&s->children[i], why);
}

static void
on_end_of_drain(struct timer *t)
{
	kill_all((struct supervisor *)((char *)t - offsetof(struct supervisor, end_of_drain)),
		"it did not end in time");
}

static void
on_stop(void *arg, int signal)
{
	struct supervisor *s = arg;

	if (s->is_draining) {
		kill_all(s, "asked to stop a second time");
		return;
	}
	event(NULL, EV_SERVER_STOPPING, INT("signal", signal), INT("within_ms", DRAIN_MS));
	process_notify("STOPPING=1");
	s->is_draining = true;
	reload_abandon(s);
	listening_close_all(s);
	for (size_t i = 0; i < s->child_count; i++)
		timer_stop(&s->children[i].timer);
	timer_start(&s->end_of_drain, DRAIN_MS, 0);
	supervisor_drain_further(s);
}

static void
on_reload(void *arg, int signal)
{
	(void)signal;
	reload_begin(arg);
}

static void
on_child(void *arg, int signal)
{
	(void)signal;
	children_reap(arg);
}

static void
serve(struct supervisor *s)
{
	loop_on_signal(s->loop, SIGTERM, on_stop, s);
	loop_on_signal(s->loop, SIGINT, on_stop, s);
	loop_on_signal(s->loop, SIGHUP, on_reload, s);
	loop_on_signal(s->loop, SIGCHLD, on_child, s);
	listening_commit(s);
	children_make(s);
	for (size_t i = 0; i < s->child_count; i++)
		child_start(&s->children[i]);
	loop_run(s->loop);
}

/* Everything that can keep the server from starting. */
static int
prepare(struct supervisor *s, struct fault *f)
{
	if (directories_make(s->config, f) == -1)
		return -1;
	s->lock_fd = directories_lock(s->config, f);
	if (s->lock_fd == -1)
		return -1;
	return listening_prepare(s, s->config, f);
}

static int
run(struct supervisor *s)
{
	struct fault f;
	uint8_t key[16];

	random_fill(key, sizeof key);
	map_seed(key);
	s->generation = s->last_generation = 1;
	s->activated_count = process_activated();
	if (prepare(s, &f) == -1) {
		say(f.text);
		return 1;
	}
	s->loop = loop_new();
	timer_init(&s->end_of_drain, s->loop, on_end_of_drain);
	tickets_begin(s);
	watch_begin(s);
	serve(s);
	return s->has_ended_badly ? 1 : 0;
}

static void
done(struct supervisor *s)
{
	if (s->loop) {
		reload_abandon(s);
		children_free(s);
		loop_free(&s->loop);
	}
	memory_free(s->children);
	tickets_end(s);
	listening_close_all(s);
	if (s->lock_fd != -1)
		process_unlock(s->lock_fd);
	config_free(&s->config);
	memory_free(s);
}

int
supervisor_run(const char *config_path)
{
	struct config *c = load(config_path);

	if (!c)
		return 1;
	struct supervisor *s = NEW(struct supervisor);
	s->config_path = config_path;
	s->config = c;
	s->lock_fd = -1;
	LIST_INIT(&s->listening);
	int exit_code = run(s);
	done(s);
	return exit_code;
}
