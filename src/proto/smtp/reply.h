/* Every reply there is. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "proto/smtp/session.h"

enum smtp_reply {
#define REPLY(id, code, enhanced, text) id,
#include "proto/smtp/reply.def"
#undef REPLY
	SMTP_REPLIES
};

/* Appends the line, with its CRLF. */
void smtp_put_reply(struct buf *out, enum smtp_reply reply);
/* The same, naming a keyword of the client's when there is one. */
void smtp_put_reply_of(struct buf *out, enum smtp_reply reply, struct bytes keyword);
/* What a reply says of the client.  Each kind but the first is counted, and ends the session when there are too many. */
enum smtp_offence {
	SMTP_OFFENCE_NONE,
	SMTP_OFFENCE_ERROR, /* a command that it should not have sent (syntax, order) */
	SMTP_OFFENCE_RECIPIENT, /* a recipient that is refused for good: a guess, it may be */
	SMTP_OFFENCES
};

/* The offence that the reply answers. */
enum smtp_offence smtp_reply_offence(enum smtp_reply reply);
/* What an answer to MAIL, RCPT, DATA/BDAT or the message's end is to the client.  An answer that makes no sense
   there is our own trouble: REPLY_LATER. */
enum smtp_reply smtp_reply_of_answer(enum smtp_answer answer, enum smtp_reply when_ok);
/* The same of AUTH. */
enum smtp_reply smtp_reply_of_login(enum smtp_answer answer);

/* 220: the first line of a session (RFC 5321 4.2). */
void smtp_put_greeting(struct buf *out, struct bytes hostname);
/* 250 to HELO: one line without enhanced code. */
void smtp_put_helo(struct buf *out, struct bytes hostname);

/* Extensions that are offered to some sessions, and at some times, only. */
enum smtp_offered {
	SMTP_OFFERED_REQUIRETLS = 1, /* RFC 8689 2: under TLS */
	SMTP_OFFERED_FUTURERELEASE = 2, /* RFC 4865 4: for submission */
};

/* Of EHLO, RFC 5321 4.1.1.1: tells a program of this machine the address that its user sends as. */
#define SMTP_KEYWORD_YOU_ARE "X-YOU-ARE"

/* What holds now and is listed for EHLO. */
struct smtp_offer {
	uint64_t size;
	bool has_tls, has_login;
	struct bytes address; /* whose the client is; empty: it has to log in */
	unsigned int offered; /* enum smtp_offered */
	uint32_t hold_most_s;
	int64_t now_s;
};
/* 250 to EHLO, a line for each extension (RFC 5321 4.1.1.1). */
void smtp_put_ehlo(struct buf *out, struct bytes hostname, const struct smtp_offer *offer);
/* 250 to the end of a message.  id NULL: none is known. */
void smtp_put_stored(struct buf *out, const struct mail_id *id);
/* 250 to a BDAT that is not the last (RFC 3030 2). */
void smtp_put_chunk_taken(struct buf *out, uint64_t octets);
/* 421 4.3.2 with the text. */
void smtp_put_shut(struct buf *out, struct bytes text);

#endif
