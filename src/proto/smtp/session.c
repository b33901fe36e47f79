/* The machine: what is due is reported first, then the stage takes from the input.

   Replies wait in `out` and go together (RFC 2920 3.2), but never longer than until the input is used up, a command
   whose reply may not wait was answered, or the session closes.  A reported SMTP_OUTPUT shows `lent`, so that
   replies may be added before the next step. */
#include "proto/smtp/session_internal.h"

#include "base/memory.h"

#include <assert.h>

enum {
	OUT_OCTETS_MAX = 8192,
	OUT_FLUSH_OCTETS = 2048,
	OUT_KEPT_OCTETS = 512, /* more is given back, for the sake of idle sessions */
	PATHS_OCTETS = 4 * SMTP_PATH_OCTETS_MAX + DSN_ORIGINAL_MAX, /* one path, unquoted and as written; what is said of it */
};

struct smtp_session *
smtp_session_new(const struct smtp_settings *settings)
{
	struct smtp_session *s = NEW(struct smtp_session);

	s->settings = settings;
	s->stage = SMTP_STAGE_GREETING;
	s->phase = SMTP_PHASE_START;
	s->asked = SMTP_NEED_INPUT;
	s->due.kind = SMTP_NEED_INPUT;
	s->is_tls = settings->is_tls_from_start;
	s->paths = arena_new("SMTP paths", PATHS_OCTETS, ARENA_PLAIN);
	buf_init(&s->helo, 255);
	buf_init(&s->address, SMTP_PATH_OCTETS_MAX);
	buf_init(&s->shut_text, 400);
	buf_init(&s->out, OUT_OCTETS_MAX);
	buf_init(&s->lent, OUT_OCTETS_MAX);
	return s;
}

void
smtp_session_free(struct smtp_session **s)
{
	if (!*s)
		return;
	sasl_free(&(*s)->sasl);
	arena_free(&(*s)->paths);
	buf_done(&(*s)->helo);
	buf_done(&(*s)->address);
	buf_done(&(*s)->shut_text);
	buf_done(&(*s)->out);
	buf_done(&(*s)->lent);
	memory_free(*s);
	*s = NULL;
}

/* Who has logged in may be wrong about as many recipients as he likes: he is known. */
static bool
is_borne(const struct smtp_session *s, enum smtp_offence offence)
{
	switch (offence) {
	case SMTP_OFFENCE_ERROR:
		return s->offences[offence] < s->settings->limits.errors_max;
	case SMTP_OFFENCE_RECIPIENT:
		return s->is_logged_in || s->offences[offence] < s->settings->limits.refused_recipients_max;
	case SMTP_OFFENCE_NONE:
	case SMTP_OFFENCES:
		break;
	}
	return true;
}

/* Counts it.  False: it was one too many, and ends the session. */
static bool
bear(struct smtp_session *s, enum smtp_offence offence)
{
	s->is_flush_due |= offence == SMTP_OFFENCE_ERROR;
	if (is_borne(s, offence)) {
		s->offences[offence]++;
		return true;
	}
	smtp_put_reply(&s->out, offence == SMTP_OFFENCE_ERROR ? REPLY_TOO_MANY_ERRORS : REPLY_TOO_MANY_REFUSED);
	s->sent_away_for = offence == SMTP_OFFENCE_ERROR ? BYTES("errors") : BYTES("refused recipients");
	smtp_session_close(s);
	return false;
}

void
smtp_session_reply(struct smtp_session *s, enum smtp_reply reply)
{
	smtp_session_reply_of(s, reply, BYTES_NONE);
}

void
smtp_session_reply_of(struct smtp_session *s, enum smtp_reply reply, struct bytes keyword)
{
	if (bear(s, smtp_reply_offence(reply)))
		smtp_put_reply_of(&s->out, reply, keyword);
}

void
smtp_session_close(struct smtp_session *s)
{
	sasl_free(&s->sasl);
	smtp_transaction_abandon(s);
	s->asked = SMTP_NEED_INPUT;
	s->due.kind = SMTP_NEED_INPUT;
	s->are_paths_stale = true;
	s->stage = SMTP_STAGE_CLOSED;
	s->is_closing = true;
}

static void
report_output(struct smtp_session *s, struct smtp_effect *effect)
{
	struct buf full = s->out;

	assert(!full.has_failed);
	s->out = s->lent;
	s->lent = full;
	s->is_flush_due = false;
	effect->kind = SMTP_OUTPUT;
	effect->octets = buf_bytes(&s->lent);
}

/* What the last step lent is given back. */
static void
end_loans(struct smtp_session *s)
{
	if (s->lent.size > OUT_KEPT_OCTETS)
		buf_done(&s->lent);
	buf_reset(&s->lent);
	if (s->are_paths_stale)
		arena_release(s->paths);
	s->are_paths_stale = false;
}

static bool
is_ask(enum smtp_effect_kind kind)
{
	return kind == SMTP_ASK_LOGIN || kind == SMTP_MAIL || kind == SMTP_ASK_RECIPIENT || kind == SMTP_BODY_BEGIN ||
		kind == SMTP_BODY_END;
}

static void
report_due(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	*effect = s->due;
	s->due = (struct smtp_effect){ .kind = SMTP_NEED_INPUT };
	if (is_ask(effect->kind))
		s->asked = effect->kind;
	if (effect->kind != SMTP_START_TLS)
		return;
	/* RFC 3207 6: what the client sent behind STARTTLS came in the clear and may be an attacker's; the new session
	   must not see it. */
	*in = bytes_sub(*in, in->len, 0);
	s->stage = SMTP_STAGE_TLS;
}

/* Must the replies go out before anything else is done? */
static bool
is_flush_time(const struct smtp_session *s, struct bytes in)
{
	bool is_reply_to_come = s->asked != SMTP_NEED_INPUT || is_ask(s->due.kind);

	if (s->out.len == 0)
		return false;
	/* RFC 2920 3.2: all pending replies go when the input is emptied. */
	if (in.len == 0 || s->is_closing || s->out.len >= OUT_FLUSH_OCTETS)
		return true;
	return s->is_flush_due && !is_reply_to_come;
}

/* Reports what does not depend on input; false: nothing. */
static bool
report(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	if (s->is_abandon_due) {
		s->is_abandon_due = false;
		effect->kind = SMTP_ABANDONED;
	} else if (is_flush_time(s, *in)) {
		report_output(s, effect);
	} else if (s->due.kind != SMTP_NEED_INPUT) {
		report_due(s, in, effect);
	} else if (s->asked != SMTP_NEED_INPUT || s->stage == SMTP_STAGE_TLS) {
		effect->kind = SMTP_BLOCKED;
	} else if (s->is_closing) {
		effect->kind = SMTP_CLOSE;
		effect->octets = s->sent_away_for;
		s->sent_away_for = BYTES_NONE;
	} else {
		return false;
	}
	return true;
}

/* RFC 4954 4: the lines of AUTH may be longer than others. */
static size_t
line_octets_max(const struct smtp_session *s, struct bytes in)
{
	size_t max = s->settings->limits.command_line_octets_max;

	if (s->stage == SMTP_STAGE_LOGIN || bytes_starts_nocase(in, BYTES("AUTH ")))
		return SMTP_LOGIN_LINE_OCTETS_MAX;
	return max < SMTP_INPUT_MAX ? max : SMTP_INPUT_MAX;
}

static enum smtp_progress
take_line(struct smtp_session *s, struct bytes *in)
{
	bool is_login = s->stage == SMTP_STAGE_LOGIN;
	struct bytes line;

	switch (smtp_take_line(&s->lines, in, line_octets_max(s, *in), &line)) {
	case SMTP_LINE_NONE:
		return SMTP_STUCK;
	case SMTP_LINE_WHOLE:
		(is_login ? smtp_login_line : smtp_session_command)(s, line);
		return SMTP_MOVED;
	case SMTP_LINE_BARE:
		smtp_session_reply(s, REPLY_BARE_LINE_END);
		break;
	case SMTP_LINE_LONG:
		smtp_session_reply(s, is_login ? REPLY_AUTH_LINE_TOO_LONG : REPLY_LINE_TOO_LONG);
		break;
	}
	if (is_login && !s->is_closing) {
		sasl_free(&s->sasl);
		s->stage = SMTP_STAGE_COMMAND;
	}
	return SMTP_MOVED;
}

static enum smtp_progress
take(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	switch (s->stage) {
	case SMTP_STAGE_GREETING:
		smtp_put_greeting(&s->out, s->settings->hostname);
		s->is_flush_due = true;
		s->stage = SMTP_STAGE_COMMAND;
		return SMTP_MOVED;
	case SMTP_STAGE_COMMAND:
	case SMTP_STAGE_LOGIN:
		return take_line(s, in);
	case SMTP_STAGE_DOTS:
		return smtp_take_dots(s, in, effect);
	case SMTP_STAGE_CHUNK:
		return smtp_take_chunk(s, in, effect);
	case SMTP_STAGE_TLS:
	case SMTP_STAGE_CLOSED:
		break;
	}
	return SMTP_STUCK;
}

enum smtp_effect_kind
smtp_session_step(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	enum smtp_progress progress;

	end_loans(s);
	*effect = (struct smtp_effect){ .kind = SMTP_NEED_INPUT };
	do {
		if (report(s, in, effect))
			return effect->kind;
		progress = take(s, in, effect);
	} while (progress == SMTP_MOVED);
	/* The rest of the input is no whole line. */
	if (progress == SMTP_STUCK && s->out.len)
		report_output(s, effect);
	return effect->kind;
}

static void
mail_answered(struct smtp_session *s, enum smtp_answer answer)
{
	bool is_lowered = answer == SMTP_ANSWER_LOWERED;

	smtp_session_reply(s, is_lowered ? REPLY_PRIORITY_LOWERED : smtp_reply_of_answer(answer, REPLY_SENDER_OK));
	if (is_lowered || answer == SMTP_ANSWER_OK)
		s->phase = SMTP_PHASE_MAIL;
	else
		smtp_transaction_end(s);
}

void
smtp_session_set_time(struct smtp_session *s, int64_t now_s)
{
	s->now_s = now_s;
}

void
smtp_session_answer(struct smtp_session *s, enum smtp_answer answer)
{
	enum smtp_effect_kind asked = s->asked;

	if (asked == SMTP_ASK_LOGIN || asked == SMTP_NEED_INPUT)
		return;
	s->asked = SMTP_NEED_INPUT;
	s->are_paths_stale = true;
	if (asked == SMTP_BODY_BEGIN) {
		smtp_body_begin_answered(s, answer);
	} else if (asked == SMTP_BODY_END) {
		smtp_body_end_answered(s, answer);
	} else if (asked == SMTP_MAIL) {
		mail_answered(s, answer);
	} else {
		smtp_session_reply(s, smtp_reply_of_answer(answer, REPLY_RECIPIENT_OK));
		if (answer == SMTP_ANSWER_OK) {
			s->phase = SMTP_PHASE_RECIPIENTS;
			s->recipients++;
		}
	}
}

void
smtp_session_refuse(struct smtp_session *s, struct bytes reply)
{
	if (s->asked != SMTP_ASK_RECIPIENT)
		return;
	s->asked = SMTP_NEED_INPUT;
	s->are_paths_stale = true;
	if (!bear(s, SMTP_OFFENCE_RECIPIENT))
		return;
	put_bytes(&s->out, reply);
	put_text(&s->out, "\r\n");
}

void
smtp_session_set_mail_id(struct smtp_session *s, const struct mail_id *id)
{
	s->mail_id = *id;
	s->has_mail_id = true;
}

void
smtp_session_is_of(struct smtp_session *s, struct bytes address)
{
	put_bytes(&s->address, address);
	s->is_logged_in = true;
}

void
smtp_session_answer_login(struct smtp_session *s, enum smtp_answer answer)
{
	if (s->asked != SMTP_ASK_LOGIN)
		return;
	s->asked = SMTP_NEED_INPUT;
	sasl_free(&s->sasl);
	s->is_flush_due = true;
	s->is_logged_in = answer == SMTP_ANSWER_OK;
	smtp_session_reply(s, smtp_reply_of_login(answer));
}

void
smtp_session_tls_started(struct smtp_session *s)
{
	if (s->stage != SMTP_STAGE_TLS)
		return;
	s->stage = SMTP_STAGE_COMMAND;
	s->phase = SMTP_PHASE_START;
	s->is_tls = true;
	s->is_esmtp = s->is_logged_in = false;
	buf_done(&s->helo);
}

void
smtp_session_shut_now(struct smtp_session *s)
{
	/* What would be put out now would fall into the handshake. */
	bool may_speak = s->stage != SMTP_STAGE_TLS;

	smtp_session_close(s);
	if (may_speak)
		smtp_put_shut(&s->out, buf_bytes(&s->shut_text));
}

void
smtp_session_shut(struct smtp_session *s, struct bytes text)
{
	if (s->is_closing || s->shut_text.len)
		return;
	put_bytes(&s->shut_text, bytes_sub(text, 0, s->shut_text.max));
	/* The message may be stored already: the client must hear of it, or it sends it again. */
	if (s->asked == SMTP_BODY_END)
		return;
	smtp_session_shut_now(s);
}

struct bytes
smtp_session_helo(const struct smtp_session *s)
{
	return buf_bytes(&s->helo);
}

bool
smtp_session_is_esmtp(const struct smtp_session *s)
{
	return s->is_esmtp;
}

bool
smtp_session_is_logged_in(const struct smtp_session *s)
{
	return s->is_logged_in;
}

bool
smtp_session_is_in_body(const struct smtp_session *s)
{
	return s->stage == SMTP_STAGE_DOTS || s->stage == SMTP_STAGE_CHUNK;
}
