#include "role/store/crash_support.h"

#include "base/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void
write_line(void *arg, struct bytes line)
{
	(void)arg;
	if (getenv("TESTING_LOG"))
		(void)fwrite(line.ptr, 1, line.len, stderr);
}

static int64_t
no_time(void)
{
	return 0;
}

static void
receive(void *arg, const struct message *m)
{
	struct crashing *w = arg;

	if (m->type == MESSAGE_CHANGED)
		return;
	pthread_mutex_lock(&w->lock);
	w->outcome = (enum ipc_outcome)m->u.done.outcome; /* every answer begins so */
	if (m->type == MESSAGE_DELIVERED)
		w->uid = m->u.delivered.uid;
	if (m->type == MESSAGE_COPIED)
		w->uid = m->u.copied.target_first;
	w->has_answer = true;
	pthread_cond_broadcast(&w->came);
	pthread_mutex_unlock(&w->lock);
}

bool
crashing_open(struct crashing *w)
{
	const struct engine_settings settings = {
		.state_directory = "/state",
		.mailboxes = "/mail",
		.hostname = BYTES("test"),
		.threads = 2,
		.mailboxes_max = 100,
		.journal_octets_max = w->journal_octets,
		.requests_octets_max = UINT64_MAX,
	};
	struct fault f = { 0 };

	if (engine_open(&settings, &w->engine, &f) != 0)
		return false;
	w->outlet = engine_outlet_new(w->engine);
	engine_outlet_connect(w->outlet, receive, w);
	return true;
}

void
crashing_wait(struct crashing *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->has_answer)
		pthread_cond_wait(&w->came, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

enum ipc_outcome
crashing_ask(struct crashing *w, struct engine_session *s, struct message *m)
{
	w->has_answer = false;
	engine_submit(NULL, s, NULL, w->outlet, m);
	crashing_wait(w);
	return w->outcome;
}

void
crashing_begin(struct crashing *w, uint64_t seed)
{
	static const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };

	event_set_sink(&sink);
	*w = (struct crashing){ .disk = disk_fault_new(seed), .journal_octets = 1 << 20 };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->came, NULL);
}

void
crashing_end(struct crashing *w)
{
	pthread_cond_destroy(&w->came);
	pthread_mutex_destroy(&w->lock);
	disk_fault_free(&w->disk);
}

void
crashing_make_folders(void)
{
	int root = disk->openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/state", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail", 0700), 0);
	assert_int_equal(disk->fsync(root), 0);
	disk_close(&root);
}

void
crashing_put(int directory, const char *path, struct bytes octets)
{
	int fd = disk->openat(directory, path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(disk_write_all(fd, octets, 0), 0);
	disk_close(&fd);
}
