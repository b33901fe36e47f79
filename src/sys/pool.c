#include "sys/pool.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#define STACK_OCTETS (1024 * 1024)

/* A job of a strand is in the ready list, or run by one thread, exactly while the strand's is_running is set: that
   is what keeps two of its jobs from running at once.  A job without a strand is never touched once it runs: it may
   be gone long before run returns, when others end what it is a part of.

   While jobs are ready and a thread is idle, one is being woken, and it wakes the next when it has taken a job and
   there are more.  So a burst of short jobs wakes as many threads as get round to them, not one for each job.  Each
   has a semaphore of its own: who is woken is known, and a wake can't be taken by another or get lost. */
struct worker {
	struct pool *pool;
	struct worker *next_idle;
	pthread_t thread;
	sem_t wake;
};

struct pool {
	pthread_mutex_t mutex;
	struct job *first_ready, *last_ready;
	struct worker *idle; /* the last one first: its stack is still near */
	bool is_waking; /* a thread was told and has not come yet */
	bool is_ending;
	size_t worker_count;
	struct worker workers[];
};

static void
make_ready(struct pool *pool, struct job *job)
{
	job->next = NULL;
	if (pool->last_ready)
		pool->last_ready->next = job;
	else
		pool->first_ready = job;
	pool->last_ready = job;
}

static struct job *
take_ready(struct pool *pool)
{
	struct job *job = pool->first_ready;

	pool->first_ready = job->next;
	if (!pool->first_ready)
		pool->last_ready = NULL;
	return job;
}

static void
make_next_ready(struct pool *pool, struct strand *strand)
{
	struct job *job = strand->first;

	strand->is_running = job != NULL;
	if (!job)
		return;
	strand->first = job->next;
	if (!strand->first)
		strand->last = NULL;
	make_ready(pool, job);
}

static struct worker *
take_idle(struct pool *pool)
{
	struct worker *w = pool->idle;

	if (w)
		pool->idle = w->next_idle;
	return w;
}

/* Unlocks; told with the mutex held, the other would only wait for that. */
static void
unlock_and_wake(struct pool *pool)
{
	struct worker *w = pool->first_ready && !pool->is_waking ? take_idle(pool) : NULL;

	if (w)
		pool->is_waking = true;
	pthread_mutex_unlock(&pool->mutex);
	if (w)
		sem_post(&w->wake);
}

static void
rest(struct worker *w)
{
	struct pool *pool = w->pool;

	w->next_idle = pool->idle;
	pool->idle = w;
	pthread_mutex_unlock(&pool->mutex);
	while (sem_wait(&w->wake) != 0)
		;
	pthread_mutex_lock(&pool->mutex);
	pool->is_waking = false;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct pool *pool = w->pool;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		while (!pool->first_ready && !pool->is_ending)
			rest(w);
		if (!pool->first_ready)
			break;
		struct job *job = take_ready(pool);
		struct strand *strand = job->strand;
		unlock_and_wake(pool);
		job->run(job);
		pthread_mutex_lock(&pool->mutex);
		if (strand)
			make_next_ready(pool, strand);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* Signals are for the loop's thread. */
static void
start_threads(struct pool *pool)
{
	pthread_attr_t attributes;
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* one's own fault (mapped.c), which can't wait */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_OCTETS);
	for (size_t i = 0; i < pool->worker_count; i++) {
		struct worker *w = &pool->workers[i];

		w->pool = pool;
		if (sem_init(&w->wake, 0, 0) != 0 || pthread_create(&w->thread, &attributes, work, w) != 0)
			abort();
	}
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *
pool_new(size_t threads)
{
	assert(threads > 0);
	struct pool *pool = memory_new(sizeof *pool + threads * sizeof pool->workers[0]);

	pool->worker_count = threads;
	pthread_mutex_init(&pool->mutex, NULL);
	start_threads(pool);
	return pool;
}

void
pool_free(struct pool **at)
{
	struct pool *pool = *at;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->is_ending = true;
	for (struct worker *w; (w = take_idle(pool));)
		sem_post(&w->wake);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 0; i < pool->worker_count; i++) {
		pthread_join(pool->workers[i].thread, NULL);
		sem_destroy(&pool->workers[i].wake);
	}
	pthread_mutex_destroy(&pool->mutex);
	/* Only now: the last jobs may still add more through the owner's pointer. */
	*at = NULL;
	memory_free(pool);
}

static void
add_to_strand(struct strand *strand, struct job *job)
{
	job->next = NULL;
	if (strand->last)
		strand->last->next = job;
	else
		strand->first = job;
	strand->last = job;
}

void
pool_add(struct pool *pool, struct strand *strand, struct job *job)
{
	job->strand = strand;
	pthread_mutex_lock(&pool->mutex);
	if (strand)
		add_to_strand(strand, job);
	if (!strand)
		make_ready(pool, job);
	else if (!strand->is_running)
		make_next_ready(pool, strand);
	unlock_and_wake(pool);
}
