/* An SMTP server session as a pure machine (RFC 5321, 6409; extensions 1870 SIZE, 2034 ENHANCEDSTATUSCODES,
   2852 DELIVERBY, 2920 PIPELINING, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN, 4865 FUTURERELEASE, 4954 AUTH,
   6152 8BITMIME, 6531 SMTPUTF8, 6710 MT-PRIORITY, 8689 REQUIRETLS): octets and answers in, effects out.

   The driver calls smtp_session_step again and again; each call takes from the front of *in as much as it needs
   and reports one effect.  SMTP_NEED_INPUT: keep what is left of *in and come back with more behind it;
   at most SMTP_INPUT_MAX octets are ever left.  After an SMTP_ASK_… nothing more is taken until
   smtp_session_answer; step then reports SMTP_BLOCKED. */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/id.h"
#include "proto/dsn/parameter.h"
#include "proto/smtp/by.h"

#define SMTP_INPUT_MAX 16384
/* RFC 5321 4.5.3.1.3: a path with its brackets. */
#define SMTP_PATH_OCTETS_MAX 256

struct smtp_session;

struct smtp_limits {
	uint32_t command_line_octets_max; /* RFC 5321 4.5.3.1.4: 512 at least, more for extensions */
	uint32_t text_line_octets_max; /* of message lines; 0: any length (they are not cut) */
	uint64_t message_octets_max; /* 0: any size (RFC 1870 6) */
	uint32_t recipients_max; /* RFC 5321 4.5.3.1.8: 100 at least */
	uint32_t errors_max; /* bad commands before the session is closed with 421 */
	uint32_t refused_recipients_max; /* the same of recipients, while the client has not logged in */
	uint32_t hops_max; /* for the driver: RFC 5321 6.3 */
};

/* What the session is told about its surroundings; borrowed for its whole life. */
struct smtp_settings {
	struct bytes hostname;
	struct smtp_limits limits;
	bool is_submission; /* MAIL needs a log-in first (530 5.7.0) */
	bool offers_tls;
	bool is_tls_from_start;
	uint32_t hold_most_s; /* how long a client may have its mail kept before it is sent (RFC 4865); 0: not at all */
	bool offers_login;
	bool may_login_in_clear; /* plaintext_login allows it for this client */
};

enum smtp_effect_kind {
	SMTP_NEED_INPUT,
	SMTP_BLOCKED, /* an answer is due */
	SMTP_OUTPUT, /* send `octets` */
	SMTP_START_TLS, /* after what was put out is sent: shake hands, then smtp_session_tls_started; drop *in */
	SMTP_ASK_LOGIN, /* `login`; answer smtp_session_answer_login */
	SMTP_MAIL, /* a transaction begins: `mail`.  answer: may this sender be used, is there room? */
	SMTP_ASK_RECIPIENT, /* `path`, `wishes`: answer */
	SMTP_BODY_BEGIN, /* answer SMTP_ANSWER_OK to take it, or LATER/NO_SPACE: 451/452 before 354 */
	SMTP_BODY, /* `octets` of the message: dot-unstuffed, wire form; borrowed until the next step */
	SMTP_BODY_END, /* the message is complete: answer when it is durable, or why not */
	SMTP_ABANDONED, /* the transaction, whose MAIL was answered OK or not yet, is over without a message (RSET, EHLO,
		QUIT, error in it); what of its body was handed out is void */
	SMTP_CLOSE, /* after what was put out is sent; `octets`: too many of what the client sent, or empty */
};

enum smtp_answer {
	SMTP_ANSWER_OK,
	SMTP_ANSWER_LATER, /* 451 4.3.0 */
	SMTP_ANSWER_NO_SPACE, /* 452 4.3.1 */
	SMTP_ANSWER_OVER_QUOTA, /* 552 5.2.2 */
	SMTP_ANSWER_LOWERED, /* sender: 250 2.3.6, but the priority is 0 (RFC 6710 4) */
	SMTP_ANSWER_UNKNOWN, /* recipient: 550 5.1.1 */
	SMTP_ANSWER_NOT_OPEN, /* recipient: 550 5.7.1, it takes mail from some only */
	SMTP_ANSWER_NO_RELAY, /* recipient: 550 5.7.1 */
	SMTP_ANSWER_NO_ROUTE, /* recipient: 451 4.4.1 */
	SMTP_ANSWER_TOO_MANY, /* recipient: 452 4.5.3, what the transaction may hold is reached */
	SMTP_ANSWER_NOT_YOURS, /* sender: 553 5.7.1 */
	SMTP_ANSWER_TOO_LARGE, /* 552 5.3.4 */
	SMTP_ANSWER_LOOP, /* 554 5.4.6 */
	SMTP_ANSWER_BAD_CREDENTIALS, /* 535 5.7.8 */
	SMTP_ANSWER_DISABLED, /* log-in whose password was right: 535 5.7.13 */
	SMTP_ANSWER_EXPIRED, /* log-in whose password was right: 535 5.7.8, and what to do */
	SMTP_ANSWER_BAD_CONTENT, /* 554 5.6.0 */
	SMTP_ANSWERS
};

/* Only a parser makes one: a local part and a domain (or literal), unquoted; or the null path; or "postmaster"
   without a domain (domain empty).  In an effect: borrowed until that is answered and the next step is made. */
struct smtp_path {
	struct bytes local; /* quoted-string content without quotes and backslashes */
	struct bytes domain; /* without a final dot; a literal with its brackets */
	struct bytes text; /* as written, without the angle brackets and a source route */
	bool is_null;
};

struct smtp_mail {
	struct smtp_path path;
	uint64_t size; /* of SIZE=, 0: not said */
	bool is_8bit, is_utf8;
	bool requires_tls; /* RFC 8689: to be sent on over TLS that is checked, or not at all */
	int64_t release_s; /* RFC 4865: not to be sent before; 0: at once */
	struct smtp_by by;
	int8_t priority; /* RFC 6710 3: -9 to 9 */
	struct dsn_mail dsn; /* lasts as long as the path */
};

struct smtp_login {
	const char *mechanism;
	struct bytes name, authorize_as, secret_password;
};

struct smtp_effect {
	enum smtp_effect_kind kind;
	struct bytes octets;
	struct smtp_login login;
	struct smtp_mail mail;
	struct smtp_path path;
	struct dsn_rcpt wishes; /* of the recipient; lasts as long as the path */
};

/* Takes a path from the front of *in: "<" [ A-d-l ":" ] Mailbox ">" / "<>" / "<postmaster>" (RFC 5321 4.1.2, 6531 3.3 when
   may_utf8).  0: *path is set (in `arena` where octets had to be unquoted, SMTP_PATH_OCTETS_MAX at most), *in stands after
   it. -1: as they were. */
int smtp_path_parse(struct bytes *in, bool may_utf8, struct arena *arena, struct smtp_path *path, struct fault *f)
	__attribute__((warn_unused_result));

/* Appends the address as the directory takes it: local part, unquoted, and domain; "postmaster" stands alone. */
void smtp_path_put_address(const struct smtp_path *path, struct buf *out);

/* A session at its start: the first step puts the greeting out.  Owned. */
struct smtp_session *smtp_session_new(const struct smtp_settings *settings);
void smtp_session_free(struct smtp_session **s);
enum smtp_effect_kind smtp_session_step(struct smtp_session *s, struct bytes *in, struct smtp_effect *effect);
/* What time it is, in seconds since 1970; for the steps that follow.  Only a session with hold_most_s asks. */
void smtp_session_set_time(struct smtp_session *s, int64_t now_s);
/* The answer to SMTP_MAIL, ASK_RECIPIENT, BODY_BEGIN, BODY_END.  One that makes no sense there is a temporary error; one
   that nobody waits for is dropped. */
void smtp_session_answer(struct smtp_session *s, enum smtp_answer answer);
/* The answer to SMTP_ASK_RECIPIENT: that reply (one line of ASCII without its end), which refuses. */
void smtp_session_refuse(struct smtp_session *s, struct bytes reply);
/* The id of the transaction that began with SMTP_MAIL; stands in the reply to the message. */
void smtp_session_set_mail_id(struct smtp_session *s, const struct mail_id *id);
/* The client is known by other means, and logged in from the start; the answer to EHLO tells it its address. */
void smtp_session_is_of(struct smtp_session *s, struct bytes address);
/* OK, BAD_CREDENTIALS, DISABLED, EXPIRED or LATER (454 4.7.0). */
void smtp_session_answer_login(struct smtp_session *s, enum smtp_answer answer);
/* The handshake is done: RFC 3207 4.2, everything said before is forgotten. */
void smtp_session_tls_started(struct smtp_session *s);
/* The server is going away or the client was silent too long: the next steps put out 421 4.3.2 with the text
   and close.  An answer that is due is not waited for, but to SMTP_BODY_END: then the 421 comes behind it. */
void smtp_session_shut(struct smtp_session *s, struct bytes text);
/* What HELO or EHLO said, empty before; octets that are out of place in a trace field are "?". */
struct bytes smtp_session_helo(const struct smtp_session *s);
bool smtp_session_is_esmtp(const struct smtp_session *s);
bool smtp_session_is_logged_in(const struct smtp_session *s);
/* In a message right now (its time-out differs: RFC 5321 4.5.3.2)? */
bool smtp_session_is_in_body(const struct smtp_session *s);

#endif
