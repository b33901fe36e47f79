/* The server's side of Dovecot's authentication protocol 1.2 between client and server, as a pure machine: other
   programs (an MTA, a calendar) hand a SASL exchange of one of their users on to us.  Octets and answers in, effects
   out.

   Many exchanges may be open on one connection, each under an id that the client chose.  The driver calls
   auth_session_step again and again; AUTH_NEED_INPUT: keep what is left of *in and come back with more behind it, at
   most AUTH_LINE_OCTETS_MAX - 1 octets.  Answers to AUTH_ASK_LOGIN may come in any order; while
   AUTH_ASKS_MAX are due, nothing more is taken (AUTH_BLOCKED).

   A client that breaks the protocol is cut: who speaks for others is a program, and guessing what it meant could
   log the wrong person in. */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "proto/auth/wire.h"

/* Exchanges that wait for an answer of the driver's. */
#define AUTH_ASKS_MAX 32
/* And those that wait for the client too: the oldest of them gives way to a new one. */
#define AUTH_EXCHANGES_MAX 128
#define AUTH_CLAIM_OCTETS_MAX 64

struct auth_session;

/* Who we are to this client. */
struct auth_identity {
	uint32_t process;
	uint64_t connection; /* no other of this process has it */
	uint8_t cookie[16];
};

enum auth_effect_kind {
	AUTH_NEED_INPUT,
	AUTH_BLOCKED, /* answers are due */
	AUTH_OUTPUT, /* send `octets` */
	AUTH_ASK_LOGIN, /* `login`; auth_session_answer */
	AUTH_CLOSE, /* after what was put out is sent; `octets`: what the client did wrong, or empty */
};

/* What the client says of who is at its other end; nobody has checked it. Empty: not said. */
struct auth_claims {
	struct bytes service; /* never empty: "smtp", … */
	struct bytes remote_host, local_host, remote_port, local_port;
	struct bytes tls; /* the version, or "yes" */
};

struct auth_login {
	uint64_t ticket; /* names the question */
	const char *mechanism;
	struct bytes name, authorize_as, secret_password;
	struct auth_claims claims;
};

/* Octets are borrowed until the next call. */
struct auth_effect {
	enum auth_effect_kind kind;
	struct bytes octets;
	struct auth_login login;
};

enum auth_answer {
	AUTH_ANSWER_OK,
	AUTH_ANSWER_BAD_CREDENTIALS,
	AUTH_ANSWER_DISABLED, /* the password was right */
	AUTH_ANSWER_EXPIRED, /* so it was, but has to be changed first */
	AUTH_ANSWER_NOT_AUTHORIZED, /* the password was right, but not to act as somebody else */
	AUTH_ANSWER_LATER,
	AUTH_ANSWERS
};

/* A session at its start: the first step puts our handshake out.  Owned. */
struct auth_session *auth_session_new(const struct auth_identity *identity);
/* Wipes and frees; sets *s to NULL. */
void auth_session_free(struct auth_session **s);
enum auth_effect_kind auth_session_step(struct auth_session *s, struct bytes *in, struct auth_effect *effect);
/* address: of the account, when OK.  The answer to a question that nobody asks any more is dropped. */
void auth_session_answer(struct auth_session *s, uint64_t ticket, enum auth_answer answer, struct bytes address);
/* The server is going away: what is open fails for now, then the end. */
void auth_session_shut(struct auth_session *s);
/* No exchange is open. */
bool auth_session_is_idle(const struct auth_session *s);

#endif
