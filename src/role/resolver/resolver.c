/* The role: LOOK_UP comes in, LOOKED_UP goes out; everything between is lookups.c's. */
#include "role/resolver/resolver.h"

#include "role/resolver/lookups.h"

static int
before_jail(struct role_self *r, struct fault *f)
{
	r->state = lookups_new(r->loop, f);
	return r->state ? 0 : -1;
}

static int
start(struct role_self *r, struct fault *f)
{
	(void)f;
	lookups_configure(r->state, r->config);
	return 0;
}

static int
reload(struct role_self *r, const struct config *old, struct fault *f)
{
	(void)old;
	(void)f;
	lookups_configure(r->state, r->config);
	return 0;
}

static void
on_answered(void *arg, uint64_t request, const struct cache_result *result, uint32_t ttl_s)
{
	struct message m = { .type = MESSAGE_LOOKED_UP };

	m.u.looked_up = (struct ipc_looked_up){
		.request = request,
		.answer = (uint8_t)result->answer,
		.is_authentic = result->is_authentic,
		.ttl_s = ttl_s,
		.canonical = result->canonical,
		.records = result->records,
	};
	/* A peer that is gone has nobody who waits. */
	(void)!peer_send(arg, &m);
}

static void
on_message(struct role_self *r, struct peer *p, const struct message *m)
{
	if (m->type == MESSAGE_LOOK_UP)
		lookups_ask(r->state, m->u.look_up.record, m->u.look_up.name, on_answered, p, m->u.look_up.request);
}

static void
on_lost(struct role_self *r, struct peer *p)
{
	lookups_forget(r->state, p);
}

static void
end(struct role_self *r)
{
	struct lookups *l = r->state;

	lookups_free(&l);
}

const struct role_hooks resolver_hooks = {
	.before_jail = before_jail,
	.start = start,
	.reload = reload,
	.message = on_message,
	.peer_lost = on_lost,
	.end = end,
};
