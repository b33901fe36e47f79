/* `mermoz queue tls-reports` and `report-tls`. */
#include "role/control_line.h"
#include "role/queue/tls_report_internal.h"

enum { PIECE_OCTETS = CONTROL_LINES_MAX - 8192, PERIODS_MAX = 4 };

/* All lines have numbers, in the order of the periods and of the map; a piece of the answer has those from `skip` on that it has room for.  What
   comes or goes between two pieces moves the rest. */
struct telling {
	struct buf out;
	uint64_t skip, at;
	bool is_full;
};

/* Is the next line to be put? */
static bool
is_wanted(struct telling *t)
{
	t->is_full |= t->out.len >= PIECE_OCTETS;
	return !t->is_full && t->at++ >= t->skip;
}

static void
tell_failure(struct telling *t, const struct tls_failure *failure)
{
	struct tlsrpt_failure f = tls_failure_view(failure);

	if (is_wanted(t))
		control_line_put(&t->out, "failure", FIELDS(STR("result", tlsrpt_result_name(f.result)), INT("sessions", f.count), TEXT("mx", f.mx),
			TEXT("receiving_ip", f.receiving_ip), TEXT("sending_ip", f.sending_ip), TEXT("helo", f.helo), TEXT("reason", f.reason)));
}

static void
tell_policy(struct telling *t, const struct tls_policy *policy)
{
	struct tlsrpt_policy p = tls_policy_view(policy);
	const struct tls_failure *f;

	if (is_wanted(t))
		control_line_put(&t->out, "policy", FIELDS(STR("type", tlsrpt_policy_type_name(p.type)), TEXT("policy_domain", p.domain),
			INT("successes", p.successes), INT("failures", p.failures)));
	SLIST_FOREACH (f, &policy->failures, link)
		tell_failure(t, f);
}

static void
tell_domain(struct telling *t, const struct tls_period *p, const struct tls_domain *d)
{
	const struct tls_policy *policy;
	uint64_t successes, failed;

	tls_domain_sum(d, &successes, &failed);
	if (is_wanted(t))
		control_line_put(&t->out, "domain", FIELDS(TEXT("domain", bytes_of(d->name, d->len)), INT("begin_s", p->begin_s), INT("end_s", p->end_s),
			INT("successes", successes), INT("failures", failed), INT("left_out", d->left_out), INT("due_s", d->due_s)));
	SLIST_FOREACH (policy, &d->policies, link)
		tell_policy(t, policy);
}

static void
tell_period(struct telling *t, const struct tls_period *p)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (!t->is_full && map_next(p->domains, &at, &key, &value))
		tell_domain(t, p, value);
}

static void
tell(const struct tls_reports *r, struct control_question *question, uint64_t skip)
{
	struct telling t = { .skip = skip };
	const struct tls_period *p;
	uint64_t left_out = 0;

	buf_init(&t.out, CONTROL_LINES_MAX);
	put_text(&t.out, "lines\n");
	TAILQ_FOREACH (p, &r->periods, link) {
		tell_period(&t, p);
		left_out += p->left_out;
	}
	if (t.is_full)
		control_line_put(&t.out, "more", FIELDS(INT("cursor", t.at)));
	else
		control_line_put(&t.out, "end", FIELDS(INT("left_out", left_out)));
	put_char(&t.out, '\n');
	control_answer(&question, t.out.has_failed ? BYTES("error the answer is too long\n") : buf_bytes(&t.out));
	buf_done(&t.out);
}

/* Those that wait for their moment, or for another attempt, too. */
static size_t
hurry(struct tls_period *p, int64_t now_s)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(p->domains, &at, &key, &value))
		((struct tls_domain *)value)->due_s = now_s;
	return map_count(p->domains);
}

static void
report_now(struct tls_reports *r, struct control_question *question)
{
	uint8_t octets[100];
	struct tls_period *p;
	size_t domains = 0, periods = 0;
	struct buf out;

	TAILQ_FOREACH (p, &r->periods, link)
		periods++;
	if (r->queue->config->tls_reports == TLS_REPORTS_NO) {
		control_answer(&question, BYTES("error tls_reports is off\n"));
		return;
	}
	/* Those before may wait for servers that are ill. */
	if (periods <= PERIODS_MAX)
		tls_reports_end_period(r, queue_now_s(), 0);
	TAILQ_FOREACH (p, &r->periods, link)
		if (p->end_s)
			domains += hurry(p, queue_now_s());
	tls_reports_write(r);
	buf_init_fixed(&out, octets, sizeof octets);
	put_text(&out, "lines\n");
	control_line_put(&out, "end", FIELDS(INT("domains", domains)));
	put_char(&out, '\n');
	event(NULL, EV_QUEUE_COMMAND, STR("command", "report-tls"), INT("domains", domains));
	control_answer(&question, buf_bytes(&out));
}

bool
tls_reports_takes(struct bytes line)
{
	return bytes_starts(line, BYTES("tls\t"));
}

void
tls_reports_ask(struct tls_reports *r, struct control_question *question, struct bytes text)
{
	uint8_t space[CONTROL_LINE_MAX];
	struct control_line line;
	struct buf values;

	buf_init_fixed(&values, space, sizeof space);
	if (!control_line_take(&text, &values, &line))
		control_answer(&question, BYTES("error that is no question\n"));
	else if (control_line_number(&line, "now"))
		report_now(r, question);
	else
		tell(r, question, control_line_number(&line, "cursor"));
}
