/* Descriptors are in an epoll set of our own; timers, wakes and signals are libuv's, whose own set is one
   descriptor in ours (NULL in place of a watch).  For libuv takes six system calls to watch a socket from its
   opening to its end, and a connection that brings one message lives for little more than that. */
#include "sys/loop.h"

#include "base/memory.h"
#include "sys/time.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 128 };

struct signal_watch {
	uv_signal_t handle;
	void (*caught)(void *arg, int signal);
	void *arg;
	struct signal_watch *next;
};

/* What was deferred waits in `later`; one turn runs what was there when it began (`due`).  While
   anything waits, the loop does not sleep. */
struct loop {
	uv_loop_t uv;
	int set; /* of epoll */
	bool is_stopped;
	struct watch *closing; /* whose `closed` is due */
	pthread_t thread;
	pthread_mutex_t mutex; /* thread, later, due, is_pending of what is in them */
	struct defer *later, **later_end;
	struct defer *due;
	uv_async_t deferred; /* another thread deferred something */
	struct signal_watch *signals;
};

static void
check(int result)
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
run_deferred(struct loop *loop)
{
	struct defer *d;

	pthread_mutex_lock(&loop->mutex);
	assert(!loop->due);
	loop->due = loop->later;
	loop->later = NULL;
	loop->later_end = &loop->later;
	pthread_mutex_unlock(&loop->mutex);
	while ((d = take_due(loop)))
		d->work(d);
}

/* Nothing but that the loop wakes up. */
static void
on_deferred(uv_async_t *async)
{
	(void)async;
}

struct loop *
loop_new(void)
{
	struct loop *loop = NEW(struct loop);
	struct epoll_event of_uv = { .events = EPOLLIN };

	signal(SIGPIPE, SIG_IGN);
	loop->thread = pthread_self();
	loop->later_end = &loop->later;
	pthread_mutex_init(&loop->mutex, NULL);
	check(uv_loop_init(&loop->uv));
	check(uv_async_init(&loop->uv, &loop->deferred, on_deferred));
	loop->set = epoll_create1(EPOLL_CLOEXEC);
	check(loop->set);
	check(epoll_ctl(loop->set, EPOLL_CTL_ADD, uv_backend_fd(&loop->uv), &of_uv));
	return loop;
}

/* What was closed before, not what these close now. */
static void
run_closed(struct loop *loop)
{
	struct watch *w = loop->closing, *next;

	loop->closing = NULL;
	for (; w; w = next) {
		next = w->next;
		if (w->closes_fd)
			(void)close(w->fd);
		if (w->closed)
			w->closed(w);
	}
}

/* Whose memory went before it was closed is found here, by the address sanitizer at least. */
static void
close_handle(uv_handle_t *handle, void *arg)
{
	assert(handle->loop == arg);
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
	while (loop->closing)
		run_closed(loop);
	uv_walk(&loop->uv, close_handle, &loop->uv);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	check(uv_loop_close(&loop->uv));
	while (loop->signals) {
		struct signal_watch *w = loop->signals;

		loop->signals = w->next;
		memory_free(w);
	}
	(void)close(loop->set);
	pthread_mutex_destroy(&loop->mutex);
	memory_free(loop);
}

static int
sleep_ms(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	bool is_awake = loop->later || loop->closing;
	pthread_mutex_unlock(&loop->mutex);
	uv_update_time(&loop->uv);
	return is_awake ? 0 : uv_backend_timeout(&loop->uv);
}

static void
tell(struct watch *w, uint32_t events)
{
	unsigned int what = 0;

	if (events & EPOLLERR) {
		what = LOOP_READABLE | LOOP_WRITABLE;
		watch_want(w, 0);
	} else {
		if (events & (EPOLLIN | EPOLLHUP))
			what |= LOOP_READABLE;
		if (events & (EPOLLOUT | EPOLLHUP))
			what |= LOOP_WRITABLE;
		what &= w->wanted;
	}
	/* What was told before it in this turn may have closed it or wanted it no more. */
	if (what && !w->is_closing)
		w->ready(w, what);
}

static void
turn(struct loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(loop->set, events, EVENTS_AT_ONCE, sleep_ms(loop));
	bool is_uv_ready = false;

	uv_update_time(&loop->uv);
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr)
			tell(events[i].data.ptr, events[i].events);
		else
			is_uv_ready = true;
	if (is_uv_ready || uv_backend_timeout(&loop->uv) == 0)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	run_deferred(loop);
	run_closed(loop);
}

void
loop_run(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	loop->thread = pthread_self();
	pthread_mutex_unlock(&loop->mutex);
	while (!loop->is_stopped)
		turn(loop);
	loop->is_stopped = false;
}

void
loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}

struct moment
loop_now(const struct loop *loop)
{
	return (struct moment){ .wall_us = time_wall_us(),
		.mono_us = (int64_t)uv_now(&loop->uv) * 1000 };
}

void
watch_init(struct watch *w, struct loop *loop, int fd, void (*ready)(struct watch *w, unsigned int events))
{
	w->loop = loop;
	w->fd = fd;
	w->ready = ready;
	w->closed = NULL;
	w->next = NULL;
	w->wanted = 0;
	w->is_closing = w->closes_fd = false;
}

void
watch_want(struct watch *w, unsigned int events)
{
	struct epoll_event e = { .data.ptr = w };

	if (events == w->wanted || w->is_closing)
		return;
	if (events & LOOP_READABLE)
		e.events |= EPOLLIN;
	if (events & LOOP_WRITABLE)
		e.events |= EPOLLOUT;
	if (events & LOOP_ALONE)
		e.events |= EPOLLEXCLUSIVE;
	/* With no event at all epoll would still tell of errors, again and again. */
	check(epoll_ctl(w->loop->set, events == 0 ? EPOLL_CTL_DEL : w->wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		w->fd, &e));
	w->wanted = events;
}

static void
close_later(struct watch *w, void (*closed)(struct watch *w))
{
	w->is_closing = true;
	w->closed = closed;
	w->next = w->loop->closing;
	w->loop->closing = w;
}

void
watch_close(struct watch *w, void (*closed)(struct watch *w))
{
	watch_want(w, 0);
	close_later(w, closed);
}

void
watch_close_all(struct watch *w, void (*closed)(struct watch *w))
{
	w->closes_fd = true;
	close_later(w, closed);
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
	check(uv_timer_init(&loop->uv, &t->handle));
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
	check(uv_async_init(&loop->uv, &w->handle, on_wake));
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
	check(uv_signal_init(&loop->uv, &w->handle));
	check(uv_signal_start(&w->handle, on_signal, signal));
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
