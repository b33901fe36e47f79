/* A SEND from its coming to its SENT.

   It waits for a place (so many in all, so many for one hop, so that a slow server takes no place from the others), goes over an
   idle connection or finds its way (sending_way.c), and a session tells it what became of each recipient.  Whatever happens, SENT is
   said once and has every recipient once; only when the queue is gone nobody is told, and what was not sent to its end yet is
   dropped, because the queue will come with it again. */
#include "role/relay/relay_internal.h"

#include "base/memory.h"
#include "role/relay/plan.h"
#include "sys/disk.h"
#include "sys/time.h"

#include <stdio.h>
#include <string.h>

enum {
	WAITING_MAX = 1000,
	ENVELOPE_OCTETS_MAX = 2 * 1024 * 1024, /* a SEND full of short addresses, and what it takes to list them */
	RESULTS_OCTETS_MAX = 65536,
	RESULT_HEAD_OCTETS = 6,
	TEXT_OCTETS_MAX = 400,
	LOGIN_OCTETS_MAX = 8192,
	CONVERTED_OCTETS = 4096, /* of the message that are converted at a time */
	DEADLINE_MS = 90 * 60 * 1000, /* from its coming on; the queue waits longer, so that it never sends twice what is under way */
	END_MS = 10 * 60 * 1000, /* more, for the answer to the whole message */
};

_Static_assert(DOWNGRADE_OUTPUT_MAX(CONVERTED_OCTETS) + DOWNGRADE_OUTPUT_MAX(0) <= SMTP_CLIENT_BODY_MAX, "a piece is too long");

static void
one_closed(struct sending *s)
{
	if (--s->closing > 0)
		return;
	arena_free(&s->arena);
	buf_done(&s->results);
	buf_done(&s->tlsa);
	buf_done(&s->finding.policy);
	downgrade_free(&s->downgrade);
	memory_free(s);
}

static void
stagger_closed(struct timer *t)
{
	one_closed((struct sending *)((char *)t - offsetof(struct sending, stagger)));
}

static void
deadline_closed(struct timer *t)
{
	one_closed((struct sending *)((char *)t - offsetof(struct sending, deadline)));
}

static void
activate(struct sending *s)
{
	struct relay *relay = s->relay;

	if (s->is_active)
		return;
	TAILQ_REMOVE(&relay->waiting, s, link);
	relay->waiting_count--;
	TAILQ_INSERT_TAIL(&relay->active, s, link);
	relay->active_count++;
	relay_count(relay->hops, bytes_text(s->key), 1);
	s->is_active = true;
}

void
sending_close(struct sending *s)
{
	sending_leave_way(s);
	disk_close(&s->fd);
	s->closing = 2;
	timer_close(&s->stagger, stagger_closed);
	timer_close(&s->deadline, deadline_closed);
}

static void
forget(struct sending *s)
{
	struct relay *relay = s->relay;

	if (s->is_active) {
		TAILQ_REMOVE(&relay->active, s, link);
		relay->active_count--;
		relay_count(relay->hops, bytes_text(s->key), -1);
	} else {
		TAILQ_REMOVE(&relay->waiting, s, link);
		relay->waiting_count--;
	}
	relay->report_count -= s->is_report;
	sending_close(s);
}

void
sending_abort(struct sending *s)
{
	if (s->session)
		session_drop(s->session);
	forget(s);
}

static enum ipc_destination
destination_of(const struct sending *s)
{
	if (s->results.len == 0 || s->is_unreadable)
		return DESTINATION_UNKNOWN;
	if (s->is_silent)
		return DESTINATION_SILENT;
	if (s->server[0])
		return DESTINATION_ANSWERS;
	return s->later > 0 && !s->is_own_failure ? DESTINATION_SILENT : DESTINATION_UNKNOWN;
}

static void
report(struct sending *s)
{
	struct message m = { .type = MESSAGE_SENT };

	m.u.sent = (struct ipc_sent){ .request = s->request, .has_dsn = s->has_dsn,
		.has_deliver_by = s->has_deliver_by, .destination = (uint8_t)destination_of(s), .host = bytes_text(s->server[0] ? s->server : s->failure_server),
		.tls = bytes_text(s->tls), .results = buf_bytes(&s->results) };
	if (peer_send(s->relay->queue, &m) == -1)
		return; /* the queue is gone, and comes with the mail again */
}

void
sending_result(struct sending *s, size_t recipient, enum smtp_client_outcome outcome, struct bytes text, bool is_theirs)
{
	static const uint8_t outcomes[] = { [SMTP_CLIENT_TAKEN] = IPC_OK, [SMTP_CLIENT_LATER] = IPC_LATER,
		[SMTP_CLIENT_NEVER] = IPC_INVALID };
	static const enum event_id events[] = { [SMTP_CLIENT_TAKEN] = EV_RELAY_SENT, [SMTP_CLIENT_LATER] = EV_RELAY_LATER,
		[SMTP_CLIENT_NEVER] = EV_RELAY_REFUSED };
	const struct relay_target *target = s->session ? session_target(s->session) : NULL;
	struct bytes kept = bytes_sub(text, 0, s->text_max);

	event(&s->context, events[outcome], TEXT("rcpt", s->envelope.recipients[recipient].address), STR("server", s->server),
		STR("tls", s->tls), STR("level", tls_client_level_name(target ? target->level : s->level)),
		STR("cause", tls_client_cause_name(target ? target->cause : s->cause)), TEXT("reply", text));
	if (s->kept.is_there)
		buf_reset(&s->results);
	s->kept.is_there = false;
	s->taken += outcome == SMTP_CLIENT_TAKEN;
	s->later += outcome == SMTP_CLIENT_LATER;
	put_u16(&s->results, (uint16_t)recipient);
	put_u8(&s->results, outcomes[outcome]);
	put_u8(&s->results, is_theirs);
	put_u16(&s->results, (uint16_t)kept.len);
	put_bytes(&s->results, kept);
}

/* Nobody else takes it either: what the last server said of it counts. */
static void
end_with_kept(struct sending *s)
{
	struct relay *relay = s->relay;

	s->is_silent = s->kept.is_silent;
	memcpy(s->server, s->kept.server, sizeof s->server);
	memcpy(s->tls, s->kept.tls, sizeof s->tls);
	report(s);
	forget(s);
	sending_start_waiting(relay);
}

void
sending_fail(struct sending *s, enum smtp_client_outcome outcome, const char *text)
{
	struct relay *relay = s->relay;

	if (s->plan) {
		plan_end(s, outcome, text);
		return;
	}
	if (s->kept.is_there) {
		end_with_kept(s);
		return;
	}
	for (size_t i = 0; i < s->envelope.recipient_count; i++)
		sending_result(s, i, outcome, bytes_text(text), text == s->failure_text && s->failure_server[0]);
	report(s);
	forget(s);
	sending_start_waiting(relay);
}

void
sending_refuse(struct sending *s, const char *why)
{
	struct relay *relay = s->relay;

	event(&s->context, EV_RELAY_BUSY, STR("why", why));
	buf_reset(&s->results);
	report(s);
	forget(s);
	sending_start_waiting(relay);
}

static bool
has_place(const struct relay *relay, const char *key)
{
	const struct config *c = relay->config;

	return relay->active_count < relay_active_max(relay) &&
		(uintptr_t)map_get(relay->hops, bytes_text(key)) < c->outgoing_per_host_max;
}

/* The first that waits for that hop, or NULL. */
static struct sending *
next_for(struct relay *relay, const char *key)
{
	struct sending *s;

	TAILQ_FOREACH (s, &relay->waiting, link)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

/* RFC 5321 5.1: where nothing of the message went to a server, and it did not say "never" of anybody, another one may take it. */
static bool
may_go_to_another(const struct sending *s, const struct session *session)
{
	return s->later > 0 && s->later == smtp_client_asked(session_client(session)) && s->offset == 0 && !s->is_unreadable && !s->is_late &&
		s->answered_count + 1 < RELAY_ANSWERS_MAX;
}

static void
go_to_another(struct sending *s, const struct session *session)
{
	s->kept = (struct kept_answer){ .is_there = true, .is_silent = s->is_silent };
	memcpy(s->kept.server, s->server, sizeof s->server);
	memcpy(s->kept.tls, s->tls, sizeof s->tls);
	s->answered[s->answered_count++] = session_target(session)->address;
	s->later = 0;
	/* A connection that was idle was found without a way. */
	if (s->tried > 0)
		sending_go_on(s);
	else
		sending_find_way(s);
}

void
sending_done(struct sending *s, struct session *session, bool is_used, bool was_answered)
{
	struct relay *relay = s->relay;
	struct sending *next;

	s->session = NULL;
	/* An idle connection may be gone without our knowing: that says nothing of this mail. */
	if (is_used && !was_answered && !s->was_retried && s->later > 0) {
		s->taken = s->later = 0;
		buf_reset(&s->results);
		sending_retry(s);
		return;
	}
	if (may_go_to_another(s, session)) {
		go_to_another(s, session);
		return;
	}
	s->has_dsn = smtp_client_has_dsn(session_client(session));
	s->has_deliver_by = smtp_client_has_deliver_by(session_client(session));
	report(s);
	next = session_may_go_on(session) ? next_for(relay, s->key) : NULL;
	forget(s);
	if (next && has_place(relay, next->key)) {
		activate(next);
		session_use(session, next);
	}
	sending_start_waiting(relay);
}

void
sending_start_waiting(struct relay *relay)
{
	struct sending *s, *next;

	/* One that fails at once comes back here. */
	if (relay->is_starting)
		return;
	relay->is_starting = true;
	for (s = TAILQ_FIRST(&relay->waiting); s && relay->active_count < relay_active_max(relay); s = next) {
		next = TAILQ_NEXT(s, link);
		if (has_place(relay, s->key)) {
			sending_start(s);
			/* What it did may have changed the list. */
			next = TAILQ_FIRST(&relay->waiting);
		}
	}
	relay->is_starting = false;
}

void
sending_start(struct sending *s)
{
	struct session *idle = session_find_idle(s->relay, s->key);

	activate(s);
	if (idle && session_is_crowded(s, &session_target(idle)->address))
		sending_refuse(s, RELAY_CROWDED);
	else if (idle)
		session_use(idle, s);
	else
		sending_find_way(s);
}

static void
on_deadline(struct timer *t)
{
	struct sending *s = (struct sending *)((char *)t - offsetof(struct sending, deadline));
	bool was_late = s->is_late;

	s->is_late = true;
	/* RFC 5321 4.5.3.2.6: what the server may be about to take would arrive twice. */
	if (!was_late && s->session && smtp_client_may_be_taken(session_client(s->session)))
		timer_start(&s->deadline, END_MS, 0);
	else if (s->session)
		session_lose(s->session, BYTES("it took too long"));
	else
		sending_fail(s, SMTP_CLIENT_LATER, RELAY_TOO_LATE);
}

/* RFC 1870 3: each line end is two octets. */
static uint64_t
wire_octets(struct bytes lines)
{
	uint64_t count = lines.len;

	for (size_t lf; (lf = bytes_find_char(lines, '\n')) < lines.len; count++)
		lines = bytes_sub(lines, lf + 1, lines.len);
	return count;
}

static void
begin_reading(struct sending *s)
{
	s->offset = s->wire_octets = 0;
}

/* The message's next octets; fewer than `count` are the last ones.  -1: it can't be read, or ends before its end: Linux cuts a read
   short before a page that it can't get from the disk, and says so at the next one only. */
static ssize_t
read_piece(struct sending *s, uint8_t *to, size_t count)
{
	size_t got = 0;
	ssize_t more = 1;

	while (got < count && (more = disk->pread(s->fd, to + got, count - got, (off_t)(s->offset + got))) > 0)
		got += (size_t)more;
	s->offset += got;
	s->wire_octets += wire_octets(bytes_of(to, got));
	s->is_unreadable = more < 0 || (more == 0 && s->wire_octets < s->size);
	return s->is_unreadable ? -1 : (ssize_t)got;
}

/* RFC 6152 3: the message is looked at, a piece each time; once.  False: there is more to look at. */
static bool
look(struct sending *s)
{
	uint8_t *piece = s->relay->body;
	ssize_t count = read_piece(s, piece, sizeof s->relay->body);

	if (!s->downgrade)
		s->downgrade = downgrade_new(DOWNGRADE_TO_7BIT);
	s->form = FORM_LOOKED_AT;
	if (count > 0) {
		downgrade_look(s->downgrade, bytes_of(piece, (size_t)count));
		return false;
	}
	begin_reading(s);
	s->form = downgrade_plan(s->downgrade, &s->more) ? FORM_7BIT : FORM_UNCHANGEABLE;
	return true;
}

void
sending_rewind(struct sending *s)
{
	begin_reading(s);
	/* Who wanted it in 7 bits is gone before that was found out. */
	if (s->form != FORM_LOOKED_AT)
		return;
	downgrade_free(&s->downgrade);
	s->form = FORM_AS_IS;
}

bool
sending_prepare(struct sending *s, const struct smtp_client *client)
{
	bool wants_7bit = s->is_8bit && !s->envelope.is_utf8 && !smtp_client_has_8bit(client);

	s->envelope.by.within_s = s->deliver_by_s - time_wall_us() / 1000000;
	if (wants_7bit && (s->form == FORM_AS_IS || s->form == FORM_LOOKED_AT))
		return look(s) && sending_prepare(s, client);
	s->is_converting = wants_7bit && s->form == FORM_7BIT;
	s->envelope.is_8bit = s->is_8bit && !s->is_converting;
	s->envelope.size = s->size + (s->is_converting ? s->more : 0);
	if (s->is_converting)
		downgrade_rewind(s->downgrade);
	return true;
}

static int
read_as_is(struct sending *s, struct bytes *octets, bool *is_last)
{
	ssize_t count = read_piece(s, s->relay->body, sizeof s->relay->body);

	*octets = bytes_of(s->relay->body, count > 0 ? (size_t)count : 0);
	*is_last = count < (ssize_t)sizeof s->relay->body;
	return count < 0 ? -1 : 0;
}

static int
read_converted(struct sending *s, struct bytes *octets, bool *is_last)
{
	uint8_t piece[CONVERTED_OCTETS];
	ssize_t count = read_piece(s, piece, sizeof piece);
	struct buf out;

	buf_init_fixed(&out, s->relay->body, sizeof s->relay->body);
	*is_last = count < (ssize_t)sizeof piece;
	if (count > 0)
		downgrade_convert(s->downgrade, bytes_of(piece, (size_t)count), &out);
	if (*is_last)
		downgrade_end(s->downgrade, &out);
	*octets = buf_bytes(&out);
	return count < 0 || out.has_failed ? -1 : 0;
}

int
sending_read(struct sending *s, struct bytes *octets, bool *is_last)
{
	return (s->is_converting ? read_converted : read_as_is)(s, octets, is_last);
}

/* entries of u16 length, address, u16 length, parameters */
static bool
take_recipient(struct bytes *in, struct smtp_envelope_recipient *out)
{
	uint16_t address, parameters;

	return take_u16(in, &address) && take_octets(in, address, &out->address) && take_u16(in, &parameters) &&
		take_octets(in, parameters, &out->parameters);
}

static bool
keep_recipients(struct sending *s, struct bytes list)
{
	struct smtp_envelope_recipient *all = NULL, one, *r;
	struct bytes kept;

	if (!arena_copy(s->arena, list, &kept))
		return false;
	while (kept.len > 0) {
		if (!take_recipient(&kept, &one) ||
			!(all = arena_grow(s->arena, all, s->envelope.recipient_count, sizeof *all)))
			return false;
		r = &all[s->envelope.recipient_count++];
		*r = one;
	}
	s->envelope.recipients = all;
	return s->envelope.recipient_count > 0;
}

static bool
keep_envelope(struct sending *s, const struct ipc_send *m)
{
	struct smtp_envelope *e = &s->envelope;

	e->size = s->size = m->size;
	e->is_8bit = s->is_8bit = (m->flags & SEND_8BIT) != 0;
	/* RFC 6531 3.2: that a client said SMTPUTF8 asks nothing of servers which its mail does not need. */
	e->is_utf8 = (m->flags & (SEND_UTF8 | SEND_ASCII_HEADER)) == SEND_UTF8;
	e->needs_require_tls = s->needs_tls = (m->flags & SEND_REQUIRE_TLS) != 0;
	e->priority = (int8_t)m->priority;
	e->by.mode = m->flags & SEND_BY_RETURN ? SMTP_BY_RETURN : m->flags & SEND_BY_NOTIFY ? SMTP_BY_NOTIFY : SMTP_BY_UNSAID;
	e->by.has_trace = (m->flags & SEND_BY_TRACE) != 0;
	s->deliver_by_s = m->deliver_by_s < INT64_MAX ? (int64_t)m->deliver_by_s : INT64_MAX;
	s->is_tls_optional = (m->flags & SEND_TLS_OPTIONAL) != 0 && !s->needs_tls;
	return arena_copy(s->arena, m->sender, &e->sender) && arena_copy(s->arena, m->parameters, &e->parameters) &&
		keep_recipients(s, m->recipients);
}

const struct config_login *
sending_login(const struct sending *s)
{
	return s->hop == HOP_SMTP ? config_login_for(s->relay->config, bytes_text(s->host), s->login_sender) : NULL;
}

void
sending_keep_login(const struct sending *s, struct arena **secrets, struct smtp_client_settings *out)
{
	const struct config_login *login = sending_login(s);

	if (!login)
		return;
	*secrets = arena_new("outgoing log-in", LOGIN_OCTETS_MAX, ARENA_SECRET);
	if (!arena_copy(*secrets, login->name, &out->login_name) ||
		!arena_copy(*secrets, login->secret_password, &out->secret_login_password))
		out->login_name = BYTES_NONE;
}

void
sending_set_hop(struct sending *s, enum ipc_hop hop, struct bytes host, uint16_t port)
{
	static const char *const hops[IPC_HOPS] = { [HOP_MX] = "mx", [HOP_SMTP] = "smtp", [HOP_LMTP] = "lmtp" };
	/* A report under REQUIRETLS goes where nothing is shown of the host (RFC 8689 5): other mail may not follow it. */
	const char *tls = !s->needs_tls ? s->is_tls_optional ? "any " : "" : s->envelope.sender.len ? "tls " : "report ";
	const struct config_login *login;

	s->hop = hop;
	s->port = port ? port : s->hop == HOP_LMTP ? 24 : 25;
	(void)snprintf(s->host, sizeof s->host, "%.*s", BYTES_ARG(host));
	for (size_t i = 0; s->host[i]; i++)
		s->host[i] = (char)byte_lower((uint8_t)s->host[i]);
	login = config_login_for(s->relay->config, bytes_text(s->host), s->envelope.sender);
	/* A reload changes neither: connections are shared by the key. */
	s->login_sender = login && login->sender.len ? s->envelope.sender : BYTES_NONE;
	/* What has to be under TLS does not share, nor does what need not, nor who logs in as somebody else. */
	(void)snprintf(s->key, sizeof s->key, "%s %u %s%s %.*s", hops[s->hop], s->port, tls, s->host, BYTES_ARG(s->login_sender));
}

void
sending_new(struct relay *relay, const struct message *m)
{
	struct sending *s = NEW(struct sending);
	bool is_good;

	s->relay = relay;
	s->request = m->u.send.request;
	s->fd = m->fd_count == 1 ? m->fds[0] : -1;
	s->failure = SMTP_CLIENT_NEVER;
	s->arena = arena_new("envelope", ENVELOPE_OCTETS_MAX, ARENA_PLAIN);
	buf_init(&s->results, RESULTS_OCTETS_MAX);
	buf_init(&s->tlsa, RELAY_TLSA_MAX);
	buf_init(&s->finding.policy, TLS_FINDING_OCTETS_MAX);
	timer_init(&s->stagger, relay->loop, sending_stagger);
	timer_init(&s->deadline, relay->loop, on_deadline);
	timer_start(&s->deadline, DEADLINE_MS, 0);
	TAILQ_INSERT_TAIL(&relay->waiting, s, link);
	relay->waiting_count++;
	is_good = keep_envelope(s, &m->u.send);
	s->is_report = s->envelope.sender.len == 0;
	relay->report_count += s->is_report;
	(void)snprintf(s->mail_id, sizeof s->mail_id, "%.*s", BYTES_ARG(m->u.send.mail_id));
	s->context.mail_id = s->mail_id;
	sending_set_hop(s, m->u.send.hop, m->u.send.host, m->u.send.port);
	/* Who has no recipients to tell of says nothing of them. */
	if (!is_good)
		s->envelope.recipient_count = 0;
	if (s->envelope.recipient_count > 0)
		s->text_max = RESULTS_OCTETS_MAX / s->envelope.recipient_count - RESULT_HEAD_OCTETS;
	if (s->text_max > TEXT_OCTETS_MAX)
		s->text_max = TEXT_OCTETS_MAX;
	s->is_own_failure = !is_good || s->fd == -1;
	if (s->is_own_failure)
		sending_fail(s, SMTP_CLIENT_LATER, "451 4.3.0 the envelope or the message is missing");
	else if (relay->is_draining || relay->waiting_count > WAITING_MAX)
		sending_refuse(s, "too much is being sent at the moment");
	else if (s->is_report && relay->report_count > relay_reports_max(relay))
		sending_refuse(s, "too many reports are being sent at the moment");
	else if (has_place(relay, s->key))
		sending_start(s);
}
