/* From a domain to a connection (RFC 5321 5.1): the hosts of its MX records in their order, or the domain itself; the addresses of
   each, both families in turn; connections to them, a second one beside the first when that takes its time (RFC 8305).  A host that
   can't be reached, or does not greet for now, makes way for the next; what a server says for good is the answer. */
#include "role/relay/relay_internal.h"

#include "role/relay/plan.h"
#include "sys/random.h"

#include <stdio.h>
#include <string.h>

enum { STAGGER_MS = 250 /* RFC 8305 5 */, TLSA_BASES_MAX = 3 };

static void __attribute__((format(printf, 3, 4)))
fail(struct sending *s, enum smtp_client_outcome outcome, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sending_fail(s, outcome, text);
}

/* Why the mail has to wait, or comes back, when all is tried: what may pass counts more. */
static void
note_failure(struct sending *s, enum smtp_client_outcome outcome, struct bytes text)
{
	if (outcome == SMTP_CLIENT_NEVER && s->failure == SMTP_CLIENT_LATER)
		return;
	s->failure = outcome;
	(void)snprintf(s->failure_text, sizeof s->failure_text, "%.*s", BYTES_ARG(text));
}

static void
note_host_failure(struct sending *s, bool is_late)
{
	bool leads_here = s->lookups[0].leads_here || s->lookups[1].leads_here;
	char text[400];

	(void)snprintf(text, sizeof text,
		is_late ? "451 4.4.3 the address of %s can't be looked up now" :
		leads_here ? "554 5.4.6 the address of %s is this machine's own" :
			     "550 5.4.4 %s has no address",
		s->route.hosts[s->host_at].name);
	note_failure(s, is_late ? SMTP_CLIENT_LATER : SMTP_CLIENT_NEVER, bytes_text(text));
}

static void on_looked_up(void *arg, const struct message *answer);

static void
look_up(struct sending *s, size_t index, enum ipc_record record, struct bytes name)
{
	struct lookup *l = &s->lookups[index];
	struct message m = { .type = MESSAGE_LOOK_UP };

	l->sending = s;
	l->record = record;
	l->count = 0;
	l->leads_here = false;
	l->request = peer_request_id(s->relay->resolver);
	m.u.look_up = (struct ipc_look_up){ .request = l->request, .record = (uint8_t)record, .name = name };
	peer_request(s->relay->resolver, &m, l->request, s->relay->config->request_timeout_ms, on_looked_up, l);
}

static size_t
tries_under_way(const struct sending *s)
{
	return (size_t)(s->tries[0] != NULL) + (size_t)(s->tries[1] != NULL);
}

static bool
may_try(const struct sending *s)
{
	return s->address_at < s->address_count && s->tried < RELAY_TRIES_MAX;
}

static void
keep_try(struct sending *s, struct session *session)
{
	s->tries[s->tries[0] ? 1 : 0] = session;
}

static void
drop_try(struct sending *s, const struct session *session)
{
	for (size_t i = 0; i < 2; i++)
		if (s->tries[i] == session)
			s->tries[i] = NULL;
}

static void
set_target(struct sending *s, const struct net_address *address, struct relay_target *out)
{
	char host[NET_TEXT_MAX];
	struct buf text;

	memset(out, 0, sizeof *out);
	buf_init_fixed(&text, host, sizeof host);
	net_put_host(&text, address);
	out->address = *address;
	out->level = s->level;
	out->cause = s->cause;
	out->is_literal = s->route.count == 0;
	(void)snprintf(out->name, sizeof out->name, "%s", out->is_literal ? "" : s->route.hosts[s->host_at].name);
	if (out->is_literal)
		(void)snprintf(out->text, sizeof out->text, "%.*s", BYTES_ARG(buf_bytes(&text)));
	else
		(void)snprintf(out->text, sizeof out->text, "%s (%.*s)", out->name, BYTES_ARG(buf_bytes(&text)));
}

/* A connection to that target, which may fail at once. */
static void
try(struct sending *s, const struct relay_target *target)
{
	struct fault f;
	struct session *session = session_open(s, target, &f);

	s->tried++;
	if (session)
		keep_try(s, session);
	else
		note_failure(s, SMTP_CLIENT_LATER, bytes_text(f.text));
}

static void
try_next_address(struct sending *s)
{
	struct relay_target target;

	set_target(s, &s->addresses[s->address_at++], &target);
	try(s, &target);
}

/* What the configuration asks for; REQUIRETLS asks for no less than a certificate that is checked (RFC 8689 4.2.1). */
static void
set_configured_level(struct sending *s)
{
	static const enum tls_client_level levels[] = { [TLS_LEVEL_NONE] = TLS_CLIENT_NONE, [TLS_LEVEL_MAY] = TLS_CLIENT_MAY,
		[TLS_LEVEL_ENCRYPT] = TLS_CLIENT_ENCRYPT, [TLS_LEVEL_VERIFY] = TLS_CLIENT_VERIFY };
	const struct config_tls_rule *rule = config_tls_rule_for(s->relay->config, bytes_text(s->host));

	s->level = rule ? levels[rule->level] : TLS_CLIENT_MAY;
	s->cause = rule ? TLS_CAUSE_RULE : TLS_CAUSE_DEFAULT;
	/* Of a relay host, whose names the configuration may know better. */
	bool is_verified_host = s->hop == HOP_SMTP && s->level == TLS_CLIENT_VERIFY;

	if (s->needs_tls && !is_verified_host) {
		s->level = TLS_CLIENT_VERIFY;
		s->cause = TLS_CAUSE_REQUIRETLS;
	} else if (s->hop == HOP_SMTP && s->level != TLS_CLIENT_ENCRYPT &&
		config_login_for(s->relay->config, bytes_text(s->host))) {
		/* A password is said to nobody but the host that it is for. */
		s->level = TLS_CLIENT_VERIFY;
		s->cause = TLS_CAUSE_LOGIN;
	}
}

static void look_up_host(struct sending *s);

/* On with what is left, unless something is under way. */
static void
go_on(struct sending *s)
{
	if (s->plan) {
		plan_host(s);
		s->host_at++;
		look_up_host(s);
		return;
	}
	while (tries_under_way(s) == 0 && may_try(s))
		try_next_address(s);
	if (tries_under_way(s) == 0) {
		s->host_at++;
		look_up_host(s);
	} else if (tries_under_way(s) == 1 && may_try(s)) {
		timer_start(&s->stagger, STAGGER_MS, 0);
	}
}

void
sending_stagger(struct timer *t)
{
	struct sending *s = (struct sending *)((char *)t - offsetof(struct sending, stagger));

	if (tries_under_way(s) == 1 && may_try(s))
		try_next_address(s);
}

static void
look_up_host(struct sending *s)
{
	struct bytes name;

	if (s->host_at >= s->route.count || s->tried >= RELAY_TRIES_MAX) {
		sending_fail(s, s->failure, s->failure_text);
		return;
	}
	name = bytes_text(s->route.hosts[s->host_at].name);
	s->address_count = s->address_at = 0;
	s->is_lookup_late = false;
	s->are_addresses_authentic = true;
	s->canonical[0] = s->base[0] = '\0';
	s->bases = 0;
	set_configured_level(s);
	buf_reset(&s->tlsa);
	look_up(s, 0, RECORD_AAAA, name);
	look_up(s, 1, RECORD_A, name);
}

/* Both families in turn, IPv6 first. */
static void
merge_addresses(struct sending *s)
{
	for (size_t i = 0; i < RELAY_ADDRESSES_MAX / RELAY_FAMILIES; i++)
		for (size_t family = 0; family < RELAY_FAMILIES; family++)
			if (i < s->lookups[family].count)
				s->addresses[s->address_count++] = s->lookups[family].found[i];
}

/* RFC 7672 2.2: only where everything that leads to the host is signed; and where the configuration does not say more, or that TLS is not
   wanted at all.  RFC 8689 4.2.2: a sender who would rather have his mail arrive is not bound by what the recipient's domain asks for. */
static bool
may_use_dane(const struct sending *s)
{
	return !s->is_tls_optional && s->is_way_authentic && s->are_addresses_authentic && s->level != TLS_CLIENT_NONE && s->hop != HOP_LMTP &&
		(s->needs_tls || s->level < TLS_CLIENT_VERIFY);
}

/* RFC 8461 2: DANE comes first; and as there, what the configuration says, and a sender who would rather have his mail arrive. */
static bool
may_use_policy(const struct sending *s)
{
	return s->relay->config->mta_sts == MTA_STS_ON && !s->is_tls_optional && s->level != TLS_CLIENT_NONE && s->hop != HOP_LMTP &&
		(s->level < TLS_CLIENT_VERIFY || s->cause == TLS_CAUSE_REQUIRETLS) && policy_is_possible(bytes_text(s->host));
}

/* RFC 8689 4.2.1: REQUIRETLS wants it shown that the host is one of the domain's: the MX records are signed, or an MTA-STS policy names it.  A
   report, which comes from nobody, goes without. */
static bool
needs_proof(const struct sending *s)
{
	return s->needs_tls && s->level != TLS_CLIENT_DANE && s->has_mx && !s->is_way_authentic && s->envelope.sender.len > 0;
}

static void
skip_unproven(struct sending *s, bool is_sure)
{
	char text[400];

	(void)snprintf(text, sizeof text, "%s REQUIRETLS support required: nothing shows that %s is the domain's server%s",
		is_sure ? "550 5.7.30" : "451 4.7.30", s->route.hosts[s->host_at].name, is_sure ? "" : " yet");
	note_failure(s, is_sure ? SMTP_CLIENT_NEVER : SMTP_CLIENT_LATER, bytes_text(text));
	s->address_count = 0;
}

/* RFC 8461 5: only "enforce" binds. */
static void
on_policy(struct policy_question *q, const struct sts_policy *policy)
{
	struct sending *s = (struct sending *)((char *)q - offsetof(struct sending, policy));
	const char *host = s->route.hosts[s->host_at].name;
	bool has_policy = policy && policy->mode != STS_NONE, is_bound = has_policy && policy->mode == STS_ENFORCE;
	bool is_named = has_policy && sts_policy_names(policy, bytes_text(host));
	char text[400];

	if (has_policy && !is_named)
		event(&s->context, EV_STS_MISMATCH, STR("domain", s->host), STR("host", host), STR("mode", sts_mode_name(policy->mode)),
			STR("next", is_bound ? "later" : "sent"));
	if (is_bound && is_named) {
		s->level = TLS_CLIENT_VERIFY;
		s->cause = TLS_CAUSE_STS;
	} else if (is_bound) {
		(void)snprintf(text, sizeof text, "451 4.7.5 the MTA-STS policy of the domain does not name its host %s", host);
		note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
		s->address_count = 0;
	} else if (needs_proof(s) && !is_named) {
		skip_unproven(s, q->is_sure);
	}
	go_on(s);
}

/* The host's addresses are there, and its TLSA records if they count. */
static void
protect(struct sending *s)
{
	if (s->address_count > 0 && may_use_policy(s)) {
		s->policy.answered = on_policy;
		policy_ask(s->relay->policies, &s->policy, s->host);
		return;
	}
	if (s->address_count > 0 && needs_proof(s))
		skip_unproven(s, true);
	go_on(s);
}

/* RFC 7672 2.2.3: where the host's alias leads comes first, then its own name; without MX records the domain's, too (2.2.2). */
static const char *
base_of(const struct sending *s, size_t index)
{
	const char *host = s->route.hosts[s->host_at].name;
	bool is_domain_another = s->hop == HOP_MX && !s->has_mx && strcmp(s->host, host) != 0;

	return index == 0 ? s->canonical : index == 1 ? host : is_domain_another ? s->host : "";
}

/* _PORT._tcp.BASE of the next one; a name that can't be asked for has no records either. */
static void
look_up_tlsa(struct sending *s)
{
	char name[ROUTE_NAME_MAX + 16];

	while (s->bases < TLSA_BASES_MAX) {
		const char *base = base_of(s, s->bases++);
		int len = snprintf(name, sizeof name, "_%u._tcp.%s", s->port, base);

		if (!*base || len > ROUTE_NAME_MAX)
			continue;
		(void)snprintf(s->base, sizeof s->base, "%s", base);
		look_up(s, 0, RECORD_TLSA, bytes_text(name));
		return;
	}
	protect(s);
}

static void
on_tlsa(struct sending *s, const struct message *answer)
{
	const struct ipc_looked_up *found = answer ? &answer->u.looked_up : NULL;
	char text[400];

	if (!found || found->answer == ANSWER_LATER) {
		/* RFC 7672 2.1.1: who can make DNS fail must not be able to take TLS away. */
		(void)snprintf(text, sizeof text, "451 4.7.5 the TLSA records of %s can't be looked up now",
			s->route.hosts[s->host_at].name);
		note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
		s->address_count = 0;
	} else if (found->answer == ANSWER_FOUND && found->is_authentic) {
		put_bytes(&s->tlsa, found->records);
		/* RFC 7672 2.2: records of which none can be used, or so many that they can't be kept, still ask for TLS. */
		enum tls_client_level level = tls_client_has_usable(buf_bytes(&s->tlsa)) ? TLS_CLIENT_DANE : TLS_CLIENT_ENCRYPT;

		if (level > s->level) {
			s->level = level;
			s->cause = TLS_CAUSE_DANE;
		}
	} else {
		look_up_tlsa(s);
		return;
	}
	protect(s);
}

/* What DNS says of a domain, or the domain itself, must not lead strangers' mail to what listens for this machine alone. */
static bool
may_reach(const struct sending *s, const struct net_address *a)
{
	return s->hop != HOP_MX || s->relay->config->outgoing_loopback == OUTGOING_LOOPBACK_YES || !net_leads_here(a);
}

/* Keeps an address that was found for a host. */
static void
keep_address(struct lookup *l, struct bytes octets)
{
	const struct sending *s = l->sending;
	struct net_address *a = &l->found[l->count];

	net_address_of(octets, s->port, a);
	if (may_reach(s, a))
		l->count++;
	else
		l->leads_here = true;
}

static void
on_address(struct lookup *l, const struct message *answer)
{
	struct sending *s = l->sending;
	struct bytes rest = answer ? answer->u.looked_up.records : BYTES_NONE, octets;
	size_t size = l->record == RECORD_A ? 4 : 16;

	/* RFC 7672 2.1.1: who can make one of both fail must not be able to take DANE away from the other. */
	if (!answer || answer->u.looked_up.answer == ANSWER_LATER)
		s->is_lookup_late = true;
	else
		s->are_addresses_authentic &= answer->u.looked_up.is_authentic;
	if (answer && answer->u.looked_up.answer == ANSWER_FOUND) {
		(void)snprintf(s->canonical, sizeof s->canonical, "%.*s", BYTES_ARG(answer->u.looked_up.canonical));
		while (l->count < RELAY_ADDRESSES_MAX / RELAY_FAMILIES && take_octets(&rest, size, &octets))
			keep_address(l, octets);
	}
	if (s->lookups[0].request || s->lookups[1].request)
		return;
	merge_addresses(s);
	if (s->address_count == 0)
		note_host_failure(s, s->is_lookup_late);
	if (s->address_count > 0 && may_use_dane(s))
		look_up_tlsa(s);
	else
		protect(s);
}

static void
follow(struct sending *s, enum route_verdict verdict)
{
	switch (verdict) {
	case ROUTE_FOUND:
		look_up_host(s);
		break;
	case ROUTE_NULL:
		fail(s, SMTP_CLIENT_NEVER, "556 5.1.10 the domain %s takes no mail (null MX)", s->host); /* RFC 7505 4.2 */
		break;
	case ROUTE_LOOP:
		fail(s, SMTP_CLIENT_NEVER, "554 5.4.6 mail for %s comes back to us", s->host);
		break;
	case ROUTE_BAD:
		fail(s, SMTP_CLIENT_NEVER, "550 5.4.4 no mail server of %s has a usable name", s->host);
		break;
	}
}

static void
on_mx(struct sending *s, const struct message *answer)
{
	const struct ipc_looked_up *found = answer ? &answer->u.looked_up : NULL;
	struct bytes own = s->relay->config->hostname;

	s->is_way_authentic = found && found->is_authentic;
	s->has_mx = found && found->answer == ANSWER_FOUND;
	switch (found ? (enum ipc_answer)found->answer : ANSWER_LATER) {
	case ANSWER_FOUND:
		follow(s, route_by_mx(found->records, own, random_number(), &s->route));
		break;
	case ANSWER_NO_RECORD:
		/* RFC 5321 5.1: the domain itself, or what it is another name for. */
		follow(s, route_to(found->canonical.len ? found->canonical : bytes_text(s->host), own, &s->route));
		break;
	case ANSWER_NO_NAME:
		fail(s, SMTP_CLIENT_NEVER, "550 5.1.2 the domain %s does not exist", s->host);
		break;
	case ANSWER_LATER:
	case IPC_ANSWERS:
		fail(s, SMTP_CLIENT_LATER, "451 4.4.3 the mail servers of %s can't be looked up now", s->host);
		break;
	}
}

static void
on_looked_up(void *arg, const struct message *answer)
{
	struct lookup *l = arg;

	l->request = 0;
	if (l->record == RECORD_MX)
		on_mx(l->sending, answer);
	else if (l->record == RECORD_TLSA)
		on_tlsa(l->sending, answer);
	else
		on_address(l, answer);
}

/* "[192.0.2.1]" and "[IPv6:2001:db8::1]" of a domain (RFC 5321 4.1.3); "192.0.2.1" and "2001:db8::1" of a host. */
static bool
take_literal(struct sending *s)
{
	struct bytes text = bytes_text(s->host);
	struct fault f;

	if (s->hop == HOP_MX) {
		if (!take_char(&text, '[') || text.len == 0 || text.ptr[text.len - 1] != ']')
			return false;
		text.len--;
		(void)take_text_nocase(&text, BYTES("IPv6:"));
	}
	return net_address_parse(text, s->port, &s->addresses[0], &f) == 0 && s->addresses[0].storage.ss_family != AF_UNSPEC;
}

void
sending_find_way(struct sending *s)
{
	s->route.count = s->host_at = s->address_at = s->address_count = s->tried = 0;
	sending_rewind(s);
	set_configured_level(s);
	s->is_way_authentic = true; /* of a host that the configuration names */
	if (!s->relay->resolver) {
		sending_refuse(s, "nobody looks names up yet");
	} else if (take_literal(s) && !may_reach(s, &s->addresses[0])) {
		fail(s, SMTP_CLIENT_NEVER, "554 5.4.6 the address %s is this machine's own", s->host);
	} else if (take_literal(s)) {
		s->address_count = 1;
		go_on(s);
	} else if (s->hop == HOP_MX && s->host[0] == '[') {
		fail(s, SMTP_CLIENT_NEVER, "550 5.1.2 %s is no address", s->host);
	} else if (s->hop == HOP_MX) {
		look_up(s, 0, RECORD_MX, bytes_text(s->host));
	} else {
		follow(s, route_to(bytes_text(s->host), BYTES_NONE, &s->route));
	}
}

void
sending_leave_way(struct sending *s)
{
	for (size_t i = 0; i < RELAY_FAMILIES; i++)
		if (s->lookups[i].request) {
			peer_forget(s->relay->resolver, s->lookups[i].request);
			s->lookups[i].request = 0;
		}
	policy_forget(&s->policy);
	for (size_t i = 0; i < 2; i++)
		if (s->tries[i]) {
			session_drop(s->tries[i]);
			s->tries[i] = NULL;
		}
	timer_stop(&s->stagger);
}

void
sending_retry(struct sending *s)
{
	s->was_retried = true;
	sending_find_way(s);
}

void
sending_connected(struct sending *s, struct session *session)
{
	drop_try(s, session);
	sending_leave_way(s);
	session_use(session, s);
}

void
sending_unreachable(struct sending *s, struct session *session, const char *text)
{
	drop_try(s, session);
	event(&s->context, EV_RELAY_UNREACHABLE, STR("server", session_target(session)->text), STR("reason", text));
	note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
	go_on(s);
}

/* A server that did not become ready has not answered, for the queue: it will come less often. */
static void
note_not_ready(struct sending *s, const struct relay_target *target, const struct smtp_client_effect *why)
{
	bool has_no_tls = why->outcome == SMTP_CLIENT_NEVER;
	struct bytes reason = !has_no_tls ? why->octets :
		s->needs_tls		  ? BYTES("550 5.7.30 REQUIRETLS support required: the server has no TLS") :
					    BYTES("451 4.7.4 the server does not offer TLS, or refuses it, and it is required");
	char text[400];

	(void)snprintf(text, sizeof text, "%.*s [%s]", BYTES_ARG(bytes_sub(reason, 0, sizeof text / 2)), target->text);
	/* RFC 8689 4.2.1: where no host can do what the sender requires the mail comes back. */
	note_failure(s, has_no_tls && s->needs_tls ? SMTP_CLIENT_NEVER : SMTP_CLIENT_LATER, bytes_text(text));
	s->server[0] = s->tls[0] = '\0';
}

void
sending_failed(struct sending *s, const struct relay_target *target, const struct smtp_client_effect *why)
{
	bool may_do_without = why->at == SMTP_CLIENT_AT_TLS && target->level == TLS_CLIENT_MAY;
	struct relay_target in_clear = *target;

	s->session = NULL;
	if (why->at == SMTP_CLIENT_AT_TLS)
		event(&s->context, EV_TLS_FAILED, STR("server", target->text), TEXT("reason", why->octets),
			STR("level", tls_client_level_name(target->level)), STR("cause", tls_client_cause_name(target->cause)),
			STR("next", may_do_without ? "clear" : "later"));
	else
		event(&s->context, EV_RELAY_UNREACHABLE, STR("server", target->text), TEXT("reason", why->octets));
	/* That TLS is refused for good says nothing of the mail. */
	if (why->outcome == SMTP_CLIENT_NEVER && why->at != SMTP_CLIENT_AT_TLS) {
		(void)snprintf(s->failure_text, sizeof s->failure_text, "%.*s", BYTES_ARG(why->octets));
		sending_fail(s, SMTP_CLIENT_NEVER, s->failure_text);
		return;
	}
	note_not_ready(s, target, why);
	if (may_do_without) {
		in_clear.level = TLS_CLIENT_NONE;
		try(s, &in_clear);
	}
	go_on(s);
}
