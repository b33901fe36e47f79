#include "role/relay/tls_report.h"

#include "role/relay/relay_internal.h"

#include <string.h>

enum { DOMAIN_OCTETS_MAX = 245, REASON_OCTETS_MAX = 128 };

/* Only where the domain's own word counts: neither what the configuration settles, nor a mail that need not be protected (RFC 8689), which reports
   are, too (RFC 8460 3: their sessions are not in the next report). */
void
tls_report_begin(struct sending *s)
{
	struct tls_finding *f = &s->finding;

	buf_reset(&f->policy);
	f->type = TLSRPT_NO_POLICY;
	f->failure = TLSRPT_SUCCESS;
	f->reason = "";
	f->is_wanted = s->relay->config->tls_reports == TLS_REPORTS_YES && !s->plan && !s->is_tls_optional && s->hop != HOP_LMTP && s->route.count > 0 &&
		s->level != TLS_CLIENT_NONE && (s->level < TLS_CLIENT_VERIFY || s->cause == TLS_CAUSE_REQUIRETLS) &&
		sts_domain_is_possible(bytes_text(s->host));
}

static void
put_record(struct buf *out, uint8_t usage, uint8_t selector, uint8_t matching, struct bytes octets)
{
	put_format(out, "%u %u %u ", usage, selector, matching);
	for (size_t i = 0; i < octets.len; i++)
		put_format(out, "%02X", octets.ptr[i]);
	put_char(out, '\n');
}

/* Behind the last line that is whole. */
static void
cut_policy(struct buf *policy)
{
	size_t end = bytes_find_last_char(buf_bytes(policy), '\n');

	if (!policy->has_failed)
		return;
	policy->len = end < policy->len ? end + 1 : 0;
	policy->has_failed = false;
}

void
tls_report_found_records(struct sending *s, struct bytes records, enum tlsrpt_result failure)
{
	struct tls_finding *f = &s->finding;
	uint8_t usage, selector, matching;
	struct bytes octets;
	uint16_t len;

	f->type = TLSRPT_TLSA;
	f->failure = failure;
	while (take_u8(&records, &usage) && take_u8(&records, &selector) && take_u8(&records, &matching) && take_u16(&records, &len) &&
		take_octets(&records, len, &octets))
		put_record(&f->policy, usage, selector, matching, octets);
	cut_policy(&f->policy);
}

static void
keep_text(struct tls_finding *f, struct bytes text)
{
	struct bytes part = bytes_sub(text, 0, TLS_FINDING_OCTETS_MAX);

	put_bytes(&f->policy, part);
	f->policy.has_failed = part.len < text.len;
	cut_policy(&f->policy);
}

void
tls_report_found_policy(struct sending *s, const struct sts_policy *policy, bool is_named, enum tlsrpt_result failure)
{
	struct tls_finding *f = &s->finding;

	if (f->type == TLSRPT_TLSA)
		return;
	if (policy) {
		f->type = TLSRPT_STS;
		keep_text(f, policy->text);
		f->failure = is_named ? TLSRPT_SUCCESS : TLSRPT_VALIDATION;
		f->reason = is_named ? "" : "the policy does not name this MX host";
	} else if (failure != TLSRPT_SUCCESS) {
		f->type = TLSRPT_STS;
		f->failure = failure;
	}
}

void
tls_report_found_nothing(struct sending *s)
{
	s->finding.is_wanted &= s->finding.type == TLSRPT_TLSA;
}

static struct bytes
put_host(struct buf *space, const struct net_address *a)
{
	size_t before = space->len;

	net_put_host(space, a);
	return bytes_sub(buf_bytes(space), before, space->len);
}

static void
tell(const struct sending *s, struct ipc_tls_session *m)
{
	const struct tls_finding *f = &s->finding;
	struct message frame = { .type = MESSAGE_TLS_SESSION };

	if (!f->is_wanted)
		return;
	if (f->failure != TLSRPT_SUCCESS) {
		m->result = (uint8_t)f->failure;
		m->reason = bytes_text(f->reason);
	}
	m->domain = bytes_text(s->host);
	m->policy_type = (uint8_t)f->type;
	m->policy_domain = bytes_text(f->type == TLSRPT_TLSA ? s->base : s->host);
	m->policy = buf_bytes(&f->policy);
	m->mx = bytes_text(s->route.hosts[s->host_at].name);
	m->reason = bytes_sub(m->reason, 0, REASON_OCTETS_MAX);
	frame.u.tls_session = *m;
	/* Without a queue there is no mail either. */
	(void)!peer_send(s->relay->queue, &frame);
}

void
tls_report_no_session(const struct sending *s)
{
	struct ipc_tls_session m = { .result = TLSRPT_VALIDATION };

	tell(s, &m);
}

void
tls_report_tell(const struct sending *s, const struct relay_target *target, int fd, struct bytes helo, enum tlsrpt_result result, struct bytes reason)
{
	struct ipc_tls_session m = { .helo = helo, .result = (uint8_t)result, .reason = reason };
	char text[2 * NET_TEXT_MAX];
	struct net_address own;
	struct buf space;

	buf_init_fixed(&space, text, sizeof text);
	m.receiving_ip = put_host(&space, &target->address);
	if (net_local_address(fd, &own) == 0)
		m.sending_ip = put_host(&space, &own);
	tell(s, &m);
}
