/* The disk calls of a workload are written down, and done again up to each of them; then the power goes, several times with another choice of what it
   leaves of what was not synced: Q1 … Q6 of spool.c hold at each of these thousands of crash points. */
#include "role/queue/spool_test_support.h"

#include "sys/disk_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 13 };

/* Notes: a message's number, and one of these. */
enum { PROMISED = 0, LEAVING = 100, GONE = 200, CHANGED = 300, KIND = 100 };

/* What is known of the messages at a crash point. */
struct known {
	bool is_promised[MESSAGES], is_leaving[MESSAGES], is_gone[MESSAGES], is_changed[MESSAGES];
};

static void
run_until_kept(struct world *w)
{
	while (spool_changes_kept(w->spool) < spool_changes_asked(w->spool))
		wait_for_wake(w);
}

static void
add_and_note(struct world *w, struct disk_record *r, int number)
{
	add(w, number);
	assert_non_null(w->live[number]);
	disk_record_note(r, PROMISED + number);
}

/* One of its two recipients is done with. */
static void
change_and_note(struct world *w, struct disk_record *r, int number)
{
	delivery_set_reply(&w->live[number]->at[0], BYTES("450 later"), BYTES_NONE);
	delivery_done(&w->live[number]->at[1]);
	spool_update(w->spool, w->live[number]);
	run_until_kept(w);
	disk_record_note(r, CHANGED + number);
}

static void
remove_and_note(struct world *w, struct disk_record *r, int number)
{
	disk_record_note(r, LEAVING + number);
	take_away(w, number);
	run_until_kept(w);
	disk_record_note(r, GONE + number);
}

/* Ends in order, which makes a checkpoint, and begins again. */
static void
start_again(struct world *w)
{
	spool_close(&w->spool);
	forget_found(w);
	assert_int_equal(open_spool(w), 0);
}

static struct disk_record *
record_workload(void)
{
	struct world *w = world_new(1);
	struct disk_record *r = disk_record_new();

	assert_int_equal(open_spool(w), 0);
	for (int i = 0; i < 3; i++)
		add_and_note(w, r, i);
	change_and_note(w, r, 0);
	remove_and_note(w, r, 1);
	start_again(w);
	add_and_note(w, r, 3);
	change_and_note(w, r, 3);
	remove_and_note(w, r, 0);
	start_again(w);
	add_and_note(w, r, 4);
	remove_and_note(w, r, 2);
	change_and_note(w, r, 4);
	spool_close(&w->spool);
	disk_record_stop(r);
	world_free(w);
	return r;
}

static void
noted(void *arg, int number)
{
	struct known *k = arg;
	int message = number % KIND;

	k->is_promised[message] |= number / KIND * KIND == PROMISED;
	k->is_leaving[message] |= number / KIND * KIND == LEAVING;
	k->is_gone[message] |= number / KIND * KIND == GONE;
	k->is_changed[message] |= number / KIND * KIND == CHANGED;
}

static void
check_known(struct world *w, const struct known *k)
{
	for (int i = 0; i < MESSAGES; i++) {
		w->is_promised[i] = k->is_promised[i];
		w->may_be_gone[i] = k->is_leaving[i];
		if (k->is_gone[i])
			assert_null(w->found[i]);
		if (k->is_changed[i] && w->found[i])
			assert_int_equal(w->found[i]->count, 1);
	}
	check(w);
}

static void
crash(const struct disk_record *r, size_t calls, uint64_t seed)
{
	struct world *w = world_new(seed);
	struct known k = { .is_promised = { false } };

	disk_record_replay(r, calls, noted, &k);
	disk_fault_crash(w->disk);
	if (open_spool(w) != 0)
		fail_msg("after %zu calls, seed %llu: it does not start", calls, (unsigned long long)seed);
	check_known(w, &k);
	world_free(w);
}

static void
q1_to_q6_hold_wherever_the_power_goes_and_whatever_it_leaves(void **state)
{
	struct disk_record *r = record_workload();
	size_t points = 0;

	(void)state;
	for (size_t calls = 0; calls <= disk_record_calls(r); calls++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++, points++)
			crash(r, calls, calls * SEEDS + seed);
	disk_record_free(&r);
	print_message("%zu crash points\n", points);
	assert_true(points > 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q1_to_q6_hold_wherever_the_power_goes_and_whatever_it_leaves),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
