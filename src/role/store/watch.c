/* Our own renames and unlinks come back as events, too: each is announced (watch_expect) before it is made and
   its event crossed off.  An event that nobody announced is somebody else's. */
#include "role/store/watch.h"

#include "base/event.h"
#include "role/store/mailbox.h"
#include "role/store/scan.h"
#include "sys/notify.h"

#include <string.h>

enum { PAUSE_MS = 20, KEY_MAX = 8 + MAILDIR_NAME_MAX + 8 };

/* A mailbox under watch. */
struct watched {
	struct engine_account *account;
	uint64_t number;
	int watch_new, watch_cur;
	bool has_outside;
};

struct watchers {
	struct engine *engine;
	struct notify *notify;
	pthread_mutex_t lock; /* for all below; may be taken while notify holds its own, never the other way */
	struct map *by_watch; /* watch -> struct watched */
	struct map *by_number; /* mailbox -> struct watched */
	struct map *expected; /* mailbox and path -> how often */
};

static struct bytes
key_of(uint8_t space[KEY_MAX], uint64_t number, const char *directory, const char *name)
{
	struct buf key;

	buf_init_fixed(&key, space, KEY_MAX);
	put_u64(&key, number);
	put_text(&key, directory);
	put_text(&key, name);
	return buf_bytes(&key);
}

static void
add_expected(struct watchers *w, struct bytes key, int by)
{
	intptr_t count = (intptr_t)map_get(w->expected, key) + by;

	if (count > 0)
		(void)map_put(w->expected, key, (void *)count);
	else
		(void)map_remove(w->expected, key);
}

/* On the strand: mailboxes that somebody has selected are looked at now, others when they are. */
static void
scanned(struct request *r)
{
	request_done(r);
}

static void
scan(struct request *r)
{
	scan_then(r, scanned);
}

static void
look(struct mailbox *m)
{
	struct watchers *w = m->account->engine->watch;
	struct watched *d;
	struct request *r;

	pthread_mutex_lock(&w->lock);
	d = map_get_number(w->by_number, m->number);
	if (d && d->has_outside) {
		d->has_outside = false;
		m->needs_scan = true;
	}
	pthread_mutex_unlock(&w->lock);
	if (!m->needs_scan || m->watcher_count == 0)
		return;
	r = request_new_internal(m->account);
	r->mailbox = mailbox_pin(m);
	request_start(r, scan);
}

static void
look_at_account(struct job *job)
{
	struct engine_account *a = (void *)((uint8_t *)job - offsetof(struct engine_account, outside_job));
	struct bytes name;
	size_t at = 0;
	void *value;

	atomic_store(&a->is_outside_queued, false);
	while (map_next(a->mailboxes, &at, &name, &value))
		look(value);
}

static void
note_outside(struct watched *d)
{
	struct engine_account *a = d->account;

	d->has_outside = true;
	if (atomic_exchange(&a->is_outside_queued, true))
		return;
	a->outside_job.run = look_at_account;
	pool_add(a->engine->pool, &a->strand, &a->outside_job);
}

/* Events were lost: anything may have happened anywhere. */
static void
all_changed(struct watchers *w)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	map_free(&w->expected);
	w->expected = map_new();
	while (map_next(w->by_number, &at, &key, &value))
		note_outside(value);
}

static void
changed(void *arg, int watch, const char *name)
{
	struct watchers *w = arg;
	uint8_t space[KEY_MAX];
	struct watched *d;
	struct bytes key;

	pthread_mutex_lock(&w->lock);
	d = watch < 0 ? NULL : map_get_number(w->by_watch, (uint64_t)watch);
	if (watch < 0) {
		all_changed(w);
	} else if (d) {
		key = key_of(space, d->number, watch == d->watch_new ? "new/" : "cur/", name);
		if (map_get(w->expected, key))
			add_expected(w, key, -1);
		else
			note_outside(d);
	}
	pthread_mutex_unlock(&w->lock);
}

void
watch_start(struct engine *e, struct loop *loop)
{
	struct watchers *w = NEW(struct watchers);
	struct fault f;

	w->engine = e;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->by_watch = map_new();
	w->by_number = map_new();
	w->expected = map_new();
	w->notify = notify_new(loop, PAUSE_MS, changed, w, &f);
	e->watch = w;
	if (!w->notify) {
		event(NULL, EV_STORE_FAILED, STR("what", "watch mailboxes"), STR("why", f.text));
		watch_stop(e);
	}
}

void
watch_stop(struct engine *e)
{
	struct watchers *w = e->watch;
	struct bytes key;
	size_t at = 0;
	void *value;

	e->watch = NULL;
	if (!w)
		return;
	notify_free(&w->notify);
	while (map_next(w->by_number, &at, &key, &value))
		memory_free(value);
	map_free(&w->by_watch);
	map_free(&w->by_number);
	map_free(&w->expected);
	(void)pthread_mutex_destroy(&w->lock);
	memory_free(w);
}

static int
add_one(struct watchers *w, const struct mailbox *m, const char *part)
{
	struct buf path;
	int watch;

	buf_init(&path, 8192);
	put_text(&path, m->account->path);
	put_char(&path, '/');
	if (strcmp(m->name, "INBOX") != 0) {
		put_char(&path, '.');
		put_text(&path, m->name);
		put_char(&path, '/');
	}
	put_text(&path, part);
	put_char(&path, '\0');
	watch = path.has_failed ? -1 : notify_add(w->notify, (const char *)path.ptr);
	buf_done(&path);
	return watch;
}

void
watch_add(struct mailbox *m)
{
	struct watchers *w = m->account->engine->watch;
	struct watched *d;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	m->watch_new = add_one(w, m, "new");
	m->watch_cur = add_one(w, m, "cur");
	if (m->watch_new >= 0 && m->watch_cur >= 0) {
		d = NEW(struct watched);
		*d = (struct watched){ m->account, m->number, m->watch_new, m->watch_cur, false };
		(void)map_put_number(w->by_number, m->number, d);
		(void)map_put_number(w->by_watch, (uint64_t)m->watch_new, d);
		(void)map_put_number(w->by_watch, (uint64_t)m->watch_cur, d);
	} else {
		if (m->watch_new >= 0)
			notify_remove(w->notify, m->watch_new);
		m->watch_new = m->watch_cur = -1;
	}
	pthread_mutex_unlock(&w->lock);
}

void
watch_remove(struct mailbox *m)
{
	struct watchers *w = m->account->engine->watch;

	if (!w || m->watch_new < 0)
		return;
	pthread_mutex_lock(&w->lock);
	(void)map_remove_number(w->by_watch, (uint64_t)m->watch_new);
	(void)map_remove_number(w->by_watch, (uint64_t)m->watch_cur);
	memory_free(map_remove_number(w->by_number, m->number));
	notify_remove(w->notify, m->watch_new);
	notify_remove(w->notify, m->watch_cur);
	m->watch_new = m->watch_cur = -1;
	pthread_mutex_unlock(&w->lock);
}

static void
expect(struct mailbox *m, const char *path, int by)
{
	struct watchers *w = m->account->engine->watch;
	uint8_t space[KEY_MAX];

	if (!w || m->watch_new < 0 || strncmp(path, "tmp/", 4) == 0)
		return;
	pthread_mutex_lock(&w->lock);
	add_expected(w, key_of(space, m->number, "", path), by);
	pthread_mutex_unlock(&w->lock);
}

void
watch_expect(struct mailbox *m, const char *path)
{
	expect(m, path, 1);
}

void
watch_unexpect(struct mailbox *m, const char *path)
{
	expect(m, path, -1);
}

void
watch_drain(struct mailbox *m)
{
	struct watchers *w = m->account->engine->watch;
	const struct watched *d;

	if (!w || m->watch_new < 0)
		return;
	notify_poll(w->notify);
	pthread_mutex_lock(&w->lock);
	d = map_get_number(w->by_number, m->number);
	if (d && d->has_outside)
		m->needs_scan = true;
	pthread_mutex_unlock(&w->lock);
}
