#include "role/relay/plan.h"

#include "base/memory.h"
#include "role/control_line.h"

enum { PLANS_MAX = 16, PLAN_MS = 20000, LINES_OCTETS_MAX = 32768, ADDRESSES_OCTETS_MAX = RELAY_ADDRESSES_MAX * (NET_TEXT_MAX + 1) };

struct plan {
	uint8_t sender[RELAY_SENDER_MAX]; /* of the mail; envelope.sender is in it */
	struct buf lines;
};

static void
answer(struct relay *relay, uint64_t request, struct bytes lines)
{
	struct message m = { .type = MESSAGE_PLANNED };

	m.u.planned = (struct ipc_planned){ .request = request, .lines = lines };
	if (peer_send(relay->queue, &m) == -1)
		return; /* nobody waits any more */
}

static void
close_plan(struct sending *s)
{
	TAILQ_REMOVE(&s->relay->plans, s, link);
	s->relay->plan_count--;
	buf_done(&s->plan->lines);
	memory_free(s->plan);
	s->plan = NULL;
	sending_close(s);
}

void
plan_abort_all(struct relay *relay)
{
	struct sending *s;

	while ((s = TAILQ_FIRST(&relay->plans)))
		close_plan(s);
}

void
plan_end(struct sending *s, enum smtp_client_outcome outcome, const char *text)
{
	if (*text)
		control_line_put(&s->plan->lines, "trouble",
			FIELDS(STR("outcome", outcome == SMTP_CLIENT_NEVER ? "never" : "later"), STR("reply", text)));
	answer(s->relay, s->request, buf_bytes(&s->plan->lines));
	close_plan(s);
}

static void
late(struct timer *t)
{
	plan_end((struct sending *)((char *)t - offsetof(struct sending, deadline)), SMTP_CLIENT_LATER,
		"451 4.4.3 what is missing could not be looked up in time");
}

/* ---- a host */

static void
put_addresses(struct buf *out, const struct sending *s)
{
	for (size_t i = 0; i < s->address_count; i++) {
		put_text(out, i ? "," : "");
		net_put_host(out, &s->addresses[i]);
	}
}

/* Of the directive that the level is of; empty: it is of none. */
static struct bytes
rule_of(const struct sending *s)
{
	const struct config *c = s->relay->config;
	const struct config_tls_rule *rule = config_tls_rule_for(c, bytes_text(s->host));
	const struct config_login *login = sending_login(s);

	if (s->cause == TLS_CAUSE_RULE && rule)
		return rule->domain;
	return s->cause == TLS_CAUSE_LOGIN && login ? login->host : BYTES_NONE;
}

void
plan_host(struct sending *s)
{
	bool is_literal = s->route.count == 0;
	const struct route_host *host = is_literal ? NULL : &s->route.hosts[s->host_at];
	char space[ADDRESSES_OCTETS_MAX];
	struct buf addresses;

	buf_init_fixed(&addresses, space, sizeof space);
	put_addresses(&addresses, s);
	control_line_put(&s->plan->lines, "host",
		FIELDS(STR("name", host ? host->name : ""), INT("preference", host && s->has_mx ? (int64_t)host->preference : -1),
			TEXT("addresses", buf_bytes(&addresses)), STR("tls", tls_client_level_name(s->level)), STR("cause", tls_client_cause_name(s->cause)),
			TEXT("rule", rule_of(s)), INT("authentic", s->hop == HOP_MX && s->is_way_authentic && s->are_addresses_authentic),
			STR("trouble", s->address_count ? "" : s->failure_text)));
	s->failure = SMTP_CLIENT_NEVER;
	s->failure_text[0] = '\0';
}

/* ---- a question */

static void
tell_configured(struct sending *s)
{
	const struct config *c = s->relay->config;
	const struct config_login *login = sending_login(s);

	for (size_t i = 0; i < c->source_addresses.count; i++)
		control_line_put(&s->plan->lines, "source", FIELDS(TEXT("address", c->source_addresses.at[i])));
	if (login)
		control_line_put(&s->plan->lines, "login", FIELDS(TEXT("host", login->host), TEXT("name", login->name)));
}

void
plan_new(struct relay *relay, const struct ipc_plan *m)
{
	struct sending *s;

	if (relay->plan_count >= PLANS_MAX) {
		answer(relay, m->request, BYTES("trouble\toutcome=later\treply=too many ask at a time\n"));
		return;
	}
	s = NEW(struct sending);
	s->plan = NEW(struct plan);
	s->relay = relay;
	s->request = m->request;
	s->fd = -1;
	s->failure = SMTP_CLIENT_NEVER;
	buf_init(&s->plan->lines, LINES_OCTETS_MAX);
	buf_init(&s->tlsa, RELAY_TLSA_MAX);
	buf_init(&s->finding.policy, TLS_FINDING_OCTETS_MAX);
	timer_init(&s->stagger, relay->loop, sending_stagger);
	timer_init(&s->deadline, relay->loop, late);
	timer_start(&s->deadline, PLAN_MS, 0);
	TAILQ_INSERT_TAIL(&relay->plans, s, link);
	relay->plan_count++;
	if (m->sender.len)
		memcpy(s->plan->sender, m->sender.ptr, m->sender.len);
	s->envelope.sender = bytes_of(s->plan->sender, m->sender.len);
	sending_set_hop(s, m->hop, m->host, m->port);
	tell_configured(s);
	sending_find_way(s);
}
