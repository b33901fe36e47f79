#include "sys/channel.h"

#include "base/memory.h"
#include "sys/time.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;

/* One side of a channel and what it was told. */
struct side {
	struct channel *channel;
	size_t frames, octets, fds;
	uint32_t next; /* the number that the next frame should carry */
	bool is_in_order;
	int lost;
	size_t stop_at;
	bool frees_at_first;
	size_t poll_at;
};

static struct side a, b;

static void
on_frame(void *arg, struct bytes frame, const int *fds, size_t fd_count)
{
	struct side *s = arg;
	uint32_t number = UINT32_MAX;

	assert_int_equal((uintptr_t)frame.ptr % 8, 0);
	s->octets += frame.len;
	s->fds += fd_count;
	for (size_t i = 0; i < fd_count; i++)
		assert_int_equal(close(fds[i]), 0);
	if (frame.len >= 4)
		memcpy(&number, frame.ptr, 4);
	if (number != s->next)
		s->is_in_order = false;
	s->next++;
	s->frames++;
	if (s->frees_at_first)
		channel_free(&s->channel);
	else if (s->poll_at == s->frames) {
		channel_poll(s->channel);
		uint32_t again;
		memcpy(&again, frame.ptr, 4);
		assert_int_equal(again, number);
	}
	if (s->frames == s->stop_at)
		loop_stop(loop);
}

static void
on_lost(void *arg)
{
	struct side *s = arg;

	s->lost++;
	loop_stop(loop);
}

static void
on_late(struct timer *t)
{
	(void)t;
	loop_stop(loop);
}

static struct timer late;
static int raw[2];

static const struct channel_handlers handlers = { on_frame, on_lost };

static int
set_up(void **state)
{
	struct fault f;

	(void)state;
	loop = loop_new();
	timer_init(&late, loop, on_late);
	assert_int_equal(channel_pair(raw, &f), 0);
	a = b = (struct side){ .is_in_order = true };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	channel_free(&a.channel);
	channel_free(&b.channel);
	loop_free(&loop);
	return 0;
}

static void
open_both(void)
{
	a.channel = channel_new(loop, raw[0], &handlers, &a);
	b.channel = channel_new(loop, raw[1], &handlers, &b);
}

static void
run_for(uint64_t ms)
{
	timer_start(&late, ms, 0);
	loop_run(loop);
	timer_stop(&late);
}

static int
send_numbered(struct channel *c, uint32_t number, size_t size, const int *fds, size_t fd_count)
{
	uint8_t *frame = memory_new(size);

	memcpy(frame, &number, 4);
	int result = channel_send(c, bytes_of(frame, size), fds, fd_count);
	memory_free(frame);
	return result;
}

static void
frames_arrive_whole_and_in_order(void **state)
{
	(void)state;
	open_both();
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(send_numbered(a.channel, i, 4 + i, NULL, 0), 0);
	assert_int_equal(send_numbered(a.channel, 20, CHANNEL_FRAME_MAX, NULL, 0), 0);
	b.stop_at = 21;
	run_for(5000);
	assert_int_equal(b.frames, 21);
	assert_true(b.is_in_order);
	assert_int_equal(b.octets, 20 * 4 + 190 + CHANNEL_FRAME_MAX);
}

static void
descriptors_ride_along_up_to_the_limit(void **state)
{
	int fds[CHANNEL_FDS_MAX + 1];

	(void)state;
	open_both();
	for (int i = 0; i <= CHANNEL_FDS_MAX; i++)
		fds[i] = raw[0];
	assert_int_equal(send_numbered(a.channel, 0, 8, fds, CHANNEL_FDS_MAX), 0);
	assert_int_equal(send_numbered(a.channel, 1, 8, fds, CHANNEL_FDS_MAX + 1), -1);
	b.stop_at = 1;
	run_for(5000);
	assert_int_equal(b.fds, CHANNEL_FDS_MAX);
	assert_int_equal(b.lost, 0);
}

static void
what_is_too_large_or_empty_is_not_sent(void **state)
{
	(void)state;
	open_both();
	assert_int_equal(send_numbered(a.channel, 0, CHANNEL_FRAME_MAX + 1, NULL, 0), -1);
	assert_int_equal(channel_send(a.channel, BYTES_NONE, NULL, 0), -1);
	run_for(20);
	assert_int_equal(b.frames + (size_t)b.lost + (size_t)a.lost, 0);
}

static void
frames_wait_for_a_slow_receiver_and_keep_their_order_and_descriptors(void **state)
{
	uint8_t octets[4] = { 0 };

	(void)state;
	open_both();
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(send_numbered(a.channel, i, 60000, &raw[0], 1), 0);
	assert_int_equal(channel_send_now(a.channel, bytes_of(octets, 4), NULL, 0), -1);
	b.stop_at = 100;
	run_for(5000);
	assert_int_equal(b.frames, 100);
	assert_int_equal(b.fds, 100);
	assert_true(b.is_in_order);
	run_for(10);
	octets[0] = 100;
	assert_int_equal(channel_send_now(a.channel, bytes_of(octets, 4), NULL, 0), 0);
	b.stop_at = 101;
	run_for(5000);
	assert_true(b.is_in_order);
	assert_int_equal(b.frames, 101);
}

static void
a_receiver_that_never_reads_loses_the_channel(void **state)
{
	int result = 0;

	(void)state;
	a.channel = channel_new(loop, raw[0], &handlers, &a);
	for (uint32_t i = 0; i < 1000 && result == 0; i++)
		result = send_numbered(a.channel, i, CHANNEL_FRAME_MAX, NULL, 0);
	assert_int_equal(result, -1);
	assert_int_equal(send_numbered(a.channel, 0, 4, NULL, 0), -1);
	assert_int_equal(a.lost, 0);
	run_for(1000);
	assert_int_equal(a.lost, 1);
	close(raw[1]);
}

static void
small_frames_with_descriptors_do_not_pile_up_either(void **state)
{
	uint32_t sent;

	(void)state;
	a.channel = channel_new(loop, raw[0], &handlers, &a);
	for (sent = 0; sent < 200000 && send_numbered(a.channel, sent, 4, NULL, 0) == 0; sent++)
		;
	assert_in_range(sent, 1000, 150000);
	run_for(1000);
	channel_free(&a.channel);
	close(raw[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, raw), 0);
	a.channel = channel_new(loop, raw[0], &handlers, &a);
	for (sent = 0; sent < 200000 && send_numbered(a.channel, sent, 4, &raw[1], 1) == 0; sent++)
		;
	assert_in_range(sent, 1000, 12000);
	run_for(1000);
	close(raw[1]);
}

static void
what_was_sent_before_the_end_arrives_before_lost(void **state)
{
	(void)state;
	open_both();
	/* Unread frames at the side that closes make the kernel report a reset first. */
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(send_numbered(b.channel, i, 4, NULL, 0), 0);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(send_numbered(a.channel, i, 4, NULL, 0), 0);
	shutdown(raw[0], SHUT_RDWR);
	run_for(1000);
	run_for(100);
	assert_int_equal(b.frames, 30);
	assert_int_equal(b.lost, 1);
}

static void
a_reset_does_not_hide_what_arrived(void **state)
{
	(void)state;
	b.channel = channel_new(loop, raw[1], &handlers, &b);
	assert_int_equal(send_numbered(b.channel, 0, 4, NULL, 0), 0);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(send(raw[0], &i, 4, 0), 4);
	close(raw[0]);
	run_for(1000);
	assert_int_equal(b.frames, 30);
	assert_int_equal(b.lost, 1);
}

static void
a_handler_may_free_the_channel(void **state)
{
	(void)state;
	open_both();
	b.frees_at_first = true;
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(send_numbered(a.channel, i, 4, &raw[0], 1), 0);
	run_for(1000);
	assert_int_equal(b.frames, 1);
	assert_int_equal(b.lost, 0);
	assert_int_equal(a.lost, 1);
}

static void
polling_from_a_handler_keeps_the_order_and_the_frame(void **state)
{
	(void)state;
	open_both();
	b.poll_at = 3;
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(send_numbered(a.channel, i, 4, NULL, 0), 0);
	channel_poll(b.channel);
	assert_int_equal(b.frames, 40);
	assert_true(b.is_in_order);
}

static void
a_frame_that_was_cut_off_loses_the_channel(void **state)
{
	static uint8_t octets[CHANNEL_FRAME_MAX + 1];

	(void)state;
	b.channel = channel_new(loop, raw[1], &handlers, &b);
	assert_int_equal(send(raw[0], octets, sizeof octets, 0), (ssize_t)sizeof octets);
	run_for(1000);
	assert_int_equal(b.frames, 0);
	assert_int_equal(b.lost, 1);
	close(raw[0]);
}

static void
more_descriptors_than_allowed_lose_the_channel(void **state)
{
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(40 * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)"abcd", 4 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof control };

	(void)state;
	b.channel = channel_new(loop, raw[1], &handlers, &b);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(40 * sizeof(int));
	for (int i = 0; i < 40; i++)
		memcpy(CMSG_DATA(&control.align) + (size_t)i * sizeof(int), &raw[0], sizeof(int));
	int before = dup(0);
	close(before);
	assert_int_equal(sendmsg(raw[0], &m, 0), 4);
	run_for(1000);
	assert_int_equal(b.frames, 0);
	assert_int_equal(b.lost, 1);
	int after = dup(0);
	assert_int_equal(after, before);
	close(after);
	close(raw[0]);
}

#define THREADS 4
#define EACH 2000

static void *
send_many(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < EACH; i++)
		while (send_numbered(a.channel, i, 600, NULL, 0) == -1)
			time_sleep_ms(1);
	return NULL;
}

static void
threads_may_send_at_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	open_both();
	b.stop_at = (size_t)THREADS * EACH;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, send_many, NULL);
	run_for(30000);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(b.frames, THREADS * EACH);
	assert_int_equal(b.octets, THREADS * EACH * 600);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(frames_arrive_whole_and_in_order),
		TEST(descriptors_ride_along_up_to_the_limit),
		TEST(what_is_too_large_or_empty_is_not_sent),
		TEST(small_frames_with_descriptors_do_not_pile_up_either),
		TEST(frames_wait_for_a_slow_receiver_and_keep_their_order_and_descriptors),
		TEST(a_receiver_that_never_reads_loses_the_channel),
		TEST(what_was_sent_before_the_end_arrives_before_lost),
		TEST(a_reset_does_not_hide_what_arrived),
		TEST(a_handler_may_free_the_channel),
		TEST(polling_from_a_handler_keeps_the_order_and_the_frame),
		TEST(a_frame_that_was_cut_off_loses_the_channel),
		TEST(more_descriptors_than_allowed_lose_the_channel),
		TEST(threads_may_send_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
