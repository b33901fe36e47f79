/* The role when a file is gone or another role is away. */
#include "role/queue/queue_test_support.h"

#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
lose_body(const struct queued *m)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/queue/messages/%c/%s", folder, m->id.text[MAIL_ID_LEN - 1], m->id.text);
	assert_int_equal(disk->unlinkat(AT_FDCWD, path, 0), 0);
}

static void
what_has_no_body_any_more_is_held_and_not_sent(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	config.domains = (struct config_texts){ domains, 1 };
	enqueue(1, "a@x.example b@x.example all@here.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	run_until_event("queue.deferred");
	lose_body(m);
	connect_to(ROLE_RELAY);
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	for (uint16_t i = 0; i < m->count; i++)
		schedule_hurry(q->schedule, &m->at[i], queue_now_s());
	queue_kick(q);
	run_until_count("queue.gone", 3);
	for (uint16_t i = 0; i < m->count; i++) {
		assert_int_equal(m->at[i].state, DELIVERY_HELD);
		assert_true(bytes_equal(delivery_reply(&m->at[i]), BYTES("451 4.3.0 the message is lost here")));
	}
	assert_int_equal(schedule_active(q->schedule), 0);
	assert_int_equal(schedule_destinations(q->schedule), 0);
	assert_int_equal(sends, 0);
	assert_null(strstr(events, "queue.sent"));
}

/* Owned by the buffer. */
static const char *
report_text(const struct queued *m, struct buf *text)
{
	char path[200];
	struct fault f;

	assert_true(m->flags & QUEUE_ASK_DIRECTORY);
	(void)snprintf(path, sizeof path, "%s/queue/messages/%c/%s", folder, m->id.text[MAIL_ID_LEN - 1], m->id.text);
	buf_init(text, 1 << 21);
	assert_int_equal(disk_read_file(path, 1 << 20, text, &f), 0);
	put_char(text, '\0');
	return (const char *)text->ptr;
}

static const char *
newest_report(struct buf *text)
{
	struct queue *q = self.state;

	return report_text(LIST_FIRST(&q->messages), text);
}

static void
only_those_hear_of_a_delay_for_whom_it_is_news_rfc3461_4_1(void **state)
{
	struct queue *q = self.state;
	struct queued *m;
	struct buf text;
	const char *report;

	(void)state;
	config.queue_delay_notice_s = 60;
	enqueue(1, "unsaid@x.example delay@x.example,NOTIFY=DELAY never@x.example,NOTIFY=NEVER failure@x.example,NOTIFY=FAILURE sent@y.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	m->arrived_s -= 100;
	schedule_take(q->schedule, &m->at[4]);
	queue_sweep(q);
	run_until_count("queue.reported", 1);
	report = newest_report(&text);
	assert_non_null(strstr(report, "Final-Recipient: rfc822; unsaid@"));
	assert_non_null(strstr(report, "Final-Recipient: rfc822; delay@"));
	assert_null(strstr(report, "never@"));
	assert_null(strstr(report, "failure@"));
	assert_null(strstr(report, "sent@"));
	buf_done(&text);
	/* Somebody was at it then, and now it waits. */
	schedule_return(q->schedule, &m->at[4], queue_now_s());
	queue_sweep(q);
	run_until_count("queue.reported", 2);
	report = newest_report(&text);
	assert_non_null(strstr(report, "Final-Recipient: rfc822; sent@"));
	assert_null(strstr(report, "unsaid@"));
	buf_done(&text);
}

/* The newest one. */
static bool
report_says(const char *what)
{
	struct buf text;
	bool does = strstr(newest_report(&text), what) != NULL;

	buf_done(&text);
	return does;
}

static void
rfc3464_2_3_6_and_7_who_said_it_last_and_when_is_told_whenever_it_is(void **state)
{
	struct queue *q = self.state;

	(void)state;
	relay_defers = true;
	connect_to(ROLE_RELAY);
	enqueue(1, "a@x.example", -1);
	run_until_event("queue.deferred");
	config.queue_delay_notice_s = 60;
	LIST_FIRST(&q->messages)->arrived_s -= 100;
	queue_sweep(q);
	run_until_count("queue.reported", 1);
	assert_true(report_says("Last-Attempt-Date: "));
	assert_true(report_says("Remote-MTA: dns; mx.example (192.0.2.1)\nDiagnostic-Code: smtp; 450 4.2.0 "));
	config.queue_lifetime_s = 60;
	q->started_s -= config.queue_retry_first_s;
	queue_sweep(q);
	run_until_count("queue.reported", 2);
	assert_true(report_says("Last-Attempt-Date: "));
	assert_true(report_says("Remote-MTA: dns; mx.example (192.0.2.1)\nDiagnostic-Code: smtp; 450 4.2.0 "));
	relay_outcome = IPC_INVALID;
	relay_reply = BYTES("550 5.1.1 no such user");
	enqueue(2, "a@y.example", -1);
	run_until_count("queue.reported", 3);
	assert_true(report_says("Last-Attempt-Date: "));
}

/* The first one is deferred, and its destination rests before the second one's turn. */
static void
what_was_never_tried_is_returned_with_what_the_destination_said(void **state)
{
	struct queue *q = self.state;

	(void)state;
	relay_defers = true;
	relay_found = DESTINATION_SILENT;
	connect_to(ROLE_RELAY);
	enqueue(1, "a@x.example,NOTIFY=NEVER", -1);
	run_until_event("queue.deferred");
	enqueue(2, "b@x.example", -1);
	run_until_answered(2);
	config.queue_delay_notice_s = 60;
	LIST_FIRST(&q->messages)->arrived_s -= 100;
	queue_sweep(q);
	run_until_count("queue.reported", 1);
	assert_true(report_says("450 4.2.0 come back later"));
	assert_false(report_says("Last-Attempt-Date: "));
	config.queue_lifetime_s = 60;
	q->started_s -= config.queue_retry_first_s;
	queue_sweep(q);
	run_until_count("queue.reported", 2);
	assert_true(report_says("450 4.2.0 come back later"));
	assert_int_equal(sends, 1);
}

/* The destination does not answer, and then a mail has trouble of its own there. */
static void
what_was_never_tried_is_not_returned_with_the_trouble_of_anothers_mail(void **state)
{
	struct hop hop = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES("x.example") };
	struct queue *q = self.state;
	struct destination *to;

	(void)state;
	relay_defers = true;
	relay_found = DESTINATION_SILENT;
	connect_to(ROLE_RELAY);
	enqueue(1, "a@x.example,NOTIFY=NEVER", -1);
	run_until_event("queue.deferred");
	enqueue(2, "b@x.example,NOTIFY=NEVER", -1);
	run_until_answered(2);
	to = LIST_FIRST(&q->messages)->at[0].destination;
	assert_ptr_equal(to, schedule_find(q->schedule, &hop));
	relay_found = DESTINATION_UNKNOWN;
	relay_reply = BYTES("451 4.7.30 REQUIRETLS support required");
	schedule_wake(q->schedule, to);
	queue_kick(q);
	run_until_count("queue.deferred", 2);
	relay_defers = false;
	to->limit = 0; /* nobody has a turn */
	enqueue(3, "c@x.example", -1);
	run_until_answered(3);
	config.queue_lifetime_s = 0;
	q->started_s -= config.queue_retry_first_s;
	queue_sweep(q);
	run_until_count("queue.reported", 1);
	assert_true(report_says("450 4.2.0 come back later"));
	assert_false(report_says("REQUIRETLS"));
}

static void
what_nobody_said_anything_of_is_returned_as_not_reached(void **state)
{
	struct queue *q = self.state;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	config.queue_lifetime_s = 0;
	q->started_s -= config.queue_retry_first_s;
	queue_sweep(q);
	run_until_count("queue.reported", 1);
	assert_true(report_says("Status: 4.4.0\n"));
	assert_true(report_says("The server there could not be reached."));
	assert_false(report_says("refused"));
}

static void
who_does_not_want_to_hear_of_a_delay_costs_nothing_at_each_sweep(void **state)
{
	struct queue *q = self.state;
	uint64_t changes;

	(void)state;
	config.queue_delay_notice_s = 60;
	enqueue(1, "never@x.example,NOTIFY=NEVER failure@x.example,NOTIFY=FAILURE", -1);
	run_until_answered(1);
	LIST_FIRST(&q->messages)->arrived_s -= 100;
	changes = spool_changes_asked(q->spool);
	for (int i = 0; i < 5; i++)
		queue_sweep(q);
	assert_int_equal(spool_changes_asked(q->spool), changes);
	assert_int_equal(q->reports, 0);
}

static size_t
count_reports(const struct queue *q)
{
	const struct queued *m;
	size_t count = 0;

	LIST_FOREACH (m, &q->messages, link)
		count += (m->flags & QUEUE_ASK_DIRECTORY) != 0;
	return count;
}

static void
enqueue_old(int count)
{
	struct queue *q = self.state;
	struct queued *m;

	for (int i = 1; i <= count; i++) {
		enqueue(i, "a@x.example", -1);
		if (i % 100 == 0 || i == count)
			run_until_answered((size_t)i);
	}
	LIST_FOREACH (m, &q->messages, link)
		m->arrived_s -= 100;
}

/* Until no report is under way; there are never more than may be. */
static void
run_until_reported(void)
{
	struct queue *q = self.state;

	for (int turn = 0; turn < 6000 && q->reports; turn++) {
		assert_in_range(q->reports, 0, QUEUE_REPORTS_MAX + 1);
		run_a_little();
	}
	assert_int_equal(q->reports, 0);
}

static void
a_sweep_tells_of_many_delays_a_few_at_a_time_and_of_all(void **state)
{
	struct queue *q = self.state;

	(void)state;
	config.queue_delay_notice_s = 60;
	enqueue_old(2000);
	queue_sweep(q);
	run_until_reported();
	assert_int_equal(count_reports(q), 2000);
}

static void
a_sweep_lets_many_expire_a_few_at_a_time_and_all(void **state)
{
	struct queue *q = self.state;

	(void)state;
	config.queue_lifetime_s = 60;
	q->started_s -= config.queue_retry_first_s;
	enqueue_old(500);
	queue_sweep(q);
	run_until_reported();
	assert_int_equal(count_reports(q), 500);
	assert_int_equal(q->count, 500);
}

static void
what_a_route_refuses_that_was_not_there_comes_back_a_few_at_a_time_and_all(void **state)
{
	struct config_route route = { .pattern = BYTES_INIT("x.example"), .kind = ROUTE_REFUSE, .text = BYTES_INIT("It has closed") };
	struct queue *q = self.state;
	struct fault f;

	(void)state;
	enqueue_old(200);
	config.routes = &route;
	config.route_count = 1;
	assert_int_equal(queue_hooks.reload(&self, &config, &f), 0);
	for (int turn = 0; turn < 5; turn++) {
		run_until_reported();
		schedule_put_back(q->schedule, 10);
		queue_kick(q);
	}
	assert_int_equal(count_reports(q), 200);
	assert_int_equal(q->count, 200);
}

enum { MANY = 1000 };

/* A mail whose report is longer than one may be: each recipient's reply is. */
static void
enqueue_talkative(void)
{
	struct queue *q = self.state;
	uint8_t reply[QUEUE_REPLY_MAX];
	struct queued *m;
	char list[16384];
	size_t len = 0;

	for (int i = 0; i < MANY; i++)
		len += (size_t)snprintf(list + len, sizeof list - len, "%s%d@x.ex", i ? " " : "", i);
	enqueue(1, list, -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	m->arrived_s -= 100;
	for (size_t i = 0; i < sizeof reply; i++)
		reply[i] = i % 2 ? 0xa9 : 0xc3;
	memcpy(reply, "450 4.2.0 ", 10);
	for (int i = 0; i < MANY; i++)
		delivery_set_reply(&m->at[i], bytes_of(reply, sizeof reply), BYTES_NONE);
}

/* In all reports. */
static size_t
count_told(const struct queue *q)
{
	const struct queued *m;
	size_t count = 0;

	LIST_FOREACH (m, &q->messages, link) {
		struct buf text;

		if (!(m->flags & QUEUE_ASK_DIRECTORY))
			continue;
		for (const char *at = report_text(m, &text); (at = strstr(at, "\nFinal-Recipient: ")); at++)
			count++;
		buf_done(&text);
	}
	return count;
}

static void
what_does_not_fit_into_one_report_has_several(void **state)
{
	struct queue *q = self.state;

	(void)state;
	config.queue_delay_notice_s = 60;
	enqueue_talkative();
	queue_sweep(q);
	run_until_reported();
	assert_int_equal(count_told(q), MANY);
	config.queue_lifetime_s = 90;
	q->started_s -= config.queue_retry_first_s;
	queue_sweep(q);
	run_until_reported();
	assert_int_equal(count_told(q), 2 * MANY);
	assert_int_equal(count_reports(q), q->count);
}

static void
a_message_may_go_while_a_sweep_stands_before_it(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	config.queue_delay_notice_s = 60;
	enqueue_old(200);
	queue_sweep(q);
	m = q->swept;
	assert_non_null(m);
	schedule_take(q->schedule, &m->at[0]);
	queue_delivered(q, &m->at[0], &(struct said){ .reply = BYTES("250 ok") });
	queue_settle(q, m);
	assert_ptr_not_equal(q->swept, m);
	run_until_reported();
	assert_int_equal(count_reports(q), 199);
}

static void
a_mailbox_that_was_reached_is_left_out_after_a_restart_too(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;

	(void)state;
	memset(delivered, 0, sizeof delivered);
	told_full = 0;
	config.domains = (struct config_texts){ domains, 1 };
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	enqueue(1, "all@here.example", -1);
	run_until_event("queue.deferred");
	assert_int_equal(delivered[1], 1);
	assert_int_equal(delivered[2], 0);
	restart();
	q = self.state;
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	for (struct queued *m = LIST_FIRST(&q->messages); m; m = LIST_NEXT(m, link))
		schedule_hurry(q->schedule, &m->at[0], queue_now_s());
	queue_kick(q);
	run_until_event("queue.sent");
	assert_int_equal(delivered[1], 1);
	assert_int_equal(delivered[2], 1);
	assert_int_equal(q->count, 1); /* what went on, once */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_those_hear_of_a_delay_for_whom_it_is_news_rfc3461_4_1),
		TEST(rfc3464_2_3_6_and_7_who_said_it_last_and_when_is_told_whenever_it_is),
		TEST(what_was_never_tried_is_returned_with_what_the_destination_said),
		TEST(what_was_never_tried_is_not_returned_with_the_trouble_of_anothers_mail),
		TEST(what_nobody_said_anything_of_is_returned_as_not_reached),
		TEST(who_does_not_want_to_hear_of_a_delay_costs_nothing_at_each_sweep),
		TEST(a_sweep_tells_of_many_delays_a_few_at_a_time_and_of_all),
		TEST(a_sweep_lets_many_expire_a_few_at_a_time_and_all),
		TEST(what_a_route_refuses_that_was_not_there_comes_back_a_few_at_a_time_and_all),
		TEST(what_does_not_fit_into_one_report_has_several),
		TEST(a_message_may_go_while_a_sweep_stands_before_it),
		TEST(a_mailbox_that_was_reached_is_left_out_after_a_restart_too),
		TEST(what_has_no_body_any_more_is_held_and_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
