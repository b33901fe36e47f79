/* A period begins with its first session and ends at midnight (UTC), or when the administrator asks for the reports.  RFC 8460 4.1: reports are about
   a whole day, and go out some time after it, not all at midnight. */
#include "role/queue/tls_report_internal.h"

#include "role/roles.h"
#include "sys/random.h"

#include <stdio.h>

enum {
	DAY_S = 86400,
	DELAY_MOST_S = 4 * 3600, /* RFC 8460 4.1: "a random delay of up to four hours" */
	STALE_S = 2 * DAY_S, /* what ended so long ago, while the server was away, is not told any more */
	LOOKS_A_WRITING = 60,
};

static struct tls_period *
current(const struct tls_reports *r)
{
	struct tls_period *p = TAILQ_LAST(&r->periods, tls_period_list);

	return p && p->end_s == 0 ? p : NULL;
}

static int64_t
day_of(int64_t unix_s)
{
	return unix_s - unix_s % DAY_S;
}

static struct tls_period *
begin_period(struct tls_reports *r, int64_t now_s)
{
	int64_t day_s = day_of(now_s), begin_s = r->last_end_s > day_s && r->last_end_s <= now_s + 1 ? r->last_end_s : day_s;
	struct tls_period *p;

	r->last_number = now_s > r->last_number ? now_s : r->last_number + 1;
	p = tls_period_new(r->last_number, begin_s);
	TAILQ_INSERT_TAIL(&r->periods, p, link);
	return p;
}

void
tls_reports_end_period(struct tls_reports *r, int64_t end_s, uint32_t delay_most_s)
{
	struct tls_period *p = current(r);
	struct bytes key;
	size_t at = 0;
	void *value;

	if (!p)
		return;
	/* One that the administrator ended in its first second has that one. */
	p->end_s = r->last_end_s = end_s > p->begin_s ? end_s : p->begin_s + 1;
	p->is_changed = true;
	while (map_next(p->domains, &at, &key, &value)) {
		struct tls_domain *d = value;

		d->due_s = queue_now_s() + (delay_most_s ? (int64_t)(random_number() % delay_most_s) : 0);
		d->until_s = d->due_s + TLS_REPORTS_DAY_S;
	}
}

void
tls_reports_count(struct tls_reports *r, const struct ipc_tls_session *m)
{
	struct tls_period *p = current(r);

	if (r->queue->config->tls_reports == TLS_REPORTS_NO)
		return;
	tls_period_count(p ? p : begin_period(r, queue_now_s()), m);
}

/* ---- time */

static void
remove_period(struct tls_reports *r, struct tls_period *p)
{
	TAILQ_REMOVE(&r->periods, p, link);
	tls_files_remove(r->files, p->number);
	tls_period_free(&p);
}

/* What is due, as many as may be. */
static void
send_due(struct tls_reports *r, struct tls_period *p, int64_t now_s)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (r->active < TLS_REPORTS_ACTIVE_MAX && map_next(p->domains, &at, &key, &value)) {
		struct tls_domain *d = value;

		if (!d->is_busy && d->due_s <= now_s)
			tls_report_send(r, p, d);
	}
}

static void
look_at(struct tls_reports *r, struct tls_period *p, int64_t now_s)
{
	if (map_count(p->domains) == 0 || (now_s - p->end_s > STALE_S && r->active == 0))
		remove_period(r, p);
	else
		send_due(r, p, now_s);
}

void
tls_reports_write(struct tls_reports *r)
{
	bool has_failed = tls_files_have_failed(r->files);
	struct tls_period *p;

	TAILQ_FOREACH (p, &r->periods, link)
		if (p->is_changed || has_failed)
			p->is_changed = !tls_files_write(r->files, p);
}

void
tls_reports_look(struct tls_reports *r)
{
	bool may_send = peer_is_connected(role_peer(r->queue->role, ROLE_RELAY, 0)) && !r->queue->is_draining;
	struct tls_period *p = current(r), *next;
	int64_t now_s = queue_now_s();

	if (++r->looks % LOOKS_A_WRITING == 0)
		tls_reports_write(r);
	if (r->queue->config->tls_reports == TLS_REPORTS_NO || !may_send)
		return;
	/* One that a clock began which was wrong would go on until that day. */
	if (p && (now_s >= day_of(p->begin_s) + DAY_S || now_s < p->begin_s - DAY_S))
		tls_reports_end_period(r, day_of(p->begin_s) + DAY_S, DELAY_MOST_S);
	for (p = TAILQ_FIRST(&r->periods); p && p->end_s; p = next) {
		next = TAILQ_NEXT(p, link);
		look_at(r, p, now_s);
	}
}

/* ---- its life */

/* Sorted in by number. */
static void
found(void *arg, struct tls_period *p)
{
	struct tls_reports *r = arg;
	struct tls_period *other;

	if (p->number > r->last_number)
		r->last_number = p->number;
	if (p->end_s > r->last_end_s)
		r->last_end_s = p->end_s;
	TAILQ_FOREACH (other, &r->periods, link)
		if (other->number > p->number) {
			TAILQ_INSERT_BEFORE(other, p, link);
			return;
		}
	TAILQ_INSERT_TAIL(&r->periods, p, link);
}

int
tls_reports_open(struct queue *q, struct tls_reports **out, struct fault *f)
{
	char state[ROLES_PATH_MAX], path[ROLES_PATH_MAX + 16];
	struct tls_reports *r;

	if (roles_path(q->config, ROLE_QUEUE, PLACE_STATE, state) != 0)
		return fault_set(f, FAULT_PERM, "no state directory");
	(void)snprintf(path, sizeof path, "%s/tls", state);
	r = NEW(struct tls_reports);
	r->queue = q;
	TAILQ_INIT(&r->periods);
	LIST_INIT(&r->deliveries);
	*out = r;
	return tls_files_open(path, found, r, &r->files, f);
}

void
tls_reports_close(struct tls_reports **reports)
{
	struct tls_reports *r = *reports;
	struct tls_period *p;

	*reports = NULL;
	if (!r)
		return;
	tls_reports_abort(r);
	if (r->files)
		tls_reports_write(r);
	tls_files_close(&r->files);
	while ((p = TAILQ_FIRST(&r->periods))) {
		TAILQ_REMOVE(&r->periods, p, link);
		tls_period_free(&p);
	}
	memory_free(r);
}
