#include "role/queue/queue.h"

#include "role/queue/explanation.h"
#include "role/queue/queue_internal.h"
#include "role/queue/tls_report.h"
#include "role/queue/walk.h"
#include "role/roles.h"
#include "sys/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, LOOKS_A_SWEEP = 10, CLOCK_STEP_S = 30, SPOOL_THREADS = 4, BATCH_RECIPIENTS_MAX = 100 };

static struct queue *
queue_of(struct role_self *r)
{
	return r->state;
}

int64_t
queue_now_s(void)
{
	return time_now().wall_us / 1000000;
}

static struct schedule_limits
limits_of(const struct config *c)
{
	return (struct schedule_limits){
		.batches_max = c->outgoing_max,
		.destination_batches_max = c->outgoing_per_host_max,
		.batch_recipients_max = BATCH_RECIPIENTS_MAX,
		.retry_first_s = c->queue_retry_first_s,
		.retry_most_s = c->queue_retry_most_s,
	};
}

void
queue_set_login(const struct queue *q, struct bytes sender, struct hop *hop)
{
	const struct config_login *login = NULL;

	if (hop->kind == HOP_KIND_RELAY && hop->protocol == HOP_SMTP)
		login = config_login_for(q->config, hop->host, sender);
	hop->login = login ? login->sender : BYTES_NONE;
}

struct hop
queue_hop(const struct queue *q, const struct delivery *d, struct domain *space)
{
	struct hop hop = { .kind = HOP_KIND_MAILBOXES };

	if (!route_to_target(delivery_way(d), &hop) && !(delivery_message(d)->flags & (QUEUE_ASK_DIRECTORY | SEND_MAILBOXES | SEND_EXPANDED)))
		(void)route_find(q->config, queued_sender(delivery_message(d)), delivery_address(d), space, &hop);
	queue_set_login(q, queued_sender(delivery_message(d)), &hop);
	return hop;
}

void
queue_schedule(struct queue *q, struct delivery *d)
{
	struct domain space;
	struct hop hop = queue_hop(q, d, &space);

	schedule_add(q->schedule, d, &hop, queue_now_s());
}

void
queue_insert(struct queue *q, struct queued *m)
{
	LIST_INSERT_HEAD(&q->messages, m, link);
	q->count++;
	for (uint16_t i = 0; i < m->count; i++)
		if (m->at[i].state == DELIVERY_WAITING)
			queue_schedule(q, &m->at[i]);
}

static void
set_timer(struct queue *q)
{
	int64_t next = schedule_next_s(q->schedule), now = queue_now_s();

	if (q->is_draining || next == INT64_MAX)
		timer_stop(&q->timer);
	else
		timer_start(&q->timer, next > now ? (uint64_t)(next - now) * 1000 : 1, 0);
}

void
queue_kick(struct queue *q)
{
	struct batch batch;

	schedule_set_relay(q->schedule, peer_is_connected(role_peer(q->role, ROLE_RELAY, 0)));
	while (!q->is_draining && schedule_next(q->schedule, queue_now_s(), &batch)) {
		if (queue_return_late(q, &batch))
			continue;
		switch (batch.destination->hop.kind) {
		case HOP_KIND_RELAY:
			queue_relay(q, &batch);
			break;
		case HOP_KIND_MAILBOXES:
			queue_deliver(q, &batch);
			break;
		case HOP_KIND_NOBODY:
			queue_refuse(q, &batch);
			break;
		}
	}
	set_timer(q);
}

static void
due(struct timer *t)
{
	queue_kick((struct queue *)((char *)t - offsetof(struct queue, timer)));
}

static void
end_if_done(struct queue *q)
{
	if (q->is_draining && !q->arrivals && !q->reports && schedule_active(q->schedule) == 0)
		role_end(q->role);
}

static int64_t
clock_ahead_s(void)
{
	struct moment now = time_now();

	return (now.wall_us - now.mono_us) / 1000000;
}

/* The clock went from before_s to now_s. */
static void
follow(struct queued *m, int64_t before_s, int64_t now_s)
{
	bool came_before = m->arrived_s <= before_s && (before_s < now_s || m->arrived_s > now_s);
	int64_t arrived_s = m->arrived_s + now_s - before_s;

	if (came_before)
		m->arrived_s = arrived_s > 0 ? (uint32_t)arrived_s : 0;
}

/* Somebody put the clock right, or wrong: what came while it was otherwise is as old as it was before.  What waits is not touched when the
   clock went forward: an attempt that is early does no harm. */
static void
follow_clock(struct queue *q)
{
	int64_t ahead_s = clock_ahead_s(), by_s = ahead_s - q->clock_ahead_s, now_s = queue_now_s();
	struct queued *m;

	if (by_s > -CLOCK_STEP_S && by_s < CLOCK_STEP_S)
		return;
	q->clock_ahead_s = ahead_s;
	LIST_FOREACH (m, &q->messages, link)
		follow(m, now_s - by_s, now_s);
	if (by_s < 0)
		schedule_put_back(q->schedule, (uint32_t)-by_s);
	queue_kick(q);
}

static void
look(struct timer *t)
{
	struct queue *q = (struct queue *)((char *)t - offsetof(struct queue, sweep));

	if (!spool_is_sound(q->spool)) {
		event(NULL, EV_QUEUE_FAILED, STR("what", "journal"), STR("why", "it has to be opened anew"));
		role_end(q->role);
		return;
	}
	q->has_room = spool_has_room(q->spool);
	follow_clock(q);
	queue_keep_changed(q);
	if (++q->looks % LOOKS_A_SWEEP == 0)
		queue_sweep(q);
	tls_reports_look(q->tls_reports);
	end_if_done(q);
}

static void
woken(struct wake *w)
{
	struct queue *q = (struct queue *)((char *)w - offsetof(struct queue, wake));

	if (q->spool)
		spool_run(q->spool);
	end_if_done(q);
}

static void
wake(void *arg)
{
	struct queue *q = arg;

	wake_send(&q->wake);
}

static void
put_all(void *arg, struct spool *s)
{
	struct queue *q = arg;
	struct queued *m;

	LIST_FOREACH (m, &q->messages, link)
		spool_put(s, m);
}

static void
found(void *arg, struct queued *m)
{
	queue_insert(arg, m);
}

/* The newest first. */
static int
compare_age(const void *a, const void *b)
{
	const struct queued *const *x = a, *const *y = b;

	if ((*x)->arrived_s != (*y)->arrived_s)
		return (*x)->arrived_s < (*y)->arrived_s ? 1 : -1;
	return memcmp((*y)->id.text, (*x)->id.text, MAIL_ID_LEN);
}

/* The spool finds them in any order. */
static void
sort_messages(struct queue *q)
{
	struct queued **all = memory_new_array(q->count + 1, sizeof *all), *m;
	size_t count = 0;

	LIST_FOREACH (m, &q->messages, link)
		all[count++] = m;
	qsort(all, count, sizeof *all, compare_age);
	LIST_INIT(&q->messages);
	while (count-- > 0)
		LIST_INSERT_HEAD(&q->messages, all[count], link);
	memory_free(all);
}

static int
open_spool(struct queue *q, struct fault *f)
{
	char path[ROLES_PATH_MAX];
	struct spool_settings settings = {
		.directory = path,
		.journal_octets_max = q->config->journal_octets_max,
		.reserve_octets = ROLES_RESERVE_OCTETS,
		.threads = SPOOL_THREADS,
		.wake = wake,
		.put_all = put_all,
		.arg = q,
	};

	if (roles_path(q->config, ROLE_QUEUE, PLACE_STATE, path) != 0)
		return fault_set(f, FAULT_PERM, "no state directory");
	if (spool_open(&settings, found, &q->spool, f) != 0)
		return -1;
	sort_messages(q);
	return 0;
}

static void
ask(void *arg, struct control_question *question, struct bytes line)
{
	if (explanation_takes(line))
		explanation_ask(arg, question, line);
	else if (tls_reports_takes(line))
		tls_reports_ask(((struct queue *)arg)->tls_reports, question, line);
	else
		walk_ask(arg, question, line);
}

static const struct control_handlers control_handlers = { .ask = ask };

static int
open_kept(struct queue *q, struct fault *f)
{
	char state[ROLES_PATH_MAX], path[ROLES_PATH_MAX + 16];

	if (roles_path(q->config, ROLE_QUEUE, PLACE_STATE, state) != 0)
		return fault_set(f, FAULT_PERM, "no state directory");
	(void)snprintf(path, sizeof path, "%s/policies", state);
	return kept_open(path, queue_now_s(), &q->kept, f);
}

static void
read_keys(struct queue *q)
{
	struct fault f;

	signer_free(&q->signer);
	q->signer = signer_new(q->config, &f);
	if (f.kind != FAULT_NONE)
		event(NULL, EV_QUEUE_UNSIGNED, STR("cause", f.text));
}

static int
start(struct role_self *r, struct fault *f)
{
	struct queue *q = NEW(struct queue);
	struct schedule_limits limits = limits_of(r->config);
	uint64_t seed;

	random_fill(&seed, sizeof seed);
	q->role = r;
	q->config = r->config;
	q->schedule = schedule_new(&limits, seed);
	LIST_INIT(&q->messages);
	q->changed = map_new();
	read_keys(q);
	q->clock_ahead_s = clock_ahead_s();
	q->started_s = time_now().mono_us / 1000000;
	LIST_INIT(&q->walks);
	LIST_INIT(&q->explanations);
	q->control = control_new(r->loop, &control_handlers, q);
	r->state = q;
	wake_init(&q->wake, r->loop, woken);
	timer_init(&q->timer, r->loop, due);
	timer_init(&q->sweep, r->loop, look);
	if (open_spool(q, f) != 0 || open_kept(q, f) != 0 || tls_reports_open(q, &q->tls_reports, f) != 0)
		return -1;
	q->has_room = spool_has_room(q->spool);
	if (q->count)
		event(NULL, EV_QUEUE_LOADED, INT("messages", q->count),
			INT("destinations", schedule_destinations(q->schedule)));
	timer_start(&q->sweep, LOOK_MS, LOOK_MS);
	return 0;
}

static void
move(struct queue *q, struct delivery *d)
{
	struct domain space;
	struct hop hop = queue_hop(q, d, &space);

	schedule_move(q->schedule, d, &hop, queue_now_s());
}

/* Routes may lead elsewhere now. */
static int
reload(struct role_self *r, const struct config *old, struct fault *f)
{
	struct queue *q = queue_of(r);
	struct schedule_limits limits = limits_of(r->config);
	struct queued *m;

	(void)old;
	(void)f;
	q->config = r->config;
	read_keys(q);
	schedule_set_limits(q->schedule, &limits);
	LIST_FOREACH (m, &q->messages, link)
		for (uint16_t i = 0; i < m->count; i++)
			if (delivery_is_idle(&m->at[i]))
				move(q, &m->at[i]);
	queue_kick(q);
	return 0;
}

static void
listen_to(struct role_self *r, const struct role_listener *l)
{
	if (l->service == SERVICE_QUEUE_CONTROL)
		control_listen(queue_of(r)->control, l->fd);
}

static void
unlisten(struct role_self *r, const struct role_listener *l)
{
	if (l->service == SERVICE_QUEUE_CONTROL)
		control_unlisten(queue_of(r)->control);
}

static void
connected(struct role_self *r, struct peer *p)
{
	/* Before any mail. */
	if (peer_role(p) == ROLE_RELAY)
		kept_tell(queue_of(r)->kept, p);
	queue_kick(queue_of(r));
}

static void
lost(struct role_self *r, struct peer *p)
{
	if (peer_role(p) == ROLE_FRONT)
		queue_forget_front(queue_of(r), p);
}

static void
message(struct role_self *r, struct peer *p, const struct message *m)
{
	if (m->type == MESSAGE_ENQUEUE)
		queue_enqueue(queue_of(r), p, m);
	else if (m->type == MESSAGE_SIGN)
		queue_sign(queue_of(r), p, &m->u.sign);
	else if (m->type == MESSAGE_KEEP_POLICY)
		kept_put(queue_of(r)->kept, &m->u.keep_policy);
	else if (m->type == MESSAGE_TLS_SESSION)
		tls_reports_count(queue_of(r)->tls_reports, &m->u.tls_session);
}

static void
drain(struct role_self *r, uint32_t within_ms)
{
	struct queue *q = queue_of(r);

	(void)within_ms;
	q->is_draining = true;
	control_unlisten(q->control);
	timer_stop(&q->timer);
	end_if_done(q);
}

static void
handle_closed(struct queue *q)
{
	if (--q->open_handles == 0)
		memory_free(q);
}

static void
wake_closed(struct wake *w)
{
	handle_closed((struct queue *)((char *)w - offsetof(struct queue, wake)));
}

static void
timer_closed(struct timer *t)
{
	handle_closed((struct queue *)((char *)t - offsetof(struct queue, timer)));
}

static void
sweep_closed(struct timer *t)
{
	handle_closed((struct queue *)((char *)t - offsetof(struct queue, sweep)));
}

static void
close_handles(struct queue *q)
{
	q->open_handles = 3;
	wake_close(&q->wake, wake_closed);
	timer_close(&q->timer, timer_closed);
	timer_close(&q->sweep, sweep_closed);
}

static void
end(struct role_self *r)
{
	struct queue *q = queue_of(r);
	struct queued *m;

	if (!q)
		return;
	walk_end_all(q);
	explanation_end_all(q);
	control_free(&q->control);
	q->swept = NULL;
	if (q->spool) {
		queue_keep_changed(q);
		spool_close(&q->spool);
	}
	while ((m = LIST_FIRST(&q->messages))) {
		LIST_REMOVE(m, link);
		queued_free(&m);
	}
	tls_reports_close(&q->tls_reports);
	kept_close(&q->kept);
	signer_free(&q->signer);
	map_free(&q->changed);
	schedule_free(&q->schedule);
	close_handles(q);
	r->state = NULL;
}

const struct role_hooks queue_hooks = {
	.start = start,
	.reload = reload,
	.listen = listen_to,
	.unlisten = unlisten,
	.peer_connected = connected,
	.peer_lost = lost,
	.message = message,
	.drain = drain,
	.end = end,
};
