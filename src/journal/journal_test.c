#include "journal/journal.h"

#include "base/memory.h"
#include "journal/test_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Groups and single ones, with a checkpoint between. */
static void
run_workload(struct world *w, unsigned int first)
{
	struct fault f;

	append(w, first, 12);
	(void)append_and_wait(w, first + 12);
	(void)append_and_wait(w, first + 13);
	if (journal_checkpoint(w->journal, &f) < 0)
		assert_int_equal(f.kind, FAULT_TEMP);
	append(w, first + 14, 30);
	(void)append_and_wait(w, first + 44);
	if (append_group(w, first + 45, 5, &f) < 0)
		assert_int_equal(f.kind, FAULT_TEMP);
}
enum { WORKLOAD = 50 };

static uint64_t
count_calls_of_workload(void)
{
	struct world *w = world_new(1);
	uint64_t calls;

	must_open(w);
	run_workload(w, 0);
	journal_close(&w->journal);
	calls = disk_fault_calls(w->disk);
	world_free(w);
	return calls;
}

static void
j1_j2_j5_whenever_the_power_goes_what_was_answered_is_replayed_in_order(void **state)
{
	uint64_t calls = count_calls_of_workload();

	(void)state;
	for (uint64_t cut = 1; cut <= calls + 4; cut++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct world *w = world_new(cut * 10 + seed);

			disk_fault_cut(w->disk, cut);
			if (open_journal(w, NULL) == 0)
				run_workload(w, 0);
			crash(w);
			must_open(w);
			check_replay(w);
			world_free(w);
		}
}

static struct {
	struct disk_ops disk; /* that is watched */
	int unsafe; /* the file of a batch that is not synced, or -1 */
	unsigned int batches;
	bool is_broken; /* J4 was */
} watched;

/* Batches alone are written so. */
static ssize_t
watched_pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	watched.is_broken |= watched.unsafe != -1;
	watched.unsafe = fd;
	watched.batches++;
	return watched.disk.pwritev(fd, parts, count, at);
}

static int
watched_fdatasync(int fd)
{
	int result = watched.disk.fdatasync(fd);

	if (fd == watched.unsafe && result == 0)
		watched.unsafe = -1;
	return result;
}

static void
j4_a_batch_is_written_only_when_the_one_before_is_safe(void **state)
{
	struct world *w = world_new(1);
	struct disk_ops ops = *disk;

	(void)state;
	must_open(w);
	wait_for_quiet(w);
	watched.disk = *disk;
	watched.unsafe = -1;
	ops.pwritev = watched_pwritev;
	ops.fdatasync = watched_fdatasync;
	disk_use(&ops);
	for (unsigned int i = 0; i < 4; i++)
		run_workload(w, i * WORKLOAD);
	disk_use(&watched.disk);
	assert_true(watched.batches > 20);
	assert_false(watched.is_broken);
	assert_int_equal(watched.unsafe, -1);
	world_free(w);
}

static void
j3_crash_after_crash_nothing_old_is_taken_for_new(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = world_new(seed);
		uint64_t cut = 30 + seed * 7 % 50;

		for (unsigned int life = 0; life < 6; life++) {
			disk_fault_cut(w->disk, cut + life * 3);
			if (open_journal(w, NULL) == 0)
				run_workload(w, life * WORKLOAD);
			crash(w);
		}
		must_open(w);
		check_replay(w);
		world_free(w);
	}
}

static void
j1_j6_j7_whichever_call_fails_the_answers_are_true_and_the_log_goes_on(void **state)
{
	uint64_t calls = count_calls_of_workload();

	(void)state;
	for (uint64_t nth = 1; nth <= calls; nth++) {
		struct world *w = world_new(nth);
		unsigned int last_ok = 0;

		disk_fault_fail(w->disk, nth, 1 + nth % 3, nth % 2 ? EIO : ENOSPC);
		if (open_journal(w, NULL) < 0) {
			disk_fault_fail(w->disk, 0, 0, 0);
			must_open(w);
		}
		run_workload(w, 0);
		disk_fault_fail(w->disk, 0, 0, 0);
		/* A settle that failed ends it until it is opened anew. */
		for (unsigned int id = WORKLOAD; id < WORKLOAD + 10; id++)
			if (append_and_wait(w, id) == 0)
				last_ok = id;
		disk_fault_cut(w->disk, 1);
		crash(w);
		must_open(w);
		check_replay(w);
		for (size_t i = 0; i < w->replayed_count; i++)
			if (w->replayed[i] < last_ok && w->was_told_failed[w->replayed[i]])
				fail_msg("call %llu: record %u failed, and came back", (unsigned long long)nth,
					w->replayed[i]);
		assert_int_equal(append_and_wait(w, WORKLOAD + 20), 0);
		world_free(w);
	}
}

static void
j7_after_a_failed_sync_only_its_batch_has_failed(void **state)
{
	struct world *w = world_new(7);

	(void)state;
	must_open(w);
	assert_int_equal(append_and_wait(w, 1), 0);
	wait_for_quiet(w);
	disk_fault_fail(w->disk, 2, 1, EIO); /* write, then the sync */
	assert_int_equal(append_and_wait(w, 2), -1);
	assert_int_equal(append_and_wait(w, 3), 0);
	assert_int_equal(journal_stats(w->journal).failures, 1);
	disk_fault_cut(w->disk, 1);
	crash(w);
	must_open(w);
	assert_int_equal(w->replayed_count, 2);
	assert_int_equal(w->replayed[0], 1);
	assert_int_equal(w->replayed[1], 3);
	world_free(w);
}

static void
j7_while_every_write_fails_it_refuses_and_then_goes_on(void **state)
{
	struct world *w = world_new(8);
	struct fault f;
	unsigned int id = 1;

	(void)state;
	must_open(w);
	disk_fault_fail(w->disk, 1, UINT64_MAX, EIO);
	while (id < 20)
		assert_int_equal(append_and_wait(w, id++), -1);
	assert_int_equal(journal_ready(w->journal, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	disk_fault_fail(w->disk, 0, 0, 0);
	while (id < 300 && append_and_wait(w, id) < 0) {
		struct timespec pause = { .tv_nsec = 1000000 };

		(void)nanosleep(&pause, NULL);
		id++;
	}
	assert_true(id < 300);
	assert_int_equal(journal_ready(w->journal, &f), 0);
	disk_fault_cut(w->disk, 1);
	crash(w);
	must_open(w);
	check_replay(w);
	world_free(w);
}

static void
j7_after_a_failed_settle_everything_is_refused_until_it_is_opened_anew(void **state)
{
	struct world *w = world_new(9);
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(append_and_wait(w, 1), 0);
	w->fails_settle = true;
	assert_int_equal(journal_checkpoint(w->journal, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	assert_int_equal(append_and_wait(w, 2), -1);
	assert_int_equal(journal_ready(w->journal, &f), -1);
	w->fails_settle = false;
	assert_int_equal(journal_checkpoint(w->journal, &f), -1);
	journal_close(&w->journal);
	must_open(w);
	assert_int_equal(w->replayed_count, 1);
	assert_int_equal(w->replayed[0], 1);
	assert_int_equal(append_and_wait(w, 3), 0);
	world_free(w);
}

static void
j8_a_full_disk_fails_the_opening_and_nothing_later(void **state)
{
	struct world *w = world_new(10);
	struct fault f;

	(void)state;
	disk_fault_set_room(w->disk, 2 * SEGMENT);
	assert_int_equal(open_journal(w, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	disk_fault_set_room(w->disk, 3 * SEGMENT);
	must_open(w);
	for (unsigned int id = 0; id < 200; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	append(w, 200, 150);
	assert_int_equal(append_and_wait(w, 350), 0);
	for (unsigned int id = 0; id <= 350; id++)
		assert_true(w->was_told_ok[id]);
	assert_true(journal_stats(w->journal).checkpoints > 5);
	world_free(w);
}

static void
what_is_larger_than_allowed_is_refused_at_once(void **state)
{
	struct world *w = world_new(16);
	static uint8_t large[RECORD_MAX + 1];
	struct journal_entry entry = { .pieces = { bytes_of(large, sizeof large) }, .piece_count = 1 };
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(journal_append(w->journal, &entry, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	entry.pieces[0].len--;
	assert_int_equal(journal_append(w->journal, &entry, &f), 0);
	assert_int_equal(journal_wait(w->journal, &entry, &f), 0);
	journal_applied(w->journal, &entry);
	disk_fault_cut(w->disk, 1);
	world_free(w);
}

static void
j5_a_checkpoint_waits_until_everything_is_applied(void **state)
{
	struct world *w = world_new(17);
	struct work *work = work_new(w, 1);
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(journal_append(w->journal, &work->entry, &f), 0);
	assert_int_equal(journal_wait(w->journal, &work->entry, &f), 0);
	/* 2 is applied and 1 isn't: no checkpoint may end, however much comes. */
	for (unsigned int id = 2; id < 30; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	assert_int_equal(journal_stats(w->journal).checkpoints, 0);
	w->is_applied[1] = true;
	journal_applied(w->journal, &work->entry);
	assert_int_equal(journal_checkpoint(w->journal, &f), 0);
	assert_true(w->is_settled[1]);
	assert_int_equal(journal_stats(w->journal).log_octets, 0);
	memory_free(work);
	world_free(w);
}

static void
append_one_and_fail_one(struct world *w)
{
	w->after_settle = NULL;
	assert_int_equal(append_and_wait(w, 2), 0);
	disk_fault_fail(w->disk, 2, 1, EIO); /* write, then the sync */
	assert_int_equal(append_and_wait(w, 3), -1);
}

static void
j5_j7_what_is_safe_in_a_segment_that_failed_is_kept_by_a_checkpoint_that_did_not_settle_it(void **state)
{
	struct fault f;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world *w = world_new(seed);

		must_open(w);
		wait_for_quiet(w);
		assert_int_equal(append_and_wait(w, 1), 0);
		w->after_settle = append_one_and_fail_one;
		assert_int_equal(journal_checkpoint(w->journal, &f), 0);
		assert_false(w->is_settled[2]);
		disk_fault_cut(w->disk, 1);
		crash(w);
		must_open(w);
		check_replay(w);
		assert_int_equal(w->replayed_count, 1);
		world_free(w);
	}
}

static void
j10_a_group_waits_until_there_is_room_for_all_of_it(void **state)
{
	struct world *w = world_new(20);
	struct held a, b;

	(void)state;
	must_open(w);
	wait_for_quiet(w);
	append_held_group(w, LARGE_FROM, GROUP_MAX, &a);
	assert_int_equal(wait_for_held(w, &a), GROUP_MAX);
	append_held_group(w, LARGE_FROM + GROUP_MAX, GROUP_MAX, &b);
	append(w, LARGE_FROM + 2 * GROUP_MAX, 5);
	assert_int_equal(journal_stats(w->journal).records, GROUP_MAX);
	let_go(w, &a, true);
	assert_int_equal(wait_for_held(w, &b), GROUP_MAX);
	assert_int_equal(journal_stats(w->journal).checkpoints, 1);
	let_go(w, &b, true);
	assert_int_equal(append_and_wait(w, IDS_MAX - 1), 0);
	disk_fault_cut(w->disk, 1);
	crash(w);
	must_open(w);
	check_replay(w);
	world_free(w);
}

static void *
make_checkpoints(void *arg)
{
	struct world *w = arg;
	struct fault f;

	while (!atomic_load(&w->is_over))
		assert_int_equal(journal_checkpoint(w->journal, &f), 0);
	return NULL;
}

static void
j10_no_checkpoint_begins_in_the_midst_of_a_group(void **state)
{
	struct world *w = world_new(21);
	pthread_t thread;
	struct held held;

	(void)state;
	must_open(w);
	wait_for_quiet(w);
	assert_int_equal(pthread_create(&thread, NULL, make_checkpoints, w), 0);
	for (unsigned int round = 0; round < 50; round++) {
		append_held_group(w, LARGE_FROM, GROUP_MAX, &held);
		assert_int_equal(wait_for_held(w, &held), GROUP_MAX);
		for (unsigned int i = 1; i < held.count; i++)
			assert_int_equal(held.at[i]->entry.epoch, held.at[0]->entry.epoch);
		let_go(w, &held, true);
	}
	atomic_store(&w->is_over, true);
	(void)pthread_join(thread, NULL);
	world_free(w);
}

static void
j10_a_group_larger_than_the_log_is_refused_at_once(void **state)
{
	struct world *w = world_new(22);
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(append_group(w, LARGE_FROM, GROUP_MAX + 1, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(append_and_wait(w, 1), 0);
	assert_int_equal(journal_stats(w->journal).records, 1);
	assert_int_equal(append_group(w, LARGE_FROM, GROUP_MAX, &f), 0);
	assert_int_equal(append_and_wait(w, IDS_MAX - 1), 0);
	assert_true(w->was_told_ok[LARGE_FROM + GROUP_MAX - 1]);
	world_free(w);
}

static void
j8_j10_a_group_for_which_the_disk_has_no_room_fails_and_the_log_goes_on(void **state)
{
	struct world *w = world_new(23);
	struct held held;
	struct fault f;

	(void)state;
	disk_fault_set_room(w->disk, 3 * SEGMENT);
	must_open(w);
	for (unsigned int round = 0; round < 3; round++) {
		append_held_group(w, LARGE_FROM, GROUP_MAX, &held);
		assert_int_equal(wait_for_held(w, &held), 0);
		let_go(w, &held, false);
		assert_int_equal(append_group(w, LARGE_FROM + GROUP_MAX + round * 5, 4, &f), 0);
		assert_int_equal(append_and_wait(w, LARGE_FROM + GROUP_MAX + round * 5 + 4), 0);
		assert_true(w->was_told_ok[LARGE_FROM + GROUP_MAX + round * 5 + 3]);
	}
	world_free(w);
}

/* The replayed ones are the first of the group, in order. */
static void
check_is_prefix(const struct world *w, unsigned int first, size_t least)
{
	assert_true(w->replayed_count >= least && w->replayed_count <= GROUP_MAX);
	for (size_t i = 0; i < w->replayed_count; i++)
		assert_int_equal(w->replayed[i], first + i);
}

static void
j10_whichever_call_fails_all_that_stand_behind_it_fail(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth <= 8; nth++) {
		struct world *w = world_new(nth);
		struct held held;
		unsigned int durable;

		must_open(w);
		wait_for_quiet(w);
		disk_fault_fail(w->disk, nth, 1, EIO);
		append_held_group(w, LARGE_FROM, GROUP_MAX, &held);
		durable = wait_for_held(w, &held);
		for (unsigned int i = 0; i < GROUP_MAX; i++)
			assert_int_equal(w->was_told_failed[LARGE_FROM + i], i >= durable);
		disk_fault_cut(w->disk, 1);
		let_go(w, &held, false);
		crash(w);
		must_open(w);
		check_is_prefix(w, LARGE_FROM, durable);
		world_free(w);
	}
}

static void
j10_after_a_group_failed_there_is_room_for_the_next(void **state)
{
	struct world *w = world_new(24);
	struct held held;

	(void)state;
	must_open(w);
	wait_for_quiet(w);
	for (uint64_t nth = 1; nth <= 6; nth++) {
		disk_fault_fail(w->disk, nth, 1, EIO);
		append_held_group(w, LARGE_FROM, GROUP_MAX, &held);
		(void)wait_for_held(w, &held);
		let_go(w, &held, false);
		disk_fault_fail(w->disk, 0, 0, 0);
		append_held_group(w, LARGE_FROM + GROUP_MAX, GROUP_MAX, &held);
		assert_int_equal(wait_for_held(w, &held), GROUP_MAX);
		let_go(w, &held, true);
	}
	world_free(w);
}

static void
j10_whenever_the_power_goes_a_group_is_replayed_from_its_first_on(void **state)
{
	(void)state;
	for (uint64_t cut = 1; cut <= 8; cut++)
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct world *w = world_new(cut * 10 + seed);
			struct held held;
			unsigned int durable;

			must_open(w);
			wait_for_quiet(w);
			disk_fault_cut(w->disk, cut);
			append_held_group(w, LARGE_FROM, GROUP_MAX, &held);
			durable = wait_for_held(w, &held);
			disk_fault_cut(w->disk, 1);
			let_go(w, &held, false);
			crash(w);
			must_open(w);
			check_is_prefix(w, LARGE_FROM, durable);
			world_free(w);
		}
}

static void
a_log_that_was_closed_has_nothing_to_replay(void **state)
{
	struct world *w = world_new(18);

	(void)state;
	must_open(w);
	run_workload(w, 0);
	journal_close(&w->journal);
	must_open(w);
	assert_int_equal(w->report.records, 0);
	for (unsigned int id = 0; id < WORKLOAD; id++)
		assert_true(w->is_settled[id]);
	world_free(w);
}

static void
what_waits_together_is_synced_together(void **state)
{
	struct world *w = world_new(19);
	struct journal_stats stats;

	(void)state;
	must_open(w);
	append(w, 0, 50);
	assert_int_equal(append_and_wait(w, 50), 0);
	stats = journal_stats(w->journal);
	assert_int_equal(stats.records, 51);
	assert_true(stats.syncs < 40);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(j1_j2_j5_whenever_the_power_goes_what_was_answered_is_replayed_in_order),
		cmocka_unit_test(j3_crash_after_crash_nothing_old_is_taken_for_new),
		cmocka_unit_test(j4_a_batch_is_written_only_when_the_one_before_is_safe),
		cmocka_unit_test(j1_j6_j7_whichever_call_fails_the_answers_are_true_and_the_log_goes_on),
		cmocka_unit_test(j7_after_a_failed_sync_only_its_batch_has_failed),
		cmocka_unit_test(j7_while_every_write_fails_it_refuses_and_then_goes_on),
		cmocka_unit_test(j7_after_a_failed_settle_everything_is_refused_until_it_is_opened_anew),
		cmocka_unit_test(j8_a_full_disk_fails_the_opening_and_nothing_later),
		cmocka_unit_test(what_is_larger_than_allowed_is_refused_at_once),
		cmocka_unit_test(j5_a_checkpoint_waits_until_everything_is_applied),
		cmocka_unit_test(j5_j7_what_is_safe_in_a_segment_that_failed_is_kept_by_a_checkpoint_that_did_not_settle_it),
		cmocka_unit_test(j10_a_group_waits_until_there_is_room_for_all_of_it),
		cmocka_unit_test(j10_no_checkpoint_begins_in_the_midst_of_a_group),
		cmocka_unit_test(j10_a_group_larger_than_the_log_is_refused_at_once),
		cmocka_unit_test(j8_j10_a_group_for_which_the_disk_has_no_room_fails_and_the_log_goes_on),
		cmocka_unit_test(j10_whichever_call_fails_all_that_stand_behind_it_fail),
		cmocka_unit_test(j10_after_a_group_failed_there_is_room_for_the_next),
		cmocka_unit_test(j10_whenever_the_power_goes_a_group_is_replayed_from_its_first_on),
		cmocka_unit_test(a_log_that_was_closed_has_nothing_to_replay),
		cmocka_unit_test(what_waits_together_is_synced_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
