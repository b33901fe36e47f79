#include "sys/pool.h"

#include "base/memory.h"
#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define STRANDS 7
#define JOBS 300

static struct counted {
	struct strand strand;
	atomic_int running;
	int next;
} strands[STRANDS];

static struct numbered {
	struct job job;
	struct counted *strand;
	int number;
} jobs[STRANDS][JOBS];

static atomic_int broken;

static void
run_numbered(struct job *job)
{
	struct numbered *n = (struct numbered *)job;

	if (atomic_fetch_add(&n->strand->running, 1) != 0 || n->strand->next != n->number)
		atomic_fetch_add(&broken, 1);
	n->strand->next++;
	atomic_fetch_sub(&n->strand->running, 1);
}

static void
jobs_of_a_strand_run_in_order_and_never_at_once(void **state)
{
	struct pool *pool = pool_new(4);

	(void)state;
	for (int i = 0; i < JOBS; i++)
		for (int s = 0; s < STRANDS; s++) {
			jobs[s][i] = (struct numbered){ { .run = run_numbered }, &strands[s], i };
			pool_add(pool, &strands[s].strand, &jobs[s][i].job);
		}
	pool_free(&pool);
	assert_null(pool);
	assert_int_equal(atomic_load(&broken), 0);
	for (int s = 0; s < STRANDS; s++)
		assert_int_equal(strands[s].next, JOBS);
}

static struct pool *chain_pool;
static struct strand chain_strand;
static int chain_left = 100;

static void
run_chain(struct job *job)
{
	memory_free(job);
	if (--chain_left == 0)
		return;
	struct job *next = NEW(struct job);
	next->run = run_chain;
	pool_add(chain_pool, &chain_strand, next);
}

static void
a_job_may_add_a_job_and_free_itself(void **state)
{
	struct job *job = NEW(struct job);

	(void)state;
	job->run = run_chain;
	chain_pool = pool_new(2);
	pool_add(chain_pool, &chain_strand, job);
	pool_free(&chain_pool);
	assert_int_equal(chain_left, 0);
}

enum { MEETING = 5, MEETINGS = 20 };

static atomic_int come, met;

/* Waits for all the others, each on a thread of its own. */
static void
run_meet(struct job *job)
{
	int last = (atomic_fetch_add(&come, 1) / MEETING + 1) * MEETING;

	(void)job;
	for (int i = 0; i < 5000 && atomic_load(&come) < last; i++)
		time_sleep_ms(1);
	if (atomic_load(&come) >= last)
		atomic_fetch_add(&met, 1);
}

static void
as_many_strands_run_side_by_side_as_there_are_threads(void **state)
{
	struct pool *pool = pool_new(MEETING);
	struct strand strands_of_meeting[MEETING] = { 0 };
	struct job jobs_of_meeting[MEETING];

	(void)state;
	for (int round = 1; round <= MEETINGS; round++) {
		for (int i = 0; i < MEETING; i++) {
			jobs_of_meeting[i] = (struct job){ .run = run_meet };
			pool_add(pool, &strands_of_meeting[i], &jobs_of_meeting[i]);
		}
		for (int i = 0; i < 5000 && atomic_load(&met) < round * MEETING; i++)
			time_sleep_ms(1);
		assert_int_equal(atomic_load(&met), round * MEETING);
	}
	pool_free(&pool);
}

/* A job beside that hands over to a strand, which ends it while it is still running. */
struct handed {
	struct job job;
	struct pool *pool;
	struct strand *strand;
	atomic_int *ended;
};

static void
run_end(struct job *job)
{
	struct handed *h = (struct handed *)job;
	atomic_int *ended = h->ended;

	memory_free(h);
	atomic_fetch_add(ended, 1);
}

static void
run_hand_over(struct job *job)
{
	struct handed *h = (struct handed *)job;
	atomic_int *ended = h->ended;
	int before = atomic_load(ended);

	job->run = run_end;
	pool_add(h->pool, h->strand, job);
	for (int i = 0; i < 5000 && atomic_load(ended) == before; i++)
		time_sleep_ms(1);
}

static void
a_job_without_a_strand_may_be_freed_while_it_runs(void **state)
{
	struct pool *pool = pool_new(2);
	struct strand strand = { 0 };
	atomic_int ended = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct handed *h = NEW(struct handed);

		*h = (struct handed){ { .run = run_hand_over }, pool, &strand, &ended };
		pool_add(pool, NULL, &h->job);
		for (int j = 0; j < 5000 && atomic_load(&ended) <= i; j++)
			time_sleep_ms(1);
		assert_int_equal(atomic_load(&ended), i + 1);
	}
	pool_free(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_of_a_strand_run_in_order_and_never_at_once),
		cmocka_unit_test(a_job_may_add_a_job_and_free_itself),
		cmocka_unit_test(as_many_strands_run_side_by_side_as_there_are_threads),
		cmocka_unit_test(a_job_without_a_strand_may_be_freed_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
