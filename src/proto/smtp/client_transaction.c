/* A transaction: which commands are said when, what each reply means to whom.

   With PIPELINING the commands go as a group, whose replies are all heard (RFC 2920 3.1), but no more than REPLIES_MAX are
   ever waited for, so that neither side fills the other's buffers.  A connection on which it is not sure any more what
   belongs to what is closed, never used again. */
#include "proto/smtp/client_internal.h"

#include "base/memory.h"

#include <assert.h>

/* RFC 6531 3.5: of an address, and of header fields alone */
#define NO_UTF8 BYTES("550 5.6.7 an address is not ASCII, and the server has no SMTPUTF8")
#define NO_UTF8_HEADER BYTES("550 5.6.9 a header field is not ASCII, and the server has no SMTPUTF8")

enum {
	OUT_FLUSH_OCTETS = 16384,
	REPLIES_MAX = 50,
	CHUNK_REPLIES_MAX = 8,
	ADDRESS_OCTETS_MAX = 320, /* RFC 5321 4.5.3.1: a local part, "@", a domain */
	PARAMETERS_OCTETS_MAX = 1024,
};

static bool
has(const struct smtp_client *c, enum smtp_client_extension extension)
{
	return (c->extensions & extension) != 0;
}

static bool
is_sendable(struct bytes address, struct bytes parameters)
{
	for (size_t i = 0; i < address.len; i++)
		if (byte_is_class(address.ptr[i], CLASS_CONTROL))
			return false;
	return address.len <= ADDRESS_OCTETS_MAX && parameters.len <= PARAMETERS_OCTETS_MAX &&
		bytes_all_class(parameters, CLASS_PRINT);
}

static bool
are_sendable(const struct smtp_envelope *e)
{
	for (size_t i = 0; i < e->recipient_count; i++)
		if (!is_sendable(e->recipients[i].address, e->recipients[i].parameters))
			return false;
	return is_sendable(e->sender, e->parameters);
}

static size_t
count_ascii(const struct smtp_envelope *e)
{
	size_t count = 0;

	for (size_t i = 0; i < e->recipient_count; i++)
		count += bytes_is_ascii(e->recipients[i].address);
	return count;
}

/* RFC 6531 3.4: SMTPUTF8 is for addresses beyond ASCII, and for header fields.  For all of the recipients, whoever they are: */
static bool
all_need_utf8(const struct smtp_envelope *e)
{
	return e->is_utf8 || !bytes_is_ascii(e->sender) || count_ascii(e) == 0;
}

static void
judge_size(struct smtp_client *c)
{
	char memory[160];
	struct buf text;

	buf_init_fixed(&text, memory, sizeof memory);
	put_text(&text, "552 5.3.4 the message has ");
	put_number(&text, c->now.envelope->size);
	put_text(&text, " octets, and the server takes ");
	put_number(&text, c->size_max);
	smtp_client_judge(c, SMTP_CLIENT_NEVER, buf_bytes(&text));
}

/* RFC 2852 4.1: what is to come back when it is late goes to nobody who does not promise that.  Behind LMTP there is the mailbox. */
static bool
can_return(struct smtp_client *c)
{
	const struct smtp_by *by = &c->now.envelope->by;

	if (by->mode != SMTP_BY_RETURN || c->settings->is_lmtp)
		return true;
	if (!has(c, CLIENT_DELIVERBY)) {
		smtp_client_judge(c, SMTP_CLIENT_NEVER,
			BYTES("550 5.3.3 the message has to be delivered in time or come back, and the server has no DELIVERBY"));
		return false;
	}
	if (by->within_s > 0 && (uint64_t)by->within_s >= c->by_least_s)
		return true;
	smtp_client_judge(c, SMTP_CLIENT_NEVER, BYTES("550 5.4.7 the server does not deliver within the time that is left"));
	return false;
}

/* Can this peer take such a message at all?  If not, the verdict says why. */
static bool
is_possible(struct smtp_client *c)
{
	const struct smtp_envelope *e = c->now.envelope;

	if (!are_sendable(e)) {
		smtp_client_judge(c, SMTP_CLIENT_LATER, BYTES("451 4.3.0 an address of the envelope can't be sent"));
	} else if (c->size_max && e->size > c->size_max) {
		judge_size(c); /* RFC 1870 5 */
	} else if (e->needs_require_tls && !(c->is_verified && (has(c, CLIENT_REQUIRETLS) || e->sender.len == 0))) {
		/* RFC 8689 4.2.1; 5: a report goes to a server that does not know it rather than nowhere. */
		smtp_client_judge(c, SMTP_CLIENT_NEVER, BYTES("550 5.7.30 REQUIRETLS support required"));
	} else if (all_need_utf8(e) && !has(c, CLIENT_SMTPUTF8)) {
		smtp_client_judge(c, SMTP_CLIENT_NEVER, bytes_is_ascii(e->sender) && count_ascii(e) > 0 ? NO_UTF8_HEADER : NO_UTF8);
	} else if (e->is_8bit && !has(c, CLIENT_8BITMIME)) {
		/* RFC 6152 3 */
		smtp_client_judge(c, SMTP_CLIENT_NEVER, BYTES("554 5.6.3 the message is 8-bit, the server has no 8BITMIME, and it can't be converted"));
	} else {
		return can_return(c);
	}
	return false;
}

/* RFC 6531 3.2: those of whom a peer without SMTPUTF8 can't hear; the others are none the worse for them. */
static void
set_unfit_apart(struct smtp_client *c)
{
	const struct smtp_envelope *e = c->now.envelope;

	c->now.asked = e->recipient_count;
	for (size_t i = 0; i < e->recipient_count && !has(c, CLIENT_SMTPUTF8); i++)
		if (!bytes_is_ascii(e->recipients[i].address)) {
			c->now.marks[i] = CLIENT_MARK_UNFIT;
			c->now.asked--;
		}
}

void
smtp_client_send(struct smtp_client *c, const struct smtp_envelope *envelope)
{
	assert(c->stage == CLIENT_STAGE_READY && !c->now.marks && envelope->recipient_count > 0);
	c->now = (struct smtp_client_transaction){
		.envelope = envelope,
		.marks = memory_new(envelope->recipient_count),
	};
	c->now.is_over = !is_possible(c);
	if (c->now.is_over)
		return;
	set_unfit_apart(c);
	c->stage = CLIENT_STAGE_ENVELOPE;
}

static void
put_parameter(struct smtp_client *c, bool is_wanted, struct bytes parameter)
{
	if (!is_wanted)
		return;
	put_char(&c->out, ' ');
	put_bytes(&c->out, parameter);
}

/* RFC 2852 4, 6710 4 */
static void
put_handling(struct smtp_client *c)
{
	const struct smtp_envelope *e = c->now.envelope;

	if (has(c, CLIENT_DELIVERBY) && e->by.mode != SMTP_BY_UNSAID) {
		put_char(&c->out, ' ');
		smtp_put_by(&c->out, &e->by);
	}
	if (has(c, CLIENT_MT_PRIORITY) && e->priority)
		put_format(&c->out, " MT-PRIORITY=%d", e->priority);
}

static void
put_mail(struct smtp_client *c)
{
	const struct smtp_envelope *e = c->now.envelope;

	put_bytes(&c->out, BYTES("MAIL FROM:<"));
	put_bytes(&c->out, e->sender);
	put_char(&c->out, '>');
	if (has(c, CLIENT_SIZE)) {
		put_bytes(&c->out, BYTES(" SIZE="));
		put_number(&c->out, e->size);
	}
	put_parameter(c, e->is_8bit, BYTES("BODY=8BITMIME"));
	put_parameter(c, has(c, CLIENT_SMTPUTF8) && (all_need_utf8(e) || count_ascii(e) < e->recipient_count), BYTES("SMTPUTF8"));
	put_parameter(c, e->needs_require_tls && has(c, CLIENT_REQUIRETLS), BYTES("REQUIRETLS"));
	put_parameter(c, has(c, CLIENT_DSN) && e->parameters.len, e->parameters);
	put_handling(c);
	put_bytes(&c->out, BYTES("\r\n"));
}

static void
put_rcpt(struct smtp_client *c, const struct smtp_envelope_recipient *r)
{
	put_bytes(&c->out, BYTES("RCPT TO:<"));
	put_bytes(&c->out, r->address);
	put_char(&c->out, '>');
	put_parameter(c, has(c, CLIENT_DSN) && r->parameters.len, r->parameters);
	put_bytes(&c->out, BYTES("\r\n"));
}

/* It comes to nothing; the next one has to begin afresh. */
static void
give_up(struct smtp_client *c)
{
	c->now.is_over = true;
	put_bytes(&c->out, BYTES("RSET\r\n"));
	c->stage = CLIENT_STAGE_RESET;
}

static void
begin_body(struct smtp_client *c, bool has_dots)
{
	c->wire = (struct smtp_wire){ .has_dots = has_dots };
	c->stage = CLIENT_STAGE_BODY;
}

static void
put_data(struct smtp_client *c)
{
	put_bytes(&c->out, BYTES("DATA\r\n"));
	c->now.said++;
}

/* Every RCPT is said.  False: nothing may be done before more is heard. */
static bool
say_data(struct smtp_client *c)
{
	if (c->now.said == c->now.asked + 2)
		return false;
	if (c->now.heard < c->now.said) {
		/* RFC 3030 has no 354 that would tell whether anybody gets the message: BDAT waits. */
		if (!has(c, CLIENT_PIPELINING) || has(c, CLIENT_CHUNKING))
			return false;
		put_data(c);
	} else if (c->now.taken == 0) {
		give_up(c);
	} else if (has(c, CLIENT_CHUNKING)) {
		begin_body(c, false);
	} else {
		put_data(c);
	}
	return true;
}

/* The next recipient of a command or of a reply. */
static size_t
next_asked(const struct smtp_client *c, size_t *cursor)
{
	while (c->now.marks[*cursor] != CLIENT_MARK_WAITING)
		++*cursor;
	return (*cursor)++;
}

bool
smtp_client_say(struct smtp_client *c)
{
	size_t waiting = c->now.said - c->now.heard;

	if (c->stage != CLIENT_STAGE_ENVELOPE || c->out.len >= OUT_FLUSH_OCTETS ||
		waiting >= (has(c, CLIENT_PIPELINING) ? REPLIES_MAX : 1))
		return false;
	if (c->now.is_refused) {
		if (waiting == 0)
			give_up(c);
		return waiting == 0;
	}
	if (c->now.said > c->now.asked)
		return say_data(c);
	if (c->now.said == 0)
		put_mail(c);
	else
		put_rcpt(c, &c->now.envelope->recipients[next_asked(c, &c->now.saying)]);
	c->now.said++;
	return true;
}

bool
smtp_client_wants_body(const struct smtp_client *c)
{
	size_t waiting = c->now.chunks_said - c->now.chunks_heard;

	return c->stage == CLIENT_STAGE_BODY && waiting < (has(c, CLIENT_PIPELINING) ? CHUNK_REPLIES_MAX : 1);
}

static void
put_chunk(struct smtp_client *c, struct bytes octets, bool is_last)
{
	smtp_wire_put(&c->wire, octets, &c->chunk);
	if (is_last)
		smtp_wire_end(&c->wire, &c->chunk);
	put_bytes(&c->out, BYTES("BDAT "));
	put_number(&c->out, c->chunk.len);
	put_bytes(&c->out, is_last ? BYTES(" LAST\r\n") : BYTES("\r\n"));
	put_bytes(&c->out, buf_bytes(&c->chunk));
	buf_done(&c->chunk);
	c->now.chunks_said++;
}

void
smtp_client_body(struct smtp_client *c, struct bytes octets, bool is_last)
{
	assert(octets.len <= SMTP_CLIENT_BODY_MAX && c->out.len == 0);
	if (c->stage != CLIENT_STAGE_BODY)
		return;
	c->moves++;
	if (!c->wire.has_dots) {
		put_chunk(c, octets, is_last);
	} else {
		smtp_wire_put(&c->wire, octets, &c->out);
		if (is_last)
			smtp_wire_end(&c->wire, &c->out);
	}
	if (is_last)
		c->stage = CLIENT_STAGE_END;
}

void
smtp_client_break(struct smtp_client *c)
{
	c->now.is_over = true;
	smtp_client_close(c);
}

/* Nobody knows any more what belongs to what. */
static void
break_senseless(struct smtp_client *c)
{
	smtp_client_judge_by_place(c, BYTES("the server said what makes no sense there"));
	smtp_client_break(c);
}

static void
break_by_reply(struct smtp_client *c)
{
	enum smtp_client_outcome outcome = smtp_client_outcome_of(c->reply.code);

	if (c->reply.code / 100 < 4) {
		break_senseless(c);
		return;
	}
	smtp_client_judge_by_reply(c, outcome);
	smtp_client_break(c);
}

static void
result(struct smtp_client *c, size_t recipient, enum smtp_client_outcome outcome)
{
	c->now.marks[recipient] = CLIENT_MARK_TOLD;
	c->is_result_due = true;
	c->result = (struct smtp_client_effect){ .kind = SMTP_CLIENT_RESULT, .outcome = outcome, .recipient = recipient, .is_theirs = true };
}

static void
hear_rcpt(struct smtp_client *c, size_t recipient)
{
	enum smtp_client_outcome outcome = smtp_client_outcome_of(c->reply.code);

	if (c->now.is_refused)
		return;
	if (outcome == SMTP_CLIENT_TAKEN) {
		c->now.marks[recipient] = CLIENT_MARK_TAKEN;
		c->now.taken++;
		return;
	}
	result(c, recipient, smtp_reply_is_too_many(smtp_incoming_text(&c->reply)) ? SMTP_CLIENT_LATER : outcome);
}

static void
hear_data(struct smtp_client *c)
{
	if (c->reply.code / 100 == 2) {
		break_senseless(c);
	} else if (c->reply.code / 100 == 3 && c->now.taken == 0) {
		/* RFC 2920 3.1: DATA was taken although nobody gets the message: a single dot. */
		put_bytes(&c->out, BYTES(".\r\n"));
		c->now.is_over = true;
		c->stage = CLIENT_STAGE_NOTHING;
	} else if (c->reply.code / 100 == 3) {
		begin_body(c, true);
	} else {
		if (!c->now.is_refused)
			smtp_client_judge_by_reply(c, smtp_client_outcome_of(c->reply.code));
		give_up(c);
	}
}

static void
hear_envelope(struct smtp_client *c)
{
	size_t number = c->now.heard;

	/* 421 is the end, and answers nothing (RFC 5321 3.8); so is what comes before anything was said, or asks for more. */
	if (c->reply.code == 421 || number == c->now.said ||
		(c->reply.code / 100 == 3 && number <= c->now.asked)) {
		break_by_reply(c);
		return;
	}
	c->now.heard++;
	if (number == 0 && smtp_client_outcome_of(c->reply.code) != SMTP_CLIENT_TAKEN) {
		c->now.is_refused = true;
		smtp_client_judge_by_reply(c, smtp_client_outcome_of(c->reply.code));
	} else if (number > c->now.asked) {
		hear_data(c);
	} else if (number > 0) {
		hear_rcpt(c, next_asked(c, &c->now.hearing));
	}
}

/* BDAT is answered one by one; DATA by 354 and then at the end only. */
static void
hear_body(struct smtp_client *c)
{
	if (c->reply.code / 100 == 2 && c->now.chunks_heard < c->now.chunks_said)
		c->now.chunks_heard++;
	else
		break_by_reply(c);
}

/* RFC 2033 4.2: a reply for each recipient that was taken, in their order. */
static void
hear_end_of_one(struct smtp_client *c)
{
	size_t at = c->now.told;

	while (c->now.marks[at] != CLIENT_MARK_TAKEN)
		at++;
	c->now.told = at + 1;
	result(c, at, smtp_client_outcome_of(c->reply.code));
	if (--c->now.taken > 0)
		return;
	c->now.is_over = true;
	c->stage = CLIENT_STAGE_READY;
}

static void
hear_end(struct smtp_client *c)
{
	enum smtp_client_outcome outcome = smtp_client_outcome_of(c->reply.code);

	if (c->reply.code == 421 || c->reply.code / 100 == 3) {
		break_by_reply(c);
	} else if (c->now.chunks_heard + 1 < c->now.chunks_said) {
		hear_body(c);
	} else if (c->settings->is_lmtp) {
		hear_end_of_one(c);
	} else {
		smtp_client_judge_by_reply(c, outcome);
		if (outcome != SMTP_CLIENT_TAKEN && !c->wire.has_dots) {
			give_up(c); /* RFC 3030 2: RSET must be sent after an error */
			return;
		}
		c->now.is_over = true;
		c->stage = CLIENT_STAGE_READY;
	}
}

void
smtp_client_hear(struct smtp_client *c)
{
	if (c->stage == CLIENT_STAGE_ENVELOPE)
		hear_envelope(c);
	else if (c->stage == CLIENT_STAGE_BODY)
		hear_body(c);
	else if (c->stage == CLIENT_STAGE_END)
		hear_end(c);
	else if (c->stage == CLIENT_STAGE_RESET && c->reply.code / 100 != 2)
		smtp_client_close(c);
	else if (c->reply.code == 421)
		smtp_client_close(c);
	else
		c->stage = CLIENT_STAGE_READY;
}

/* The next recipient that has no result yet, or their count. */
static size_t
next_untold(struct smtp_client *c)
{
	size_t at = c->now.told;

	while (at < c->now.envelope->recipient_count && c->now.marks[at] == CLIENT_MARK_TOLD)
		at++;
	c->now.told = at;
	return at;
}

static void
tell_verdict(struct smtp_client *c, struct smtp_client_effect *effect)
{
	size_t at = next_untold(c);

	if (at == c->now.envelope->recipient_count) {
		memory_free(c->now.marks);
		c->now.marks = NULL;
		c->now.is_over = false;
		effect->kind = SMTP_CLIENT_SENT;
		return;
	}
	c->now.marks[at] = CLIENT_MARK_TOLD;
	effect->kind = SMTP_CLIENT_RESULT;
	effect->recipient = at;
	effect->outcome = c->verdict.outcome;
	effect->is_theirs = c->verdict.is_theirs;
	effect->octets = bytes_of(c->verdict.text, c->verdict.text_len);
}

static bool
tell_unfit(struct smtp_client *c, struct smtp_client_effect *effect)
{
	while (c->now.marks && c->now.unfit < c->now.envelope->recipient_count) {
		size_t at = c->now.unfit++;

		if (c->now.marks[at] != CLIENT_MARK_UNFIT)
			continue;
		c->now.marks[at] = CLIENT_MARK_TOLD;
		*effect = (struct smtp_client_effect){ .kind = SMTP_CLIENT_RESULT, .outcome = SMTP_CLIENT_NEVER, .recipient = at, .octets = NO_UTF8 };
		return true;
	}
	return false;
}

bool
smtp_client_tell(struct smtp_client *c, struct smtp_client_effect *effect)
{
	if (tell_unfit(c, effect))
		return true;
	if (c->is_result_due) {
		c->is_result_due = false;
		*effect = c->result;
		effect->octets = smtp_incoming_text(&c->reply);
	} else if (c->now.is_over) {
		tell_verdict(c, effect);
	} else {
		return false;
	}
	return true;
}

bool
smtp_client_was_answered(const struct smtp_client *c)
{
	return c->now.heard > 0;
}

bool
smtp_client_may_be_taken(const struct smtp_client *c)
{
	return c->stage == CLIENT_STAGE_END;
}

size_t
smtp_client_asked(const struct smtp_client *c)
{
	return c->now.asked;
}
