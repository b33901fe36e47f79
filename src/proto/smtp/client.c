/* The machine: what is due is reported first, then replies are taken, then commands are put.  What was put is shown when
   nothing else can be done, so that a group of commands goes in one piece (RFC 2920 3.1). */
#include "proto/smtp/client_internal.h"

#include "base/memory.h"
#include "proto/sasl/base64.h"

#include <assert.h>
#include <string.h>

enum { OUT_KEPT_OCTETS = 4096 }; /* more is given back, for the sake of idle sessions */

/* RFC 5321 4.5.3.2; what it does not name has the time of MAIL, but for the end, which nobody waits for. */
enum {
	TIMEOUT_GREETING_S = 300,
	TIMEOUT_COMMAND_S = 300,
	TIMEOUT_DATA_S = 120,
	TIMEOUT_BLOCK_S = 180,
	TIMEOUT_END_S = 600,
	TIMEOUT_TLS_S = 120,
	TIMEOUT_BYE_S = 10,
};

static const struct {
	struct bytes keyword;
	enum smtp_client_extension bit;
} extensions[] = {
	{ BYTES_INIT("PIPELINING"), CLIENT_PIPELINING },
	{ BYTES_INIT("SIZE"), CLIENT_SIZE },
	{ BYTES_INIT("8BITMIME"), CLIENT_8BITMIME },
	{ BYTES_INIT("SMTPUTF8"), CLIENT_SMTPUTF8 },
	{ BYTES_INIT("CHUNKING"), CLIENT_CHUNKING },
	{ BYTES_INIT("DSN"), CLIENT_DSN },
	{ BYTES_INIT("STARTTLS"), CLIENT_STARTTLS },
	{ BYTES_INIT("REQUIRETLS"), CLIENT_REQUIRETLS },
	{ BYTES_INIT("DELIVERBY"), CLIENT_DELIVERBY },
	{ BYTES_INIT("MT-PRIORITY"), CLIENT_MT_PRIORITY },
};

struct smtp_client *
smtp_client_new(const struct smtp_client_settings *settings)
{
	struct smtp_client *c = NEW(struct smtp_client);

	c->settings = settings;
	c->stage = CLIENT_STAGE_GREETING;
	buf_init(&c->out, SMTP_CLIENT_OUTPUT_MAX);
	buf_init(&c->lent, SMTP_CLIENT_OUTPUT_MAX);
	buf_init(&c->chunk, SMTP_CLIENT_OUTPUT_MAX);
	return c;
}

void
smtp_client_free(struct smtp_client **c)
{
	if (!*c)
		return;
	memory_free((*c)->now.marks);
	buf_done_secret(&(*c)->out);
	buf_done_secret(&(*c)->lent);
	buf_done(&(*c)->chunk);
	memory_free(*c);
	*c = NULL;
}

enum smtp_client_outcome
smtp_client_outcome_of(unsigned int code)
{
	if (code / 100 == 2)
		return SMTP_CLIENT_TAKEN;
	return code / 100 == 5 ? SMTP_CLIENT_NEVER : SMTP_CLIENT_LATER;
}

void
smtp_client_judge(struct smtp_client *c, enum smtp_client_outcome outcome, struct bytes text)
{
	text = bytes_sub(text, 0, sizeof c->verdict.text);
	c->verdict.outcome = outcome;
	c->verdict.is_theirs = false;
	c->verdict.text_len = text.len;
	memcpy(c->verdict.text, text.ptr, text.len);
}

void
smtp_client_judge_by_reply(struct smtp_client *c, enum smtp_client_outcome outcome)
{
	smtp_client_judge(c, outcome, smtp_incoming_text(&c->reply));
	c->verdict.is_theirs = true;
}

static const char *
envelope_place(const struct smtp_client *c)
{
	if (c->now.heard == 0)
		return "before the answer to MAIL";
	return c->now.heard <= c->now.asked ? "before the answer to RCPT" : "before the answer to DATA";
}

static const char *
place(const struct smtp_client *c)
{
	switch (c->stage) {
	case CLIENT_STAGE_GREETING:
		return "before the greeting";
	case CLIENT_STAGE_HELLO:
		return c->settings->is_lmtp ? "before the answer to LHLO" : "before the answer to EHLO";
	case CLIENT_STAGE_HELO:
		return "before the answer to HELO";
	case CLIENT_STAGE_START_TLS:
		return "before the answer to STARTTLS";
	case CLIENT_STAGE_TLS:
		return "in the TLS handshake";
	case CLIENT_STAGE_LOGIN:
		return "before the answer to AUTH";
	case CLIENT_STAGE_ENVELOPE:
		return envelope_place(c);
	case CLIENT_STAGE_BODY:
		return "before the end of the message";
	case CLIENT_STAGE_END:
		/* RFC 1047 */
		return "after the end of the message: it may have been taken, and may arrive twice";
	case CLIENT_STAGE_READY:
	case CLIENT_STAGE_NOTHING:
	case CLIENT_STAGE_RESET:
	case CLIENT_STAGE_QUIT:
	case CLIENT_STAGE_CLOSED:
		break;
	}
	return "at the end";
}

void
smtp_client_judge_by_place(struct smtp_client *c, struct bytes why)
{
	char memory[SMTP_REPLY_TEXT_MAX];
	struct buf text;

	buf_init_fixed(&text, memory, sizeof memory);
	put_text(&text, c->has_tls_failed ? "451 4.7.5 " : "451 4.4.2 ");
	put_bytes(&text, bytes_sub(why, 0, sizeof memory / 2));
	put_char(&text, ' ');
	put_text(&text, place(c));
	smtp_client_judge(c, SMTP_CLIENT_LATER, buf_bytes(&text));
}

void
smtp_client_close(struct smtp_client *c)
{
	buf_reset(&c->out);
	c->is_tls_due = false;
	c->stage = CLIENT_STAGE_CLOSED;
}

static void
say_quit(struct smtp_client *c)
{
	put_bytes(&c->out, BYTES("QUIT\r\n"));
	c->stage = CLIENT_STAGE_QUIT;
}

/* The session does not become ready, as the verdict says.  RFC 5321 4.1.1.10: nobody leaves without QUIT. */
static void
fail(struct smtp_client *c, enum smtp_client_at at)
{
	c->is_failed_due = true;
	c->failed_at = at;
	if (c->reply.code == 421)
		smtp_client_close(c);
	else
		say_quit(c);
}

static void
fail_by_reply(struct smtp_client *c, enum smtp_client_at at)
{
	enum smtp_client_outcome outcome = smtp_client_outcome_of(c->reply.code);

	smtp_client_judge_by_reply(c, outcome == SMTP_CLIENT_NEVER ? outcome : SMTP_CLIENT_LATER);
	fail(c, at);
}

static void
say_hello(struct smtp_client *c, const char *verb)
{
	c->extensions = 0;
	c->size_max = c->by_least_s = 0;
	put_text(&c->out, verb);
	put_char(&c->out, ' ');
	put_bytes(&c->out, c->settings->hostname);
	put_bytes(&c->out, BYTES("\r\n"));
}

static void
say_ehlo(struct smtp_client *c)
{
	say_hello(c, c->settings->is_lmtp ? "LHLO" : "EHLO");
	c->stage = CLIENT_STAGE_HELLO;
}

/* Greeting = ( "220 " (Domain / address-literal) [ SP textstring ] CRLF ) / …      RFC 5321 4.2 */
static void
keep_peer_name(struct smtp_client *c)
{
	struct bytes text = smtp_incoming_text(&c->reply), name;

	(void)take_until(&text, ' ');
	name = bytes_sub(take_until(&text, ' '), 0, sizeof c->peer_name);
	memcpy(c->peer_name, name.ptr, name.len);
	c->peer_name_len = name.len;
}

struct bytes
smtp_client_peer_name(const struct smtp_client *c)
{
	return bytes_of(c->peer_name, c->peer_name_len);
}

static void
hear_greeting(struct smtp_client *c)
{
	keep_peer_name(c);
	if (c->settings->may_be_ourselves && bytes_equal_nocase(smtp_client_peer_name(c), c->settings->hostname)) {
		smtp_client_judge(c, SMTP_CLIENT_LATER, BYTES("451 4.4.6 the server greets with our own name: the mail would come back to us"));
		fail(c, SMTP_CLIENT_AT_OURSELVES);
	} else if (c->reply.code / 100 == 2)
		say_ehlo(c);
	else
		fail_by_reply(c, SMTP_CLIENT_AT_GREETING);
}

/* auth-param: the mechanisms (RFC 4954 3) */
static bool
is_among(struct bytes list, struct bytes mechanism)
{
	while (list.len)
		if (bytes_equal_nocase(take_until(&list, ' '), mechanism))
			return true;
	return false;
}

/* ehlo-line = ehlo-keyword *( SP ehlo-param ) (RFC 5321 4.1.1.1); the first line has the peer's name. */
static void
take_extension(struct smtp_client *c)
{
	struct bytes rest = c->reply.line, keyword = take_until(&rest, ' ');

	if (c->reply.lines == 1)
		return;
	if (bytes_equal_nocase(keyword, BYTES("AUTH")) && is_among(rest, BYTES("PLAIN")))
		c->extensions |= CLIENT_AUTH_PLAIN;
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if (bytes_equal_nocase(keyword, extensions[i].keyword)) {
			c->extensions |= extensions[i].bit;
			/* A number that does not fit is no limit either. */
			if (extensions[i].bit == CLIENT_SIZE && !take_number(&rest, UINT64_MAX, &c->size_max))
				c->size_max = 0;
			if (extensions[i].bit == CLIENT_DELIVERBY && !take_number(&rest, UINT64_MAX, &c->by_least_s))
				c->by_least_s = 0;
		}
}

/* message = [authzid] UTF8NUL authcid UTF8NUL passwd (RFC 4616 2), as an initial response (RFC 4954 4). */
static void
say_auth(struct smtp_client *c)
{
	struct buf message;

	buf_init(&message, 4096);
	put_char(&message, '\0');
	put_bytes(&message, c->settings->login_name);
	put_char(&message, '\0');
	put_bytes(&message, c->settings->secret_login_password);
	put_bytes(&c->out, BYTES("AUTH PLAIN "));
	sasl_put_base64(&c->out, buf_bytes(&message));
	put_bytes(&c->out, BYTES("\r\n"));
	buf_done_secret(&message);
	c->has_secret = true;
	c->stage = CLIENT_STAGE_LOGIN;
}

/* What a log-in fails for is ours, or will be seen to: nobody's mail comes back for it. */
static void
log_in(struct smtp_client *c)
{
	if (!c->is_tls)
		smtp_client_judge(c, SMTP_CLIENT_LATER, BYTES("451 4.7.11 TLS is needed for the log-in, and there is none"));
	else if (!(c->extensions & CLIENT_AUTH_PLAIN))
		smtp_client_judge(c, SMTP_CLIENT_LATER, BYTES("451 4.7.0 the server does not offer AUTH PLAIN"));
	else {
		say_auth(c);
		return;
	}
	fail(c, SMTP_CLIENT_AT_LOGIN);
}

static void
hear_auth(struct smtp_client *c)
{
	if (c->reply.code / 100 == 2) {
		c->stage = CLIENT_STAGE_READY;
		return;
	}
	smtp_client_judge_by_reply(c, SMTP_CLIENT_LATER);
	fail(c, SMTP_CLIENT_AT_LOGIN);
}

static void
introduced(struct smtp_client *c)
{
	bool wants_tls = c->settings->tls != SMTP_CLIENT_TLS_NEVER && !c->is_tls;

	if (wants_tls && c->extensions & CLIENT_STARTTLS) {
		put_bytes(&c->out, BYTES("STARTTLS\r\n"));
		c->stage = CLIENT_STAGE_START_TLS;
	} else if (wants_tls && c->settings->tls == SMTP_CLIENT_TLS_MUST) {
		smtp_client_judge(c, SMTP_CLIENT_NEVER, BYTES("554 5.7.4 the server does not offer TLS, which is required"));
		fail(c, SMTP_CLIENT_AT_TLS);
	} else if (c->settings->login_name.len) {
		log_in(c);
	} else {
		c->stage = CLIENT_STAGE_READY;
	}
}

static void
hear_hello(struct smtp_client *c)
{
	if (c->reply.code / 100 == 2) {
		introduced(c);
	} else if (c->reply.code / 100 == 5 && c->stage == CLIENT_STAGE_HELLO && !c->settings->is_lmtp) {
		/* RFC 5321 3.2: a server that does not know EHLO. */
		say_hello(c, "HELO");
		c->stage = CLIENT_STAGE_HELO;
	} else {
		fail_by_reply(c, SMTP_CLIENT_AT_HELLO);
	}
}

static void
hear_start_tls(struct smtp_client *c, bool has_more)
{
	if (c->reply.code / 100 != 2) {
		fail_by_reply(c, SMTP_CLIENT_AT_TLS);
	} else if (has_more) {
		/* RFC 3207 4.2: what came in the clear behind it may be an attacker's answers to what we say under TLS. */
		smtp_client_judge(c, SMTP_CLIENT_LATER, BYTES("451 4.7.5 the server said more than its answer to STARTTLS"));
		c->is_failed_due = true;
		c->failed_at = SMTP_CLIENT_AT_TLS;
		smtp_client_close(c);
	} else {
		c->is_tls_due = true;
		c->stage = CLIENT_STAGE_TLS;
	}
}

/* A whole reply. */
static void
hear(struct smtp_client *c, bool has_more)
{
	c->moves++;
	switch (c->stage) {
	case CLIENT_STAGE_GREETING:
		hear_greeting(c);
		break;
	case CLIENT_STAGE_HELLO:
	case CLIENT_STAGE_HELO:
		hear_hello(c);
		break;
	case CLIENT_STAGE_START_TLS:
		hear_start_tls(c, has_more);
		break;
	case CLIENT_STAGE_LOGIN:
		hear_auth(c);
		break;
	case CLIENT_STAGE_ENVELOPE:
	case CLIENT_STAGE_BODY:
	case CLIENT_STAGE_END:
	case CLIENT_STAGE_NOTHING:
	case CLIENT_STAGE_RESET:
		smtp_client_hear(c);
		break;
	case CLIENT_STAGE_READY: /* 421: it goes away; anything else: it is out of step */
	case CLIENT_STAGE_QUIT:
	case CLIENT_STAGE_TLS:
	case CLIENT_STAGE_CLOSED:
		smtp_client_close(c);
		break;
	}
}

static bool
is_in_transaction(const struct smtp_client *c)
{
	return c->stage == CLIENT_STAGE_ENVELOPE || c->stage == CLIENT_STAGE_BODY || c->stage == CLIENT_STAGE_END;
}

static enum smtp_client_at
how_far(const struct smtp_client *c)
{
	if (c->stage == CLIENT_STAGE_GREETING)
		return SMTP_CLIENT_AT_GREETING;
	if (c->stage == CLIENT_STAGE_LOGIN)
		return SMTP_CLIENT_AT_LOGIN;
	return c->stage == CLIENT_STAGE_HELLO || c->stage == CLIENT_STAGE_HELO ? SMTP_CLIENT_AT_HELLO : SMTP_CLIENT_AT_TLS;
}

void
smtp_client_lose(struct smtp_client *c, struct bytes why)
{
	if (is_in_transaction(c) && !c->now.is_over) {
		smtp_client_judge_by_place(c, why);
		smtp_client_break(c);
	} else if (c->stage < CLIENT_STAGE_READY) {
		smtp_client_judge_by_place(c, why);
		c->is_failed_due = true;
		c->failed_at = how_far(c);
	}
	smtp_client_close(c);
}

void
smtp_client_tls_failed(struct smtp_client *c, struct bytes why)
{
	c->has_tls_failed = true;
	smtp_client_lose(c, why);
}

/* Takes from the input; false: nothing that counts. */
static bool
take(struct smtp_client *c, struct bytes *in)
{
	if (c->stage == CLIENT_STAGE_CLOSED)
		*in = bytes_sub(*in, in->len, 0);
	if (c->stage == CLIENT_STAGE_CLOSED || c->stage == CLIENT_STAGE_TLS)
		return false;
	switch (smtp_incoming_take(&c->reply, in)) {
	case SMTP_INCOMING_NONE:
		return false;
	case SMTP_INCOMING_LINE:
	case SMTP_INCOMING_WHOLE:
		if (c->stage == CLIENT_STAGE_HELLO && c->reply.code / 100 == 2)
			take_extension(c);
		if (c->reply.is_whole)
			hear(c, in->len > 0);
		break;
	case SMTP_INCOMING_BAD:
		smtp_client_lose(c, BYTES("the server said what is no SMTP reply"));
		break;
	}
	return true;
}

/* Reports what does not depend on input; false: nothing. */
static bool
report(struct smtp_client *c, struct smtp_client_effect *effect)
{
	if (smtp_client_tell(c, effect))
		return true;
	if (c->is_failed_due) {
		c->is_failed_due = false;
		*effect = (struct smtp_client_effect){ .kind = SMTP_CLIENT_FAILED, .at = c->failed_at, .outcome = c->verdict.outcome,
			.is_theirs = c->verdict.is_theirs, .octets = bytes_of(c->verdict.text, c->verdict.text_len) };
		return true;
	}
	if (c->is_tls_due) {
		c->is_tls_due = false;
		effect->kind = SMTP_CLIENT_START_TLS;
		return true;
	}
	return false;
}

static void
report_output(struct smtp_client *c, struct smtp_client_effect *effect)
{
	struct buf full = c->out;

	assert(!full.has_failed);
	c->out = c->lent;
	c->lent = full;
	effect->kind = SMTP_CLIENT_OUTPUT;
	effect->octets = buf_bytes(&c->lent);
	effect->is_secret = c->has_lent_secret = c->has_secret;
	c->has_secret = false;
}

/* Nothing can be done now. */
static enum smtp_client_effect_kind
what_is_missing(const struct smtp_client *c)
{
	if (c->stage == CLIENT_STAGE_CLOSED)
		return SMTP_CLIENT_CLOSE;
	if (c->stage == CLIENT_STAGE_READY)
		return SMTP_CLIENT_READY;
	return smtp_client_wants_body(c) ? SMTP_CLIENT_NEED_BODY : SMTP_CLIENT_NEED_INPUT;
}

static void
end_loans(struct smtp_client *c)
{
	if (c->has_lent_secret)
		buf_done_secret(&c->lent);
	else if (c->lent.size > OUT_KEPT_OCTETS)
		buf_done(&c->lent);
	c->has_lent_secret = false;
	buf_reset(&c->lent);
}

enum smtp_client_effect_kind
smtp_client_step(struct smtp_client *c, struct bytes *in, struct smtp_client_effect *effect)
{
	end_loans(c);
	*effect = (struct smtp_client_effect){ .kind = SMTP_CLIENT_NEED_INPUT };
	do {
		if (report(c, effect))
			return effect->kind;
	} while (take(c, in) || smtp_client_say(c));
	if (c->out.len)
		report_output(c, effect);
	else
		effect->kind = what_is_missing(c);
	return effect->kind;
}

void
smtp_client_tls_started(struct smtp_client *c, bool is_verified)
{
	if (c->stage != CLIENT_STAGE_TLS)
		return;
	c->is_tls = true;
	c->is_verified = is_verified;
	c->moves++;
	say_ehlo(c);
}

void
smtp_client_quit(struct smtp_client *c)
{
	if (c->stage == CLIENT_STAGE_READY)
		say_quit(c);
}

uint32_t
smtp_client_timeout_s(const struct smtp_client *c)
{
	switch (c->stage) {
	case CLIENT_STAGE_GREETING:
		return TIMEOUT_GREETING_S;
	case CLIENT_STAGE_TLS:
		return TIMEOUT_TLS_S;
	case CLIENT_STAGE_ENVELOPE:
		return c->now.heard > c->now.asked ? TIMEOUT_DATA_S : TIMEOUT_COMMAND_S;
	case CLIENT_STAGE_BODY:
		return TIMEOUT_BLOCK_S;
	case CLIENT_STAGE_END:
	case CLIENT_STAGE_NOTHING:
		return TIMEOUT_END_S;
	case CLIENT_STAGE_HELLO:
	case CLIENT_STAGE_HELO:
	case CLIENT_STAGE_START_TLS:
	case CLIENT_STAGE_LOGIN:
	case CLIENT_STAGE_READY:
	case CLIENT_STAGE_RESET:
		break;
	case CLIENT_STAGE_QUIT:
	case CLIENT_STAGE_CLOSED:
		return TIMEOUT_BYE_S;
	}
	return TIMEOUT_COMMAND_S;
}

uint64_t
smtp_client_moves(const struct smtp_client *c)
{
	return c->moves;
}

bool
smtp_client_has_dsn(const struct smtp_client *c)
{
	return (c->extensions & CLIENT_DSN) != 0;
}

bool
smtp_client_has_8bit(const struct smtp_client *c)
{
	return (c->extensions & CLIENT_8BITMIME) != 0;
}

bool
smtp_client_has_require_tls(const struct smtp_client *c)
{
	return (c->extensions & CLIENT_REQUIRETLS) != 0;
}

bool
smtp_client_has_deliver_by(const struct smtp_client *c)
{
	return (c->extensions & CLIENT_DELIVERBY) != 0;
}
