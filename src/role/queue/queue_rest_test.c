/* Which destinations rest, and which of a mail's troubles is theirs. */
#include "role/queue/queue_test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
a_relay_that_is_full_makes_no_destination_rest(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	relay_is_full = true;
	connect_to(ROLE_RELAY);
	for (int i = 0; i < 10; i++)
		enqueue(i, "a@x.example", -1);
	run_until_answered(10);
	for (int turn = 0; turn < 500 && schedule_active(q->schedule); turn++)
		run_a_little();
	assert_int_equal(schedule_resting(q->schedule), 0);
	LIST_FOREACH (m, &q->messages, link) {
		assert_int_equal(m->at[0].state, DELIVERY_WAITING);
		assert_int_equal(m->at[0].attempts, 0);
		assert_in_range(m->at[0].next_s, queue_now_s(), queue_now_s() + 11);
	}
}

static void
what_one_mail_cannot_makes_no_other_wait(void **state)
{
	struct queue *q = self.state;

	(void)state;
	relay_defers = true;
	relay_found = DESTINATION_UNKNOWN;
	connect_to(ROLE_RELAY);
	enqueue(1, "a@x.example", -1);
	run_until_event("queue.deferred");
	assert_int_equal(LIST_FIRST(&q->messages)->at[0].attempts, 1);
	assert_int_equal(schedule_resting(q->schedule), 0);
	enqueue(2, "a@x.example", -1);
	run_until_count("queue.deferred", 2);
	assert_int_equal(sends, 2);
}

static void
a_log_in_of_ones_own_that_fails_makes_nobody_else_wait(void **state)
{
	static struct config_route route = { .pattern = BYTES_INIT("*"), .kind = ROUTE_SMTP, .host = BYTES_INIT("smtp.provider.example") };
	static struct config_login login = { .host = BYTES_INIT("smtp.provider.example"), .sender = BYTES_INIT("alice@here.example"),
		.name = BYTES_INIT("alice") };
	struct queue *q = self.state;

	(void)state;
	config.routes = &route;
	config.route_count = 1;
	config.logins = &login;
	config.login_count = 1;
	relay_defers = true;
	relay_found = DESTINATION_SILENT;
	connect_to(ROLE_RELAY);
	enqueue(1, "a@x.example", -1);
	run_until_event("queue.deferred");
	enqueue(2, "a@y.example", -1);
	run_until_answered(2);
	wishes.sender = BYTES("bob@here.example");
	enqueue(3, "a@x.example", -1);
	run_until_count("queue.deferred", 2);
	assert_int_equal(LIST_FIRST(&q->messages)->at[0].attempts, 1);
	assert_int_equal(LIST_NEXT(LIST_FIRST(&q->messages), link)->at[0].attempts, 0);
	assert_int_equal(sends, 2);
	assert_int_equal(schedule_resting(q->schedule), 2);
}

/* Who greets, and lets everybody wait then, would else have all places. */
static void
who_answers_and_falls_silent_rests(void **state)
{
	struct queue *q = self.state;

	(void)state;
	relay_defers = true;
	connect_to(ROLE_RELAY);
	for (int i = 0; i < 2; i++) {
		relay_found = i == 1 ? DESTINATION_SILENT : DESTINATION_ANSWERS;
		enqueue(i, "a@x.example", -1);
		run_until_answered((size_t)i + 1);
		for (int turn = 0; turn < 500 && (sends <= (size_t)i || schedule_active(q->schedule)); turn++)
			run_a_little();
		assert_int_equal(schedule_resting(q->schedule), i);
	}
}

static void
a_destination_gets_more_when_it_took_something_and_less_when_that_was_too_much(void **state)
{
	static const struct {
		enum ipc_outcome outcome;
		const char *reply;
		uint32_t limit;
	} rows[] = {
		{ IPC_LATER, "450 4.2.0 come back later", 5 }, /* somebody is there */
		{ IPC_OK, "250 ok", 6 },
		{ IPC_LATER, "450 4.2.0 come back later", 6 },
		{ IPC_INVALID, "550 5.1.1 no such user", 6 },
		{ IPC_OK, "250 ok", 7 },
		{ IPC_LATER, "421 4.7.0 too many connections", 3 },
		{ IPC_LATER, "451 4.4.2 connection lost before the answer to MAIL", 1 },
		{ IPC_LATER, "421 4.7.0 too many connections", 1 },
		{ IPC_OK, "250 ok", 2 },
	};
	struct hop hop = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES("x.example") };
	struct queue *q = self.state;

	(void)state;
	relay_defers = true;
	connect_to(ROLE_RELAY);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		relay_outcome = rows[i].outcome;
		relay_reply = bytes_text(rows[i].reply);
		enqueue((int)i, "a@x.example", -1);
		for (int turn = 0; turn < 2000 && (sends <= i || schedule_active(q->schedule)); turn++)
			run_a_little();
		if (schedule_find(q->schedule, &hop)->limit != rows[i].limit)
			fail_msg("row %zu: %u", i, schedule_find(q->schedule, &hop)->limit);
		assert_int_equal(schedule_resting(q->schedule), 0);
	}
}

static void
mail_for_other_hosts_is_not_opened_while_there_is_no_relay(void **state)
{
	struct queue *q = self.state;

	(void)state;
	enqueue(1, "a@x.example", -1);
	enqueue(2, "a@y.example", -1);
	run_until_answered(2);
	queue_kick(q);
	assert_int_equal(schedule_active(q->schedule), 0);
	connect_to(ROLE_RELAY);
	assert_int_equal(schedule_active(q->schedule), 2);
	for (int turn = 0; turn < 500 && sends < 2; turn++)
		run_a_little();
	peer_free(&pairs[ROLE_RELAY][THERE]);
	run_until_count("queue.deferred", 2);
	enqueue(3, "a@z.example", -1);
	run_until_answered(3);
	queue_kick(q);
	assert_int_equal(schedule_active(q->schedule), 0);
	assert_int_equal(LIST_FIRST(&q->messages)->at[0].state, DELIVERY_READY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_relay_that_is_full_makes_no_destination_rest),
		TEST(what_one_mail_cannot_makes_no_other_wait),
		TEST(a_log_in_of_ones_own_that_fails_makes_nobody_else_wait),
		TEST(who_answers_and_falls_silent_rests),
		TEST(a_destination_gets_more_when_it_took_something_and_less_when_that_was_too_much),
		TEST(mail_for_other_hosts_is_not_opened_while_there_is_no_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
