/* How the way to a host is protected, once its addresses are known: by its TLSA records, where all that leads to it is signed (DANE), else by
   the MTA-STS policy of its domain; beside what the configuration and the mail's sender ask for.  A host that can't be reached as it has to be
   has no addresses any more, and makes way for the next. */
#include "role/relay/relay_internal.h"

#include "base/event.h"

#include <stdio.h>
#include <string.h>

enum { TLSA_BASES_MAX = 3 };

void
sending_set_level(struct sending *s)
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
	} else if (s->level != TLS_CLIENT_ENCRYPT && sending_login(s)) {
		/* A password is said to nobody but the host that it is for. */
		s->level = TLS_CLIENT_VERIFY;
		s->cause = TLS_CAUSE_LOGIN;
	}
	tls_report_begin(s);
}

struct tls_client_peer
sending_tls_peer(const struct sending *s, const struct relay_target *target)
{
	const struct config_tls_rule *rule = config_tls_rule_for(s->relay->config, bytes_text(s->host));
	struct tls_client_peer peer = { .level = target->level, .name = target->level == TLS_CLIENT_DANE ? s->base : target->name,
		.domain = bytes_text(s->host), .cause = target->cause, .tlsa = buf_bytes(&s->tlsa) };

	/* RFC 8461 5: a policy in "testing" is tried, and its failures are reported. */
	peer.is_tested = target->level < TLS_CLIENT_VERIFY && s->finding.type == TLSRPT_STS && s->finding.failure == TLSRPT_SUCCESS && target->name[0];
	if (rule)
		peer.names = rule->names;
	return peer;
}

/* RFC 7672 2.2: only where everything that names the host is signed; and where the configuration does not say more, or that TLS is not
   wanted at all.  RFC 8689 4.2.2: a sender who would rather have his mail arrive is not bound by what the recipient's domain asks for. */
static bool
may_use_dane(const struct sending *s)
{
	return !s->is_tls_optional && s->is_way_authentic && s->level != TLS_CLIENT_NONE && s->hop != HOP_LMTP &&
		(s->needs_tls || s->level < TLS_CLIENT_VERIFY);
}

/* RFC 8461 2: DANE comes first; and as there, what the configuration says, and a sender who would rather have his mail arrive. */
static bool
may_use_policy(const struct sending *s)
{
	return s->relay->config->mta_sts == MTA_STS_YES && !s->is_tls_optional && s->level != TLS_CLIENT_NONE && s->hop != HOP_LMTP &&
		(s->level < TLS_CLIENT_VERIFY || s->cause == TLS_CAUSE_REQUIRETLS) && sts_domain_is_possible(bytes_text(s->host));
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
	sending_note_failure(s, is_sure ? SMTP_CLIENT_NEVER : SMTP_CLIENT_LATER, bytes_text(text));
	s->is_own_failure = true;
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

	tls_report_found_policy(s, has_policy ? policy : NULL, is_named, q->failure);
	if (has_policy && !is_named)
		event(&s->context, EV_STS_MISMATCH, STR("domain", s->host), STR("host", host), STR("mode", sts_mode_name(policy->mode)),
			STR("next", is_bound ? "later" : "sent"));
	if (is_bound && is_named) {
		s->level = TLS_CLIENT_VERIFY;
		s->cause = TLS_CAUSE_STS;
	} else if (is_bound) {
		(void)snprintf(text, sizeof text, "451 4.7.5 the MTA-STS policy of the domain does not name its host %s", host);
		sending_note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
		tls_report_no_session(s);
		s->address_count = 0;
	} else if (needs_proof(s) && !is_named) {
		skip_unproven(s, q->is_sure);
	}
	sending_go_on(s);
}

/* Its TLSA records, if they count, are there, too. */
static void
follow_policy(struct sending *s)
{
	if (s->address_count > 0 && may_use_policy(s)) {
		s->policy.answered = on_policy;
		policy_ask(s->relay->policies, &s->policy, s->host);
		return;
	}
	tls_report_found_nothing(s);
	if (s->address_count > 0 && needs_proof(s))
		skip_unproven(s, true);
	sending_go_on(s);
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
		sending_look_up(s, 0, RECORD_TLSA, bytes_text(name));
		return;
	}
	follow_policy(s);
}

/* RFC 7672 2.1.1: who can make DNS fail must not be able to take TLS away. */
static void
skip_unasked(struct sending *s)
{
	char text[400];

	(void)snprintf(text, sizeof text, "451 4.7.5 the TLSA records of %s can't be looked up now",
		s->route.hosts[s->host_at].name);
	sending_note_failure(s, SMTP_CLIENT_LATER, bytes_text(text));
	tls_report_found_records(s, BYTES_NONE, TLSRPT_DNSSEC_INVALID);
	tls_report_no_session(s);
	s->address_count = 0;
}

void
sending_on_alias(struct sending *s, const struct message *answer)
{
	const struct ipc_looked_up *found = answer ? &answer->u.looked_up : NULL;

	if (!found || found->answer == ANSWER_LATER) {
		skip_unasked(s);
	} else if (found->is_authentic) {
		s->canonical[0] = '\0';
		look_up_tlsa(s);
		return;
	}
	follow_policy(s);
}

void
sending_on_tlsa(struct sending *s, const struct message *answer)
{
	const struct ipc_looked_up *found = answer ? &answer->u.looked_up : NULL;

	if (!found || found->answer == ANSWER_LATER) {
		skip_unasked(s);
	} else if (found->answer == ANSWER_FOUND && found->is_authentic) {
		put_bytes(&s->tlsa, found->records);
		/* RFC 7672 2.2: records of which none can be used, or so many that they can't be kept, still ask for TLS. */
		enum tls_client_level level = tls_client_has_usable(buf_bytes(&s->tlsa)) ? TLS_CLIENT_DANE : TLS_CLIENT_ENCRYPT;

		tls_report_found_records(s, found->records, level == TLS_CLIENT_DANE ? TLSRPT_SUCCESS : TLSRPT_TLSA_INVALID);
		if (level > s->level) {
			s->level = level;
			s->cause = TLS_CAUSE_DANE;
		}
	} else {
		look_up_tlsa(s);
		return;
	}
	follow_policy(s);
}

void
sending_protect(struct sending *s)
{
	bool may = s->address_count > 0 && may_use_dane(s);

	if (may && s->are_addresses_authentic)
		look_up_tlsa(s);
	else if (may && s->canonical[0])
		/* RFC 7672 2.2.2: an alias that leads out of what is signed may be signed itself, and its own name have the records. */
		sending_look_up(s, 0, RECORD_CNAME, bytes_text(s->route.hosts[s->host_at].name));
	else
		follow_policy(s);
}
