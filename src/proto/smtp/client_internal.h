/* What the files of the client session share: client.c steps and brings the session to where it is ready,
   client_transaction.c handles what comes from MAIL on. */
#ifndef SMTP_CLIENT_INTERNAL_H
#define SMTP_CLIENT_INTERNAL_H

#include "proto/smtp/client.h"
#include "proto/smtp/client_body.h"
#include "proto/smtp/client_reply.h"

/* What the next reply answers. */
enum smtp_client_stage {
	CLIENT_STAGE_GREETING,
	CLIENT_STAGE_HELLO, /* EHLO or LHLO */
	CLIENT_STAGE_HELO,
	CLIENT_STAGE_START_TLS,
	CLIENT_STAGE_TLS, /* nothing: the handshake is due */
	CLIENT_STAGE_LOGIN, /* AUTH */
	CLIENT_STAGE_READY, /* nothing was asked */
	CLIENT_STAGE_ENVELOPE, /* MAIL, RCPT, DATA */
	CLIENT_STAGE_BODY, /* while the message is sent: BDAT, or nothing */
	CLIENT_STAGE_END, /* the end of the message */
	CLIENT_STAGE_NOTHING, /* the end of a message that nobody gets: RFC 2920 3.1 */
	CLIENT_STAGE_RESET,
	CLIENT_STAGE_QUIT,
	CLIENT_STAGE_CLOSED,
};

enum smtp_client_extension {
	CLIENT_PIPELINING = 1,
	CLIENT_SIZE = 2,
	CLIENT_8BITMIME = 4,
	CLIENT_SMTPUTF8 = 8,
	CLIENT_CHUNKING = 16,
	CLIENT_DSN = 32,
	CLIENT_STARTTLS = 64,
	CLIENT_REQUIRETLS = 128,
	CLIENT_AUTH_PLAIN = 256,
	CLIENT_DELIVERBY = 512,
	CLIENT_MT_PRIORITY = 1024,
};

enum smtp_client_mark {
	CLIENT_MARK_WAITING, /* has no result yet */
	CLIENT_MARK_UNFIT, /* the same; nothing is said of it, since the peer has no SMTPUTF8 */
	CLIENT_MARK_TAKEN, /* RCPT was answered 2yz */
	CLIENT_MARK_TOLD, /* its result was reported */
};

/* Why everything that has no result yet gets one now. */
struct smtp_client_verdict {
	enum smtp_client_outcome outcome;
	bool is_theirs; /* the peer's reply, no sentence of ours */
	size_t text_len;
	char text[SMTP_REPLY_TEXT_MAX];
};

/* The commands of a transaction have numbers: 0 is MAIL, 1 to n are RCPT, n + 1 is DATA; n is `asked`. */
struct smtp_client_transaction {
	const struct smtp_envelope *envelope;
	uint8_t *marks; /* enum smtp_client_mark of each recipient */
	size_t asked; /* recipients that RCPT is said for */
	size_t said, heard; /* commands, and replies to them */
	size_t saying, hearing; /* no recipient before that one is to be said, or heard of, any more */
	size_t unfit; /* no recipient before that one is unfit and without its result */
	size_t taken; /* recipients that RCPT was answered 2yz for */
	size_t chunks_said, chunks_heard; /* BDAT */
	size_t told; /* no recipient before that one is without its result */
	bool is_refused; /* MAIL was: `verdict` */
	bool is_over; /* the verdict is being told */
};

struct smtp_client {
	const struct smtp_client_settings *settings;
	enum smtp_client_stage stage;
	unsigned int extensions; /* enum smtp_client_extension */
	uint64_t size_max; /* of SIZE; 0: not said */
	uint64_t by_least_s; /* of DELIVERBY; 0: not said */
	bool is_tls, is_verified, has_tls_failed;
	bool has_secret, has_lent_secret; /* the password stands in `out`; in `lent` */
	bool is_tls_due, is_failed_due, is_result_due;
	enum smtp_client_at failed_at;
	uint64_t moves;
	struct smtp_incoming reply;
	uint8_t peer_name[SMTP_CLIENT_NAME_MAX];
	size_t peer_name_len;
	struct smtp_client_transaction now;
	struct smtp_client_verdict verdict;
	struct smtp_client_effect result; /* when is_result_due */
	struct smtp_wire wire;
	struct buf chunk; /* of BDAT */
	struct buf out, lent; /* what waits, and what OUTPUT shows */
};

/* What 2yz, 4yz and 5yz mean.  The rest is "later": who speaks nonsense may be sane again tomorrow. */
enum smtp_client_outcome smtp_client_outcome_of(unsigned int code);
/* The verdict is the peer's last reply; a sentence of ours (cut to SMTP_REPLY_TEXT_MAX). */
void smtp_client_judge_by_reply(struct smtp_client *c, enum smtp_client_outcome outcome);
void smtp_client_judge(struct smtp_client *c, enum smtp_client_outcome outcome, struct bytes text);
/* "451 4.4.2 WHY PLACE": where the session is; 4.7.5 of a handshake that failed. */
void smtp_client_judge_by_place(struct smtp_client *c, struct bytes why);
/* Nothing more is said or heard. */
void smtp_client_close(struct smtp_client *c);

/* A whole reply in one of the stages from ENVELOPE on. */
void smtp_client_hear(struct smtp_client *c);
/* Puts out what may be said now in ENVELOPE.  False: nothing. */
bool smtp_client_say(struct smtp_client *c);
/* What is due of the transaction's results.  False: nothing. */
bool smtp_client_tell(struct smtp_client *c, struct smtp_client_effect *effect);
/* The session ends in the middle of a transaction: who has no result gets the verdict. */
void smtp_client_break(struct smtp_client *c);
/* May the driver hand out more of the message? */
bool smtp_client_wants_body(const struct smtp_client *c);

#endif
