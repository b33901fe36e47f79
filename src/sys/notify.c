#include "sys/notify.h"

#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { BATCH_OCTETS = 65536 };

struct notify {
	int fd;
	uint64_t pause_ms;
	notify_changed changed;
	void *arg;
	struct watch watch;
	struct timer pause;
	int open_handles;
	pthread_mutex_t lock; /* one reader at a time */
};

static void
deliver(struct notify *n, const char *at, const char *end)
{
	while (at < end) {
		const struct inotify_event *e = (const void *)at;

		if (e->mask & IN_Q_OVERFLOW)
			n->changed(n->arg, -1, "");
		else if (!(e->mask & IN_IGNORED) && e->len > 0)
			n->changed(n->arg, e->wd, e->name);
		at += sizeof *e + e->len;
	}
}

void
notify_poll(struct notify *n)
{
	_Alignas(struct inotify_event) char batch[BATCH_OCTETS];
	ssize_t got;

	pthread_mutex_lock(&n->lock);
	while ((got = read(n->fd, batch, sizeof batch)) > 0)
		deliver(n, batch, batch + got);
	pthread_mutex_unlock(&n->lock);
}

static void
ready(struct watch *w, unsigned int events)
{
	struct notify *n = (void *)((char *)w - offsetof(struct notify, watch));

	(void)events;
	watch_want(w, 0);
	timer_start(&n->pause, n->pause_ms, 0);
	notify_poll(n);
}

static void
pause_is_over(struct timer *t)
{
	struct notify *n = (void *)((char *)t - offsetof(struct notify, pause));

	watch_want(&n->watch, LOOP_READABLE);
}

struct notify *
notify_new(struct loop *loop, uint64_t pause_ms, notify_changed changed, void *arg, struct fault *f)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct notify *n;

	if (fd < 0) {
		(void)fault_errno(f, errno, "inotify");
		return NULL;
	}
	n = NEW(struct notify);
	n->fd = fd;
	n->pause_ms = pause_ms;
	n->changed = changed;
	n->arg = arg;
	n->open_handles = 2;
	(void)pthread_mutex_init(&n->lock, NULL);
	watch_init(&n->watch, loop, fd, ready);
	timer_init(&n->pause, loop, pause_is_over);
	watch_want(&n->watch, LOOP_READABLE);
	return n;
}

static void
handle_is_closed(struct notify *n)
{
	if (--n->open_handles > 0)
		return;
	(void)close(n->fd);
	(void)pthread_mutex_destroy(&n->lock);
	memory_free(n);
}

static void
watch_is_closed(struct watch *w)
{
	handle_is_closed((void *)((char *)w - offsetof(struct notify, watch)));
}

static void
timer_is_closed(struct timer *t)
{
	handle_is_closed((void *)((char *)t - offsetof(struct notify, pause)));
}

void
notify_free(struct notify **n)
{
	struct notify *was = *n;

	*n = NULL;
	if (!was)
		return;
	watch_close(&was->watch, watch_is_closed);
	timer_close(&was->pause, timer_is_closed);
}

int
notify_add(struct notify *n, const char *path)
{
	return inotify_add_watch(n->fd, path,
		IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_EXCL_UNLINK);
}

void
notify_remove(struct notify *n, int watch)
{
	(void)inotify_rm_watch(n->fd, watch);
}
