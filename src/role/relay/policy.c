/* For each question the TXT record is looked up (the resolver keeps it), and says whether the policy that is kept is still the one
   (RFC 8461 3.1).  Another one is fetched first, and the question waits; when that fails, what is kept holds for as long as it may (5.1), and nobody
   tries again for five minutes (3.3).  A domain without a record, and without a policy that still holds, has none.

   Entries stand in the order in which they were fetched, or tried, last.  What still holds and was not looked at for a day is fetched anew, mail or
   no mail (3.3): who can make one fetch fail must not get rid of a policy by waiting.  The queue keeps what was fetched, since the relay has
   no file; at the start it hands over what it has before the first mail. */
#include "role/relay/policy.h"

#include "base/buf.h"
#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/relay/addresses.h"
#include "role/relay/https.h"

#include <stdio.h>
#include <string.h>

enum {
	FETCH_MS = 60000, /* RFC 8461 3.3: "a suggested timeout is one minute" */
	FETCH_HURRIED_MS = 5000, /* when half of what may be fetched at a time is: servers that say nothing must not keep others' mail */
	LOOK_MS = 60000,
	REFRESHES_A_LOOK = 8,
	HTTP_OK = 200,
	HOST_ROOM = STS_DOMAIN_OCTETS_MAX + sizeof "_mta-sts.",
};
#define AGAIN_US (5 * INT64_C(60000000))
#define REFRESH_US (24 * 60 * INT64_C(60000000))

struct fetch;

struct policy_entry {
	TAILQ_ENTRY(policy_entry) link;
	char domain[STS_DOMAIN_OCTETS_MAX + 1];
	char id[STS_ID_OCTETS_MAX + 1]; /* of the policy */
	struct buf text; /* of the policy; empty: there is none */
	int64_t until_s; /* of the wall clock, it holds */
	int64_t tried_us, failed_us; /* of the steady clock: the last fetch's beginning, and its failure; 0: none */
	enum tlsrpt_result failure; /* what that was */
	struct fetch *fetch; /* under way, or NULL */
	LIST_HEAD(, policy_question) questions; /* that wait for it */
	bool is_answering;
};

struct fetch {
	TAILQ_ENTRY(fetch) link; /* while it waits for its turn */
	struct policies *policies;
	struct policy_entry *entry;
	char id[STS_ID_OCTETS_MAX + 1]; /* that the record has */
	bool is_waiting;
	struct address_search addresses;
	struct https_call *call;
};

struct policies {
	struct https *https;
	struct loop *loop;
	struct timer timer;
	struct peer *resolver, *queue;
	const struct config *config;
	uint16_t port;
	struct map *entries;
	TAILQ_HEAD(, policy_entry) by_age; /* the one that was tried longest ago is the first */
	size_t octets; /* of all texts */
	TAILQ_HEAD(, fetch) waiting;
	size_t fetches; /* under way */
};

static bool
holds(const struct policies *p, const struct policy_entry *e)
{
	return e->text.len > 0 && e->until_s >= loop_now(p->loop).wall_us / 1000000;
}

/* Has the queue keep what there is, or forget it. */
static void
keep(struct policies *p, const struct policy_entry *e)
{
	struct message m = { .type = MESSAGE_KEEP_POLICY };

	m.u.keep_policy = (struct ipc_keep_policy){ .domain = bytes_text(e->domain), .id = bytes_text(e->id),
		.until_s = (uint64_t)e->until_s, .text = buf_bytes(&e->text) };
	/* Without a queue it is fetched anew another day. */
	if (p->queue)
		(void)!peer_send(p->queue, &m);
}

static void
free_entry(struct policies *p, struct policy_entry *e)
{
	TAILQ_REMOVE(&p->by_age, e, link);
	(void)map_remove(p->entries, bytes_text(e->domain));
	p->octets -= e->text.len;
	buf_done(&e->text);
	memory_free(e);
}

static bool
is_idle(const struct policy_entry *e)
{
	return !e->fetch && !e->is_answering && LIST_EMPTY(&e->questions);
}

static void
drop_entry(struct policies *p, struct policy_entry *e)
{
	bool was_kept = e->text.len > 0;

	p->octets -= e->text.len;
	buf_reset(&e->text);
	if (was_kept)
		keep(p, e);
	free_entry(p, e);
}

static void
make_room(struct policies *p)
{
	struct policy_entry *e, *next;

	for (e = TAILQ_FIRST(&p->by_age); e && (map_count(p->entries) > POLICY_DOMAINS_MAX || p->octets > POLICY_OCTETS_MAX); e = next) {
		next = TAILQ_NEXT(e, link);
		if (is_idle(e))
			drop_entry(p, e);
	}
}

static struct policy_entry *
find_entry(struct policies *p, const char *domain)
{
	return map_get(p->entries, bytes_text(domain));
}

static struct policy_entry *
new_entry(struct policies *p, struct bytes domain)
{
	struct policy_entry *e = NEW(struct policy_entry);

	(void)snprintf(e->domain, sizeof e->domain, "%.*s", BYTES_ARG(domain));
	buf_init(&e->text, STS_POLICY_OCTETS_MAX);
	LIST_INIT(&e->questions);
	(void)map_put(p->entries, domain, e);
	TAILQ_INSERT_TAIL(&p->by_age, e, link);
	return e;
}

static void
set_text(struct policies *p, struct policy_entry *e, struct bytes id, int64_t until_s, struct bytes text)
{
	p->octets -= e->text.len;
	buf_done(&e->text);
	put_bytes(&e->text, text);
	p->octets += e->text.len;
	e->until_s = until_s;
	(void)snprintf(e->id, sizeof e->id, "%.*s", BYTES_ARG(id));
}

static void
answer(struct policies *p, struct policy_question *q, const struct policy_entry *e)
{
	struct sts_policy policy;

	q->is_sure &= !e || !e->failed_us;
	q->failure = e && e->failed_us ? e->failure : TLSRPT_SUCCESS;
	q->answered(q, e && holds(p, e) && sts_policy_parse(buf_bytes(&e->text), &policy) ? &policy : NULL);
}

static void
answer_all(struct policies *p, struct policy_entry *e)
{
	struct policy_question *q;

	e->is_answering = true;
	while ((q = LIST_FIRST(&e->questions))) {
		LIST_REMOVE(q, link);
		q->is_waiting = false;
		answer(p, q, e);
	}
	e->is_answering = false;
}

/* ---- fetching */

static void begin_fetch(struct policies *p, struct fetch *f);

static void
free_fetch(struct fetch *f)
{
	struct policies *p = f->policies;

	if (f->is_waiting)
		TAILQ_REMOVE(&p->waiting, f, link);
	else
		p->fetches--;
	addresses_forget(&f->addresses);
	if (f->call)
		https_forget(f->call);
	f->entry->fetch = NULL;
	memory_free(f);
}

/* Who asked hears, and the next fetch begins. */
static void
end_fetch(struct fetch *f)
{
	struct policies *p = f->policies;
	struct policy_entry *e = f->entry;

	free_fetch(f);
	answer_all(p, e);
	make_room(p);
	f = TAILQ_FIRST(&p->waiting);
	if (f && p->fetches < POLICY_FETCHES_MAX) {
		TAILQ_REMOVE(&p->waiting, f, link);
		begin_fetch(p, f);
	}
}

static void
fail_fetch(struct fetch *f, enum tlsrpt_result failure, const char *why)
{
	struct policies *p = f->policies;
	struct policy_entry *e = f->entry;

	e->failed_us = loop_now(p->loop).mono_us;
	e->failure = failure;
	event(NULL, EV_STS_FAILED, STR("domain", e->domain), STR("failure", tlsrpt_result_name(failure)), STR("reason", why),
		STR("policy", holds(p, e) ? "kept" : "none"));
	end_fetch(f);
}

static void
succeed_fetch(struct fetch *f, const struct sts_policy *policy)
{
	struct policies *p = f->policies;
	struct policy_entry *e = f->entry;

	e->failed_us = 0;
	set_text(p, e, bytes_text(f->id), loop_now(p->loop).wall_us / 1000000 + policy->max_age_s, policy->text);
	keep(p, e);
	event(NULL, EV_STS_FETCHED, STR("domain", e->domain), STR("id", e->id), STR("mode", sts_mode_name(policy->mode)),
		INT("max_age_s", policy->max_age_s));
	end_fetch(f);
}

/* RFC 8461 3.2: the media type is text/plain, whatever its parameters. */
static bool
is_plain_text(struct bytes type)
{
	return take_text_nocase(&type, BYTES("text/plain")) && (type.len == 0 || type.ptr[0] == ';' || type.ptr[0] == ' ');
}

static void
on_https(void *arg, const struct https_answer *a)
{
	struct fetch *f = arg;
	struct sts_policy policy;
	char why[100];

	f->call = NULL;
	if (a->error) {
		(void)snprintf(why, sizeof why, "%s", a->error);
		fail_fetch(f, a->is_untrusted ? TLSRPT_STS_WEBPKI : TLSRPT_STS_FETCH, why);
	} else if (a->status != HTTP_OK) { /* RFC 8461 3.3: no redirect is followed */
		(void)snprintf(why, sizeof why, "the server answered %ld", a->status);
		fail_fetch(f, TLSRPT_STS_FETCH, why);
	} else if (!is_plain_text(a->type)) {
		fail_fetch(f, TLSRPT_STS_INVALID, "it is not of the type text/plain");
	} else if (!sts_policy_parse(a->body, &policy)) {
		fail_fetch(f, TLSRPT_STS_INVALID, "it is no policy");
	} else {
		succeed_fetch(f, &policy);
	}
}

static void
get_policy(struct fetch *f)
{
	char host[HOST_ROOM];
	struct https_request r = { .path = BYTES("/.well-known/mta-sts.txt"), .port = f->policies->port, .addresses = f->addresses.found,
		.address_count = f->addresses.count, .octets_max = STS_POLICY_OCTETS_MAX,
		.within_ms = f->policies->fetches > POLICY_FETCHES_MAX / 2 ? FETCH_HURRIED_MS : FETCH_MS };

	(void)snprintf(host, sizeof host, "mta-sts.%s", f->entry->domain);
	r.host = bytes_text(host);
	f->call = https_ask(f->policies->https, &r, on_https, f);
	if (!f->call)
		fail_fetch(f, TLSRPT_STS_FETCH, "the domain's name is of no use in a URL");
}

static void
on_addresses(struct address_search *a)
{
	struct fetch *f = (struct fetch *)((char *)a - offsetof(struct fetch, addresses));

	if (a->count > 0)
		get_policy(f);
	else
		fail_fetch(f, TLSRPT_STS_FETCH, "its server has no address, or it can't be looked up");
}

static void
begin_fetch(struct policies *p, struct fetch *f)
{
	char host[HOST_ROOM];

	f->is_waiting = false;
	p->fetches++;
	(void)snprintf(host, sizeof host, "mta-sts.%s", f->entry->domain);
	addresses_find(&f->addresses, p->resolver, p->config, bytes_text(host), p->port, on_addresses);
}

static void
fetch(struct policies *p, struct policy_entry *e, struct bytes id)
{
	struct fetch *f = NEW(struct fetch);

	f->policies = p;
	f->entry = e;
	(void)snprintf(f->id, sizeof f->id, "%.*s", BYTES_ARG(id));
	e->fetch = f;
	e->tried_us = loop_now(p->loop).mono_us;
	TAILQ_REMOVE(&p->by_age, e, link);
	TAILQ_INSERT_TAIL(&p->by_age, e, link);
	f->is_waiting = p->fetches >= POLICY_FETCHES_MAX;
	if (f->is_waiting)
		TAILQ_INSERT_TAIL(&p->waiting, f, link);
	else
		begin_fetch(p, f);
}

/* ---- questions */

static bool
may_fetch(const struct policies *p, const struct policy_entry *e)
{
	return !e->failed_us || loop_now(p->loop).mono_us - e->failed_us >= AGAIN_US;
}

static void
on_record(void *arg, const struct message *m)
{
	struct policy_question *q = arg;
	struct policies *p = q->policies;
	struct policy_entry *e = find_entry(p, q->domain);
	struct bytes id;

	q->request = 0;
	q->is_sure = m && m->u.looked_up.answer != ANSWER_LATER;
	if (!m || m->u.looked_up.answer != ANSWER_FOUND || !sts_find_id(m->u.looked_up.records, &id)) {
		answer(p, q, e);
		return;
	}
	if (!e)
		e = new_entry(p, bytes_text(q->domain));
	if (!e->fetch && !(holds(p, e) && bytes_equal(id, bytes_text(e->id))) && may_fetch(p, e))
		fetch(p, e, id);
	/* One that holds, and is fetched only because of its age, need not be waited for. */
	if (e->fetch && !(holds(p, e) && bytes_equal(id, bytes_text(e->id)))) {
		LIST_INSERT_HEAD(&e->questions, q, link);
		q->is_waiting = true;
	} else {
		answer(p, q, e);
	}
	make_room(p);
}

void
policy_ask(struct policies *p, struct policy_question *q, const char *domain)
{
	struct message m = { .type = MESSAGE_LOOK_UP };
	char name[HOST_ROOM];

	q->policies = p;
	q->domain = domain;
	q->request = peer_request_id(p->resolver);
	(void)snprintf(name, sizeof name, "_mta-sts.%s", domain);
	m.u.look_up = (struct ipc_look_up){ .request = q->request, .record = RECORD_TXT, .name = bytes_text(name) };
	peer_request(p->resolver, &m, q->request, p->config->request_timeout_ms, on_record, q);
}

void
policy_forget(struct policy_question *q)
{
	if (q->request)
		peer_forget(q->policies->resolver, q->request);
	if (q->is_waiting)
		LIST_REMOVE(q, link);
	q->request = 0;
	q->is_waiting = false;
}

/* ---- their life */

void
policies_look(struct policies *p)
{
	int64_t before_us = loop_now(p->loop).mono_us - REFRESH_US;

	for (unsigned int i = 0; i < REFRESHES_A_LOOK; i++) {
		struct policy_entry *e = TAILQ_FIRST(&p->by_age);

		if (!e || (e->tried_us && e->tried_us > before_us) || !p->resolver || !is_idle(e) || p->config->mta_sts == MTA_STS_NO)
			return;
		if (holds(p, e))
			fetch(p, e, bytes_text(e->id));
		else
			drop_entry(p, e);
	}
}

static void
look(struct timer *t)
{
	policies_look((struct policies *)((char *)t - offsetof(struct policies, timer)));
}

struct policies *
policies_new(X509_STORE *trusted)
{
	struct policies *p = NEW(struct policies);

	p->https = https_new(trusted);
	p->port = 443;
	p->entries = map_new();
	TAILQ_INIT(&p->by_age);
	TAILQ_INIT(&p->waiting);
	return p;
}

void
policies_start(struct policies *p, struct loop *loop, const struct config *config)
{
	p->loop = loop;
	p->config = config;
	https_start(p->https, loop);
	timer_init(&p->timer, loop, look);
	timer_start(&p->timer, LOOK_MS, LOOK_MS);
}

void
policies_set_config(struct policies *p, const struct config *config)
{
	p->config = config;
}

void
policies_set_peers(struct policies *p, struct peer *resolver, struct peer *queue)
{
	p->resolver = resolver;
	p->queue = queue;
}

void
policies_set_port(struct policies *p, uint16_t port)
{
	p->port = port;
}

void
policies_restore(struct policies *p, const struct ipc_policy *m)
{
	struct sts_policy policy;
	struct policy_entry *e;
	int64_t most_s;

	if (!sts_domain_is_possible(m->domain) || map_get(p->entries, m->domain) || !sts_policy_parse(m->text, &policy))
		return;
	/* Somebody may have put the clock back since. */
	most_s = loop_now(p->loop).wall_us / 1000000 + policy.max_age_s;
	e = new_entry(p, m->domain);
	set_text(p, e, m->id, m->until_s > (uint64_t)most_s ? most_s : (int64_t)m->until_s, m->text);
	/* It was not looked at by this process: it comes first. */
	TAILQ_REMOVE(&p->by_age, e, link);
	TAILQ_INSERT_HEAD(&p->by_age, e, link);
	make_room(p);
}

static void
policies_closed(struct timer *t)
{
	memory_free((struct policies *)((char *)t - offsetof(struct policies, timer)));
}

void
policies_free(struct policies **policies)
{
	struct policies *p = *policies;
	struct policy_entry *e;

	*policies = NULL;
	while ((e = TAILQ_FIRST(&p->by_age))) {
		if (e->fetch)
			free_fetch(e->fetch);
		free_entry(p, e);
	}
	map_free(&p->entries);
	https_free(&p->https);
	timer_close(&p->timer, policies_closed);
}
