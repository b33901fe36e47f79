/* The event loop of a role: descriptors, timers, signals, work handed over by threads.  Over epoll and libuv. */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include "base/clock.h"

#include <uv.h>

struct loop;

/* LOOP_ALONE: of the processes that watch the descriptor, one that has nothing to do is woken, not all.  What may be asked for
   with it is LOOP_READABLE, and 0 before anything else. */
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_ALONE = 4 };

/* One for a process; owned.  Ignores SIGPIPE. */
struct loop *loop_new(void);
/* Closes every watch, timer and wake that is left (without `closed`), then sets *loop to NULL. */
void loop_free(struct loop **loop);
/* Runs until loop_stop, from any callback. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* The time of this turn of the loop (mono) and of the wall; cheap. */
struct moment loop_now(const struct loop *loop);

/* Watches one descriptor.  Embed it; it must live until `closed` was called. */
struct watch {
	struct loop *loop;
	int fd;
	unsigned int wanted;
	bool is_closing, closes_fd;
	void (*ready)(struct watch *w, unsigned int events);
	void (*closed)(struct watch *w);
	struct watch *next; /* that is closing */
};

/* Starts with no event wanted.  fd stays the caller's: closed by the caller in `closed` or later. */
void watch_init(struct watch *w, struct loop *loop, int fd,
	void (*ready)(struct watch *w, unsigned int events));
/* events: LOOP_READABLE, LOOP_WRITABLE or-ed, or 0.  Each change costs a system call.  An error
   reports both, after which nothing is wanted until it is asked for again. */
void watch_want(struct watch *w, unsigned int events);
/* No more `ready`; `closed` comes when the turn ends or later (or from loop_free), after which the memory may go. */
void watch_close(struct watch *w, void (*closed)(struct watch *w));
/* The same, and the descriptor, of which there is no duplicate, is closed before `closed`: it needs not be taken out of the
   set, which saves a system call. */
void watch_close_all(struct watch *w, void (*closed)(struct watch *w));

struct timer {
	uv_timer_t handle;
	void (*fired)(struct timer *t);
	void (*closed)(struct timer *t);
};

/* A stopped timer. */
void timer_init(struct timer *t, struct loop *loop, void (*fired)(struct timer *t));
/* Once after delay_ms, then every repeat_ms unless 0.  Starting again sets it anew. */
void timer_start(struct timer *t, uint64_t delay_ms, uint64_t repeat_ms);
void timer_stop(struct timer *t);
void timer_close(struct timer *t, void (*closed)(struct timer *t));

/* Wakes the loop from any thread; several wakes before the loop comes round are one call. */
struct wake {
	uv_async_t handle;
	void (*woken)(struct wake *w);
	void (*closed)(struct wake *w);
};

/* `woken` is called in the loop after wake_send, which any thread may call. */
void wake_init(struct wake *w, struct loop *loop, void (*woken)(struct wake *w));
void wake_send(struct wake *w);
/* No more `woken`, and nobody may send any more; `closed` comes in a later turn (or from loop_free), after
   which the memory may go. */
void wake_close(struct wake *w, void (*closed)(struct wake *w));

/* Calls `caught` in the loop when the signal arrives.  Lives as long as the loop. */
void loop_on_signal(struct loop *loop, int signal, void (*caught)(void *arg, int signal), void *arg);
/* Work for a later turn of the loop.  Embed it. */
struct defer {
	struct defer *next;
	void (*work)(struct defer *d);
	bool is_pending;
};

/* Calls `work` once, in a later turn of the loop, so that long work can be done in slices; deferring
   again while it is pending does nothing.  From any thread; `work` runs on the loop's. */
void loop_defer(struct loop *loop, struct defer *d);
/* Takes back what was deferred; nothing when it was not. */
void loop_defer_cancel(struct loop *loop, struct defer *d);

#endif
