#include "sys/loop.h"

#include "sys/time.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static char trace[64];

/* Handles live until the loop has closed them, which is after the test. */
static struct timer stop, tick;
static struct watch w;
static struct wake wake;

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	trace[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(&loop);
	assert_null(loop);
	return 0;
}

static void
note(const char *what)
{
	strncat(trace, what, sizeof trace - strlen(trace) - 1);
}

static void
on_stop(struct timer *t)
{
	(void)t;
	note("stop");
	loop_stop(loop);
}

static void
on_tick(struct timer *t)
{
	(void)t;
	note("tick ");
}

static void
a_timer_fires_once_and_a_repeating_one_again(void **state)
{
	(void)state;
	timer_init(&stop, loop, on_stop);
	timer_init(&tick, loop, on_tick);
	timer_start(&tick, 1, 0);
	timer_start(&stop, 40, 0);
	loop_run(loop);
	assert_string_equal(trace, "tick stop");
	trace[0] = '\0';
	timer_start(&tick, 5, 5);
	timer_start(&stop, 100, 0);
	loop_run(loop);
	assert_true(strlen(trace) > strlen("tick tick stop"));
	timer_close(&tick, NULL);
	timer_close(&stop, NULL);
}

static void
a_stopped_timer_does_not_fire(void **state)
{
	(void)state;
	timer_init(&stop, loop, on_stop);
	timer_init(&tick, loop, on_tick);
	timer_start(&tick, 1, 0);
	timer_stop(&tick);
	timer_start(&stop, 10, 0);
	loop_run(loop);
	assert_string_equal(trace, "stop");
}

static int pipe_ends[2];

static void
on_pipe(struct watch *at, unsigned int events)
{
	char c;

	assert_ptr_equal(at, &w);
	assert_int_equal(events & LOOP_READABLE, LOOP_READABLE);
	assert_int_equal(read(pipe_ends[0], &c, 1), 1);
	note("read ");
	loop_stop(loop);
}

static void
on_watch_closed(struct watch *at)
{
	assert_ptr_equal(at, &w);
	note("closed ");
	loop_stop(loop);
}

static void
a_watched_descriptor_is_told_when_it_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	watch_init(&w, loop, pipe_ends[0], on_pipe);
	timer_init(&stop, loop, on_stop);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	timer_start(&stop, 10, 0);
	loop_run(loop);
	assert_string_equal(trace, "stop");
	watch_want(&w, LOOP_READABLE);
	loop_run(loop);
	watch_want(&w, 0);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	timer_start(&stop, 10, 0);
	loop_run(loop);
	assert_string_equal(trace, "stopread stop");
	watch_close(&w, on_watch_closed);
	loop_run(loop);
	assert_string_equal(trace, "stopread stopclosed ");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void
what_is_watched_alone_is_told_again_after_standing_back(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	watch_init(&w, loop, pipe_ends[0], on_pipe);
	watch_want(&w, LOOP_READABLE | LOOP_ALONE);
	assert_int_equal(write(pipe_ends[1], "xx", 2), 2);
	loop_run(loop);
	watch_want(&w, 0);
	watch_want(&w, LOOP_READABLE | LOOP_ALONE);
	loop_run(loop);
	assert_string_equal(trace, "read read ");
	watch_close(&w, NULL);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void
a_watch_may_take_its_descriptor_with_it(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	watch_init(&w, loop, pipe_ends[0], on_pipe);
	watch_want(&w, LOOP_READABLE);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	watch_close_all(&w, on_watch_closed);
	loop_run(loop);
	assert_string_equal(trace, "closed ");
	assert_int_equal(write(pipe_ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(pipe_ends[1]);
}

static struct watch other;

static void
close_the_other(struct watch *at, unsigned int events)
{
	(void)events;
	note("told ");
	watch_want(at, 0);
	watch_close(at == &w ? &other : &w, NULL);
}

static void
what_was_closed_in_the_same_turn_is_not_told(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	int twin = dup(pipe_ends[0]);
	watch_init(&w, loop, pipe_ends[0], close_the_other);
	watch_init(&other, loop, twin, close_the_other);
	watch_want(&w, LOOP_READABLE);
	watch_want(&other, LOOP_READABLE);
	timer_init(&stop, loop, on_stop);
	timer_start(&stop, 20, 0);
	loop_run(loop);
	assert_string_equal(trace, "told stop");
	close(twin);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void
on_broken(struct watch *at, unsigned int events)
{
	assert_int_equal(events, LOOP_READABLE | LOOP_WRITABLE);
	assert_int_equal(at->wanted, 0);
	note("broken ");
}

static void
an_error_is_told_once_and_ends_what_was_wanted(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	close(pipe_ends[0]);
	watch_init(&w, loop, pipe_ends[1], on_broken);
	watch_want(&w, LOOP_READABLE);
	timer_init(&stop, loop, on_stop);
	timer_start(&stop, 20, 0);
	loop_run(loop);
	assert_string_equal(trace, "broken stop");
	close(pipe_ends[1]);
}

static struct defer first, second, third;

static void
work_first(struct defer *d)
{
	(void)d;
	note("1");
	loop_defer(loop, &third);
	loop_defer(loop, &third);
}

static void
work_second(struct defer *d)
{
	(void)d;
	note("2");
}

static void
work_third(struct defer *d)
{
	(void)d;
	note("3");
	loop_stop(loop);
}

static void
set_defers(void)
{
	first = (struct defer){ .work = work_first };
	second = (struct defer){ .work = work_second };
	third = (struct defer){ .work = work_third };
}

static void
deferred_work_runs_once_and_in_order_in_later_turns(void **state)
{
	(void)state;
	set_defers();
	loop_defer(loop, &first);
	loop_defer(loop, &second);
	loop_defer(loop, &first);
	loop_run(loop);
	assert_string_equal(trace, "123");
	assert_false(first.is_pending || second.is_pending || third.is_pending);
}

static void
cancel_second(struct defer *d)
{
	(void)d;
	note("c");
	loop_defer_cancel(loop, &second);
	loop_defer(loop, &third);
}

static void
cancelled_work_does_not_run(void **state)
{
	(void)state;
	set_defers();
	first.work = cancel_second;
	loop_defer(loop, &first);
	loop_defer(loop, &second);
	loop_run(loop);
	assert_string_equal(trace, "c3");
	loop_defer(loop, &second);
	loop_defer_cancel(loop, &second);
	loop_defer_cancel(loop, &second);
	loop_defer(loop, &third);
	loop_run(loop);
	assert_string_equal(trace, "c33");
}

static void *
defer_from_thread(void *arg)
{
	(void)arg;
	time_sleep_ms(10);
	loop_defer(loop, &third);
	return NULL;
}

static void
another_thread_may_defer_and_wakes_the_loop(void **state)
{
	pthread_t thread;

	(void)state;
	set_defers();
	pthread_create(&thread, NULL, defer_from_thread, NULL);
	loop_run(loop);
	pthread_join(thread, NULL);
	assert_string_equal(trace, "3");
}

static void
on_woken(struct wake *at)
{
	assert_ptr_equal(at, &wake);
	note("woken");
	loop_stop(loop);
}

static void
on_wake_closed(struct wake *at)
{
	assert_ptr_equal(at, &wake);
	note("closed");
}

static void *
wake_from_thread(void *at)
{
	wake_send(at);
	return NULL;
}

static void
a_wake_comes_from_another_thread(void **state)
{
	pthread_t thread;

	(void)state;
	wake_init(&wake, loop, on_woken);
	pthread_create(&thread, NULL, wake_from_thread, &wake);
	loop_run(loop);
	pthread_join(thread, NULL);
	assert_string_equal(trace, "woken");
	wake_close(&wake, on_wake_closed);
	loop_free(&loop);
	assert_string_equal(trace, "wokenclosed");
}

static void
on_signal(void *arg, int signal)
{
	assert_ptr_equal(arg, &loop);
	assert_int_equal(signal, SIGUSR1);
	note("caught");
	loop_stop(loop);
}

static void
a_signal_is_caught_in_the_loop(void **state)
{
	(void)state;
	loop_on_signal(loop, SIGUSR1, on_signal, &loop);
	raise(SIGUSR1);
	loop_run(loop);
	assert_string_equal(trace, "caught");
}

static void
the_time_of_the_loop_is_near_the_clock(void **state)
{
	struct moment now = time_now(), turn = loop_now(loop);

	(void)state;
	assert_true(turn.wall_us - now.wall_us < 1000000 && turn.wall_us >= now.wall_us);
	assert_true(turn.mono_us <= now.mono_us + 1000000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_timer_fires_once_and_a_repeating_one_again),
		TEST(a_stopped_timer_does_not_fire),
		TEST(a_watched_descriptor_is_told_when_it_is_wanted),
		TEST(what_is_watched_alone_is_told_again_after_standing_back),
		TEST(a_watch_may_take_its_descriptor_with_it),
		TEST(what_was_closed_in_the_same_turn_is_not_told),
		TEST(an_error_is_told_once_and_ends_what_was_wanted),
		TEST(deferred_work_runs_once_and_in_order_in_later_turns),
		TEST(cancelled_work_does_not_run),
		TEST(another_thread_may_defer_and_wakes_the_loop),
		TEST(a_wake_comes_from_another_thread),
		TEST(a_signal_is_caught_in_the_loop),
		TEST(the_time_of_the_loop_is_near_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
