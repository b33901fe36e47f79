#include "proto/smtp/reply.h"

#include "base/clock.h"
#include "proto/sasl/sasl.h"

enum { KEYWORD_SHOWN_MAX = 40 };

static const struct {
	uint16_t code;
	const char *enhanced; /* RFC 2034; NULL where it has none */
	const char *text;
} replies[SMTP_REPLIES] = {
#define REPLY(id, code, enhanced, text) [id] = { code, enhanced, text },
#include "proto/smtp/reply.def"
#undef REPLY
};

static void
put_line_start(struct buf *out, uint16_t code, const char *enhanced)
{
	put_number(out, code);
	put_char(out, ' ');
	if (!enhanced)
		return;
	put_text(out, enhanced);
	put_char(out, ' ');
}

void
smtp_put_reply(struct buf *out, enum smtp_reply reply)
{
	smtp_put_reply_of(out, reply, BYTES_NONE);
}

void
smtp_put_reply_of(struct buf *out, enum smtp_reply reply, struct bytes keyword)
{
	put_line_start(out, replies[reply].code, replies[reply].enhanced);
	put_text(out, replies[reply].text);
	put_text(out, keyword.len ? ": " : "");
	put_bytes(out, bytes_sub(keyword, 0, KEYWORD_SHOWN_MAX));
	put_text(out, "\r\n");
}

enum smtp_offence
smtp_reply_offence(enum smtp_reply reply)
{
	uint16_t code = replies[reply].code;

	/* What a client sent behind a MAIL in one batch must not be held against it when the MAIL was refused. */
	if (reply == REPLY_MAIL_FIRST)
		return SMTP_OFFENCE_NONE;
	if (reply == REPLY_UNKNOWN_RECIPIENT || reply == REPLY_NO_RELAY)
		return SMTP_OFFENCE_RECIPIENT;
	return (code >= 500 && code <= 504) || code == 555 ? SMTP_OFFENCE_ERROR : SMTP_OFFENCE_NONE;
}

static const enum smtp_reply reply_of_answer[SMTP_ANSWERS] = {
	[SMTP_ANSWER_OK] = REPLY_OK,
	[SMTP_ANSWER_LATER] = REPLY_LATER,
	[SMTP_ANSWER_NO_SPACE] = REPLY_NO_SPACE,
	[SMTP_ANSWER_OVER_QUOTA] = REPLY_OVER_QUOTA,
	[SMTP_ANSWER_LOWERED] = REPLY_LATER,
	[SMTP_ANSWER_UNKNOWN] = REPLY_UNKNOWN_RECIPIENT,
	[SMTP_ANSWER_NOT_OPEN] = REPLY_NOT_OPEN,
	[SMTP_ANSWER_NO_RELAY] = REPLY_NO_RELAY,
	[SMTP_ANSWER_NO_ROUTE] = REPLY_NO_ROUTE,
	[SMTP_ANSWER_TOO_MANY] = REPLY_TOO_MANY_RECIPIENTS,
	[SMTP_ANSWER_NOT_YOURS] = REPLY_NOT_YOURS,
	[SMTP_ANSWER_TOO_LARGE] = REPLY_TOO_LARGE,
	[SMTP_ANSWER_LOOP] = REPLY_LOOP,
	[SMTP_ANSWER_BAD_CREDENTIALS] = REPLY_LATER,
	[SMTP_ANSWER_DISABLED] = REPLY_LATER,
	[SMTP_ANSWER_EXPIRED] = REPLY_LATER,
	[SMTP_ANSWER_BAD_CONTENT] = REPLY_BAD_CONTENT,
};

enum smtp_reply
smtp_reply_of_answer(enum smtp_answer answer, enum smtp_reply when_ok)
{
	if (answer == SMTP_ANSWER_OK)
		return when_ok;
	return answer < SMTP_ANSWERS ? reply_of_answer[answer] : REPLY_LATER;
}

enum smtp_reply
smtp_reply_of_login(enum smtp_answer answer)
{
	if (answer == SMTP_ANSWER_OK)
		return REPLY_LOGGED_IN;
	if (answer == SMTP_ANSWER_BAD_CREDENTIALS)
		return REPLY_BAD_CREDENTIALS;
	if (answer == SMTP_ANSWER_DISABLED)
		return REPLY_LOGIN_DISABLED;
	return answer == SMTP_ANSWER_EXPIRED ? REPLY_LOGIN_EXPIRED : REPLY_LOGIN_LATER;
}

/* RFC 5321 4.2: the greeting names the server and says that it speaks ESMTP. */
void
smtp_put_greeting(struct buf *out, struct bytes hostname)
{
	put_text(out, "220 ");
	put_bytes(out, hostname);
	put_text(out, " ESMTP Mermoz\r\n");
}

void
smtp_put_helo(struct buf *out, struct bytes hostname)
{
	put_text(out, "250 ");
	put_bytes(out, hostname);
	put_text(out, "\r\n");
}

void
smtp_put_ehlo(struct buf *out, struct bytes hostname, const struct smtp_offer *offer)
{
	put_text(out, "250-");
	put_bytes(out, hostname);
	put_text(out, "\r\n250-PIPELINING\r\n250-SIZE ");
	put_number(out, offer->size);
	if (offer->has_tls)
		put_text(out, "\r\n250-STARTTLS");
	if (offer->has_login) {
		put_text(out, "\r\n250-AUTH ");
		put_text(out, sasl_mechanisms());
	}
	if (offer->address.len) {
		put_text(out, "\r\n250-" SMTP_KEYWORD_YOU_ARE " ");
		put_bytes(out, offer->address);
	}
	put_text(out, "\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN");
	if (offer->offered & SMTP_OFFERED_REQUIRETLS)
		put_text(out, "\r\n250-REQUIRETLS");
	if (offer->offered & SMTP_OFFERED_FUTURERELEASE) {
		put_format(out, "\r\n250-FUTURERELEASE %u ", offer->hold_most_s);
		clock_put_rfc3339_s(out, offer->now_s + offer->hold_most_s);
	}
	put_text(out, "\r\n250-DELIVERBY\r\n250-MT-PRIORITY\r\n250 CHUNKING\r\n");
}

void
smtp_put_stored(struct buf *out, const struct mail_id *id)
{
	put_text(out, "250 2.0.0 Ok: stored");
	if (id) {
		put_text(out, " as ");
		put_text(out, id->text);
	}
	put_text(out, "\r\n");
}

void
smtp_put_chunk_taken(struct buf *out, uint64_t octets)
{
	put_text(out, "250 2.0.0 ");
	put_number(out, octets);
	put_text(out, " octets received\r\n");
}

void
smtp_put_shut(struct buf *out, struct bytes text)
{
	put_text(out, "421 4.3.2 ");
	put_bytes(out, text);
	put_text(out, "\r\n");
}
