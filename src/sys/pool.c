#include "sys/pool.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#define STACK_OCTETS (1024 * 1024)

/* A job of a strand is in the ready list, or run by one thread, exactly while the strand's is_running is set: that
   is what keeps two of its jobs from running at once.  A job without a strand is never touched once it runs: it may
   be gone long before run returns, when others end what it is a part of. */
struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t has_ready;
	struct job *first_ready, *last_ready;
	bool is_ending;
	size_t thread_count;
	pthread_t threads[];
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
	pthread_cond_signal(&pool->has_ready);
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

static void *
work(void *arg)
{
	struct pool *pool = arg;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		while (!pool->first_ready && !pool->is_ending)
			pthread_cond_wait(&pool->has_ready, &pool->mutex);
		if (!pool->first_ready)
			break;
		struct job *job = take_ready(pool);
		struct strand *strand = job->strand;
		pthread_mutex_unlock(&pool->mutex);
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
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_OCTETS);
	for (size_t i = 0; i < pool->thread_count; i++)
		if (pthread_create(&pool->threads[i], &attributes, work, pool) != 0)
			abort();
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *
pool_new(size_t threads)
{
	assert(threads > 0);
	struct pool *pool = memory_new(sizeof *pool + threads * sizeof pool->threads[0]);

	pool->thread_count = threads;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->has_ready, NULL);
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
	pthread_cond_broadcast(&pool->has_ready);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->has_ready);
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
	pthread_mutex_unlock(&pool->mutex);
}
