#include "ipc/peer.h"

#include "base/event.h"
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
static struct timer late;
static struct peer *front, *store; /* the peers: `front` is what the front holds to speak to the store */
static char trace[256];
static char events[2000];
static int raw[2];
static bool store_is_silent;

static void
note(const char *what)
{
	size_t len = strlen(trace), more = strlen(what);

	assert_true(len + more < sizeof trace);
	memcpy(trace + len, what, more + 1);
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	strncat(events, (const char *)line.ptr, line.len < 300 ? line.len : 300);
}

static void
close_fds(const struct message *m)
{
	for (size_t i = 0; i < m->fd_count; i++)
		assert_int_equal(close(m->fds[i]), 0);
}

/* The store answers each STATUS with its request number as the count of messages. */
static void
store_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_STATUS_RESULT };

	assert_null(arg);
	note("q");
	close_fds(m);
	if (m->type != MESSAGE_STATUS || store_is_silent)
		return;
	answer.u.status_result.request = m->u.status.request;
	answer.u.status_result.messages = (uint32_t)m->u.status.request;
	assert_int_equal(peer_send(p, &answer), 0);
}

static void
store_lost(void *arg, struct peer *p)
{
	(void)arg;
	assert_false(peer_is_connected(p));
	note("S");
}

static void
front_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg, (void)p;
	close_fds(m);
	note("!");
}

static void
front_lost(void *arg, struct peer *p)
{
	(void)arg;
	assert_false(peer_is_connected(p));
	note("F");
}

static void
on_late(struct timer *t)
{
	(void)t;
	loop_stop(loop);
}

static void
run_for(uint64_t ms)
{
	timer_start(&late, ms, 0);
	loop_run(loop);
}

static int
set_up(void **state)
{
	static const struct peer_handlers in_front = { front_message, front_lost };
	static const struct peer_handlers in_store = { store_message, store_lost };
	struct event_sink sink = { .write = keep_event, .now_us = time_wall_us, .role = "test" };
	struct fault f;

	(void)state;
	trace[0] = events[0] = '\0';
	store_is_silent = false;
	event_set_sink(&sink);
	loop = loop_new();
	timer_init(&late, loop, on_late);
	front = peer_new(loop, ROLE_FRONT, ROLE_STORE, 0, &in_front, NULL);
	store = peer_new(loop, ROLE_STORE, ROLE_FRONT, 3, &in_store, NULL);
	assert_int_equal(channel_pair(raw, &f), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	peer_free(&front);
	peer_free(&store);
	loop_free(&loop);
	return 0;
}

static void
connect_both(void)
{
	peer_connect(front, raw[0]);
	peer_connect(store, raw[1]);
}

static void
on_answer(void *arg, const struct message *m)
{
	char text[2] = { *(const char *)arg, '\0' };

	if (m) {
		assert_int_equal(m->type, MESSAGE_STATUS_RESULT);
		assert_int_equal(m->u.status_result.request, m->u.status_result.messages);
	} else {
		note("-");
	}
	note(text);
}

static uint64_t
ask(const char *name, uint32_t within_ms)
{
	uint64_t request = peer_request_id(front);
	struct message m = { .type = MESSAGE_STATUS };

	m.u.status.request = request;
	m.u.status.name = BYTES("INBOX");
	peer_request(front, &m, request, within_ms, on_answer, (void *)(uintptr_t)name);
	return request;
}

static void
a_request_is_answered(void **state)
{
	(void)state;
	connect_both();
	assert_int_equal(peer_role(store), ROLE_FRONT);
	assert_int_equal(peer_index(store), 3);
	ask("a", 5000);
	ask("b", 1000);
	assert_string_equal(trace, "");
	run_for(50);
	assert_string_equal(trace, "qqab");
}

static void
without_a_channel_the_answer_is_none_and_comes_later(void **state)
{
	struct message m = { .type = MESSAGE_SESSION_END };

	(void)state;
	ask("a", 5000);
	ask("b", 5000);
	assert_string_equal(trace, "");
	assert_int_equal(peer_send(front, &m), -1);
	run_for(50);
	assert_string_equal(trace, "-a-b");
}

static void
ask_again(void *arg, const struct message *m)
{
	assert_null(m);
	note("x");
	struct message again = { .type = MESSAGE_CHECK };
	if (strlen(trace) >= 20)
		return;
	again.u.check.request = peer_request_id(front);
	peer_request(front, &again, again.u.check.request, 1000, ask_again, arg);
}

static void
asking_again_from_the_answer_does_not_keep_the_loop(void **state)
{
	(void)state;
	peer_connect(front, raw[0]);
	ask_again(NULL, NULL);
	close(raw[1]);
	run_for(50);
	assert_string_equal(trace, "xxFxxxxxxxxxxxxxxxxx");
}

static void
a_late_answer_is_none_in_the_order_of_deadlines(void **state)
{
	(void)state;
	connect_both();
	store_is_silent = true;
	ask("a", 60);
	ask("b", 20);
	ask("c", 40);
	run_for(100);
	assert_string_equal(trace, "qqq-b-c-a");
	assert_non_null(strstr(events, "request.late"));
	assert_non_null(strstr(events, "request=status"));
}

static void
an_answer_after_the_deadline_is_dropped(void **state)
{
	struct message m = { .type = MESSAGE_STATUS_RESULT };

	(void)state;
	connect_both();
	store_is_silent = true;
	m.u.status_result.request = ask("a", 10);
	run_for(30);
	assert_int_equal(peer_send(store, &m), 0);
	run_for(30);
	assert_string_equal(trace, "q-a");
	assert_true(peer_is_connected(front));
}

static void
a_forgotten_request_calls_nothing(void **state)
{
	uint64_t request;

	(void)state;
	connect_both();
	request = ask("a", 50);
	peer_forget(front, request);
	peer_forget(front, request);
	run_for(80);
	assert_string_equal(trace, "q");
}

static void
when_the_other_goes_pending_requests_are_answered_first(void **state)
{
	(void)state;
	connect_both();
	store_is_silent = true;
	ask("a", 5000);
	ask("b", 5000);
	run_for(30);
	peer_free(&store);
	run_for(30);
	assert_string_equal(trace, "qq-a-bF");
	assert_non_null(strstr(events, "channel.lost"));
	assert_false(peer_is_connected(front));
}

static void
an_orderly_stop_makes_no_event(void **state)
{
	(void)state;
	connect_both();
	peer_let_go(front);
	peer_free(&store);
	run_for(30);
	assert_string_equal(trace, "F");
	assert_null(strstr(events, "channel.lost"));
}

static void
a_new_channel_takes_the_place_of_the_old_one(void **state)
{
	struct fault f;

	(void)state;
	connect_both();
	store_is_silent = true;
	ask("a", 5000);
	run_for(20);
	assert_int_equal(channel_pair(raw, &f), 0);
	connect_both();
	assert_string_equal(trace, "q-aFS");
	store_is_silent = false;
	ask("b", 5000);
	run_for(30);
	assert_string_equal(trace, "q-aFSqb");
}

static void
who_says_what_it_may_not_say_loses_the_channel(void **state)
{
	struct message m = { .type = MESSAGE_GRANT_SESSION, .fds = { 0 }, .fd_count = 0 };

	(void)state;
	connect_both();
	assert_int_equal(peer_send(front, &m), 0);
	run_for(30);
	assert_string_equal(trace, "SF");
	assert_non_null(strstr(events, "channel.cut"));
	assert_non_null(strstr(events, "front may not send grant_session to store"));
}

static void
garbage_with_descriptors_costs_the_channel_and_leaks_nothing(void **state)
{
	struct channel *c;
	int before = dup(0), after;

	(void)state;
	close(before);
	peer_connect(store, raw[1]);
	c = channel_new(loop, raw[0], &(struct channel_handlers){ NULL, NULL }, NULL);
	assert_int_equal(channel_send(c, BYTES("\xff garbage"), &raw[0], 1), 0);
	run_for(30);
	channel_free(&c);
	run_for(10);
	assert_string_equal(trace, "S");
	after = dup(0);
	assert_true(after <= before);
	close(after);
}

static void
an_answer_of_another_type_costs_the_channel(void **state)
{
	struct message m = { .type = MESSAGE_DONE };

	(void)state;
	connect_both();
	store_is_silent = true;
	m.u.done.request = ask("a", 5000);
	run_for(20);
	assert_int_equal(peer_send(store, &m), 0);
	run_for(30);
	assert_string_equal(trace, "q-aFS");
	assert_non_null(strstr(events, "done is no answer to status"));
}

static void
descriptors_arrive_and_those_of_late_answers_are_closed(void **state)
{
	struct message m = { .type = MESSAGE_NEW_FILE_RESULT, .fds = { raw[0] }, .fd_count = 1 };
	struct message changed = { .type = MESSAGE_CHANGED, .fds = { raw[0], raw[0] }, .fd_count = 2 };
	int before = dup(0), after;

	(void)state;
	close(before);
	connect_both();
	m.u.new_file_result.request = 77;
	assert_int_equal(peer_send(store, &m), 0);
	assert_int_equal(peer_send(store, &changed), 0);
	run_for(30);
	assert_string_equal(trace, "!");
	after = dup(0);
	assert_int_equal(after, before);
	close(after);
}

static void *
send_many(void *arg)
{
	struct message m = { .type = MESSAGE_ROOM };

	(void)arg;
	for (int i = 0; i < 50; i++)
		assert_int_equal(peer_send(store, &m), 0);
	return NULL;
}

static void
any_thread_may_send_also_while_the_channel_changes(void **state)
{
	pthread_t threads[4];

	(void)state;
	connect_both();
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, send_many, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 100 && strlen(trace) < 200; i++)
		run_for(20);
	assert_int_equal(strlen(trace), 200);
}

static void
a_large_message_arrives(void **state)
{
	uint8_t *octets = memory_new(65536);
	struct message m = { .type = MESSAGE_DELIVER };

	(void)state;
	connect_both();
	m.u.deliver.octets = bytes_of(octets, 65536);
	m.u.deliver.request = 1;
	assert_int_equal(peer_send(front, &m), 0);
	memory_free(octets);
	run_for(30);
	assert_string_equal(trace, "q");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered),
		TEST(without_a_channel_the_answer_is_none_and_comes_later),
		TEST(asking_again_from_the_answer_does_not_keep_the_loop),
		TEST(a_late_answer_is_none_in_the_order_of_deadlines),
		TEST(an_answer_after_the_deadline_is_dropped),
		TEST(a_forgotten_request_calls_nothing),
		TEST(when_the_other_goes_pending_requests_are_answered_first),
		TEST(an_orderly_stop_makes_no_event),
		TEST(a_new_channel_takes_the_place_of_the_old_one),
		TEST(who_says_what_it_may_not_say_loses_the_channel),
		TEST(garbage_with_descriptors_costs_the_channel_and_leaks_nothing),
		TEST(an_answer_of_another_type_costs_the_channel),
		TEST(descriptors_arrive_and_those_of_late_answers_are_closed),
		TEST(any_thread_may_send_also_while_the_channel_changes),
		TEST(a_large_message_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
