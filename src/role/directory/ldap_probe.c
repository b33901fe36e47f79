#include "role/directory/ldap_probe.h"

#include "base/memory.h"
#include "role/directory/image.h"
#include "sys/pool.h"
#include "sys/time.h"

enum { BETWEEN_US = 10000000 };

/* The thread owns link and, while is_running, marker and at. */
struct ldap_probe {
	struct pool *pool;
	struct strand strand;
	struct job job;
	struct wake wake;
	struct timer watchdog;
	int open_handles; /* wake and timer */
	struct ldap_link *link;
	void (*found)(void *arg, size_t server, struct bytes marker);
	void *arg;
	struct buf marker;
	size_t at, below;
	bool is_running;
	int64_t due_us; /* mono */
	struct ldap_link_server servers[CONFIG_LDAP_SERVERS_MAX]; /* as they were after the last one */
};

/* On the thread. */
static void
run(struct job *job)
{
	struct ldap_probe *p = (void *)((uint8_t *)job - offsetof(struct ldap_probe, job));
	struct fault f;

	for (p->at = 0; p->at < p->below; p->at++) {
		buf_reset(&p->marker);
		if (ldap_link_probe(p->link, p->at, &p->marker, &f) == 0)
			break;
	}
	wake_send(&p->wake);
}

static void
note_servers(struct ldap_probe *p)
{
	for (size_t i = 0; i < ldap_link_server_count(p->link); i++)
		p->servers[i] = ldap_link_server(p->link, i);
}

static void
woken(struct wake *wake)
{
	struct ldap_probe *p = (void *)((uint8_t *)wake - offsetof(struct ldap_probe, wake));

	p->is_running = false;
	timer_stop(&p->watchdog);
	note_servers(p);
	if (p->at < p->below)
		p->found(p->arg, p->at, buf_bytes(&p->marker));
}

static void
keep_watch(struct timer *watchdog)
{
	struct ldap_probe *p = (void *)((uint8_t *)watchdog - offsetof(struct ldap_probe, watchdog));

	timer_start(watchdog, (uint64_t)ldap_link_watch(p->link, time_now().mono_us) / 1000 + 1, 0);
}

struct ldap_probe *
ldap_probe_new(struct loop *loop, const struct config *config, void (*found)(void *arg, size_t server, struct bytes marker),
	void *arg)
{
	struct ldap_probe *p = NEW(struct ldap_probe);

	p->link = ldap_link_new(config);
	p->found = found;
	p->arg = arg;
	buf_init(&p->marker, IMAGE_TEXT_MAX);
	wake_init(&p->wake, loop, woken);
	timer_init(&p->watchdog, loop, keep_watch);
	p->open_handles = 2;
	note_servers(p);
	p->pool = pool_new(1);
	return p;
}

void
ldap_probe_start(struct ldap_probe *p, size_t below)
{
	int64_t now_us = time_now().mono_us;

	if (p->is_running || now_us < p->due_us)
		return;
	p->due_us = now_us + BETWEEN_US;
	p->is_running = true;
	p->below = below;
	p->job.run = run;
	pool_add(p->pool, &p->strand, &p->job);
	keep_watch(&p->watchdog);
}

struct ldap_link_server
ldap_probe_server(const struct ldap_probe *p, size_t index)
{
	return p->servers[index];
}

static void
closed(struct ldap_probe *p)
{
	if (--p->open_handles == 0)
		memory_free(p);
}

static void
wake_is_closed(struct wake *wake)
{
	closed((void *)((uint8_t *)wake - offsetof(struct ldap_probe, wake)));
}

static void
watchdog_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_probe, watchdog)));
}

void
ldap_probe_free(struct ldap_probe **at)
{
	struct ldap_probe *p = *at;

	if (!p)
		return;
	*at = NULL;
	ldap_link_cancel(p->link);
	pool_free(&p->pool);
	ldap_link_free(&p->link);
	buf_done(&p->marker);
	wake_close(&p->wake, wake_is_closed);
	timer_close(&p->watchdog, watchdog_is_closed);
}
