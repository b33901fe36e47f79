/* The paths that end a question, on one loop with a server of the test's: nothing is asked twice, answered twice or left behind (the
   sanitizers see the latter). */
#include "role/resolver/lookups.h"

#include "base/map.h"
#include "proto/dns/test_packet.h"
#include "sys/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct lookups *lookups;
	struct config config;
	struct config_resolver resolvers[2];
	char addresses[2][64];
	struct watch watch, second;
	struct timer end;
	int fd, second_fd; /* the second one never knows */
	bool is_silent;
	bool is_silent_about_s; /* names that begin with s are never answered */
	size_t asked_about_s;
	bool was_asked_about_l[100]; /* l0.example … are answered when they are asked for again */
	size_t queries, wanted_queries, answers, found, wanted;
	enum ipc_answer last;
};

static struct world w;

/* Behind the question; what EDNS adds (of c-ares 1.34 a cookie, too) is no part of it. */
static size_t
end_of_question(const uint8_t *query)
{
	size_t at = 12;

	while (query[at] != 0)
		at += (size_t)query[at] + 1;
	return at + 1 + 4;
}

static bool
is_unsaid(const uint8_t *query)
{
	bool *was_asked = &w.was_asked_about_l[strtoul((const char *)query + 14, NULL, 10) % 100], before = *was_asked;

	if (query[13] == 's')
		w.asked_about_s++;
	if (query[13] == 'l')
		*was_asked = true;
	return query[13] == 's' || (query[13] == 'l' && !before);
}

/* Turns the query into its answer, an address for each.  False: there is none. */
static bool
answer_one(void)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	uint8_t room[2048];
	struct buf packet;
	ssize_t got = recvfrom(w.fd, room, 600, 0, (struct sockaddr *)&from, &len);

	if (got == -1)
		return false;
	assert_true(got > 12 + 11);
	w.queries++;
	if (w.is_silent_about_s && is_unsaid(room))
		return true;
	if (w.is_silent) {
		if (w.queries == w.wanted_queries)
			loop_stop(w.loop);
		return true;
	}
	buf_init_fixed(&packet, room, sizeof room);
	buf_added(&packet, end_of_question(room));
	packet_set_u16(&packet, 2, RESPONSE);
	packet_set_u16(&packet, 6, 1);
	packet_set_u16(&packet, 10, 0);
	dns_put_u16(&packet, POINTER_TO_QUESTION);
	dns_put_u16(&packet, DNS_A);
	dns_put_u16(&packet, 1);
	packet_put_ttl(&packet, 300);
	dns_put_u16(&packet, 4);
	put_bytes(&packet, BYTES("\1\2\3\4"));
	assert_int_equal(sendto(w.fd, packet.ptr, packet.len, 0, (struct sockaddr *)&from, len), packet.len);
	return true;
}

static void
on_query(struct watch *watch, unsigned int events)
{
	(void)watch;
	(void)events;
	while (answer_one())
		;
}

/* SERVFAIL */
static void
on_query_of_the_second(struct watch *watch, unsigned int events)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	uint8_t room[2048];
	struct buf packet;
	ssize_t got = recvfrom(w.second_fd, room, 600, 0, (struct sockaddr *)&from, &len);

	(void)watch;
	(void)events;
	assert_true(got > 12 + 11);
	buf_init_fixed(&packet, room, sizeof room);
	buf_added(&packet, end_of_question(room));
	packet_set_u16(&packet, 2, RESPONSE | 2);
	packet_set_u16(&packet, 10, 0);
	assert_int_equal(sendto(w.second_fd, packet.ptr, packet.len, 0, (struct sockaddr *)&from, len), packet.len);
}

static void
on_answer(void *arg, uint64_t request, const struct cache_result *result, uint32_t ttl_s)
{
	(void)arg;
	(void)request;
	(void)ttl_s;
	w.last = result->answer;
	w.found += result->answer == ANSWER_FOUND;
	if (++w.answers == w.wanted)
		loop_stop(w.loop);
}

static void
on_end(struct timer *t)
{
	(void)t;
	loop_stop(w.loop);
}

static void
configure(uint32_t within_ms)
{
	w.config.resolvers = w.resolvers;
	w.config.request_timeout_ms = within_ms;
	w.config.dns_cache_octets_max = 100000;
	lookups_configure(w.lookups, &w.config);
}

static int
open_server(size_t number, struct watch *watch, void (*ready)(struct watch *watch, unsigned int events))
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof address;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(w.addresses[number], sizeof w.addresses[number], "127.0.0.1:%u", ntohs(address.sin_port));
	w.resolvers[number].address = bytes_text(w.addresses[number]);
	watch_init(watch, w.loop, fd, ready);
	watch_want(watch, LOOP_READABLE);
	return fd;
}

static int
set_up(void **state)
{
	uint8_t key[16];

	(void)state;
	random_fill(key, sizeof key);
	map_seed(key);
	memset(&w, 0, sizeof w);
	w.loop = loop_new();
	w.fd = open_server(0, &w.watch, on_query);
	w.second_fd = open_server(1, &w.second, on_query_of_the_second);
	timer_init(&w.end, w.loop, on_end);
	w.config.resolver_count = 1;
	w.lookups = lookups_new(w.loop, NULL);
	assert_non_null(w.lookups);
	configure(10000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	lookups_free(&w.lookups);
	loop_free(&w.loop);
	close(w.fd);
	close(w.second_fd);
	return 0;
}

static void
ask(const char *name)
{
	lookups_ask(w.lookups, RECORD_A, bytes_text(name), on_answer, &w, 1);
}

static void
run_for(uint64_t ms)
{
	timer_start(&w.end, ms, 0);
	loop_run(w.loop);
	timer_stop(&w.end);
}

static void
all_who_ask_the_same_are_answered_by_one_question(void **state)
{
	(void)state;
	w.wanted = 3;
	ask("a.example");
	ask("A.example");
	ask("a.example.");
	run_for(10000);
	assert_int_equal(w.answers, 3);
	assert_int_equal(w.queries, 1);
	assert_int_equal(w.last, ANSWER_FOUND);
	ask("a.example"); /* kept: from in there */
	assert_int_equal(w.answers, 4);
	assert_int_equal(w.queries, 1);
}

static void
more_than_there_are_lanes_wait_and_are_answered(void **state)
{
	char name[32];

	(void)state;
	w.wanted = 500;
	for (int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof name, "n%d.example", i);
		ask(name);
	}
	run_for(30000);
	assert_int_equal(w.answers, 500);
	assert_int_equal(w.queries, 500);
}

static void
ask_all(char first, int count)
{
	char name[32];

	for (int i = 0; i < count; i++) {
		(void)snprintf(name, sizeof name, "%c%d.example", first, i);
		ask(name);
	}
}

/* 1,000 names whose servers say nothing would take the lanes two minutes, at 7.5 seconds each. */
static void
silent_names_hold_up_nobody_else(void **state)
{
	(void)state;
	w.is_silent_about_s = true;
	w.wanted = 50;
	ask_all('s', 1000);
	ask_all('n', 50);
	run_for(9000);
	assert_int_equal(w.answers, 50);
	assert_int_equal(w.last, ANSWER_FOUND);
	/* Those that were asked for before have a quarter of the lanes. */
	assert_in_range(w.asked_about_s, 1000, 1500);
}

/* Each name that comes takes one lane from those that are silent, not all. */
static void
what_is_silent_is_not_asked_for_more_because_others_come(void **state)
{
	char name[32];

	(void)state;
	w.is_silent_about_s = true;
	w.wanted = SIZE_MAX;
	ask_all('s', 80);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof name, "n%d.example", i);
		ask(name);
		run_for(60);
	}
	assert_int_equal(w.found, 40);
	assert_in_range(w.asked_about_s, 80, 1000);
}

static void
what_took_a_server_longer_is_asked_for_again(void **state)
{
	(void)state;
	w.is_silent_about_s = true;
	w.wanted = 100;
	ask_all('s', 200);
	ask_all('l', 100);
	run_for(9000);
	assert_int_equal(w.answers, 100);
	assert_int_equal(w.last, ANSWER_FOUND);
}

/* The first has the answer when it is asked again; the second's SERVFAIL comes in between. */
static void
what_one_server_does_not_know_is_waited_for_at_the_other(void **state)
{
	(void)state;
	w.config.resolver_count = 2;
	configure(10000);
	w.is_silent_about_s = true;
	w.wanted = 50;
	ask_all('s', 100);
	ask_all('l', 50);
	run_for(9000);
	assert_int_equal(w.answers, 50);
	assert_int_equal(w.found, 50);
}

static void
what_no_server_knows_is_for_later_at_once(void **state)
{
	(void)state;
	w.resolvers[0] = w.resolvers[1];
	w.config.resolver_count = 2;
	configure(10000);
	w.wanted = 10;
	ask_all('n', 10);
	run_for(2000);
	assert_int_equal(w.answers, 10);
	assert_int_equal(w.last, ANSWER_LATER);
}

static void
the_second_server_answers_when_the_first_does_not_know(void **state)
{
	struct config_resolver first = w.resolvers[0];

	(void)state;
	w.resolvers[0] = w.resolvers[1];
	w.resolvers[1] = first;
	w.config.resolver_count = 2;
	configure(10000);
	w.wanted = 10;
	ask_all('n', 10);
	run_for(2000);
	assert_int_equal(w.found, 10);
}

static void
silence_is_for_later_and_the_lane_serves_again(void **state)
{
	(void)state;
	configure(200);
	w.is_silent = true;
	w.wanted = 1;
	ask("a.example");
	run_for(10000);
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.last, ANSWER_LATER);
	w.is_silent = false;
	configure(10000); /* and the failure is forgotten */
	w.wanted = 2;
	ask("a.example");
	run_for(10000);
	assert_int_equal(w.last, ANSWER_FOUND);
}

static void
more_than_may_wait_are_told_to_come_later(void **state)
{
	char name[32];

	(void)state;
	w.is_silent = true;
	for (int i = 0; i < 17000; i++) {
		(void)snprintf(name, sizeof name, "n%d.example", i);
		ask(name);
	}
	assert_int_equal(w.answers, 17000 - 16384);
	assert_int_equal(w.last, ANSWER_LATER);
	for (int i = 0; i < 20000; i++)
		ask("n0.example");
	assert_true(w.answers > 17000);
}

static void
who_is_gone_hears_nothing(void **state)
{
	(void)state;
	ask("a.example");
	lookups_ask(w.lookups, RECORD_A, BYTES("a.example"), on_answer, &w.fd, 2);
	lookups_forget(w.lookups, &w);
	w.wanted = 1;
	run_for(10000);
	assert_int_equal(w.answers, 1);
}

static void
without_a_server_everything_is_for_later(void **state)
{
	(void)state;
	w.config.resolver_count = 0;
	configure(10000);
	ask("a.example");
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.last, ANSWER_LATER);
}

static void
what_is_under_way_at_the_end_goes_without_a_word(void **state)
{
	(void)state;
	w.is_silent = true;
	w.wanted_queries = 2;
	ask("a.example");
	ask("b.example");
	run_for(10000);
	assert_int_equal(w.queries, 2);
	assert_int_equal(w.answers, 0); /* and tear_down frees all */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_who_ask_the_same_are_answered_by_one_question),
		TEST(more_than_there_are_lanes_wait_and_are_answered),
		TEST(silent_names_hold_up_nobody_else),
		TEST(what_is_silent_is_not_asked_for_more_because_others_come),
		TEST(what_took_a_server_longer_is_asked_for_again),
		TEST(what_one_server_does_not_know_is_waited_for_at_the_other),
		TEST(what_no_server_knows_is_for_later_at_once),
		TEST(the_second_server_answers_when_the_first_does_not_know),
		TEST(silence_is_for_later_and_the_lane_serves_again),
		TEST(more_than_may_wait_are_told_to_come_later),
		TEST(who_is_gone_hears_nothing),
		TEST(without_a_server_everything_is_for_later),
		TEST(what_is_under_way_at_the_end_goes_without_a_word),
	};

	return cmocka_run_group_tests_name("resolver/lookups", tests, NULL, NULL);
}
