/* 50,000 mails to 5,000 destinations, half of which answer nothing until a long time-out: the other half notices nothing of them. */
#include "role/queue/schedule.h"

#include "base/map.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAILS = 50000, DESTINATIONS = 5000, STEP_MS = 100, DEAD_MS = 30000, STEPS_MAX = 20000 };
#define NOW INT64_C(1700000000)

/* What ends in a step. */
struct ending {
	struct ending *next;
	struct batch batch;
};

static struct schedule *s;
static struct queued **mails;
static struct ending *endings[STEPS_MAX + DEAD_MS / STEP_MS + 1];

static struct queued *
mail_to(unsigned int i)
{
	char address[40];
	uint8_t space[64];
	struct buf recipients;
	struct envelope e = { .sender = BYTES("list@here.example") };

	(void)snprintf(address, sizeof address, "u%u@d%u.example", i, i % DESTINATIONS);
	buf_init_fixed(&recipients, space, sizeof space);
	put_u16(&recipients, (uint16_t)strlen(address));
	put_text(&recipients, address);
	put_u16(&recipients, 0);
	e.recipients = buf_bytes(&recipients);
	return queued_new(&e);
}

static bool
is_dead(unsigned int destination)
{
	return destination % 2 == 1;
}

static void
fill(bool with_dead)
{
	static const struct schedule_limits limits = { .batches_max = 2000, .destination_batches_max = 20, .batch_recipients_max = 100,
		.retry_first_s = 300, .retry_most_s = 14400 };

	s = schedule_new(&limits, 42);
	schedule_set_relay(s, true);
	mails = memory_new_array(MAILS, sizeof(struct queued *));
	for (unsigned int i = 0; i < MAILS; i++) {
		struct hop hop;

		if (is_dead(i % DESTINATIONS) && !with_dead)
			continue;
		mails[i] = mail_to(i);
		hop = (struct hop){ .kind = HOP_KIND_RELAY, .host = delivery_domain(&mails[i]->at[0]) };
		schedule_add(s, &mails[i]->at[0], &hop, NOW);
	}
}

static void
arrived(const struct batch *b, int64_t now_s)
{
	schedule_forget(s, b->first);
	delivery_done(b->first);
	schedule_batch_done(s, b, BATCH_WENT, now_s);
}

static bool
leads_to_dead(const struct batch *b)
{
	unsigned int number = 0;

	assert_int_equal(sscanf((const char *)b->destination->hop.host.ptr, "d%u.", &number), 1);
	return is_dead(number);
}

static unsigned int
run_endings(unsigned int step)
{
	int64_t now_s = NOW + (int64_t)step * STEP_MS / 1000;
	unsigned int delivered = 0;

	for (struct ending *e = endings[step], *next; e; e = next) {
		next = e->next;
		if (leads_to_dead(&e->batch)) {
			schedule_retry(s, e->batch.first, now_s);
			schedule_batch_done(s, &e->batch, BATCH_NO_ANSWER, now_s);
		} else {
			arrived(&e->batch, now_s);
			delivered++;
		}
		memory_free(e);
	}
	endings[step] = NULL;
	return delivered;
}

/* Steps until the living half has all. */
static unsigned int
steps_for_the_living(bool with_dead)
{
	unsigned int delivered = 0, step = 0;
	struct batch b;

	fill(with_dead);
	for (; delivered < MAILS / 2 && step < STEPS_MAX; step++) {
		delivered += run_endings(step);
		while (schedule_next(s, NOW + (int64_t)step * STEP_MS / 1000, &b)) {
			struct ending *e = NEW(struct ending);
			unsigned int end = step + (leads_to_dead(&b) ? DEAD_MS / STEP_MS : 1);

			e->batch = b;
			e->next = endings[end];
			endings[end] = e;
		}
	}
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		for (struct ending *e; (e = endings[i]); memory_free(e))
			endings[i] = e->next;
	schedule_free(&s);
	for (unsigned int i = 0; i < MAILS; i++)
		queued_free(&mails[i]);
	memory_free(mails);
	return step;
}

static void
the_living_half_is_delivered_as_if_the_dead_were_not_there(void **state)
{
	unsigned int alone = steps_for_the_living(false), with_dead = steps_for_the_living(true);

	(void)state;
	print_message("%u ms alone, %u ms beside the dead\n", alone * STEP_MS, with_dead * STEP_MS);
	assert_in_range(with_dead, alone, alone + alone / 5);
}

/* Of one sender who mails to new ones without end; 10 can be tried at a time. */
static void
those_that_were_silent_wait_for_no_more_than_seven_that_nobody_knows(void **state)
{
	static const struct schedule_limits few = { .batches_max = 7, .destination_batches_max = 20, .batch_recipients_max = 100, .retry_first_s = 300,
		.retry_most_s = 14400 };
	enum { OLD = 20, FRESH = 400 };
	struct queued *mail[OLD + FRESH];
	unsigned int taken = 0, old = 0;
	struct batch b[20];

	(void)state;
	s = schedule_new(&few, 42);
	schedule_set_relay(s, true);
	for (unsigned int i = 0; i < OLD + FRESH; i++) {
		struct hop hop = { .kind = HOP_KIND_RELAY };

		mail[i] = mail_to(i);
		hop.host = delivery_domain(&mail[i]->at[0]);
		schedule_add(s, &mail[i]->at[0], &hop, NOW);
		if (i >= OLD)
			continue;
		assert_true(schedule_next(s, NOW, &b[0]));
		schedule_retry(s, b[0].first, NOW);
		schedule_batch_done(s, &b[0], BATCH_NO_ANSWER, NOW);
	}
	while (old < OLD && schedule_next(s, NOW + 1000, &b[taken % 10])) {
		unsigned int number = 0;

		assert_int_equal(sscanf((const char *)b[taken % 10].destination->hop.host.ptr, "d%u.", &number), 1);
		old += number < OLD;
		assert_in_range(old, taken / 8, taken / 8 + 1);
		if (++taken >= 10)
			arrived(&b[taken % 10], NOW + 1000);
	}
	assert_int_equal(old, OLD);
	for (unsigned int i = 0; i < OLD + FRESH; i++)
		queued_free(&mail[i]);
	schedule_free(&s);
}

/* The relay can do nothing about it now, as where too much goes to the server's address: it is not asked over and over. */
static void
what_nothing_is_tried_for_comes_again_after_a_wait_that_grows(void **state)
{
	static const struct schedule_limits limits = { .batches_max = 10, .destination_batches_max = 5, .batch_recipients_max = 1,
		.retry_first_s = 300, .retry_most_s = 14400 };
	static const int64_t waits_s[] = { 10, 20, 40, 80, 160, 300, 300 };
	struct hop hop = { .kind = HOP_KIND_RELAY, .host = BYTES("d1.example") };
	struct queued *mail = mail_to(1);
	int64_t now = NOW;
	struct batch b;

	(void)state;
	s = schedule_new(&limits, 42);
	schedule_set_relay(s, true);
	schedule_add(s, &mail->at[0], &hop, now);
	for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
		assert_true(schedule_next(s, now, &b));
		schedule_return(s, b.first, now);
		schedule_batch_done(s, &b, BATCH_NOT_TRIED, now);
		assert_false(schedule_next(s, now + waits_s[i] - 1, &b));
		now += waits_s[i];
	}
	assert_true(schedule_next(s, now, &b));
	assert_int_equal(b.first->attempts, 0);
	schedule_retry(s, b.first, now);
	schedule_batch_done(s, &b, BATCH_REFUSED, now);
	assert_true(schedule_next(s, now + 400, &b));
	schedule_return(s, b.first, now + 400);
	schedule_batch_done(s, &b, BATCH_NOT_TRIED, now + 400);
	assert_true(schedule_next(s, now + 410, &b));
	arrived(&b, now + 410);
	queued_free(&mail);
	schedule_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_living_half_is_delivered_as_if_the_dead_were_not_there),
		cmocka_unit_test(those_that_were_silent_wait_for_no_more_than_seven_that_nobody_knows),
		cmocka_unit_test(what_nothing_is_tried_for_comes_again_after_a_wait_that_grows),
	};

	map_seed((const uint8_t[16]){ 1 });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
