#include "role/queue/schedule.h"

#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000, MESSAGES_MAX = 300000 };

static struct queued *messages[MESSAGES_MAX];
static size_t message_count;
static struct schedule *s;
static struct envelope wishes; /* of the messages that are added */

static const struct schedule_limits limits = {
	.batches_max = 100, .destination_batches_max = 20, .batch_recipients_max = 3, .retry_first_s = 300, .retry_most_s = 14400 };

static int
set_up(void **state)
{
	(void)state;
	map_seed((const uint8_t[16]){ 1 });
	message_count = 0;
	wishes = (struct envelope){ .size = 10 };
	s = schedule_new(&limits, 42);
	schedule_set_relay(s, true);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	schedule_free(&s);
	for (size_t i = 0; i < message_count; i++)
		queued_free(&messages[i]);
	return 0;
}

/* A message to `count` recipients of a host. */
static struct queued *
add(const char *sender, const char *host, int count)
{
	struct hop hop = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = bytes_text(host) };
	struct envelope e = wishes;
	struct buf recipients;
	struct queued *m;

	buf_init(&recipients, 10000);
	for (int i = 0; i < count; i++) {
		put_u16(&recipients, 3);
		put_format(&recipients, "r@%d", i);
		put_u16(&recipients, 0);
	}
	e.sender = bytes_text(sender);
	e.recipients = buf_bytes(&recipients);
	m = queued_new(&e);
	buf_done(&recipients);
	assert_non_null(m);
	assert_true(message_count < MESSAGES_MAX);
	messages[message_count++] = m;
	for (uint16_t i = 0; i < m->count; i++)
		schedule_add(s, &m->at[i], &hop, NOW);
	return m;
}

static void
finish(const struct batch *b, enum batch_result result, bool again, int64_t now)
{
	for (struct delivery *d = b->first, *next; d; d = next) {
		next = d->next;
		if (again) {
			schedule_retry(s, d, now);
		} else {
			schedule_forget(s, d);
			delivery_done(d);
		}
	}
	schedule_batch_done(s, b, result, now);
}

static void
recipients_of_one_message_go_together_up_to_the_limit(void **state)
{
	struct queued *m = add("a", "x.example", 5);
	struct batch b;

	(void)state;
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, m);
	assert_int_equal(b.count, 3);
	assert_int_equal(b.first->state, DELIVERY_ACTIVE);
	finish(&b, BATCH_WENT, false, NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_int_equal(b.count, 2);
	finish(&b, BATCH_WENT, false, NOW);
	assert_false(schedule_next(s, NOW, &b));
	assert_int_equal(schedule_destinations(s), 0);
	assert_int_equal(m->open, 0);
}

static void
a_large_mailing_does_not_hold_up_another_sender(void **state)
{
	struct queued *single;
	struct batch b;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)add("bulk", "x.example", 1);
	single = add("person", "x.example", 1);
	assert_true(schedule_next(s, NOW, &b));
	finish(&b, BATCH_WENT, false, NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, single);
	finish(&b, BATCH_WENT, false, NOW);
}

static void
a_destination_gets_more_while_it_answers_and_less_when_it_does_not(void **state)
{
	struct batch b[30];
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		(void)add("a", "x.example", 1);
	/* Nobody knows yet whether anybody is there. */
	assert_true(schedule_next(s, NOW, &b[0]));
	assert_false(schedule_next(s, NOW, &b[1]));
	finish(&b[0], BATCH_WENT, false, NOW);
	while (schedule_next(s, NOW, &b[count]))
		count++;
	assert_int_equal(count, 5);
	for (size_t i = 0; i < 5; i++)
		finish(&b[i], BATCH_WENT, false, NOW);
	count = 0;
	while (schedule_next(s, NOW, &b[count]))
		count++;
	assert_int_equal(count, 10);
	for (size_t i = 0; i < 10; i++)
		finish(&b[i], BATCH_NO_ANSWER, true, NOW);
	/* It rests; then one is tried. */
	assert_false(schedule_next(s, NOW + 299, &b[0]));
	assert_true(schedule_next_s(s) >= NOW + 300 && schedule_next_s(s) <= NOW + 330);
	assert_true(schedule_next(s, NOW + 331, &b[0]));
	assert_false(schedule_next(s, NOW + 331, &b[1]));
	finish(&b[0], BATCH_NO_ANSWER, true, NOW + 331);
	/* Twice as long now. */
	assert_false(schedule_next(s, NOW + 331 + 599, &b[0]));
	assert_true(schedule_next(s, NOW + 331 + 661, &b[0]));
	finish(&b[0], BATCH_WENT, false, NOW + 992);
	count = 0;
	while (schedule_next(s, NOW + 992, &b[count]))
		count++;
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		finish(&b[i], BATCH_WENT, false, NOW + 992);
}

static void
dead_destinations_do_not_hold_up_the_living(void **state)
{
	struct batch b, dead[100];
	size_t dead_count = 0, living = 0;
	char host[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(host, sizeof host, "%s%d.example", i % 10 == 0 ? "dead" : "ok", i % 40);
		(void)add("a", host, 1);
	}
	/* The dead never answer; what is left of the room serves all others. */
	while (schedule_next(s, NOW, &b)) {
		if (bytes_starts(b.destination->hop.host, BYTES("dead"))) {
			dead[dead_count++] = b;
			continue;
		}
		living++;
		finish(&b, BATCH_WENT, false, NOW);
	}
	assert_int_equal(living, 900);
	assert_int_equal(dead_count, 4);
	for (size_t i = 0; i < dead_count; i++)
		finish(&dead[i], BATCH_NO_ANSWER, true, NOW);
}

static void
add_hosts(const char *name, int count)
{
	char host[32];

	for (int i = 0; i < count; i++) {
		(void)snprintf(host, sizeof host, "%s%d.example", name, i);
		(void)add("a", host, 1);
	}
}

/* Until none is left. */
static size_t
take_all(struct batch *b, int64_t now)
{
	size_t count = 0;

	while (schedule_next(s, now, &b[count]))
		count++;
	return count;
}

static void
finish_all(const struct batch *b, size_t count, enum batch_result result, int64_t now)
{
	for (size_t i = 0; i < count; i++)
		finish(&b[i], result, result == BATCH_NO_ANSWER, now);
}

static void
no_more_batches_than_allowed_are_on_their_way(void **state)
{
	struct batch b[301];

	(void)state;
	add_hosts("h", 300);
	add_hosts("h", 300);
	assert_int_equal(take_all(b, NOW), 150);
	finish_all(b, 150, BATCH_WENT, NOW);
	/* 100 to those that answered, as many to others. */
	assert_int_equal(take_all(b, NOW), 200);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(b[i].place, i < 100 ? PLACE_ANSWERS : PLACE_UNKNOWN);
	assert_int_equal(take_all(b + 200, NOW + 2), 0);
	finish_all(b, 200, BATCH_WENT, NOW + 2);
}

static void
whatever_is_silent_who_answers_has_a_place(void **state)
{
	struct batch b[301], one;

	(void)state;
	(void)add("a", "ok.example", 1);
	(void)add("b", "ok.example", 1);
	assert_true(schedule_next(s, NOW, &one));
	add_hosts("dead", 300);
	assert_int_equal(take_all(b, NOW), 149);
	finish(&one, BATCH_WENT, false, NOW);
	assert_true(schedule_next(s, NOW, &one));
	assert_true(bytes_equal(one.destination->hop.host, BYTES("ok.example")));
	assert_int_equal(take_all(b + 149, NOW + 20), 1);
	finish(&one, BATCH_WENT, false, NOW + 20);
	finish_all(b, 150, BATCH_NO_ANSWER, NOW + 30);
}

static void
who_was_silent_last_time_leaves_places_to_those_nobody_knows(void **state)
{
	struct batch b[301];

	(void)state;
	add_hosts("dead", 150);
	finish_all(b, take_all(b, NOW), BATCH_NO_ANSWER, NOW);
	assert_int_equal(take_all(b, NOW + 660), 100);
	add_hosts("new", 150);
	assert_int_equal(take_all(b + 100, NOW + 660), 50);
	for (size_t i = 100; i < 150; i++)
		assert_true(bytes_starts(b[i].destination->hop.host, BYTES("new")));
	finish_all(b, 150, BATCH_WENT, NOW + 660);
	/* Of those that are left the ones nobody knows go first. */
	assert_true(schedule_next(s, NOW + 660, &b[0]));
	assert_true(bytes_starts(b[0].destination->hop.host, BYTES("new")));
	finish(&b[0], BATCH_WENT, false, NOW + 660);
}

/* RFC 5321 4.5.4.1 */
static void
each_wait_is_twice_as_long_up_to_the_most(void **state)
{
	struct queued *m = add("a", "x.example", 1);
	uint32_t want = 300;
	int64_t now = NOW;
	struct batch b;

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_true(schedule_next(s, now, &b));
		finish(&b, BATCH_WENT, true, now);
		assert_in_range(m->at[0].next_s - now, want, want + want / 10);
		assert_false(schedule_next(s, m->at[0].next_s - 1, &b));
		now = m->at[0].next_s;
		want = want * 2 < 14400 ? want * 2 : 14400;
	}
	assert_int_equal(m->at[0].attempts, 12);
}

static void
what_waits_or_is_ready_can_be_taken_out(void **state)
{
	struct queued *ready = add("a", "x.example", 3), *other = add("b", "x.example", 1), *later;
	struct hop hop = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES("y.example") };
	struct batch b;

	(void)state;
	later = add("c", "z.example", 1);
	schedule_remove(s, &later->at[0]);
	later->at[0].next_s = NOW + 50;
	schedule_add(s, &later->at[0], &hop, NOW);
	assert_int_equal(later->at[0].state, DELIVERY_WAITING);
	schedule_remove(s, &ready->at[1]);
	assert_true(schedule_next(s, NOW, &b));
	assert_int_equal(b.count, 2);
	finish(&b, BATCH_WENT, false, NOW);
	schedule_remove(s, &other->at[0]);
	assert_false(schedule_next(s, NOW, &b));
	schedule_hurry(s, &later->at[0], NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, later);
	finish(&b, BATCH_WENT, false, NOW);
	assert_int_equal(schedule_next_s(s), INT64_MAX);
}

/* What is given up without an attempt, and can't be reported now, is tried again. */
static void
what_was_taken_without_a_batch_can_be_returned(void **state)
{
	struct queued *ready = add("a", "x.example", 2), *waiting = add("b", "y.example", 1);
	struct batch b;

	(void)state;
	schedule_take(s, &ready->at[0]);
	assert_int_equal(ready->at[0].state, DELIVERY_ACTIVE);
	schedule_remove(s, &waiting->at[0]);
	waiting->at[0].next_s = NOW + 50;
	schedule_add(s, &waiting->at[0], &(struct hop){ .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES("y.example") }, NOW);
	schedule_take(s, &waiting->at[0]);
	schedule_return(s, &waiting->at[0], NOW);
	schedule_return(s, &ready->at[0], NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_int_equal(b.count, 1);
	finish(&b, BATCH_WENT, false, NOW);
	assert_false(schedule_next(s, NOW + 9, &b));
	for (int i = 0; i < 2; i++) {
		assert_true(schedule_next(s, NOW + 10, &b));
		finish(&b, BATCH_WENT, false, NOW + 10);
	}
	assert_int_equal(schedule_destinations(s), 0);
}

/* A domain that does not exist is asked for once. */
static void
a_destination_that_nothing_leads_to_is_forgotten_after_its_rest(void **state)
{
	struct batch b;

	(void)state;
	(void)add("a", "typo.example", 1);
	assert_true(schedule_next(s, NOW, &b));
	finish(&b, BATCH_NO_ANSWER, false, NOW);
	assert_int_equal(schedule_destinations(s), 1);
	assert_false(schedule_next(s, NOW + 400, &b));
	assert_int_equal(schedule_destinations(s), 0);
	assert_int_equal(schedule_next_s(s), INT64_MAX);
}

static void
a_delivery_moves_when_its_route_does(void **state)
{
	struct hop x = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES("x.example") }, y = { .kind = HOP_KIND_RELAY, .protocol = HOP_SMTP, .port = 25, .host = BYTES("y.example") };
	struct queued *first = add("a", "x.example", 1), *second = add("a", "x.example", 1);
	struct batch b;

	(void)state;
	schedule_move(s, &first->at[0], &x, NOW);
	schedule_move(s, &second->at[0], &y, NOW);
	assert_int_equal(schedule_destinations(s), 2);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, first);
	finish(&b, BATCH_WENT, false, NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_int_equal(b.destination->hop.protocol, HOP_SMTP);
	finish(&b, BATCH_WENT, false, NOW);
	assert_int_equal(schedule_destinations(s), 0);
}

/* A queue full of one mailing, or of many senders' mail to one host, is given up or moved without a pause: within the time limit of this test. */
static void
one_of_many_is_taken_out_at_once(void **state)
{
	char sender[32];

	(void)state;
	for (int i = 0; i < MESSAGES_MAX; i++) {
		(void)snprintf(sender, sizeof sender, "s%d", i);
		(void)add(i % 2 ? "bulk" : sender, "x.example", 1);
	}
	for (size_t i = MESSAGES_MAX; i-- > 0;)
		schedule_remove(s, &messages[i]->at[0]);
	assert_int_equal(schedule_destinations(s), 0);
	assert_int_equal(schedule_next_s(s), INT64_MAX);
}

/* Whoever leaves, those that stay keep their order, and who comes later stands behind them. */
static void
who_leaves_a_lane_leaves_the_others_in_order(void **state)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 5, 4, 3 }, { 2, 3, 0 }, { 0, 5, 1 }, { 5, 0, 2 }, { 4, 5, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		struct queued *all[7];
		struct batch b;

		for (int m = 0; m < 6; m++)
			all[m] = add("a", "x.example", 1);
		for (int n = 0; n < 3; n++) {
			schedule_remove(s, &all[orders[i][n]]->at[0]);
			all[orders[i][n]] = NULL;
		}
		all[6] = add("a", "x.example", 1);
		for (int m = 0; m < 7; m++) {
			if (!all[m])
				continue;
			assert_true(schedule_next(s, NOW, &b));
			assert_ptr_equal(b.message, all[m]);
			finish(&b, BATCH_WENT, false, NOW);
		}
		assert_false(schedule_next(s, NOW, &b));
		assert_int_equal(schedule_destinations(s), 0);
	}
}

/* Some were taken as a batch, then others leave. */
static void
what_stays_behind_a_batch_can_be_taken_out(void **state)
{
	struct queued *m = add("a", "x.example", 5), *other = add("a", "x.example", 1);
	struct batch b;

	(void)state;
	assert_true(schedule_next(s, NOW, &b));
	assert_int_equal(b.count, 3);
	schedule_remove(s, &m->at[3]);
	schedule_remove(s, &m->at[4]);
	finish(&b, BATCH_WENT, false, NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, other);
	finish(&b, BATCH_NO_ANSWER, true, NOW);
	assert_int_equal(schedule_resting(s), 1);
}

static int8_t
next_priority(void)
{
	struct batch b;
	int8_t priority;

	assert_true(schedule_next(s, NOW, &b));
	priority = b.message->priority;
	finish(&b, BATCH_WENT, false, NOW);
	return priority;
}

static void
rfc6710_a_higher_priority_goes_first_and_nobody_waits_for_ever(void **state)
{
	size_t low = 0, ordinary = 0, first_low = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		wishes.priority = -4;
		(void)add("bulk", "x.example", 1);
		wishes.priority = 0;
		(void)add("person", "x.example", 1);
	}
	wishes.priority = 9;
	for (int i = 0; i < 200; i++)
		(void)add("person", "x.example", 1);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(next_priority(), 9);
	for (size_t i = 8; i < 200; i++) {
		int8_t priority = next_priority();

		first_low = low == 0 && priority == -4 ? i : first_low;
		low += priority == -4;
		ordinary += priority == 0;
	}
	assert_true(first_low > 8 && first_low < 20);
	/* Most turns are the highest one's for all that. */
	assert_in_range(low, 10, 30);
	assert_in_range(ordinary, 10, 30);
}

static void
with_all_priorities_at_once_the_highest_has_every_other_turn(void **state)
{
	size_t turns[19] = { 0 };

	(void)state;
	for (int i = 0; i < 300; i++)
		for (wishes.priority = -9; wishes.priority <= 9; wishes.priority++)
			(void)add("person", "x.example", 1);
	for (size_t i = 0; i < 400; i++)
		turns[next_priority() + 9]++;
	assert_true(turns[18] >= 200);
	for (size_t i = 0; i < 18; i++)
		assert_true(turns[i] >= 8);
}

static void
rfc6710_senders_take_turns_within_a_priority(void **state)
{
	struct queued *single;
	struct batch b;

	(void)state;
	wishes.priority = 3;
	for (int i = 0; i < 100; i++)
		(void)add("bulk", "x.example", 1);
	single = add("person", "x.example", 1);
	assert_int_equal(next_priority(), 3);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, single);
	finish(&b, BATCH_WENT, false, NOW);
}

static void
rfc4865_what_is_postponed_waits_for_its_hour_wherever_the_clock_is_put(void **state)
{
	struct queued *m;
	struct batch b;

	(void)state;
	wishes.release_s = NOW + 1000;
	m = add("a", "x.example", 1);
	assert_int_equal(schedule_next_s(s), NOW + 1000);
	assert_false(schedule_next(s, NOW + 999, &b));
	/* An hour back: what waits elsewhere waits no longer for that, this does. */
	schedule_put_back(s, 3600);
	assert_false(schedule_next(s, NOW - 2600 + 1, &b));
	assert_int_equal(schedule_next_s(s), NOW + 1000);
	assert_true(m->at[0].is_postponed);
	assert_true(schedule_next(s, NOW + 1000, &b));
	assert_false(m->at[0].is_postponed);
	finish(&b, BATCH_WENT, true, NOW + 1000);
	assert_int_equal(m->at[0].state, DELIVERY_WAITING);
	/* From then on it is a mail like others. */
	schedule_put_back(s, 3600);
	assert_true(schedule_next(s, NOW, &b));
	finish(&b, BATCH_WENT, false, NOW);
}

static void
rfc4865_what_is_postponed_can_be_hurried(void **state)
{
	struct queued *m;
	struct batch b;

	(void)state;
	wishes.release_s = NOW + 1000;
	m = add("a", "x.example", 1);
	schedule_hurry(s, &m->at[0], NOW);
	assert_true(schedule_next(s, NOW, &b));
	assert_ptr_equal(b.message, m);
	finish(&b, BATCH_WENT, false, NOW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recipients_of_one_message_go_together_up_to_the_limit),
		TEST(a_large_mailing_does_not_hold_up_another_sender),
		TEST(a_destination_gets_more_while_it_answers_and_less_when_it_does_not),
		TEST(dead_destinations_do_not_hold_up_the_living),
		TEST(no_more_batches_than_allowed_are_on_their_way),
		TEST(whatever_is_silent_who_answers_has_a_place),
		TEST(who_was_silent_last_time_leaves_places_to_those_nobody_knows),
		TEST(each_wait_is_twice_as_long_up_to_the_most),
		TEST(what_was_taken_without_a_batch_can_be_returned),
		TEST(a_destination_that_nothing_leads_to_is_forgotten_after_its_rest),
		TEST(a_delivery_moves_when_its_route_does),
		TEST(one_of_many_is_taken_out_at_once),
		TEST(what_waits_or_is_ready_can_be_taken_out),
		TEST(who_leaves_a_lane_leaves_the_others_in_order),
		TEST(what_stays_behind_a_batch_can_be_taken_out),
		TEST(rfc6710_a_higher_priority_goes_first_and_nobody_waits_for_ever),
		TEST(with_all_priorities_at_once_the_highest_has_every_other_turn),
		TEST(rfc6710_senders_take_turns_within_a_priority),
		TEST(rfc4865_what_is_postponed_waits_for_its_hour_wherever_the_clock_is_put),
		TEST(rfc4865_what_is_postponed_can_be_hurried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
