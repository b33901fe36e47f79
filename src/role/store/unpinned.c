#include "role/store/unpinned.h"

#include "role/store/mailbox.h"

enum { LOOK_MAX = 64 };

/* One of the first, as far as they are too many: of that account, or (NULL) of one that does not close yet, so that a busy one stops nobody.
   NULL: there is none.  Lock held. */
static struct mailbox *
next_to_close(const struct engine *e, const struct engine_account *of)
{
	uint32_t left = e->idle_count > e->mailboxes_max ? e->idle_count - e->mailboxes_max : 0;
	struct mailbox *m = e->idle_first;

	for (left = left < LOOK_MAX ? left : LOOK_MAX; m && left > 0; m = m->idle_behind, left--)
		if (of ? m->account == of : !atomic_load(&m->account->is_close_queued))
			return m;
	return NULL;
}

static void
close_surplus(struct job *job)
{
	struct engine_account *a = (void *)((uint8_t *)job - offsetof(struct engine_account, close_job));
	struct engine *e = a->engine;
	struct mailbox *m, *next;
	struct engine_account *other;

	atomic_store(&a->is_close_queued, false);
	if (atomic_load(&e->is_closing))
		account_close_idle(a);
	do {
		pthread_mutex_lock(&e->lock);
		m = next_to_close(e, a); /* nobody but this strand takes it out */
		next = m ? NULL : next_to_close(e, NULL);
		other = next ? next->account : NULL;
		pthread_mutex_unlock(&e->lock);
		if (m)
			account_close_mailbox(m);
	} while (m);
	if (other)
		unpinned_close(other);
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
	struct mailbox *surplus;
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
	surplus = next_to_close(e, NULL);
	turn = surplus ? surplus->account : NULL;
	if (atomic_load(&e->is_closing)) /* all of them */
		turn = m->account;
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
