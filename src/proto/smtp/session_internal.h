/* What the files of the session share: session.c steps, command.c dispatches, transaction.c handles MAIL and
   RCPT, message.c what comes after DATA and BDAT, login.c AUTH. */
#ifndef SMTP_SESSION_INTERNAL_H
#define SMTP_SESSION_INTERNAL_H

#include "proto/sasl/sasl.h"
#include "proto/smtp/body.h"
#include "proto/smtp/line.h"
#include "proto/smtp/reply.h"
#include "proto/smtp/session.h"

/* What the next octets are. */
enum smtp_stage {
	SMTP_STAGE_GREETING, /* none are taken: the server speaks first */
	SMTP_STAGE_COMMAND,
	SMTP_STAGE_LOGIN, /* a line of an AUTH exchange */
	SMTP_STAGE_DOTS, /* the message after DATA */
	SMTP_STAGE_CHUNK, /* the octets after a BDAT */
	SMTP_STAGE_TLS, /* none are taken until the handshake is done */
	SMTP_STAGE_CLOSED,
};

/* How far the dialog is; bits, because the table of commands has sets of them. */
enum smtp_phase {
	SMTP_PHASE_START = 1, /* no HELO yet */
	SMTP_PHASE_READY = 2, /* no transaction */
	SMTP_PHASE_MAIL = 4, /* a sender, no recipient yet */
	SMTP_PHASE_RECIPIENTS = 8,
	SMTP_PHASE_CHUNKS = 16, /* BDAT was accepted once */
};

/* The message that comes in. */
struct smtp_body {
	struct smtp_dots dots;
	struct smtp_text text;
	uint64_t octets;
	uint64_t chunk_octets, chunk_left;
	bool is_last_chunk;
	/* The chunk is taken and dropped, then this is the reply; REPLY_OK: it is not. */
	enum smtp_reply refusal;
};

struct smtp_session {
	const struct smtp_settings *settings;
	enum smtp_stage stage;
	enum smtp_phase phase;
	enum smtp_effect_kind asked; /* whose answer is due; SMTP_NEED_INPUT: none */
	struct smtp_effect due; /* is reported as soon as it may be; SMTP_NEED_INPUT: none */
	bool is_abandon_due;
	bool is_flush_due;
	bool is_closing;
	bool are_paths_stale; /* their question is answered, what was lent of them may still be looked at */
	bool is_tls, is_esmtp, is_logged_in, is_utf8, has_mail_id;
	uint32_t offences[SMTP_OFFENCES]; /* since the last message was taken */
	struct bytes sent_away_for; /* until SMTP_CLOSE has told it */
	uint32_t recipients;
	int64_t now_s;
	struct mail_id mail_id;
	struct smtp_lines lines;
	struct smtp_body body;
	struct sasl *sasl;
	struct arena *paths; /* of the command that is being answered */
	struct buf helo, address, shut_text; /* address: of smtp_session_is_of, else empty */
	struct buf out, lent; /* replies that wait, and those that SMTP_OUTPUT shows */
};

/* Puts a reply out; counts the client's offences, and closes in its place when there were too many. */
void smtp_session_reply(struct smtp_session *s, enum smtp_reply reply);
void smtp_session_reply_of(struct smtp_session *s, enum smtp_reply reply, struct bytes keyword);
/* Nothing more is taken; what waits is put out, then SMTP_CLOSE. */
void smtp_session_close(struct smtp_session *s);
/* Closes with 421 and shut_text. */
void smtp_session_shut_now(struct smtp_session *s);
/* A line (without CRLF) in SMTP_STAGE_COMMAND. */
void smtp_session_command(struct smtp_session *s, struct bytes line);

/* What is offered now. */
struct smtp_offer smtp_offer_now(const struct smtp_session *s);
/* The transaction is over (if there is one): forgets it. */
void smtp_transaction_end(struct smtp_session *s);
/* The same, and SMTP_ABANDONED is due when the driver knows of it. */
void smtp_transaction_abandon(struct smtp_session *s);
void smtp_command_mail(struct smtp_session *s, struct bytes argument);
void smtp_command_rcpt(struct smtp_session *s, struct bytes argument);
void smtp_command_data(struct smtp_session *s, struct bytes argument);
void smtp_command_bdat(struct smtp_session *s, struct bytes argument);
/* Why a command that is good in `phases` isn't now. */
enum smtp_reply smtp_sequence_reply(enum smtp_phase now, unsigned int phases);

/* What a step of a stage came to. */
enum smtp_progress {
	SMTP_STUCK, /* more input is needed */
	SMTP_MOVED,
	SMTP_REPORT, /* *effect is set */
};

enum smtp_progress smtp_take_dots(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect);
enum smtp_progress smtp_take_chunk(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect);
/* The answer to SMTP_BODY_BEGIN, and to SMTP_BODY_END. */
void smtp_body_begin_answered(struct smtp_session *s, enum smtp_answer answer);
void smtp_body_end_answered(struct smtp_session *s, enum smtp_answer answer);

void smtp_command_auth(struct smtp_session *s, struct bytes argument);
/* A line (without CRLF) in SMTP_STAGE_LOGIN. */
void smtp_login_line(struct smtp_session *s, struct bytes line);
/* May a log-in begin now, as EHLO tells? */
bool smtp_may_login(const struct smtp_session *s);

/* RFC 4954 4: a line of the exchange, with its CRLF. */
#define SMTP_LOGIN_LINE_OCTETS_MAX 12288

#endif
