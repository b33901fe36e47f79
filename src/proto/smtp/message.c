/* How a message comes in: after DATA until CRLF "." CRLF, or in chunks (RFC 3030).

   A message that turns out to be refused is abandoned at once, but taken to its end, so that the dialog stays in
   step; only then the client hears why.  The reason depends on the message alone, not on how it came in pieces. */
#include "proto/smtp/session_internal.h"

#include <string.h>

static void
begin_body(struct smtp_session *s)
{
	s->body = (struct smtp_body){ .text.line_octets_max = s->settings->limits.text_line_octets_max };
}

/* Why the octets so far can't be a message; REPLY_OK: they can. */
static enum smtp_reply
flaw_of(const struct smtp_session *s)
{
	uint64_t max = s->settings->limits.message_octets_max;
	unsigned int flaws = s->body.text.flaws;

	if (flaws & SMTP_FLAW_BARE)
		return REPLY_MESSAGE_BARE_LINE_END;
	if (flaws & SMTP_FLAW_NUL)
		return REPLY_MESSAGE_NUL;
	if (flaws & SMTP_FLAW_LONG_LINE)
		return REPLY_MESSAGE_LONG_LINE;
	return max && s->body.octets > max ? REPLY_TOO_LARGE : REPLY_OK;
}

static enum smtp_progress
take_run(struct smtp_session *s, struct bytes run, struct smtp_effect *effect)
{
	smtp_text_check(&s->body.text, run);
	s->body.octets += run.len;
	if (flaw_of(s) != REPLY_OK) {
		smtp_transaction_abandon(s);
		return SMTP_MOVED;
	}
	effect->kind = SMTP_BODY;
	effect->octets = run;
	return SMTP_REPORT;
}

/* The message is whole: it goes to the driver, or is refused. */
static void
end_body(struct smtp_session *s)
{
	enum smtp_reply flaw;

	smtp_text_end(&s->body.text);
	flaw = flaw_of(s);
	if (flaw == REPLY_OK) {
		s->due.kind = SMTP_BODY_END;
		return;
	}
	smtp_transaction_abandon(s);
	smtp_session_reply(s, flaw);
}

void
smtp_command_data(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	begin_body(s);
	s->due.kind = SMTP_BODY_BEGIN;
}

enum smtp_progress
smtp_take_dots(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	struct bytes run;

	switch (smtp_dots_take(&s->body.dots, in, &run)) {
	case SMTP_DOTS_MORE:
		return SMTP_STUCK;
	case SMTP_DOTS_RUN:
		if (s->body.dots.has_bare_cr)
			s->body.text.flaws |= SMTP_FLAW_BARE;
		return take_run(s, run, effect);
	case SMTP_DOTS_END:
		break;
	}
	s->stage = SMTP_STAGE_COMMAND;
	s->is_flush_due = true;
	end_body(s);
	return SMTP_MOVED;
}

/* chunk-size [SP "LAST"] (RFC 3030 2).  False: not even the size can be read. */
static bool
take_chunk_size(struct smtp_session *s, struct bytes argument)
{
	uint64_t octets;

	s->body.refusal = REPLY_OK;
	if (!take_number(&argument, INT64_MAX, &octets))
		return false;
	s->body.chunk_octets = s->body.chunk_left = octets;
	s->body.is_last_chunk = take_text_nocase(&argument, BYTES(" LAST"));
	if (argument.len)
		s->body.refusal = REPLY_BDAT_SYNTAX;
	return true;
}

/* Is the chunk out of place, or too much?  Then it is refused after its octets have been taken. */
static enum smtp_reply
chunk_refusal(const struct smtp_session *s)
{
	const unsigned int phases = SMTP_PHASE_RECIPIENTS | SMTP_PHASE_CHUNKS;
	uint64_t max = s->settings->limits.message_octets_max;

	if (!(s->phase & phases))
		return smtp_sequence_reply(s->phase, phases);
	if (s->body.refusal != REPLY_OK)
		return s->body.refusal;
	return max && s->body.chunk_octets > max - s->body.octets ? REPLY_TOO_LARGE : REPLY_OK;
}

void
smtp_command_bdat(struct smtp_session *s, struct bytes argument)
{
	if (s->phase != SMTP_PHASE_CHUNKS)
		begin_body(s);
	if (!take_chunk_size(s, argument)) {
		/* Nobody knows where the chunk ends: its octets must not be read as commands. */
		smtp_put_reply(&s->out, REPLY_BDAT_SYNTAX);
		smtp_session_close(s);
		return;
	}
	s->body.refusal = chunk_refusal(s);
	s->stage = SMTP_STAGE_CHUNK;
	/* RFC 3030 2: after an error nothing of the transaction is kept. */
	if (s->body.refusal != REPLY_OK && s->phase != SMTP_PHASE_MAIL)
		smtp_transaction_abandon(s);
	else if (s->body.refusal == REPLY_OK && s->phase == SMTP_PHASE_RECIPIENTS)
		s->due.kind = SMTP_BODY_BEGIN;
}

/* RFC 3030 2: octets of a chunk that is refused are taken and dropped before the reply. */
static void
end_chunk(struct smtp_session *s)
{
	enum smtp_reply flaw = s->body.refusal != REPLY_OK ? s->body.refusal : flaw_of(s);

	s->stage = SMTP_STAGE_COMMAND;
	s->is_flush_due = true;
	if (flaw != REPLY_OK)
		smtp_session_reply(s, flaw);
	else if (s->body.is_last_chunk)
		end_body(s);
	else
		smtp_put_chunk_taken(&s->out, s->body.chunk_octets);
}

enum smtp_progress
smtp_take_chunk(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect)
{
	uint64_t left = s->body.chunk_left;
	struct bytes run = bytes_sub(*in, 0, left < in->len ? (size_t)left : in->len);

	if (left == 0) {
		end_chunk(s);
		return SMTP_MOVED;
	}
	if (run.len == 0)
		return SMTP_STUCK;
	*in = bytes_sub(*in, run.len, in->len);
	s->body.chunk_left -= run.len;
	return s->body.refusal == REPLY_OK ? take_run(s, run, effect) : SMTP_MOVED;
}

void
smtp_body_begin_answered(struct smtp_session *s, enum smtp_answer answer)
{
	bool is_chunk = s->stage == SMTP_STAGE_CHUNK;

	if (answer == SMTP_ANSWER_OK) {
		if (is_chunk) {
			s->phase = SMTP_PHASE_CHUNKS;
			return;
		}
		s->stage = SMTP_STAGE_DOTS;
		s->is_flush_due = true;
		smtp_session_reply(s, REPLY_SEND_DATA);
		return;
	}
	smtp_transaction_abandon(s);
	if (is_chunk) {
		s->body.refusal = smtp_reply_of_answer(answer, REPLY_OK);
		return;
	}
	s->is_flush_due = true;
	smtp_session_reply(s, smtp_reply_of_answer(answer, REPLY_OK));
}

void
smtp_body_end_answered(struct smtp_session *s, enum smtp_answer answer)
{
	s->is_flush_due = true;
	if (answer == SMTP_ANSWER_OK) {
		memset(s->offences, 0, sizeof s->offences);
		smtp_put_stored(&s->out, s->has_mail_id ? &s->mail_id : NULL);
	} else {
		smtp_session_reply(s, smtp_reply_of_answer(answer, REPLY_OK));
	}
	smtp_transaction_end(s);
	if (s->shut_text.len)
		smtp_session_shut_now(s);
}
