#include "role/directory/ldap_bind_probe.h"

#include "base/memory.h"
#include "sys/pool.h"
#include "sys/time.h"

enum { AWAY_MS = 1000, PREFERRED_MS = 10000 };

/* The thread owns link, and while is_running has_found. */
struct ldap_bind_probe {
	struct pool *pool;
	struct job job;
	struct wake wake;
	struct timer due, watchdog;
	int open_handles; /* wake and timers */
	struct ldap_bind_servers *servers;
	struct ldap_bind_link link;
	void (*ended)(void *arg, bool has_found);
	void *arg;
	size_t count; /* of servers that are asked */
	bool is_away, is_running, has_found;
	uint64_t planned_ms; /* the delay of the one that is planned; 0: none is */
};

/* On the thread. */
static void
run(struct job *job)
{
	struct ldap_bind_probe *p = (void *)((uint8_t *)job - offsetof(struct ldap_bind_probe, job));
	struct fault f;

	p->has_found = ldap_bind_link_probe(&p->link, p->count, &f);
	wake_send(&p->wake);
}

static void
woken(struct wake *wake)
{
	struct ldap_bind_probe *p = (void *)((uint8_t *)wake - offsetof(struct ldap_bind_probe, wake));

	p->is_running = false;
	timer_stop(&p->watchdog);
	p->ended(p->arg, p->has_found);
}

static void
keep_watch(struct timer *watchdog)
{
	struct ldap_bind_probe *p = (void *)((uint8_t *)watchdog - offsetof(struct ldap_bind_probe, watchdog));

	timer_start(watchdog, (uint64_t)ldap_bind_link_watch(&p->link, time_now().mono_us) / 1000 + 1, 0);
}

/* 0: there is no reason to ask. */
static uint64_t
delay_ms(const struct ldap_bind_probe *p)
{
	if (p->is_away)
		return AWAY_MS;
	return atomic_load(&p->servers->current) > 0 ? PREFERRED_MS : 0;
}

static void
fired(struct timer *due)
{
	struct ldap_bind_probe *p = (void *)((uint8_t *)due - offsetof(struct ldap_bind_probe, due));

	p->planned_ms = 0;
	if (p->is_running || delay_ms(p) == 0)
		return;
	p->is_running = true;
	p->count = p->is_away ? p->servers->count : atomic_load(&p->servers->current);
	p->job.run = run;
	pool_add(p->pool, NULL, &p->job);
	keep_watch(&p->watchdog);
}

void
ldap_bind_probe_plan(struct ldap_bind_probe *p, bool is_away)
{
	uint64_t delay;

	p->is_away = is_away;
	delay = delay_ms(p);
	if (delay == 0 || p->is_running || p->planned_ms == delay)
		return;
	p->planned_ms = delay;
	timer_start(&p->due, delay, 0);
}

struct ldap_bind_probe *
ldap_bind_probe_new(struct loop *loop, struct ldap_bind_servers *servers, void (*ended)(void *arg, bool has_found), void *arg)
{
	struct ldap_bind_probe *p = NEW(struct ldap_bind_probe);

	p->servers = servers;
	p->ended = ended;
	p->arg = arg;
	ldap_bind_link_init(&p->link, servers);
	wake_init(&p->wake, loop, woken);
	timer_init(&p->due, loop, fired);
	timer_init(&p->watchdog, loop, keep_watch);
	p->open_handles = 3;
	p->pool = pool_new(1);
	return p;
}

static void
closed(struct ldap_bind_probe *p)
{
	if (--p->open_handles == 0)
		memory_free(p);
}

static void
wake_is_closed(struct wake *wake)
{
	closed((void *)((uint8_t *)wake - offsetof(struct ldap_bind_probe, wake)));
}

static void
due_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_bind_probe, due)));
}

static void
watchdog_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_bind_probe, watchdog)));
}

void
ldap_bind_probe_free(struct ldap_bind_probe **at)
{
	struct ldap_bind_probe *p = *at;

	*at = NULL;
	ldap_bind_link_cancel(&p->link);
	pool_free(&p->pool);
	ldap_bind_link_done(&p->link);
	wake_close(&p->wake, wake_is_closed);
	timer_close(&p->due, due_is_closed);
	timer_close(&p->watchdog, watchdog_is_closed);
}
