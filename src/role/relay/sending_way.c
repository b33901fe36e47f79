/* From a domain to a connection (RFC 5321 5.1): the hosts of its MX records in their order, or the domain itself; the addresses of
   each, both families in turn; connections to them, a second one beside the first when that takes its time (RFC 8305).  A host that
   can't be reached, or does not greet for now, makes way for the next; what a server says for good is the answer. */
#include "role/relay/relay_internal.h"

#include "role/relay/plan.h"
#include "sys/random.h"

#include <stdio.h>
#include <string.h>

enum { STAGGER_MS = 250 }; /* RFC 8305 5 */

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

void
sending_note_failure(struct sending *s, enum smtp_client_outcome outcome, struct bytes text)
{
	if (outcome == SMTP_CLIENT_NEVER && s->failure == SMTP_CLIENT_LATER)
		return;
	s->failure = outcome;
	(void)snprintf(s->failure_text, sizeof s->failure_text, "%.*s", BYTES_ARG(text));
	s->failure_server[0] = '\0';
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
	sending_note_failure(s, is_late ? SMTP_CLIENT_LATER : SMTP_CLIENT_NEVER, bytes_text(text));
}

static void on_looked_up(void *arg, const struct message *answer);

void
sending_look_up(struct sending *s, size_t index, enum ipc_record record, struct bytes name)
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
has_answered(const struct sending *s, const struct net_address *a)
{
	for (size_t i = 0; i < s->answered_count; i++)
		if (a->len == s->answered[i].len && memcmp(&a->storage, &s->answered[i].storage, a->len) == 0)
			return true;
	return false;
}

static bool
is_passed_over(struct sending *s, const struct net_address *a)
{
	bool is_crowded = session_is_crowded(s, a);

	s->is_crowded |= is_crowded;
	return is_crowded || has_answered(s, a);
}

static bool
may_try(struct sending *s)
{
	while (s->address_at < s->address_count && is_passed_over(s, &s->addresses[s->address_at]))
		s->address_at++;
	return s->address_at < s->address_count && s->tried < RELAY_TRIES_MAX;
}

static void
keep_try(struct sending *s, struct session *session)
{
	s->tries[s->tries[0] ? 1 : 0] = session;
	s->relay->connecting_count++;
}

static void
drop_try(struct sending *s, const struct session *session)
{
	for (size_t i = 0; i < 2; i++)
		if (s->tries[i] == session) {
			s->tries[i] = NULL;
			s->relay->connecting_count--;
		}
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

	if (session) {
		s->tried++;
		keep_try(s, session);
	} else {
		sending_note_failure(s, SMTP_CLIENT_LATER, bytes_text(f.text));
	}
}

static void
try_next_address(struct sending *s)
{
	struct relay_target target;

	set_target(s, &s->addresses[s->address_at++], &target);
	try(s, &target);
}

static void look_up_host(struct sending *s);

void
sending_go_on(struct sending *s)
{
	if (s->plan) {
		plan_host(s);
		s->host_at++;
		look_up_host(s);
		return;
	}
	if (s->is_late) {
		sending_fail(s, SMTP_CLIENT_LATER, RELAY_TOO_LATE);
		return;
	}
	while (tries_under_way(s) == 0 && may_try(s))
		try_next_address(s);
	if (s->is_crowded && tries_under_way(s) == 0 && s->tried == 0 && !s->kept.is_there) {
		sending_refuse(s, RELAY_CROWDED);
	} else if (tries_under_way(s) == 0) {
		if (s->is_crowded)
			sending_note_failure(s, SMTP_CLIENT_LATER, BYTES("451 4.4.5 " RELAY_CROWDED));
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
	sending_set_level(s);
	buf_reset(&s->tlsa);
	sending_look_up(s, 0, RECORD_AAAA, name);
	sending_look_up(s, 1, RECORD_A, name);
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
	sending_protect(s);
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
		sending_on_tlsa(l->sending, answer);
	else if (l->record == RECORD_CNAME)
		sending_on_alias(l->sending, answer);
	else
		on_address(l, answer);
}

/* "[192.0.2.1]" and "[IPv6:2001:db8::1]" of a domain (RFC 5321 4.1.3); "192.0.2.1" and "2001:db8::1" of a host. */
static bool
take_literal(struct sending *s)
{
	struct bytes text = bytes_text(s->host);
	struct fault f;

	if (s->hop == HOP_MX)
		return net_literal_parse(text, s->port, &s->addresses[0]);
	return net_address_parse(text, s->port, &s->addresses[0], &f) == 0 && s->addresses[0].storage.ss_family != AF_UNSPEC;
}

void
sending_find_way(struct sending *s)
{
	s->route.count = s->host_at = s->address_at = s->address_count = s->tried = 0;
	s->is_crowded = false;
	sending_rewind(s);
	sending_set_level(s);
	s->is_way_authentic = true; /* of a host that the configuration names */
	if (!s->relay->resolver) {
		sending_refuse(s, "nobody looks names up yet");
	} else if (take_literal(s) && !may_reach(s, &s->addresses[0])) {
		fail(s, SMTP_CLIENT_NEVER, "554 5.4.6 the address %s is this machine's own", s->host);
	} else if (take_literal(s)) {
		s->address_count = 1;
		sending_go_on(s);
	} else if (s->hop == HOP_MX && s->host[0] == '[') {
		fail(s, SMTP_CLIENT_NEVER, "550 5.1.2 %s is no address", s->host);
	} else if (s->hop == HOP_MX) {
		sending_look_up(s, 0, RECORD_MX, bytes_text(s->host));
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
			drop_try(s, s->tries[i]);
		}
	timer_stop(&s->stagger);
}

void
sending_retry(struct sending *s)
{
	s->was_retried = true;
	if (s->is_late)
		sending_fail(s, SMTP_CLIENT_LATER, RELAY_TOO_LATE);
	else
		sending_find_way(s);
}

void
sending_connected(struct sending *s, struct session *session)
{
	drop_try(s, session);
	/* Who lost the race comes next, in the winner's place if it was before him. */
	if (s->tries[0] || s->tries[1])
		s->addresses[--s->address_at] = session_target(s->tries[0] ? s->tries[0] : s->tries[1])->address;
	sending_leave_way(s);
	session_use(session, s);
}

void
sending_unreachable(struct sending *s, struct session *session, const char *text)
{
	drop_try(s, session);
	event(&s->context, EV_RELAY_UNREACHABLE, STR("server", session_target(session)->text), STR("reason", text));
	sending_note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
	sending_go_on(s);
}

/* A server that did not become ready has not answered, for the queue: it will come less often; but for TLS that this mail alone requires.  Who has a
   log-in of his own is a destination of his own there. */
static void
note_not_ready(struct sending *s, const struct relay_target *target, const struct smtp_client_effect *why)
{
	bool has_no_tls = why->outcome == SMTP_CLIENT_NEVER;
	struct bytes reason = !has_no_tls ? why->octets :
		s->needs_tls		  ? BYTES("550 5.7.30 REQUIRETLS support required: the server has no TLS") :
					    BYTES("451 4.7.4 the server does not offer TLS, or refuses it, and it is required");
	bool is_theirs = why->is_theirs && !has_no_tls;
	uint8_t room[400];
	struct buf text;

	buf_init_fixed(&text, room, sizeof room);
	put_bytes(&text, bytes_sub(reason, 0, sizeof room / 2));
	if (!is_theirs)
		put_format(&text, " [%s]", target->text);
	/* RFC 8689 4.2.1: where no host can do what the sender requires the mail comes back. */
	sending_note_failure(s, has_no_tls && s->needs_tls ? SMTP_CLIENT_NEVER : SMTP_CLIENT_LATER, buf_bytes(&text));
	if (is_theirs)
		(void)snprintf(s->failure_server, sizeof s->failure_server, "%s", target->text);
	s->is_own_failure |= why->at == SMTP_CLIENT_AT_TLS && target->cause == TLS_CAUSE_REQUIRETLS;
	s->server[0] = s->tls[0] = '\0';
}

void
sending_unfit(struct sending *s, const struct relay_target *target)
{
	char text[400];

	(void)snprintf(text, sizeof text, "550 5.7.30 REQUIRETLS support required: the server has it not [%s]", target->text);
	s->server[0] = s->tls[0] = '\0';
	s->is_own_failure = true;
	sending_note_failure(s, SMTP_CLIENT_NEVER, bytes_text(text));
	sending_go_on(s);
}

/* RFC 5321 5.1: that host is ourselves, under another name; those that are no better than we are would bring the mail back to us.  It waits
   for the better ones. */
static void
end_way(struct sending *s)
{
	s->address_count = s->address_at;
	s->route.count = s->host_at + 1;
}

void
sending_failed(struct sending *s, const struct relay_target *target, const struct smtp_client_effect *why, enum tlsrpt_result failure)
{
	bool may_do_without = why->at == SMTP_CLIENT_AT_TLS && target->level == TLS_CLIENT_MAY;
	struct relay_target in_clear = *target;

	s->session = NULL;
	if (why->at == SMTP_CLIENT_AT_TLS)
		event(&s->context, EV_TLS_FAILED, STR("server", target->text), TEXT("reason", why->octets), STR("failure", tlsrpt_result_name(failure)),
			STR("level", tls_client_level_name(target->level)), STR("cause", tls_client_cause_name(target->cause)),
			STR("next", may_do_without ? "clear" : "later"));
	else
		event(&s->context, EV_RELAY_UNREACHABLE, STR("server", target->text), TEXT("reason", why->octets));
	/* That TLS is refused for good says nothing of the mail. */
	if (why->outcome == SMTP_CLIENT_NEVER && why->at != SMTP_CLIENT_AT_TLS) {
		(void)snprintf(s->failure_text, sizeof s->failure_text, "%.*s", BYTES_ARG(why->octets));
		(void)snprintf(s->failure_server, sizeof s->failure_server, "%s", why->is_theirs ? target->text : "");
		sending_fail(s, SMTP_CLIENT_NEVER, s->failure_text);
		return;
	}
	note_not_ready(s, target, why);
	if (why->at == SMTP_CLIENT_AT_OURSELVES)
		end_way(s);
	if (may_do_without) {
		in_clear.level = TLS_CLIENT_NONE;
		try(s, &in_clear);
	}
	sending_go_on(s);
}
