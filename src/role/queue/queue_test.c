/* The role with a front and a relay that are only peers here, and may say what they like. */
#include "role/queue/queue_test_support.h"

#include "sys/disk.h"
#include "sys/process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
an_address_with_any_domain_does_not_end_the_role(void **state)
{
	char address[321] = "a@";

	(void)state;
	memset(address + 2, 'x', 318);
	relay_defers = true;
	connect_to(ROLE_RELAY);
	enqueue(1, address, -1);
	enqueue(2, "a@", -1);
	enqueue(3, "a", -1);
	run_until_answered(3);
	assert_int_equal(answers[IPC_OK], 3);
	for (int turn = 0; turn < 500 && sends < 3; turn++)
		run_a_little();
	assert_int_equal(sends, 3);
	assert_true(longest_host <= 255);
}

static void
a_body_that_no_message_has_is_not_read(void **state)
{
	static uint8_t octets[300000];
	struct fault f;
	int large = process_memory_file("large", octets, sizeof octets, &f), empty = process_memory_file("empty", octets, 0, &f);
	int directory = disk_system.openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	int usual = process_memory_file("usual", octets, 66000, &f);

	(void)state;
	enqueue(1, "a@x.example", large);
	enqueue(2, "a@x.example", empty);
	enqueue(3, "a@x.example", directory);
	run_until_answered(3);
	assert_int_equal(answers[IPC_LATER], 3);
	enqueue(4, "a@x.example", usual);
	run_until_answered(4);
	assert_int_equal(answers[IPC_OK], 1);
	disk_close(&large);
	disk_close(&empty);
	disk_close(&directory);
	disk_close(&usual);
}

static void
what_is_not_durable_yet_is_bounded(void **state)
{
	(void)state;
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 2001; i++) {
		enqueue(i, "a@x.example", -1);
		if (i % 100 == 0)
			run_a_little();
	}
	run_until_answered(1);
	assert_int_equal(answers[IPC_LATER], 1);
	pthread_mutex_unlock(&gate);
	run_until_answered(2001);
	assert_int_equal(answers[IPC_OK], 2000);
}

static void
what_has_expired_and_cannot_be_reported_yet_stays(void **state)
{
	struct queue *q = self.state;
	struct batch batch;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	config.queue_lifetime_s = config.queue_retry_first_s = 0;
	failure = ENOSPC;
	queue_sweep(q);
	run_until_event("disk.full");
	while (q->reports)
		run_a_little();
	assert_int_equal(q->count, 1);
	/* It is tried once more, or given up again. */
	schedule_set_relay(q->schedule, true);
	assert_true(schedule_next(q->schedule, queue_now_s() + 60, &batch));
	assert_true(bytes_equal(batch.destination->hop.host, BYTES("x.example")));
	schedule_return(q->schedule, batch.first, queue_now_s());
	schedule_batch_done(q->schedule, &batch, BATCH_NOT_TRIED, queue_now_s());
	failure = 0;
	queue_sweep(q);
	run_until_event("queue.reported");
	assert_false(is_done);
}

static void
an_attempt_leaves_out_whom_the_one_before_reached(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	memset(delivered, 0, sizeof delivered);
	told_full = 0;
	config.domains = (struct config_texts){ domains, 1 };
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	connect_to(ROLE_RELAY);
	enqueue(1, "all@here.example", -1);
	run_until_event("queue.deferred");
	LIST_FOREACH (m, &q->messages, link)
		if (m->count == 1 && m->at[0].attempts == 1)
			schedule_hurry(q->schedule, &m->at[0], queue_now_s());
	queue_kick(q);
	run_until_event("queue.sent");
	assert_int_equal(delivered[1], 1);
	assert_int_equal(delivered[2], 1);
	assert_int_equal(q->count, 1); /* what went on, once */
}

static void
a_list_of_thousands_is_brought_in_runs_to_everybody_once(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;
	struct queued *m;
	size_t elsewhere = 0;

	(void)state;
	list_mailboxes = 3000;
	list_elsewhere = 600;
	config.domains = (struct config_texts){ domains, 1 };
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	enqueue(1, "all@here.example", -1);
	run_until_event("queue.sent");
	assert_int_equal(list_delivered, 3000);
	assert_int_equal(list_runs, (3000 + 63) / 64);
	LIST_FOREACH (m, &q->messages, link)
		elsewhere += m->count;
	assert_int_equal(elsewhere, 600);
}

static void
what_a_relay_ended_over_waits_longer_each_time(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	/* No relay is there: it stays in line, and is the relay's at once. */
	queue_kick(q);
	run_a_little();
	assert_int_equal(m->at[0].state, DELIVERY_READY);
	assert_int_equal(m->at[0].attempts, 0);
	connect_to(ROLE_RELAY);
	assert_int_equal(m->at[0].state, DELIVERY_ACTIVE);
	while (sends < 1)
		run_a_little();
	peer_free(&pairs[ROLE_RELAY][THERE]);
	run_until_event("queue.deferred");
	assert_int_equal(m->at[0].attempts, 1);
	assert_true(m->at[0].next_s >= queue_now_s() + 290);
}

static void
a_mail_of_which_nothing_rare_was_asked_costs_no_memory_for_that(void **state)
{
	struct queue *q = self.state;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	assert_null(LIST_FIRST(&q->messages)->rare);
	assert_int_equal(queued_deadline_s(LIST_FIRST(&q->messages)), 0);
}

static struct queued *
mail_to_many(size_t recipients_count, size_t parameter_octets)
{
	struct envelope e = { .sender = BYTES("alice@here.example"), .size = 20, .arrived_s = (uint32_t)queue_now_s() };
	struct buf recipients;
	struct queued *m;

	assert_true(mail_id_parse(BYTES("01JDXYZ0123456789ABCDEFGHJ"), &e.id));
	buf_init(&recipients, SIZE_MAX);
	for (size_t i = 0; i < recipients_count; i++) {
		put_u16(&recipients, 11);
		put_text(&recipients, "a@x.example");
		put_u16(&recipients, (uint16_t)parameter_octets);
		for (size_t at = 0; at < parameter_octets; at++)
			put_char(&recipients, 'x');
	}
	e.recipients = buf_bytes(&recipients);
	m = queued_new(&e);
	buf_done(&recipients);
	assert_non_null(m);
	return m;
}

static void
is_kept(void *arg, enum spool_outcome outcome)
{
	struct queue *q = self.state;

	assert_int_equal(outcome, SPOOL_OK);
	queue_insert(q, arg);
	queue_kick(q);
}

/* Each has 1015 octets in SEND, which holds 65536 of them. */
static void
recipients_beyond_a_frame_wait_for_the_next(void **state)
{
	struct queue *q = self.state;
	struct queued *m = mail_to_many(100, 1000);
	size_t active = 0;

	(void)state;
	connect_to(ROLE_RELAY);
	spool_add(q->spool, m, BYTES_NONE, BYTES("Subject: x\n\nx\n"), -1, is_kept, m);
	for (int turn = 0; turn < 500 && sends < 1; turn++)
		run_a_little();
	assert_int_equal(sends, 1);
	assert_int_equal(last_recipients_octets, 64 * 1015);
	for (uint16_t i = 0; i < m->count; i++) {
		active += m->at[i].state == DELIVERY_ACTIVE;
		assert_true(m->at[i].state == DELIVERY_ACTIVE || (m->at[i].state == DELIVERY_WAITING && m->at[i].attempts == 0));
	}
	assert_int_equal(active, 64);
}

static void
a_mail_to_many_hosts_is_not_kept_anew_for_each(void **state)
{
	char recipients[2000] = "", path[200];
	struct queue *q = self.state;
	struct stat st;

	(void)state;
	relay_defers = true;
	for (int i = 0; i < 50; i++)
		(void)snprintf(recipients + strlen(recipients), sizeof recipients - strlen(recipients), "%suser@host%02d.example",
			i ? " " : "", i);
	connect_to(ROLE_RELAY);
	enqueue(1, recipients, -1);
	while (count_of("queue.deferred") < 50)
		run_a_little();
	queue_keep_changed(q);
	assert_true(map_count(q->changed) == 0);
	spool_close(&q->spool);
	(void)snprintf(path, sizeof path, "%s/queue/envelopes", folder);
	assert_int_equal(disk->fstatat(AT_FDCWD, path, &st, 0), 0);
	assert_in_range(st.st_size, 4000, 20000); /* 3,000 octets each at most */
}

static void
a_step_of_the_clock_gives_nothing_up_and_lets_nothing_wait(void **state)
{
	static const int64_t steps[] = { 366 * 86400, -86400 };
	struct queue *q = self.state;
	struct queued *m;
	uint32_t age;

	(void)state;
	q->started_s -= 86400;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		schedule_take(q->schedule, &m->at[0]);
		schedule_return(q->schedule, &m->at[0], queue_now_s());
		wrong_by_s += steps[i];
		wait_for_a_look();
		queue_sweep(q);
		age = (uint32_t)queue_now_s() - m->arrived_s;
		assert_in_range(age, 0, 10);
		assert_true(m->at[0].state != DELIVERY_WAITING || m->at[0].next_s <= queue_now_s() + 21);
	}
	assert_null(strstr(events, "queue.expired"));
}

static void
what_expired_while_the_server_was_off_is_tried_once_more(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	m->arrived_s -= 10 * 86400;
	queue_sweep(q);
	assert_null(strstr(events, "queue.expired"));
	q->started_s -= 300;
	queue_sweep(q);
	run_until_event("queue.expired");
}

static void
rfc5321_4_5_3_1_10_who_was_one_too_many_of_a_mail_goes_again_soon(void **state)
{
	static const struct {
		const char *reply;
		uint8_t attempts; /* when others of the mail were taken */
	} rows[] = { { "452 4.5.3 too many recipients", 0 }, { "552 too many recipients", 0 }, { "452 4.2.2 the mailbox is full", 1 } };
	struct queue *q = self.state;
	uint8_t space[200];

	(void)state;
	relay_defers = true;
	connect_to(ROLE_RELAY);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf results;
		struct delivery *d;

		buf_init_fixed(&results, space, sizeof space);
		for (uint16_t index = 2; index-- > 0;) {
			struct bytes reply = bytes_text(index ? rows[i].reply : "250 ok");

			put_u16(&results, index);
			put_u8(&results, index ? IPC_LATER : IPC_OK);
			put_u8(&results, true);
			put_u16(&results, (uint16_t)reply.len);
			put_bytes(&results, reply);
		}
		relay_results = buf_bytes(&results);
		enqueue((int)i, "a@x.example b@x.example", -1);
		run_until_count("queue.deferred", 2 * i + 1);
		d = &LIST_FIRST(&q->messages)->at[1];
		assert_true(bytes_equal(delivery_reply(d), bytes_text(rows[i].reply)));
		assert_int_equal(d->attempts, rows[i].attempts);
		if (rows[i].attempts == 0)
			assert_in_range(d->next_s, queue_now_s(), queue_now_s() + 11);
		/* He alone, too. */
		relay_results = BYTES_NONE;
		relay_reply = bytes_text(rows[i].reply);
		schedule_hurry(q->schedule, d, queue_now_s());
		queue_kick(q);
		run_until_count("queue.deferred", 2 * i + 2);
		assert_int_equal(d->attempts, rows[i].attempts + 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void
rfc4865_a_front_has_nothing_kept_for_longer_than_the_configuration_lets_it(void **state)
{
	struct queue *q = self.state;
	const struct queued *m;

	(void)state;
	config.queue_hold_most_s = 60;
	wishes.release_s = UINT64_MAX;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	assert_true(m->at[0].is_postponed);
	assert_in_range(queued_release_s(m), queue_now_s() + 50, queue_now_s() + 60);
	/* A priority that there is not. */
	wishes.priority = 10;
	enqueue(2, "a@x.example", -1);
	run_until_answered(2);
	assert_int_equal(answers[IPC_LATER], 1);
	assert_int_equal(q->count, 1);
}

static void
rfc2852_4_1_what_is_late_already_is_not_handed_out(void **state)
{
	(void)state;
	connect_to(ROLE_RELAY);
	wishes.flags = SEND_BY_RETURN;
	wishes.deliver_by_s = (uint64_t)queue_now_s() - 1;
	enqueue(1, "a@x.example", -1);
	run_until_event("queue.reported");
	assert_non_null(strstr(events, "queue.expired"));
	wishes.deliver_by_s = (uint64_t)queue_now_s() + 3600;
	enqueue(2, "a@x.example", -1);
	run_until_answered(2);
	for (int i = 0; i < 200 && sends == 0; i++)
		run_a_little();
	assert_int_equal(sends, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_with_any_domain_does_not_end_the_role),
		TEST(a_body_that_no_message_has_is_not_read),
		TEST(what_is_not_durable_yet_is_bounded),
		TEST(an_attempt_leaves_out_whom_the_one_before_reached),
		TEST(a_list_of_thousands_is_brought_in_runs_to_everybody_once),
		TEST(what_a_relay_ended_over_waits_longer_each_time),
		TEST(a_step_of_the_clock_gives_nothing_up_and_lets_nothing_wait),
		TEST(what_expired_while_the_server_was_off_is_tried_once_more),
		TEST(a_mail_to_many_hosts_is_not_kept_anew_for_each),
		TEST(a_mail_of_which_nothing_rare_was_asked_costs_no_memory_for_that),
		TEST(recipients_beyond_a_frame_wait_for_the_next),
		TEST(what_has_expired_and_cannot_be_reported_yet_stays),
		TEST(rfc4865_a_front_has_nothing_kept_for_longer_than_the_configuration_lets_it),
		TEST(rfc2852_4_1_what_is_late_already_is_not_handed_out),
		TEST(rfc5321_4_5_3_1_10_who_was_one_too_many_of_a_mail_goes_again_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
