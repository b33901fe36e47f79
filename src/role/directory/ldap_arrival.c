#include "role/directory/ldap_arrival.h"

#include "base/memory.h"
#include "sys/net.h"

/* Lives until the loop has let go of it. */
struct watched {
	struct watch watch;
	struct ldap_arrival *arrival;
	int fd;
};

struct ldap_arrival {
	struct loop *loop;
	struct watched *watched; /* NULL: nothing */
	void (*arrived)(void *arg);
	void *arg;
};

struct ldap_arrival *
ldap_arrival_new(struct loop *loop, void (*arrived)(void *arg), void *arg)
{
	struct ldap_arrival *a = NEW(struct ldap_arrival);

	a->loop = loop;
	a->arrived = arrived;
	a->arg = arg;
	return a;
}

static void
closed(struct watch *watch)
{
	struct watched *w = (struct watched *)watch;

	net_close(w->fd);
	memory_free(w);
}

void
ldap_arrival_stop(struct ldap_arrival *a)
{
	if (a->watched)
		watch_close(&a->watched->watch, closed);
	a->watched = NULL;
}

static void
ready(struct watch *watch, unsigned int events)
{
	struct ldap_arrival *a = ((struct watched *)watch)->arrival;

	(void)events;
	ldap_arrival_stop(a);
	a->arrived(a->arg);
}

void
ldap_arrival_watch(struct ldap_arrival *a, int fd)
{
	ldap_arrival_stop(a);
	if (fd < 0)
		return;
	a->watched = NEW(struct watched);
	a->watched->arrival = a;
	a->watched->fd = fd;
	watch_init(&a->watched->watch, a->loop, fd, ready);
	watch_want(&a->watched->watch, LOOP_READABLE);
}

void
ldap_arrival_free(struct ldap_arrival **at)
{
	if (!*at)
		return;
	ldap_arrival_stop(*at);
	memory_free(*at);
	*at = NULL;
}
