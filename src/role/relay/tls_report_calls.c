/* What the queue asks for: where a domain wants its reports, and that one is POSTed there. */
#include "role/relay/tls_report.h"

#include "base/memory.h"
#include "proto/dns/dns.h"
#include "role/relay/addresses.h"
#include "role/relay/https.h"
#include "role/relay/relay_internal.h"

#include <stdio.h>
#include <string.h>

enum { POST_MS = 60000, ANSWER_OCTETS_MAX = 65536, NAME_ROOM = STS_DOMAIN_OCTETS_MAX + sizeof "_smtp._tls.", TARGET_HEAD_OCTETS = 3 };

struct tls_calls {
	struct relay *relay;
	struct https *https;
	LIST_HEAD(, tls_call) calls;
	size_t count;
};

/* A question, or a report on its way. */
struct tls_call {
	LIST_ENTRY(tls_call) link;
	struct tls_calls *reports;
	uint64_t request; /* the queue's */
	uint64_t look_up; /* to the resolver; 0: none */
	struct address_search addresses;
	struct https_call *call;
	struct buf report;
	uint8_t url[TLSRPT_TARGET_OCTETS_MAX];
	struct tlsrpt_target target; /* borrows from url */
};

static struct tls_call *
new_call(struct tls_calls *t, uint64_t request)
{
	struct tls_call *c = NEW(struct tls_call);

	c->reports = t;
	c->request = request;
	buf_init(&c->report, IPC_BODY_INLINE);
	LIST_INSERT_HEAD(&t->calls, c, link);
	t->count++;
	return c;
}

static void
end_call(struct tls_call *c)
{
	LIST_REMOVE(c, link);
	c->reports->count--;
	if (c->look_up)
		peer_forget(c->reports->relay->resolver, c->look_up);
	addresses_forget(&c->addresses);
	if (c->call)
		https_forget(c->call);
	buf_done(&c->report);
	memory_free(c);
}

static void
answer(struct tls_calls *t, const struct message *m)
{
	/* A queue that is gone asks again. */
	(void)!peer_send(t->relay->queue, m);
}

/* ---- where to */

static void
tell_targets(struct tls_calls *t, uint64_t request, enum ipc_answer found, struct bytes targets)
{
	struct message m = { .type = MESSAGE_TARGETS };

	m.u.targets = (struct ipc_targets){ .request = request, .answer = (uint8_t)found, .targets = targets };
	answer(t, &m);
}

static void
put_target(struct buf *out, const struct tlsrpt_target *target)
{
	char url[TLSRPT_TARGET_OCTETS_MAX + sizeof "https://:65535"];
	struct buf text;

	buf_init_fixed(&text, url, sizeof url);
	if (target->kind == TLSRPT_MAILTO)
		put_bytes(&text, target->address);
	else
		put_format(&text, "https://%.*s:%u%.*s", BYTES_ARG(target->host), target->port, BYTES_ARG(target->path));
	if (text.has_failed || text.len > TLSRPT_TARGET_OCTETS_MAX)
		return;
	put_u8(out, (uint8_t)target->kind);
	put_u16(out, (uint16_t)text.len);
	put_bytes(out, buf_bytes(&text));
}

static void
on_record(void *arg, const struct message *m)
{
	struct tls_call *c = arg;
	const struct ipc_looked_up *found = m ? &m->u.looked_up : NULL;
	uint8_t octets[TLSRPT_TARGETS_MAX * (TLSRPT_TARGET_OCTETS_MAX + TARGET_HEAD_OCTETS)], texts[IPC_BODY_INLINE];
	enum ipc_answer result = found ? (enum ipc_answer)found->answer : ANSWER_LATER;
	struct bytes rua = BYTES_NONE;
	struct tlsrpt_target target;
	struct buf out, space;

	c->look_up = 0;
	buf_init_fixed(&out, octets, sizeof octets);
	buf_init_fixed(&space, texts, sizeof texts);
	if (result == ANSWER_FOUND && !tlsrpt_find_rua(found->records, &rua))
		result = ANSWER_NO_RECORD;
	for (size_t i = 0; i < TLSRPT_TARGETS_MAX && tlsrpt_take_target(&rua, &space, &target); i++)
		put_target(&out, &target);
	tell_targets(c->reports, c->request, result, buf_bytes(&out));
	end_call(c);
}

void
tls_calls_find(struct tls_calls *t, const struct ipc_find_targets *m)
{
	struct peer *resolver = t->relay->resolver;
	struct message question = { .type = MESSAGE_LOOK_UP };
	char name[NAME_ROOM];
	struct tls_call *c;

	if (!resolver || t->count >= TLS_CALLS_MAX || !sts_domain_is_possible(m->domain)) {
		tell_targets(t, m->request, ANSWER_LATER, BYTES_NONE);
		return;
	}
	if (snprintf(name, sizeof name, "_smtp._tls.%.*s", BYTES_ARG(m->domain)) > DNS_NAME_OCTETS_MAX) {
		tell_targets(t, m->request, ANSWER_NO_NAME, BYTES_NONE);
		return;
	}
	c = new_call(t, m->request);
	c->look_up = peer_request_id(resolver);
	question.u.look_up = (struct ipc_look_up){ .request = c->look_up, .record = RECORD_TXT, .name = bytes_text(name) };
	peer_request(resolver, &question, c->look_up, t->relay->config->request_timeout_ms, on_record, c);
}

/* ---- over HTTPS */

static void
tell_posted(struct tls_calls *t, uint64_t request, const char *trouble)
{
	struct message m = { .type = MESSAGE_REPORT_POSTED };

	m.u.report_posted = (struct ipc_report_posted){ .request = request, .outcome = trouble ? IPC_LATER : IPC_OK,
		.reason = bytes_sub(bytes_text(trouble), 0, 200) };
	answer(t, &m);
}

static void
end_post(struct tls_call *c, const char *trouble)
{
	tell_posted(c->reports, c->request, trouble);
	end_call(c);
}

/* RFC 8460 5.4: 200 or 201, typically */
static void
on_https(void *arg, const struct https_answer *a)
{
	struct tls_call *c = arg;
	char text[64];

	c->call = NULL;
	(void)snprintf(text, sizeof text, "the server answered %ld", a->status);
	end_post(c, a->error ? a->error : a->status / 100 == 2 ? NULL : text);
}

/* Port and path are a stranger's: he shall choose no request to what trusts who is inside of our network. */
static void
leave_out_private(struct address_search *a)
{
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++)
		if (a->may_be_ours || !net_is_private(&a->found[i]))
			a->found[count++] = a->found[i];
	a->count = count;
}

static void
post(struct tls_call *c)
{
	struct https_request r = { .host = c->target.host, .path = c->target.path, .port = c->target.port, .type = BYTES("application/tlsrpt+gzip"),
		.body = buf_bytes(&c->report), .addresses = c->addresses.found, .address_count = c->addresses.count, .octets_max = ANSWER_OCTETS_MAX,
		.within_ms = POST_MS };

	if (r.address_count == 0) {
		end_post(c, "its server has no address in the world, or it can't be looked up");
		return;
	}
	c->call = https_ask(c->reports->https, &r, on_https, c);
	if (!c->call)
		end_post(c, "it is of no use as a URL");
}

static void
on_addresses(struct address_search *a)
{
	leave_out_private(a);
	post((struct tls_call *)((char *)a - offsetof(struct tls_call, addresses)));
}

void
tls_calls_post(struct tls_calls *t, const struct ipc_post_report *m)
{
	uint8_t octets[TLSRPT_TARGET_OCTETS_MAX];
	struct tls_call *c;
	struct buf space;

	if (!t->relay->resolver || t->count >= TLS_CALLS_MAX) {
		tell_posted(t, m->request, "the relay has too much to do, or lacks something");
		return;
	}
	c = new_call(t, m->request);
	put_bytes(&c->report, m->octets);
	memcpy(c->url, m->url.ptr ? m->url.ptr : octets, m->url.len);
	buf_init_fixed(&space, octets, sizeof octets);
	if (!tlsrpt_target_parse(bytes_of(c->url, m->url.len), &space, &c->target) || c->target.kind != TLSRPT_HTTPS || c->report.len == 0)
		end_post(c, "it is no URL");
	else
		addresses_find(&c->addresses, t->relay->resolver, t->relay->config, c->target.host, c->target.port, on_addresses);
}

/* ---- their life */

struct tls_calls *
tls_calls_new(X509_STORE *trusted)
{
	struct tls_calls *t = NEW(struct tls_calls);

	t->https = https_new(trusted);
	LIST_INIT(&t->calls);
	return t;
}

void
tls_calls_start(struct tls_calls *t, struct relay *relay)
{
	t->relay = relay;
	https_start(t->https, relay->loop);
}

void
tls_calls_abort(struct tls_calls *t)
{
	struct tls_call *c;

	while ((c = LIST_FIRST(&t->calls)))
		end_call(c);
}

void
tls_calls_free(struct tls_calls **t)
{
	tls_calls_abort(*t);
	https_free(&(*t)->https);
	memory_free(*t);
	*t = NULL;
}
