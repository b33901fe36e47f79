#include "role/store/names.h"

#include "role/store/failure.h"
#include "role/store/uids.h"
#include "role/store/watch.h"

#include <errno.h>

enum { PATH_ROOM = MAILDIR_NAME_MAX + 64 };

static bool
put_path(const struct mailbox *m, const struct view_record *r, uint64_t state, struct buf *out)
{
	uint8_t space[MAILDIR_NAME_MAX + 1];
	struct buf base;

	buf_init_fixed(&base, space, sizeof space);
	if (!uids_name(m, r, &base))
		return false;
	maildir_put_path(out, buf_bytes(&base), state);
	put_char(out, '\0');
	return !out->has_failed;
}

bool
names_path(const struct mailbox *m, const struct view_record *r, struct buf *out)
{
	return put_path(m, r, r->store_private, out);
}

int
names_rename(struct mailbox *m, const char *from, const char *to)
{
	watch_expect(m, from);
	watch_expect(m, to);
	if (disk->renameat(m->directory, from, m->directory, to, 0) == 0)
		return 0;
	watch_unexpect(m, from);
	watch_unexpect(m, to);
	return -1;
}

int
names_unlink(struct mailbox *m, const char *path)
{
	watch_expect(m, path);
	if (disk->unlinkat(m->directory, path, 0) == 0)
		return 0;
	watch_unexpect(m, path);
	return -1;
}

static void
settle_one(struct mailbox *m, struct view_record *r)
{
	uint64_t state = maildir_state(r->store_private, atomic_load(&r->flags),
		mailbox_letters(m, atomic_load(&r->keywords)));
	char from[PATH_ROOM], to[PATH_ROOM];
	struct buf path;

	if (state == r->store_private || atomic_load(&r->flags) & VIEW_EXPUNGED)
		return;
	buf_init_fixed(&path, from, sizeof from);
	if (!put_path(m, r, r->store_private, &path))
		return;
	buf_init_fixed(&path, to, sizeof to);
	if (!put_path(m, r, state, &path))
		return;
	if (names_rename(m, from, to) == 0)
		r->store_private = state;
	else if (errno == ENOENT)
		m->needs_scan = true;
	else
		(void)failure_report("rename message", m->account->path, errno);
}

void
names_settle(struct mailbox *m)
{
	uint32_t end = view_writer_count(&m->view);

	if (!view_is_ours(&m->view))
		return;
	if (m->lag_end < end)
		end = m->lag_end;
	for (uint32_t i = m->lag_first; i < end; i++)
		settle_one(m, &m->view.records[i]);
	m->lag_first = UINT32_MAX;
	m->lag_end = 0;
}

/* On the strand: all mailboxes of the account. */
static void
settle_account(struct job *job)
{
	struct engine_account *a = (void *)((uint8_t *)job - offsetof(struct engine_account, settle_job));
	struct engine *e = a->engine;
	struct bytes name;
	size_t at = 0;
	void *value;

	pthread_mutex_lock(&e->lock);
	a->is_unsettled = false;
	pthread_mutex_unlock(&e->lock);
	while (map_next(a->mailboxes, &at, &name, &value))
		names_settle(value);
	pthread_mutex_lock(&e->lock);
	if (--e->settling == 0)
		pthread_cond_broadcast(&e->settled);
	pthread_mutex_unlock(&e->lock);
}

void
names_lag(struct mailbox *m, uint32_t index)
{
	struct engine_account *a = m->account;
	struct engine *e = a->engine;

	if (index < m->lag_first)
		m->lag_first = index;
	if (index >= m->lag_end)
		m->lag_end = index + 1;
	pthread_mutex_lock(&e->lock);
	if (!a->is_unsettled) {
		a->next_unsettled = e->unsettled;
		e->unsettled = a;
		a->is_unsettled = true;
	}
	pthread_mutex_unlock(&e->lock);
}

static void
start_all(struct engine *e)
{
	struct engine_account *a;

	while ((a = e->unsettled)) {
		e->unsettled = a->next_unsettled;
		e->settling++;
		a->settle_job.run = settle_account;
		pool_add(e->pool, &a->strand, &a->settle_job);
	}
}

void
names_settle_start(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	start_all(e);
	pthread_mutex_unlock(&e->lock);
}

void
names_settle_all(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	start_all(e);
	while (e->settling > 0)
		pthread_cond_wait(&e->settled, &e->lock);
	pthread_mutex_unlock(&e->lock);
}
