#include "role/store/unpinned.h"

#include "role/store/mailbox.h"

/* The account whose turn it is to close a mailbox; NULL: there are not too many.  Lock held. */
static struct engine_account *
next_to_close(const struct engine *e)
{
	return e->idle_count > e->mailboxes_max ? e->idle_first->account : NULL;
}

static void
close_surplus(struct job *job)
{
	struct engine_account *a = (void *)((uint8_t *)job - offsetof(struct engine_account, close_job));
	struct engine *e = a->engine;
	struct engine_account *turn;

	atomic_store(&a->is_close_queued, false);
	for (;;) {
		struct mailbox *m = NULL;

		pthread_mutex_lock(&e->lock);
		turn = next_to_close(e);
		if (turn == a)
			m = e->idle_first; /* nobody but this strand takes it out */
		pthread_mutex_unlock(&e->lock);
		if (!m)
			break;
		account_close_mailbox(m);
	}
	if (turn)
		unpinned_close(turn);
	else if (atomic_load(&e->is_closing))
		account_close_idle(a);
}

void
unpinned_close(struct engine_account *a)
{
	if (atomic_exchange(&a->is_close_queued, true))
		return;
	a->close_job.run = close_surplus;
	pool_add(a->engine->pool, &a->strand, &a->close_job);
}

void
unpinned_add(struct mailbox *m)
{
	struct engine *e = m->account->engine;
	struct engine_account *turn;

	pthread_mutex_lock(&e->lock);
	m->idle_before = e->idle_last;
	m->idle_behind = NULL;
	if (e->idle_last)
		e->idle_last->idle_behind = m;
	else
		e->idle_first = m;
	e->idle_last = m;
	e->idle_count++;
	turn = next_to_close(e);
	pthread_mutex_unlock(&e->lock);
	if (turn)
		unpinned_close(turn);
}

void
unpinned_remove(struct mailbox *m)
{
	struct engine *e = m->account->engine;

	pthread_mutex_lock(&e->lock);
	if (m->idle_before)
		m->idle_before->idle_behind = m->idle_behind;
	else
		e->idle_first = m->idle_behind;
	if (m->idle_behind)
		m->idle_behind->idle_before = m->idle_before;
	else
		e->idle_last = m->idle_before;
	e->idle_count--;
	pthread_mutex_unlock(&e->lock);
}
