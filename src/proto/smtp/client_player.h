/* For tests and fuzzers: drives a client session as the relay would, writes down what was said and reported, and checks
   what must always hold. */
#ifndef SMTP_CLIENT_PLAYER_H
#define SMTP_CLIENT_PLAYER_H

#include "proto/smtp/client.h"

#define CLIENT_PLAYER_RECIPIENTS_MAX 120

/* What is done when the session is ready: its envelopes are sent one after the other, then it quits (or waits). */
struct client_player {
	struct smtp_client *client;
	struct smtp_client_settings settings;
	const struct smtp_envelope *envelopes;
	size_t envelope_count, envelopes_sent;
	struct bytes message; /* in disk form */
	size_t piece; /* octets of it that are handed out at a time */
	bool may_quit, is_verified;
	/* The rest is the player's. */
	uint8_t *in;
	size_t in_len, message_at;
	struct buf text; /* "C: " what was said, "S: " what was heard, "= " what was reported; a line each */
	struct buf said; /* octets, as they were */
	bool is_told[CLIENT_PLAYER_RECIPIENTS_MAX];
	bool is_in_transaction, has_quit, is_closed, has_failed, is_at_line_start;
	enum smtp_client_effect_kind stopped_at;
};

/* A new session with what is set above. */
void client_player_start(struct client_player *p);
void client_player_done(struct client_player *p);
/* More input; steps as long as something can be done. */
void client_player_hear(struct client_player *p, struct bytes octets);
/* The connection is lost. */
void client_player_lose(struct client_player *p, struct bytes why);

#endif
