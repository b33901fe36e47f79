/* What senders are told of their mail. */
#include "role/queue/queue_internal.h"

#include "proto/dsn/parameter.h"
#include "sys/random.h"

#include <string.h>

enum { REPORT_OCTETS_MAX = 1 << 20, SIGNATURES_OCTETS_MAX = 65536, RECIPIENTS_TOLD_MAX = 1000, RETURN_S = 10 };

struct report {
	struct queue *queue;
	struct queued *message; /* that is reported on: it stays while deliveries of it are ACTIVE; of a delay a copy of ours */
	struct delivery *first; /* that failed or arrived, linked by next; NULL: it is late */
	enum dsn_action action;
	size_t most; /* of recipients that are told of: what would be too long with all of them has several reports */
	struct delivery *rest; /* from `first` on: for the next one */
	struct queued *report;
};

static struct dsn_rcpt
wishes(const struct delivery *d)
{
	struct dsn_rcpt rcpt = { 0 };

	if (!dsn_parse_rcpt(delivery_parameters(d), &rcpt) || rcpt.notify == 0)
		rcpt.notify = DSN_NOTIFY_UNSAID;
	return rcpt;
}

static bool
wants(const struct delivery *d, unsigned int notify)
{
	return (wishes(d).notify & notify) != 0;
}

bool
queue_wants_success(const struct delivery *d)
{
	return wants(d, DSN_NOTIFY_SUCCESS) && queued_sender(delivery_message(d)).len > 0;
}

bool
queue_may_be_told(const struct delivery *d)
{
	return !wants(d, DSN_NOTIFY_NEVER) && queued_sender(delivery_message(d)).len > 0;
}

bool
queue_is_to_tell_overdue(const struct queued *m)
{
	return m->flags & SEND_BY_NOTIFY && !(m->flags & QUEUE_OVERDUE_TOLD) && queued_is_overdue(m, queue_now_s());
}

/* RFC 3461 4.1, RFC 5321 4.5.5: nobody is told of what came from nobody. */
static bool
is_to_be_told(const struct queued *m, const struct delivery *first)
{
	bool wanted = false;

	for (const struct delivery *d = first; d; d = d->next)
		wanted |= wants(d, DSN_NOTIFY_FAILURE);
	return wanted && queued_sender(m).len > 0;
}

static void
end_deliveries(struct queue *q, struct queued *m, struct delivery *first)
{
	for (struct delivery *d = first, *next; d; d = next) {
		next = d->next;
		schedule_forget(q->schedule, d);
		delivery_done(d);
	}
	queue_settle(q, m);
}

static void
end_report(struct report *r)
{
	struct queue *q = r->queue;

	if (!r->first)
		queued_free(&r->message);
	q->reports--;
	memory_free(r);
	queue_sweep_on(q);
}

/* It can't be kept.  The destination of those that failed is asked again: better than a sender who never hears. */
static void
give_up(struct report *r)
{
	if (r->first && r->action != DSN_FAILED) {
		end_deliveries(r->queue, r->message, r->first);
		return;
	}
	for (struct delivery *d = r->first, *next; d; d = next) {
		next = d->next;
		if (d->destination) {
			schedule_return(r->queue->schedule, d, queue_now_s());
			continue;
		}
		/* Taken out of line: its time was over, or the administrator returned it. */
		d->next_s = (uint32_t)queue_now_s() + RETURN_S;
		queue_schedule(r->queue, d);
	}
}

static void begin(struct queue *q, struct queued *m, struct delivery *first, enum dsn_action action);

static void
go_on_delayed(struct report *r)
{
	struct queued *m = r->message;
	size_t told = 0;

	for (uint16_t i = 0; i < m->count; i++) {
		if (m->at[i].is_delay_told)
			continue;
		if (told++ == r->most) {
			r->message = NULL;
			begin(r->queue, m, NULL, r->action);
			return;
		}
		m->at[i].is_delay_told = true;
	}
}

/* It is done with those that were told of; what did not fit has a report of its own. */
static void
go_on(struct report *r)
{
	struct delivery **end = &r->first, *rest = r->rest;

	if (!r->first) {
		go_on_delayed(r);
		return;
	}
	while (*end != rest)
		end = &(*end)->next;
	*end = NULL;
	end_deliveries(r->queue, r->message, r->first);
	if (rest && r->action == DSN_FAILED)
		queue_report_failed(r->queue, r->message, rest);
	else if (rest)
		begin(r->queue, r->message, rest, r->action);
}

static void
added(void *arg, enum spool_outcome outcome)
{
	struct report *r = arg;
	struct queue *q = r->queue;

	if (outcome == SPOOL_OK) {
		event(NULL, EV_QUEUE_REPORTED, STR("mail", r->report->id.text), STR("about", queued_told(r->message)->text),
			TEXT("recipient", queued_sender(r->message)));
		queue_insert(q, r->report);
		go_on(r);
	} else {
		queued_free(&r->report);
		give_up(r);
	}
	end_report(r);
	queue_kick(q);
}

static void
describe(const struct report *r, const struct delivery *d, struct dsn_recipient *out)
{
	struct dsn_rcpt rcpt = wishes(d);

	*out = (struct dsn_recipient){
		.original = rcpt.original,
		.final = rcpt.accepted.len ? rcpt.accepted : delivery_address(d),
		.action = r->action,
		.reply = delivery_reply(d),
		.server = delivery_server(d),
		.last_attempt_s = d->tried_s,
		.will_retry_until_s = r->first ? 0 : (int64_t)queued_since_s(r->message) + r->queue->config->queue_lifetime_s,
	};
}

/* Those that are to be told of; how many. */
static size_t
describe_all(struct report *r, struct dsn_recipient *out)
{
	const struct queued *m = r->message;
	struct delivery *d = r->first;
	size_t count = 0;

	for (; d && count < r->most; d = d->next)
		if (r->action != DSN_FAILED || wants(d, DSN_NOTIFY_FAILURE))
			describe(r, d, &out[count++]);
	r->rest = d;
	for (uint16_t i = 0; !r->first && i < m->count && count < r->most; i++)
		if (!m->at[i].is_delay_told)
			describe(r, &m->at[i], &out[count++]);
	return count;
}

/* The report's octets; the needs are enum dsn_need. */
static unsigned int
compose(struct report *r, const struct mail_id *id, struct bytes content, struct buf *out)
{
	const struct queued *m = r->message;
	struct dsn_recipient *recipients = memory_new_array(r->most, sizeof *recipients);
	struct dsn_mail mail = { 0 };
	struct dsn_report report = {
		.hostname = r->queue->config->hostname,
		.sender = queued_sender(m),
		.mail_id = bytes_of(queued_told(m)->text, MAIL_ID_LEN),
		.report_id = bytes_of(id->text, MAIL_ID_LEN),
		.arrival_s = m->arrived_s,
		.release_s = queued_release_s(m) > m->arrived_s ? queued_release_s(m) : 0,
		.deliver_by_s = queued_deadline_s(m),
		.date_s = queue_now_s(),
		.language = (enum dsn_language)r->queue->config->queue_report_language,
		.is_utf8 = (m->flags & SEND_UTF8) != 0,
		.content = content,
		.recipients = recipients,
		.recipient_count = describe_all(r, recipients),
	};
	unsigned int needs;

	if (dsn_parse_mail(queued_parameters(m), &mail))
		report.envelope_id = mail.envelope_id;
	/* RFC 3461 4.3: RET= speaks of failures; what is longer than was read goes back as its header, which is left to us.  RFC 8689 5: what
	   was to go over TLS alone goes back as its header, whatever RET= said. */
	report.returns_whole = r->action == DSN_FAILED && mail.returns == DSN_RETURN_FULL && content.len < SPOOL_BODY_JOURNALED_MAX
		&& !(m->flags & SEND_REQUIRE_TLS);
	(void)dsn_find_language(content, &report.language);
	needs = dsn_put(out, &report);
	memory_free(recipients);
	return needs;
}

/* RFC 1870: every line end is two octets. */
static uint64_t
size_of(struct bytes octets)
{
	uint64_t size = octets.len;

	for (size_t at; (at = bytes_find_char(octets, '\n')) < octets.len; size++)
		octets = bytes_sub(octets, at + 1, octets.len);
	return size;
}

/* The signature stands in front.  The From: of a report is of the host. */
static void
put_signed(const struct report *r, const struct mail_id *id, const struct buf *report, struct buf *out)
{
	const struct queue *q = r->queue;

	if (signer_put(q->signer, buf_bytes(report), q->config->hostname, queue_now_s(), out) != 0)
		event(NULL, EV_QUEUE_UNSIGNED, STR("mail", id->text));
	put_bytes(out, buf_bytes(report));
	out->has_failed |= report->has_failed;
}

struct queued *
queue_own_mail(const struct mail_id *id, struct bytes to, struct bytes octets, uint32_t flags, int8_t priority)
{
	struct envelope e = { .id = *id, .arrived_s = (uint32_t)queue_now_s(), .size = size_of(octets), .flags = QUEUE_ASK_DIRECTORY | flags,
		.priority = priority };
	uint8_t space[QUEUE_ADDRESS_MAX + 4];
	struct buf recipients;

	buf_init_fixed(&recipients, space, sizeof space);
	put_u16(&recipients, (uint16_t)to.len);
	put_bytes(&recipients, to);
	put_u16(&recipients, 0);
	e.recipients = buf_bytes(&recipients);
	return recipients.has_failed ? NULL : queued_new(&e);
}

static struct queued *
make_report(struct report *r, struct bytes content, struct buf *out)
{
	struct mail_id id;
	struct buf report;
	uint8_t random[10];
	unsigned int needs;

	buf_init(&report, REPORT_OCTETS_MAX);
	random_fill(random, sizeof random);
	id = mail_id_make(time_now().wall_us, random);
	needs = compose(r, &id, content, &report);
	put_signed(r, &id, &report, out);
	buf_done(&report);
	if (out->has_failed)
		return NULL;
	/* RFC 8689 5: a report is protected as what it reports on. */
	return queue_own_mail(&id, queued_sender(r->message), buf_bytes(out),
		(needs & DSN_NEEDS_8BIT ? SEND_8BIT : 0) | (needs & DSN_NEEDS_UTF8 ? SEND_UTF8 : 0) |
			(r->message->flags & (SEND_REQUIRE_TLS | SEND_TLS_OPTIONAL)),
		r->message->priority);
}

/* The header is there, or (error) the body is lost: the sender hears without it. */
static void
header_read(void *arg, struct bytes content, int error)
{
	struct report *r = arg;
	struct buf out;

	buf_init(&out, REPORT_OCTETS_MAX + SIGNATURES_OCTETS_MAX);
	if (error)
		event(NULL, EV_QUEUE_FAILED, STR("what", "read a message"), STR("mail", queued_told(r->message)->text), INT("error", error));
	for (r->most = RECIPIENTS_TOLD_MAX; !(r->report = make_report(r, content, &out)) && r->most > 1; r->most /= 2)
		buf_reset(&out);
	if (r->report) {
		spool_add(r->queue->spool, r->report, BYTES_NONE, buf_bytes(&out), -1, added, r);
	} else {
		give_up(r);
		end_report(r);
	}
	buf_done(&out);
}

static void
begin(struct queue *q, struct queued *m, struct delivery *first, enum dsn_action action)
{
	struct report *r = NEW(struct report);

	r->queue = q;
	r->message = m;
	r->first = first;
	r->action = action;
	q->reports++;
	spool_read(q->spool, &m->id, SPOOL_BODY_JOURNALED_MAX, header_read, r);
}

void
queue_report_failed(struct queue *q, struct queued *m, struct delivery *first)
{
	if (is_to_be_told(m, first))
		begin(q, m, first, DSN_FAILED);
	else
		end_deliveries(q, m, first);
}

void
queue_report_success(struct queue *q, struct queued *m, struct delivery *first, enum dsn_action action)
{
	begin(q, m, first, action);
}

bool
queue_is_late_news(const struct delivery *d, bool is_overdue)
{
	return delivery_is_idle(d) && (is_overdue || !d->is_delay_told) && queued_sender(delivery_message(d)).len > 0 && wants(d, DSN_NOTIFY_DELAY);
}

/* Of the copy those are not told yet for whom it is news; of the message they are from now on. */
static void
mark_told(struct queued *m, struct queued *copy, bool is_overdue)
{
	for (uint16_t i = 0, at = 0; i < m->count && at < copy->count; i++) {
		struct delivery *d = &m->at[i];
		bool is_news = queue_is_late_news(d, is_overdue);

		if (d->state == DELIVERY_DONE)
			continue;
		if (delivery_reply(&copy->at[at]).len == 0)
			delivery_set_reply(&copy->at[at], queue_words_of_others(d), queue_server_of_others(d));
		copy->at[at++].is_delay_told = !is_news;
		d->is_delay_told |= is_news;
	}
}

/* What the report tells of: as things are now. */
static struct queued *
copy_of(const struct queued *m, bool is_overdue)
{
	struct queued *copy;
	struct buf image;

	buf_init(&image, SIZE_MAX);
	queued_put(&image, m);
	copy = queued_take(buf_bytes(&image));
	buf_done(&image);
	for (uint16_t i = 0; copy && is_overdue && i < copy->count; i++)
		delivery_set_reply(&copy->at[i], BYTES("451 4.4.7 not delivered by the time that its sender set; it is tried on"), BYTES_NONE);
	return copy;
}

void
queue_report_delayed(struct queue *q, struct queued *m)
{
	bool is_overdue = queue_is_to_tell_overdue(m);
	struct queued *copy = copy_of(m, is_overdue);

	if (!copy)
		return;
	m->flags |= is_overdue ? QUEUE_OVERDUE_TOLD : 0;
	mark_told(m, copy, is_overdue);
	spool_update(q->spool, m);
	begin(q, copy, NULL, DSN_DELAYED);
}
