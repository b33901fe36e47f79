/* The power goes at each disk call, and each call fails in turn: Q1 … Q8 of spool.c hold. */
#include "role/queue/spool_test_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint64_t
count_calls(void)
{
	struct world *w = world_new(1);
	uint64_t calls;

	assert_int_equal(open_spool(w), 0);
	run_workload(w);
	spool_close(&w->spool);
	calls = disk_fault_calls(w->disk);
	world_free(w);
	return calls;
}

static void
q1_q2_q4_what_was_answered_survives_a_power_cut_at_each_call(void **state)
{
	uint64_t calls = count_calls();

	(void)state;
	for (uint64_t cut = 1; cut <= calls + 2; cut++) {
		struct world *w = world_new(cut * 7 + 3);

		disk_fault_cut(w->disk, cut);
		if (open_spool(w) == 0)
			run_workload(w);
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		/* And once more, without a change between. */
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		world_free(w);
	}
}

static void
q1_q3_what_was_answered_survives_a_call_that_fails(void **state)
{
	uint64_t calls = count_calls();

	(void)state;
	for (uint64_t nth = 1; nth <= calls; nth++) {
		struct world *w = world_new(nth);

		disk_fault_fail(w->disk, nth, 1 + nth % 3, nth % 2 ? EIO : ENOSPC);
		if (open_spool(w) == 0)
			run_workload(w);
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		world_free(w);
	}
}

static void
a_clean_stop_keeps_everything_as_it_was(void **state)
{
	struct world *w = world_new(9);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	run_workload(w);
	spool_close(&w->spool);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_null(w->found[1]);
	assert_null(w->found[2]);
	assert_int_equal(w->found[0]->count, 1);
	assert_true(bytes_equal(delivery_reply(&w->found[0]->at[0]), BYTES("450 later")));
	world_free(w);
}

static void
q6_a_file_that_nobody_was_promised_is_removed_after_a_crash(void **state)
{
	struct world *w = world_new(5);
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	fd = disk->openat(AT_FDCWD, "/queue/messages/9/01JDXYZ0123456789ABCDEFG09", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	disk_close(&fd);
	fd = disk->openat(AT_FDCWD, "/queue/messages", O_RDONLY | O_DIRECTORY, 0);
	assert_int_equal(disk->syncfs(fd), 0);
	disk_close(&fd);
	/* Without a checkpoint, as a crash leaves it. */
	disk_fault_cut(w->disk, 1);
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_int_equal(disk->fstatat(AT_FDCWD, "/queue/messages/9/01JDXYZ0123456789ABCDEFG09", &st, 0), -1);
	world_free(w);
}

static void
add_octets(struct world *w, int number, struct bytes head, struct bytes octets, int fd)
{
	struct queued *m = message(number);

	spool_add(w->spool, m, head, octets, fd, added, w);
	wait_for_answer(w);
	queued_free(&m);
}

static void
q7_an_id_that_is_there_leads_to_nobody_elses_file(void **state)
{
	struct world *w = world_new(11);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	add(w, 1);
	for (int number = 0; number < 2; number++) {
		add_octets(w, number, BYTES_NONE, BYTES("another's\n"), -1);
		assert_int_equal(w->outcome, SPOOL_LATER);
		add_octets(w, number, BYTES_NONE, BYTES_NONE, file_with(body_of(3)));
		assert_int_equal(w->outcome, SPOOL_LATER);
	}
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

static void
q7_a_failure_to_open_removes_nobody_elses_file(void **state)
{
	struct world *w = world_new(12);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	disk_fault_fail(w->disk, 1, 1, EMFILE);
	add_octets(w, 0, BYTES_NONE, BYTES("another's\n"), -1);
	assert_int_equal(w->outcome, SPOOL_LATER);
	spool_close(&w->spool);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

/* A report on a thousand recipients. */
static void
q1_octets_beyond_the_journals_limit_are_kept_in_a_file(void **state)
{
	struct mail_id id = id_of(1);
	struct world *w = world_new(13);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	assert_true(body_of(1).len > SPOOL_BODY_JOURNALED_MAX);
	add_octets(w, 1, BYTES_NONE, body_of(1), -1);
	assert_int_equal(w->outcome, SPOOL_OK);
	w->is_promised[1] = true;
	spool_open_body(w->spool, &id, got_body, w);
	wait_for_answer(w);
	assert_true(bytes_equal(buf_bytes(&w->body), body_of(1)));
	disk_fault_cut(w->disk, 1);
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

static void
q1_a_head_stands_before_the_octets_and_before_a_file(void **state)
{
	struct world *w = world_new(14);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	for (int number = 0; number < 2; number++) {
		struct bytes body = body_of(number), head = bytes_sub(body, 0, 70), rest = bytes_sub(body, 70, body.len);
		bool is_large = number == 1;

		add_octets(w, number, head, is_large ? BYTES_NONE : rest, is_large ? file_with(rest) : -1);
		assert_int_equal(w->outcome, SPOOL_OK);
		w->is_promised[number] = true;
	}
	disk_fault_cut(w->disk, 1);
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

static void
q5_envelopes_are_made_anew_when_most_of_it_counts_no_more(void **state)
{
	struct world *w = world_new(6);
	struct stat st;
	char reply[400];

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	for (int i = 0; i < 16000; i++) {
		(void)snprintf(reply, sizeof reply, "450 %0380d", i);
		delivery_set_reply(&w->live[0]->at[0], bytes_text(reply), BYTES_NONE);
		spool_update(w->spool, w->live[0]);
		while (i % 500 == 0 && spool_changes_kept(w->spool) < spool_changes_asked(w->spool))
			wait_for_wake(w);
	}
	spool_close(&w->spool);
	assert_int_equal(disk->fstatat(AT_FDCWD, "/queue/envelopes", &st, 0), 0);
	assert_true(st.st_size < 6 << 20);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_true(bytes_equal(delivery_reply(&w->found[0]->at[0]), bytes_text(reply)));
	world_free(w);
}

/* Of mail to a thousand, none of whom can be reached, and all of whom are sent another way. */
static void
q1_the_largest_envelope_is_kept(void **state)
{
	struct envelope e = { .id = id_of(0), .sender = BYTES("s@here.example"), .size = SMALL };
	char reply[QUEUE_REPLY_MAX], way[QUEUE_WAY_MAX];
	struct world *w = world_new(14);
	struct buf recipients;

	(void)state;
	memset(reply, 'r', sizeof reply);
	memset(way, 'w', sizeof way);
	buf_init(&recipients, SIZE_MAX);
	for (int i = 0; i < QUEUE_RECIPIENTS_MAX; i++) {
		put_u16(&recipients, 9);
		put_text(&recipients, "a@b.examp");
		put_u16(&recipients, 0);
	}
	e.recipients = buf_bytes(&recipients);
	w->live[0] = queued_new(&e);
	buf_done(&recipients);
	assert_int_equal(open_spool(w), 0);
	spool_add(w->spool, w->live[0], BYTES_NONE, body_of(0), -1, added, w);
	wait_for_answer(w);
	w->is_promised[0] = true;
	for (int i = 0; i < QUEUE_RECIPIENTS_MAX; i++) {
		delivery_set_reply(&w->live[0]->at[i], bytes_of(reply, sizeof reply), BYTES_NONE);
		delivery_set_way(&w->live[0]->at[i], bytes_of(way, sizeof way));
	}
	spool_update(w->spool, w->live[0]);
	for (int life = 0; life < 2; life++) {
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		assert_int_equal(delivery_way(&w->found[0]->at[QUEUE_RECIPIENTS_MAX - 1]).len, sizeof way);
	}
	world_free(w);
}

static void
q8_behind_a_change_that_failed_none_counts_as_kept(void **state)
{
	struct world *w = world_new(15);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	add(w, 2);
	assert_true(spool_is_sound(w->spool));
	disk_fault_fail(w->disk, 1, UINT64_MAX, EIO);
	spool_update(w->spool, w->live[0]);
	wait_for_wake(w);
	disk_fault_fail(w->disk, 0, 0, 0);
	/* The journal is well again, but for what it lost. */
	while (!w->live[4])
		add(w, 4);
	spool_update(w->spool, w->live[2]);
	wait_for_wake(w);
	assert_int_equal(spool_changes_asked(w->spool), 2);
	assert_int_equal(spool_changes_kept(w->spool), 0);
	assert_false(spool_is_sound(w->spool));
	spool_close(&w->spool);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_true(spool_is_sound(w->spool));
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_stop_keeps_everything_as_it_was),
		cmocka_unit_test(q1_q2_q4_what_was_answered_survives_a_power_cut_at_each_call),
		cmocka_unit_test(q1_q3_what_was_answered_survives_a_call_that_fails),
		cmocka_unit_test(q5_envelopes_are_made_anew_when_most_of_it_counts_no_more),
		cmocka_unit_test(q7_an_id_that_is_there_leads_to_nobody_elses_file),
		cmocka_unit_test(q7_a_failure_to_open_removes_nobody_elses_file),
		cmocka_unit_test(q1_octets_beyond_the_journals_limit_are_kept_in_a_file),
		cmocka_unit_test(q1_a_head_stands_before_the_octets_and_before_a_file),
		cmocka_unit_test(q1_the_largest_envelope_is_kept),
		cmocka_unit_test(q8_behind_a_change_that_failed_none_counts_as_kept),
		cmocka_unit_test(q6_a_file_that_nobody_was_promised_is_removed_after_a_crash),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
