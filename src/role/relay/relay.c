/* The role's hooks: what comes from the queue, where to connect from, the orderly end. */
#include "role/relay/relay.h"

#include "base/memory.h"
#include "role/relay/plan.h"
#include "role/relay/relay_internal.h"

enum { DRAIN_LOOK_MS = 50 };

/* OpenSSL reads its files when the first context is made.  Without certificates to trust, mail that needs them waits. */
static int
before_jail(struct role_self *r, struct fault *f)
{
	struct relay *relay = NEW(struct relay);

	r->state = relay;
	relay->tls = tls_client_context(r->config->outgoing_ca_file, f);
	if (f->kind != FAULT_NONE)
		event(NULL, EV_TLS_CERTIFICATE, TEXT("file", r->config->outgoing_ca_file), STR("error", f->text));
	relay->policies = policies_new(SSL_CTX_get_cert_store(relay->tls));
	relay->tls_calls = tls_calls_new(SSL_CTX_get_cert_store(relay->tls));
	return 0;
}

static void
set_sources(struct relay *relay)
{
	const struct config_texts *texts = &relay->config->source_addresses;
	struct fault f;

	relay->sources[0].len = relay->sources[1].len = 0;
	for (size_t i = 0; i < texts->count; i++) {
		struct net_address a;

		if (net_address_parse(texts->at[i], 0, &a, &f) == 0)
			relay->sources[a.storage.ss_family == AF_INET6] = a;
	}
}

const struct net_address *
relay_source(const struct relay *relay, const struct net_address *to)
{
	const struct net_address *source = &relay->sources[to->storage.ss_family == AF_INET6];

	return source->len > 0 ? source : NULL;
}

void
relay_count(struct map *counts, struct bytes key, intptr_t by)
{
	intptr_t count = (intptr_t)map_get(counts, key) + by;

	if (count > 0)
		(void)map_put(counts, key, (void *)count); /* NOLINT(performance-no-int-to-ptr) */
	else
		(void)map_remove(counts, key);
}

/* Ends when the last mail that was begun has its results. */
static void
end_when_done(struct timer *t)
{
	struct relay *relay = (struct relay *)((char *)t - offsetof(struct relay, end_of_drain));

	sessions_end_idle(relay, 0);
	/* Who was told QUIT is not waited for. */
	if (TAILQ_EMPTY(&relay->active))
		role_end(relay->role);
}

static int
start(struct role_self *r, struct fault *f)
{
	struct relay *relay = r->state;

	(void)f;
	relay->role = r;
	relay->loop = r->loop;
	relay->config = r->config;
	relay->hops = map_new();
	relay->networks = map_new();
	TAILQ_INIT(&relay->active);
	TAILQ_INIT(&relay->waiting);
	TAILQ_INIT(&relay->plans);
	TAILQ_INIT(&relay->sessions);
	idle_init(&relay->idle);
	timer_init(&relay->end_of_drain, r->loop, end_when_done);
	set_sources(relay);
	policies_start(relay->policies, r->loop, r->config);
	tls_calls_start(relay->tls_calls, relay);
	return 0;
}

static int
reload(struct role_self *r, const struct config *old, struct fault *f)
{
	struct relay *relay = r->state;

	(void)old, (void)f;
	relay->config = r->config;
	policies_set_config(relay->policies, r->config);
	set_sources(relay);
	/* What is asked of TLS may be more now. */
	sessions_retire(relay);
	sending_start_waiting(relay);
	return 0;
}

/* They stay who they are when the other side starts anew. */
static void
peer_connected(struct role_self *r, struct peer *p)
{
	struct relay *relay = r->state;

	if (peer_role(p) == ROLE_QUEUE)
		relay->queue = p;
	else if (peer_role(p) == ROLE_RESOLVER)
		relay->resolver = p;
	policies_set_peers(relay->policies, relay->resolver, relay->queue);
}

static void
message(struct role_self *r, struct peer *p, const struct message *m)
{
	struct relay *relay = r->state;

	(void)p;
	if (m->type == MESSAGE_SEND) {
		sending_new(relay, m);
		return;
	}
	if (m->type == MESSAGE_PLAN)
		plan_new(relay, &m->u.plan);
	if (m->type == MESSAGE_POLICY)
		policies_restore(relay->policies, &m->u.policy);
	if (m->type == MESSAGE_FIND_TARGETS)
		tls_calls_find(relay->tls_calls, &m->u.find_targets);
	if (m->type == MESSAGE_POST_REPORT)
		tls_calls_post(relay->tls_calls, &m->u.post_report);
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
}

static void
abort_waiting(struct relay *relay)
{
	struct sending *s;

	while ((s = TAILQ_FIRST(&relay->waiting)))
		sending_abort(s);
}

/* A new queue begins with what its spool says is not sent. */
static void
peer_lost(struct role_self *r, struct peer *p)
{
	struct relay *relay = r->state;
	struct sending *s;

	if (peer_role(p) != ROLE_QUEUE)
		return;
	plan_abort_all(relay);
	tls_calls_abort(relay->tls_calls);
	abort_waiting(relay);
	while ((s = TAILQ_FIRST(&relay->active)))
		sending_abort(s);
}

static void
drain(struct role_self *r, uint32_t within_ms)
{
	struct relay *relay = r->state;
	struct sending *s;

	(void)within_ms;
	relay->is_draining = true;
	while ((s = TAILQ_FIRST(&relay->waiting)))
		sending_refuse(s, "the server is going away");
	timer_start(&relay->end_of_drain, 0, DRAIN_LOOK_MS);
}

static void
relay_closed(struct timer *t)
{
	struct relay *relay = (struct relay *)((char *)t - offsetof(struct relay, end_of_drain));

	map_free(&relay->hops);
	map_free(&relay->networks);
	SSL_CTX_free(relay->tls);
	memory_free(relay);
}

static void
end(struct role_self *r)
{
	struct relay *relay = r->state;
	struct session *session;
	struct sending *s;

	plan_abort_all(relay);
	abort_waiting(relay);
	while ((s = TAILQ_FIRST(&relay->active)))
		sending_abort(s);
	tls_calls_free(&relay->tls_calls);
	while ((session = TAILQ_FIRST(&relay->sessions)))
		session_drop(session);
	policies_free(&relay->policies);
	timer_close(&relay->end_of_drain, relay_closed);
}

const struct role_hooks relay_hooks = {
	.before_jail = before_jail,
	.start = start,
	.reload = reload,
	.peer_connected = peer_connected,
	.message = message,
	.peer_lost = peer_lost,
	.drain = drain,
	.end = end,
};
