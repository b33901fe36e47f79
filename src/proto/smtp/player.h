/* For tests and fuzzers: drives a session as a server would, answers what it asks, writes down what it did and
   checks what must always hold. */
#ifndef SMTP_PLAYER_H
#define SMTP_PLAYER_H

#include "proto/smtp/session.h"

/* What time it is in every session: 2026-11-29T12:00:00Z. */
#define PLAYER_NOW_S INT64_C(1795953600)

struct player {
	struct smtp_session *session;
	/* Input that was left; in a block of its own size, so that a sanitizer sees who looks beyond. */
	uint8_t *in;
	size_t in_len;
	struct buf out; /* everything put out */
	/* Everything else, a line each: "mail <text> size=N 8bit utf8 requiretls release=N priority=N BY=…", "recipient <text>", "begin", "end <body>",
	   "abandoned", "login <mechanism> <name> <authorize_as> <password>", "tls", "close". */
	struct buf effects;
	struct buf body;
	struct buf path; /* the one asked about, as it was; its view must stay the same */
	struct bytes view;
	bool is_closed, is_tls_due, has_mail, has_body;
	size_t asks;
	/* The answer to an effect; NULL: always OK. */
	enum smtp_answer (*answer)(struct player *p, const struct smtp_effect *effect);
	void *arg;
	/* So many asks are answered, the next one is not: for smtp_session_shut in every state. */
	size_t asks_max;
	bool is_blocked;
	/* Answer only after SMTP_BLOCKED was reported, as when the answer comes from another process. */
	bool is_slow, is_answer_due;
	struct smtp_effect pending;
};

/* A new session; what follows is its script and transcript.  The settings are borrowed. */
void player_start(struct player *p, const struct smtp_settings *settings);
/* Gives everything back. */
void player_done(struct player *p);
/* More input; steps until the session needs more, is blocked, wants TLS or is closed. */
void player_send(struct player *p, struct bytes in);
/* The same without more input. */
void player_run(struct player *p);
/* Shuts the session in the state that it is in; then answers what is due and steps to the end. */
void player_shut(struct player *p, struct bytes text);
/* The handshake. */
void player_start_tls(struct player *p);

/* A settings value that tests start from: mx.example, nothing but plain SMTP, generous limits. */
struct smtp_settings player_settings(void);

#endif
