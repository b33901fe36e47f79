/* An SMTP or LMTP client session as a pure machine (RFC 5321, LMTP: 2033; extensions 1870 SIZE, 2852 DELIVERBY, 2920
   PIPELINING, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN, 4954 AUTH, 6152 8BITMIME, 6531 SMTPUTF8, 6710 MT-PRIORITY, 8689 REQUIRETLS): octets and
   answers in, effects out.

   The driver calls smtp_client_step again and again; each call takes from the front of *in as much as it needs and
   reports one effect.  SMTP_CLIENT_NEED_INPUT, _READY and _NEED_BODY: keep what is left of *in and come back with more
   behind it, at most SMTP_CLIENT_INPUT_MAX octets are ever left.  Time is the driver's: smtp_client_timeout_s.

   A transaction's recipients have one result each, whatever happens; then SMTP_CLIENT_SENT.  What has to be known of a
   peer that is gone: after the end of the message was sent nobody can tell whether it was taken.  That is "later", so
   that nothing is lost, and the text says that it may arrive twice (RFC 1047). */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/buf.h"
#include "proto/smtp/by.h"

#define SMTP_CLIENT_INPUT_MAX 2048
/* RFC 5321 4.5.3.1.2: of the peer's name. */
#define SMTP_CLIENT_NAME_MAX 255
/* Octets of the message that are taken at a time. */
#define SMTP_CLIENT_BODY_MAX 32768
/* No more output than that waits for the driver. */
#define SMTP_CLIENT_OUTPUT_MAX (2 * SMTP_CLIENT_BODY_MAX + 16384)

struct smtp_client;

enum smtp_client_tls {
	SMTP_CLIENT_TLS_NEVER,
	SMTP_CLIENT_TLS_MAY, /* when the peer offers it */
	SMTP_CLIENT_TLS_MUST, /* or SMTP_CLIENT_FAILED */
};

/* Borrowed for the session's whole life. */
struct smtp_client_settings {
	struct bytes hostname; /* for EHLO: RFC 5321 4.1.1.1 */
	bool is_lmtp;
	bool may_be_ourselves; /* who greets as `hostname` is (RFC 5321 5.1) */
	enum smtp_client_tls tls;
	struct bytes login_name, secret_login_password; /* to log in with before anything is sent, under TLS only; empty: not at all */
};

/* Addresses are without brackets, the empty one is the null path; parameters are those of RFC 3461, or empty.  None
   of them holds a control character, or its recipients are refused. */
struct smtp_envelope_recipient {
	struct bytes address, parameters;
};

/* Borrowed until SMTP_CLIENT_SENT. */
struct smtp_envelope {
	struct bytes sender, parameters;
	uint64_t size; /* RFC 1870: with CRLF */
	bool is_8bit, is_utf8, needs_require_tls; /* is_utf8: whatever the addresses are */
	struct smtp_by by; /* counted from smtp_client_send */
	int8_t priority; /* RFC 6710 */
	const struct smtp_envelope_recipient *recipients;
	size_t recipient_count; /* one at least */
};

enum smtp_client_effect_kind {
	SMTP_CLIENT_NEED_INPUT,
	SMTP_CLIENT_OUTPUT, /* send `octets`; borrowed until the next step */
	SMTP_CLIENT_START_TLS, /* after what was put out is sent: shake hands, then smtp_client_tls_started */
	SMTP_CLIENT_READY, /* no transaction is open: smtp_client_send or smtp_client_quit, or wait */
	SMTP_CLIENT_NEED_BODY, /* smtp_client_body, when the output is sent */
	SMTP_CLIENT_RESULT, /* of the recipient of that index */
	SMTP_CLIENT_SENT, /* all recipients have theirs; the envelope is not looked at any more */
	SMTP_CLIENT_FAILED, /* the session never became ready: `at`, `outcome`, `octets` */
	SMTP_CLIENT_CLOSE, /* after what was put out is sent */
};

enum smtp_client_outcome {
	SMTP_CLIENT_TAKEN, /* it is the peer's now */
	SMTP_CLIENT_LATER,
	SMTP_CLIENT_NEVER,
};

/* How far a session came that failed; AT_OURSELVES: to a greeting of our own. */
enum smtp_client_at { SMTP_CLIENT_AT_GREETING, SMTP_CLIENT_AT_OURSELVES, SMTP_CLIENT_AT_HELLO, SMTP_CLIENT_AT_TLS, SMTP_CLIENT_AT_LOGIN };

/* octets of a RESULT or FAILED: the peer's reply on one line (is_theirs), or a sentence of ours with its code, "451 4.4.2 …". */
struct smtp_client_effect {
	enum smtp_client_effect_kind kind;
	enum smtp_client_outcome outcome;
	enum smtp_client_at at;
	size_t recipient;
	struct bytes octets;
	bool is_theirs;
	bool is_secret; /* OUTPUT: no copy of it may stay in memory */
};

/* A session at its start: the peer speaks first.  Owned. */
struct smtp_client *smtp_client_new(const struct smtp_client_settings *settings);
void smtp_client_free(struct smtp_client **c);
enum smtp_client_effect_kind smtp_client_step(struct smtp_client *c, struct bytes *in, struct smtp_client_effect *effect);
/* Begins a transaction; only after SMTP_CLIENT_READY. */
void smtp_client_send(struct smtp_client *c, const struct smtp_envelope *envelope);
/* The next octets of the message, SMTP_CLIENT_BODY_MAX at most, in disk form; only after SMTP_CLIENT_NEED_BODY. */
void smtp_client_body(struct smtp_client *c, struct bytes octets, bool is_last);
/* The handshake is done: RFC 3207 4.2, everything said before is forgotten.  is_verified: the peer is who we meant. */
void smtp_client_tls_started(struct smtp_client *c, bool is_verified);
/* The end, after SMTP_CLIENT_READY. */
void smtp_client_quit(struct smtp_client *c);
/* The connection is gone, was silent too long, or is not wanted any more; the next steps report what comes of it.  Nothing
   is put out, so that a message that was not sent to its end never looks as if it were.  why: "connection lost". */
void smtp_client_lose(struct smtp_client *c, struct bytes why);
/* The same of a handshake that failed: the certificate is not trusted, or there is nothing that both can do (RFC 3463 3.8: X.7.5). */
void smtp_client_tls_failed(struct smtp_client *c, struct bytes why);
/* RFC 5321 4.5.3.2: for how long the peer may take now, counted from the last change of smtp_client_moves. */
uint32_t smtp_client_timeout_s(const struct smtp_client *c);
/* Goes up with each reply that was waited for, and each piece of the message. */
uint64_t smtp_client_moves(const struct smtp_client *c);
/* Has anything of the transaction been answered?  If not, and the connection is lost, a new one may be tried. */
bool smtp_client_was_answered(const struct smtp_client *c);
/* Was the message sent to its end, and the answer to that is not there yet?  It may be the peer's. */
bool smtp_client_may_be_taken(const struct smtp_client *c);
/* Of how many recipients the peer was to hear: not of those beyond ASCII when it has no SMTPUTF8, of nobody when it can't take such a message. */
size_t smtp_client_asked(const struct smtp_client *c);
/* What the peer called itself when it greeted, whatever that is; empty before. */
struct bytes smtp_client_peer_name(const struct smtp_client *c);
/* Does the peer know DSN (RFC 3461)? */
bool smtp_client_has_dsn(const struct smtp_client *c);
/* May a message be 8-bit (RFC 6152)? */
bool smtp_client_has_8bit(const struct smtp_client *c);
/* Does it promise to go on over TLS alone with what asks for that (RFC 8689)? */
bool smtp_client_has_require_tls(const struct smtp_client *c);
/* Does it take over until when a message has to be delivered (RFC 2852)? */
bool smtp_client_has_deliver_by(const struct smtp_client *c);

#endif
