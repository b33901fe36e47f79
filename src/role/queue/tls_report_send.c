/* One domain's report: the relay looks up where it goes; a mail is composed, signed and queued, a request is made over HTTPS, one after the other.  A
   target is done with when the mail is durable or the server took it, or when it never can; the domain is when all are, or its day is over. */
#include "role/queue/tls_report_internal.h"

#include "sys/random.h"

#include <string.h>

enum {
	FIND_WITHIN_MS = 60000,
	POST_WITHIN_MS = 150000, /* the relay gives up sooner */
	RETRY_S = 15 * 60, /* after that, then after twice as long each time */
	JSON_OCTETS_MAX = 4 << 20,
	ID_ROOM = 600,
	SIGNATURES_OCTETS_MAX = 65536,
	MAIL_OCTETS_MAX = 256 * 1024,
	CONTACT_ROOM = 400,
	WHY_ROOM = 200,
};

struct tls_delivery {
	LIST_ENTRY(tls_delivery) link;
	struct tls_reports *reports;
	struct tls_period *period;
	struct tls_domain *domain;
	uint64_t request; /* to the relay; 0: none is open */
	struct buf targets; /* as in TARGETS */
	struct bytes rest; /* of them */
	size_t taken; /* of them */
	uint64_t hash; /* of the target whose turn it is */
	struct bytes target;
	struct queued *mail; /* that is being kept */
	struct bytes failed; /* the last one that has to be tried again */
	char why[WHY_ROOM]; /* it has; "" */
};

static struct bytes
name_of(const struct tls_delivery *d)
{
	return bytes_of(d->domain->name, d->domain->len);
}

static void
tell(enum event_id id, const struct tls_delivery *d, struct bytes target, const char *reason)
{
	uint64_t successes, failed;

	tls_domain_sum(d->domain, &successes, &failed);
	event(NULL, id, TEXT("domain", name_of(d)), TEXT("target", target), INT("begin_s", d->period->begin_s), INT("end_s", d->period->end_s),
		INT("successes", successes), INT("failures", failed), STR("reason", reason));
}

static void
end_delivery(struct tls_delivery *d)
{
	LIST_REMOVE(d, link);
	d->reports->active--;
	if (d->request)
		peer_forget(role_peer(d->reports->queue->role, ROLE_RELAY, 0), d->request);
	queued_free(&d->mail);
	buf_done(&d->targets);
	memory_free(d);
}

void
tls_reports_abort(struct tls_reports *r)
{
	struct tls_delivery *d;

	while ((d = LIST_FIRST(&r->deliveries)))
		end_delivery(d);
}

/* RFC 8460 5.5 */
static void
finish(struct tls_delivery *d)
{
	int64_t now_s = queue_now_s();
	struct tls_domain *domain = d->domain;

	domain->is_busy = false;
	domain->due_s = now_s + ((int64_t)RETRY_S << domain->attempts);
	if (d->why[0] && domain->due_s < domain->until_s) {
		domain->attempts++;
		d->period->is_changed = true;
	} else {
		if (d->why[0])
			tell(EV_TLSRPT_FAILED, d, d->failed, d->why);
		tls_period_forget(d->period, domain);
	}
	end_delivery(d);
}

/* ---- what is sent */

static struct bytes
organization_of(const struct queue *q)
{
	return q->config->domains.count ? q->config->domains.at[0] : q->config->hostname;
}

/* RFC 5321 4.5.1: there is a postmaster at each domain of ours, and none at the host's name, unless it is one. */
static struct bytes
contact_of(const struct queue *q, char space[CONTACT_ROOM])
{
	struct buf text;

	if (q->config->tls_report_contact.len)
		return q->config->tls_report_contact;
	buf_init_fixed(&text, space, CONTACT_ROOM);
	put_format(&text, "postmaster@%.*s", BYTES_ARG(organization_of(q)));
	return buf_bytes(&text);
}

static struct tlsrpt_failure *
list_failures(const struct tls_policy *policy)
{
	struct tlsrpt_failure *list = memory_new_array(policy->failure_count + 1, sizeof *list);
	const struct tls_failure *f;
	size_t count = 0;

	SLIST_FOREACH (f, &policy->failures, link)
		list[count++] = tls_failure_view(f);
	return list;
}

static void
put_gzip(struct buf *out, struct tlsrpt_report *r, const struct tls_domain *d, bool has_details)
{
	struct tlsrpt_policy list[TLS_POLICIES_MAX];
	struct tlsrpt_failure *failures[TLS_POLICIES_MAX];
	const struct tls_policy *policy;
	struct buf json;

	r->policy_count = 0;
	SLIST_FOREACH (policy, &d->policies, link) {
		list[r->policy_count] = tls_policy_view(policy);
		list[r->policy_count].details = failures[r->policy_count] = list_failures(policy);
		list[r->policy_count++].detail_count = has_details ? policy->failure_count : 0;
	}
	r->policies = list;
	buf_init(&json, JSON_OCTETS_MAX);
	tlsrpt_put_json(&json, r);
	tlsrpt_put_gzip(out, buf_bytes(&json));
	out->has_failed |= json.has_failed;
	buf_done(&json);
	for (size_t i = 0; i < r->policy_count; i++)
		memory_free(failures[i]);
	r->policies = NULL;
}

/* The report, and its gzip, which fits into a frame: what servers call themselves may be long and many, and is left out then.  The same period's has the same id, however often it is made. */
static struct tlsrpt_report
make_report(const struct tls_delivery *d, char id[ID_ROOM], char contact[CONTACT_ROOM], struct buf *gzip)
{
	const struct queue *q = d->reports->queue;
	struct tlsrpt_report r = { .organization = organization_of(q), .contact = contact_of(q, contact),
		.domain = name_of(d), .submitter = q->config->hostname, .begin_s = d->period->begin_s, .end_s = d->period->end_s - 1 };
	struct buf text;

	buf_init_fixed(&text, id, ID_ROOM);
	put_format(&text, "%lld-%lld.%.*s@%.*s", (long long)r.begin_s, (long long)r.end_s, BYTES_ARG(r.domain), BYTES_ARG(r.submitter));
	r.id = buf_bytes(&text);
	buf_init(gzip, IPC_BODY_INLINE);
	put_gzip(gzip, &r, d->domain, true);
	if (gzip->has_failed) {
		buf_reset(gzip);
		put_gzip(gzip, &r, d->domain, false);
	}
	return r;
}

/* ---- targets */

static void next_target(struct tls_delivery *d);

static bool
is_done(const struct tls_domain *d, uint64_t hash)
{
	for (size_t i = 0; i < d->done_count; i++)
		if (d->done[i] == hash)
			return true;
	return false;
}

/* A record that changed each hour could have more: then one that is done with hears twice. */
static void
target_done(struct tls_delivery *d)
{
	struct tls_domain *domain = d->domain;

	if (domain->done_count < TLSRPT_TARGETS_MAX)
		domain->done[domain->done_count++] = d->hash;
	d->period->is_changed = true;
	next_target(d);
}

static void
target_failed(struct tls_delivery *d, struct bytes why)
{
	struct buf text;

	buf_init_fixed(&text, d->why, sizeof d->why - 1);
	put_bytes(&text, bytes_sub(why, 0, sizeof d->why - 1));
	d->why[text.len] = '\0';
	d->failed = d->target;
	next_target(d);
}

static void
added(void *arg, enum spool_outcome outcome)
{
	struct tls_delivery *d = arg;
	struct queue *q = d->reports->queue;

	q->reports--;
	if (outcome == SPOOL_OK) {
		queue_insert(q, d->mail);
		d->mail = NULL;
		tell(EV_TLSRPT_SENT, d, d->target, "");
		target_done(d);
		queue_kick(q);
		return;
	}
	queued_free(&d->mail);
	target_failed(d, BYTES("our disk can't keep it"));
}

/* The mail with its signature in front.  False: no key is for it. */
static bool
put_signed(const struct tls_delivery *d, const struct mail_id *id, struct buf *out, const char **why)
{
	struct queue *q = d->reports->queue;
	char report_id[ID_ROOM], contact[CONTACT_ROOM];
	struct bytes from;
	struct buf gzip, mail;
	struct tlsrpt_report report = make_report(d, report_id, contact, &gzip);
	int signature;

	buf_init(&mail, MAIL_OCTETS_MAX);
	tlsrpt_put_mail(&mail, &report, d->target, bytes_of(id->text, MAIL_ID_LEN), queue_now_s(), buf_bytes(&gzip));
	from = bytes_sub(report.contact, bytes_find_last_char(report.contact, '@') + 1, report.contact.len);
	signature = signer_put(q->signer, buf_bytes(&mail), from, queue_now_s(), out);
	/* RFC 8460 3: a report by mail has to be signed. */
	*why = signature != 0 ? "a key of dkim can't sign" : out->len == 0 ? "no key of dkim is for the contact's domain" :
		mail.has_failed || gzip.has_failed ? "it is too long" : NULL;
	put_bytes(out, buf_bytes(&mail));
	buf_done(&gzip);
	buf_done(&mail);
	return !*why;
}

static void
send_mail(struct tls_delivery *d)
{
	struct queue *q = d->reports->queue;
	uint8_t random[10];
	struct mail_id id;
	const char *why;
	struct buf out;

	random_fill(random, sizeof random);
	id = mail_id_make(time_now().wall_us, random);
	buf_init(&out, MAIL_OCTETS_MAX + SIGNATURES_OCTETS_MAX);
	if (put_signed(d, &id, &out, &why) && !out.has_failed)
		d->mail = queue_own_mail(&id, d->target, buf_bytes(&out), SEND_TLS_OPTIONAL | QUEUE_DAY_ONLY, 0);
	if (d->mail) {
		q->reports++;
		spool_add(q->spool, d->mail, BYTES_NONE, buf_bytes(&out), -1, added, d);
	} else {
		tell(EV_TLSRPT_FAILED, d, d->target, why ? why : "it is too long");
		target_done(d);
	}
	buf_done(&out);
}

static void
posted(void *arg, const struct message *m)
{
	struct tls_delivery *d = arg;

	d->request = 0;
	if (m && m->u.report_posted.outcome == IPC_OK) {
		tell(EV_TLSRPT_SENT, d, d->target, "");
		target_done(d);
		return;
	}
	target_failed(d, m ? m->u.report_posted.reason : BYTES("the relay is away"));
}

static void
post(struct tls_delivery *d)
{
	struct peer *relay = role_peer(d->reports->queue->role, ROLE_RELAY, 0);
	char id[ID_ROOM], contact[CONTACT_ROOM];
	struct message m = { .type = MESSAGE_POST_REPORT };
	struct buf gzip;

	(void)make_report(d, id, contact, &gzip);
	if (gzip.has_failed || d->target.len > TLSRPT_TARGET_OCTETS_MAX) {
		tell(EV_TLSRPT_FAILED, d, d->target, "it is too long");
		target_done(d);
	} else {
		d->request = peer_request_id(relay);
		m.u.post_report = (struct ipc_post_report){ .request = d->request, .url = d->target, .octets = buf_bytes(&gzip) };
		peer_request(relay, &m, d->request, POST_WITHIN_MS, posted, d);
	}
	buf_done(&gzip);
}

/* The relay may be somebody else's by now: what is no address is none. */
static bool
take_target(struct bytes *in, enum tlsrpt_target_kind *kind, struct bytes *target)
{
	struct bytes address, local;
	uint16_t len;
	uint8_t value;

	if (!take_u8(in, &value) || value >= TLSRPT_TARGET_KINDS || !take_u16(in, &len) || !take_octets(in, len, target))
		return false;
	*kind = (enum tlsrpt_target_kind)value;
	address = *target;
	return *kind == TLSRPT_HTTPS || (target->len <= QUEUE_ADDRESS_MAX && take_dotted(&address, CLASS_ATEXT, &local) && take_char(&address, '@') &&
		bytes_is_dotted(address, CLASS_ATEXT));
}

static void
next_target(struct tls_delivery *d)
{
	enum tlsrpt_target_kind kind;

	/* The relay takes no more from a record. */
	while (d->taken++ < TLSRPT_TARGETS_MAX && take_target(&d->rest, &kind, &d->target)) {
		d->hash = map_hash_lasting(d->target);
		if (is_done(d->domain, d->hash))
			continue;
		if (kind == TLSRPT_MAILTO)
			send_mail(d);
		else
			post(d);
		return;
	}
	finish(d);
}

static void
on_targets(void *arg, const struct message *m)
{
	struct tls_delivery *d = arg;
	const struct ipc_targets *found = m ? &m->u.targets : NULL;

	d->request = 0;
	if (!found || found->answer == ANSWER_LATER) {
		target_failed(d, BYTES("where it goes can't be looked up now"));
		return;
	}
	put_bytes(&d->targets, found->targets);
	d->rest = buf_bytes(&d->targets);
	next_target(d);
}

void
tls_report_send(struct tls_reports *r, struct tls_period *p, struct tls_domain *domain)
{
	struct peer *relay = role_peer(r->queue->role, ROLE_RELAY, 0);
	struct tls_delivery *d = NEW(struct tls_delivery);
	struct message m = { .type = MESSAGE_FIND_TARGETS };

	d->reports = r;
	d->period = p;
	d->domain = domain;
	domain->is_busy = true;
	buf_init(&d->targets, IPC_BODY_INLINE);
	LIST_INSERT_HEAD(&r->deliveries, d, link);
	r->active++;
	d->request = peer_request_id(relay);
	m.u.find_targets = (struct ipc_find_targets){ .request = d->request, .domain = name_of(d) };
	peer_request(relay, &m, d->request, FIND_WITHIN_MS, on_targets, d);
}
