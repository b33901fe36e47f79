#include "sys/loop.h"

#include "base/memory.h"
#include "sys/time.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct signal_watch {
	uv_signal_t handle;
	void (*caught)(void *arg, int signal);
	void *arg;
	struct signal_watch *next;
};

/* What was deferred waits in `later`; one turn runs what was there when it began (`due`).  While
   anything waits, the idle handle keeps the loop from sleeping. */
struct loop {
	uv_loop_t uv;
	pthread_t thread;
	pthread_mutex_t mutex; /* thread, later, due, is_pending of what is in them */
	struct defer *later, **later_end;
	struct defer *due;
	uv_async_t deferred; /* another thread deferred something */
	uv_idle_t idle;
	uv_check_t check;
	struct signal_watch *signals;
};

static void
check_uv(int result)
{
	/* Only a lack of memory or descriptors: the role can't live without its loop. */
	if (result < 0)
		abort();
}

static struct defer *
take_due(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	struct defer *d = loop->due;
	if (d) {
		loop->due = d->next;
		d->is_pending = false;
	}
	pthread_mutex_unlock(&loop->mutex);
	return d;
}

static void
on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void
on_check(uv_check_t *check)
{
	struct loop *loop = check->data;
	struct defer *d;

	pthread_mutex_lock(&loop->mutex);
	assert(!loop->due);
	loop->due = loop->later;
	loop->later = NULL;
	loop->later_end = &loop->later;
	pthread_mutex_unlock(&loop->mutex);
	while ((d = take_due(loop)))
		d->work(d);
	pthread_mutex_lock(&loop->mutex);
	if (!loop->later)
		uv_idle_stop(&loop->idle);
	pthread_mutex_unlock(&loop->mutex);
}

static void
on_deferred(uv_async_t *async)
{
	struct loop *loop = async->data;

	uv_idle_start(&loop->idle, on_idle);
}

struct loop *
loop_new(void)
{
	struct loop *loop = NEW(struct loop);

	signal(SIGPIPE, SIG_IGN);
	loop->thread = pthread_self();
	loop->later_end = &loop->later;
	pthread_mutex_init(&loop->mutex, NULL);
	check_uv(uv_loop_init(&loop->uv));
	check_uv(uv_async_init(&loop->uv, &loop->deferred, on_deferred));
	check_uv(uv_idle_init(&loop->uv, &loop->idle));
	check_uv(uv_check_init(&loop->uv, &loop->check));
	loop->deferred.data = loop->idle.data = loop->check.data = loop;
	check_uv(uv_check_start(&loop->check, on_check));
	return loop;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void
loop_free(struct loop **at)
{
	struct loop *loop = *at;

	if (!loop)
		return;
	*at = NULL;
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	check_uv(uv_loop_close(&loop->uv));
	while (loop->signals) {
		struct signal_watch *w = loop->signals;

		loop->signals = w->next;
		memory_free(w);
	}
	pthread_mutex_destroy(&loop->mutex);
	memory_free(loop);
}

void
loop_run(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	loop->thread = pthread_self();
	pthread_mutex_unlock(&loop->mutex);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

struct moment
loop_now(const struct loop *loop)
{
	return (struct moment){ .wall_us = time_wall_us(),
		.mono_us = (int64_t)uv_now(&loop->uv) * 1000 };
}

static void
on_poll(uv_poll_t *handle, int status, int events)
{
	struct watch *w = (struct watch *)handle;
	unsigned int what = 0;

	if (status < 0) {
		/* libuv has stopped watching it: what is wanted next must be asked for anew. */
		w->wanted = 0;
		w->ready(w, LOOP_READABLE | LOOP_WRITABLE);
		return;
	}
	if (events & UV_READABLE)
		what |= LOOP_READABLE;
	if (events & UV_WRITABLE)
		what |= LOOP_WRITABLE;
	w->ready(w, what);
}

void
watch_init(struct watch *w, struct loop *loop, int fd, void (*ready)(struct watch *w, unsigned int events))
{
	check_uv(uv_poll_init(&loop->uv, &w->handle, fd));
	w->ready = ready;
	w->closed = NULL;
	w->wanted = 0;
}

void
watch_want(struct watch *w, unsigned int events)
{
	int wanted = (events & LOOP_READABLE ? UV_READABLE : 0) |
		(events & LOOP_WRITABLE ? UV_WRITABLE : 0);

	/* libuv takes the descriptor out of epoll and puts it in again each time. */
	if (events == w->wanted || uv_is_closing((uv_handle_t *)&w->handle))
		return;
	w->wanted = events;
	if (wanted)
		uv_poll_start(&w->handle, wanted, on_poll);
	else
		uv_poll_stop(&w->handle);
}

static void
on_watch_closed(uv_handle_t *handle)
{
	struct watch *w = (struct watch *)handle;

	if (w->closed)
		w->closed(w);
}

void
watch_close(struct watch *w, void (*closed)(struct watch *w))
{
	w->closed = closed;
	uv_close((uv_handle_t *)&w->handle, on_watch_closed);
}

static void
on_timer(uv_timer_t *handle)
{
	struct timer *t = (struct timer *)handle;

	t->fired(t);
}

void
timer_init(struct timer *t, struct loop *loop, void (*fired)(struct timer *t))
{
	check_uv(uv_timer_init(&loop->uv, &t->handle));
	t->fired = fired;
	t->closed = NULL;
}

void
timer_start(struct timer *t, uint64_t delay_ms, uint64_t repeat_ms)
{
	uv_timer_start(&t->handle, on_timer, delay_ms, repeat_ms);
}

void
timer_stop(struct timer *t)
{
	uv_timer_stop(&t->handle);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct timer *t = (struct timer *)handle;

	if (t->closed)
		t->closed(t);
}

void
timer_close(struct timer *t, void (*closed)(struct timer *t))
{
	t->closed = closed;
	uv_close((uv_handle_t *)&t->handle, on_timer_closed);
}

static void
on_wake(uv_async_t *handle)
{
	struct wake *w = (struct wake *)handle;

	w->woken(w);
}

void
wake_init(struct wake *w, struct loop *loop, void (*woken)(struct wake *w))
{
	w->woken = woken;
	w->closed = NULL;
	check_uv(uv_async_init(&loop->uv, &w->handle, on_wake));
}

void
wake_send(struct wake *w)
{
	uv_async_send(&w->handle);
}

static void
on_wake_closed(uv_handle_t *handle)
{
	struct wake *w = (struct wake *)handle;

	if (w->closed)
		w->closed(w);
}

void
wake_close(struct wake *w, void (*closed)(struct wake *w))
{
	w->closed = closed;
	uv_close((uv_handle_t *)&w->handle, on_wake_closed);
}

static void
on_signal(uv_signal_t *handle, int signal)
{
	struct signal_watch *w = (struct signal_watch *)handle;

	w->caught(w->arg, signal);
}

void
loop_on_signal(struct loop *loop, int signal, void (*caught)(void *arg, int signal), void *arg)
{
	struct signal_watch *w = NEW(struct signal_watch);

	w->caught = caught;
	w->arg = arg;
	w->next = loop->signals;
	loop->signals = w;
	check_uv(uv_signal_init(&loop->uv, &w->handle));
	check_uv(uv_signal_start(&w->handle, on_signal, signal));
}

void
loop_defer(struct loop *loop, struct defer *d)
{
	pthread_mutex_lock(&loop->mutex);
	bool is_ours = pthread_equal(loop->thread, pthread_self());
	bool is_new = !d->is_pending;
	if (is_new) {
		d->is_pending = true;
		d->next = NULL;
		*loop->later_end = d;
		loop->later_end = &d->next;
		if (is_ours)
			uv_idle_start(&loop->idle, on_idle);
	}
	pthread_mutex_unlock(&loop->mutex);
	if (is_new && !is_ours)
		uv_async_send(&loop->deferred);
}

static bool
unlink_defer(struct defer **at, struct defer *d)
{
	while (*at && *at != d)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = d->next;
	return true;
}

void
loop_defer_cancel(struct loop *loop, struct defer *d)
{
	pthread_mutex_lock(&loop->mutex);
	if (d->is_pending) {
		if (!unlink_defer(&loop->due, d))
			unlink_defer(&loop->later, d);
		loop->later_end = &loop->later;
		while (*loop->later_end)
			loop->later_end = &(*loop->later_end)->next;
		d->is_pending = false;
	}
	pthread_mutex_unlock(&loop->mutex);
}
