/* A period begins with its first session and ends at midnight (UTC), or when the administrator asks for the reports.  RFC 8460 4.1: reports are about
   a whole day, and go out some time after it, not all at midnight.

   T1  One period goes on at most: the last.
   T2  A period begins where the one before ended, or later.  So no day is told of twice, though the clock is put back: what is counted then belongs to
       the period that goes on, or to one that begins later than the clock says.  The last that ended stays, even when all of it is told.
   T3  No clock that was wrong and is put right holds up a report for longer than CLOCK_BACK_MOST_S and a day: by more it was wrong before, and T2 is
       let go. */
#include "role/queue/tls_report_internal.h"

#include "role/roles.h"
#include "sys/random.h"

#include <stdio.h>

enum {
	DAY_S = 86400,
	DELAY_MOST_S = 4 * 3600, /* RFC 8460 4.1: "a random delay of up to four hours" */
	CLOCK_BACK_MOST_S = 3 * DAY_S,
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

/* T2, T3 */
static int64_t
begin_of_next(const struct tls_reports *r, int64_t now_s)
{
	if (r->last_end_s - now_s > CLOCK_BACK_MOST_S)
		return now_s;
	return r->last_end_s > day_of(now_s) ? r->last_end_s : day_of(now_s);
}

static struct tls_period *
begin_period(struct tls_reports *r, int64_t now_s)
{
	struct tls_period *p;

	r->last_number = now_s > r->last_number ? now_s : r->last_number + 1;
	p = tls_period_new(r->last_number, begin_of_next(r, now_s));
	TAILQ_INSERT_TAIL(&r->periods, p, link);
	return p;
}

/* One that the administrator ended in its first second has that one. */
static void
end_period(struct tls_reports *r, struct tls_period *p, int64_t end_s, uint32_t delay_most_s)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	p->end_s = r->last_end_s = end_s > p->begin_s ? end_s : p->begin_s + 1;
	p->is_changed = true;
	while (map_next(p->domains, &at, &key, &value)) {
		struct tls_domain *d = value;

		d->due_s = queue_now_s() + (delay_most_s ? (int64_t)(random_number() % delay_most_s) : 0);
		d->until_s = d->due_s + TLS_REPORTS_DAY_S;
	}
}

void
tls_reports_end_period(struct tls_reports *r, int64_t end_s, uint32_t delay_most_s)
{
	struct tls_period *p = current(r);

	if (p)
		end_period(r, p, end_s, delay_most_s);
}

/* T3: one that a clock began which was wrong would go on until that day. */
static void
end_if_over(struct tls_reports *r, int64_t now_s)
{
	struct tls_period *p = current(r);

	if (p && (now_s >= day_of(p->begin_s) + DAY_S || p->begin_s - now_s > CLOCK_BACK_MOST_S))
		end_period(r, p, day_of(p->begin_s) + DAY_S, DELAY_MOST_S);
}

void
tls_reports_count(struct tls_reports *r, const struct ipc_tls_session *m)
{
	int64_t now_s = queue_now_s();
	struct tls_period *p;

	if (r->queue->config->tls_reports == TLS_REPORTS_NO)
		return;
	end_if_over(r, now_s);
	p = current(r);
	tls_period_count(p ? p : begin_period(r, now_s), m);
}

/* ---- time */

static void
remove_period(struct tls_reports *r, struct tls_period *p)
{
	TAILQ_REMOVE(&r->periods, p, link);
	tls_files_remove(r->files, p->number);
	tls_period_free(&p);
}

/* T3: what waits for longer than a day was put off by a clock that was put back since. */
static bool
is_due(struct tls_domain *d, int64_t now_s)
{
	if (d->due_s - now_s > TLS_REPORTS_DAY_S)
		d->due_s = now_s;
	if (d->until_s - now_s > 2 * TLS_REPORTS_DAY_S)
		d->until_s = now_s + TLS_REPORTS_DAY_S;
	return d->due_s <= now_s;
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

		if (!d->is_busy && is_due(d, now_s))
			tls_report_send(r, p, d);
	}
}

static void
drop(struct tls_period *p)
{
	uint64_t successes, failed;
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(p->domains, &at, &key, &value)) {
		tls_domain_sum(value, &successes, &failed);
		event(NULL, EV_TLSRPT_DROPPED, TEXT("domain", key), INT("begin_s", p->begin_s), INT("end_s", p->end_s), INT("successes", successes),
			INT("failures", failed));
	}
}

static void
look_at(struct tls_reports *r, struct tls_period *p, int64_t now_s)
{
	bool is_stale = now_s - p->end_s > STALE_S && r->active == 0;

	if (is_stale)
		drop(p);
	if (is_stale || (map_count(p->domains) == 0 && TAILQ_NEXT(p, link))) /* T2 */
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
	int64_t now_s = queue_now_s();
	struct tls_period *p, *next;

	if (++r->looks % LOOKS_A_WRITING == 0)
		tls_reports_write(r);
	if (r->queue->config->tls_reports == TLS_REPORTS_NO || !may_send)
		return;
	end_if_over(r, now_s);
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
	TAILQ_FOREACH (other, &r->periods, link)
		if (other->number > p->number) {
			TAILQ_INSERT_BEFORE(other, p, link);
			return;
		}
	TAILQ_INSERT_TAIL(&r->periods, p, link);
}

/* T1: the end of a period that is not the last may be missing, since its writing failed before the power went. */
static void
end_all_but_the_last(struct tls_reports *r)
{
	struct tls_period *p, *next;

	TAILQ_FOREACH (p, &r->periods, link) {
		int64_t midnight_s = day_of(p->begin_s) + DAY_S;

		next = TAILQ_NEXT(p, link);
		if (p->end_s)
			r->last_end_s = p->end_s;
		else if (next)
			end_period(r, p, next->begin_s > p->begin_s && next->begin_s < midnight_s ? next->begin_s : midnight_s, DELAY_MOST_S);
	}
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
	if (tls_files_open(path, found, r, &r->files, f) != 0)
		return -1;
	end_all_but_the_last(r);
	return 0;
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
