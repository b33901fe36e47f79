/* What the files of a session share: session.c makes the connection and moves octets, session_effects.c does what its machine asks for. */
#ifndef RELAY_SESSION_INTERNAL_H
#define RELAY_SESSION_INTERNAL_H

#include "role/relay/relay_internal.h"

/* Of one connection before others have theirs. */
#define SESSION_ROUNDS_MAX 8

enum stage { STAGE_CONNECTING, STAGE_CLEAR, STAGE_TLS_WANTED, STAGE_HANDSHAKE, STAGE_TLS };

struct session {
	TAILQ_ENTRY(session) link;
	struct idle idle;
	struct watch watch;
	struct timer timer;
	unsigned int closing; /* of both, that are not closed yet */
	struct relay *relay;
	struct event_context context;
	enum stage stage;
	int fd;
	struct tls *tls;
	struct buf input, output;
	size_t sent; /* octets of output that went out already */
	struct smtp_client *client;
	struct smtp_client_settings settings;
	char hostname[ROUTE_NAME_MAX + 1];
	struct arena *secrets; /* the log-in */
	struct sending *sending; /* whose mail it carries, or will */
	struct relay_target target;
	char key[RELAY_KEY_MAX], tls_text[64];
	uint32_t uses; /* mails that went over it */
	uint64_t moves; /* at which the timer was set */
	bool is_timer_due; /* set anew: something else begins */
	bool is_retired; /* it carries no other mail */
	bool is_tested; /* its certificate was */
	bool is_counted; /* what became of TLS was told */
	bool has_secret; /* in output */
	bool is_full; /* it has more to say when that which waits is sent */
	bool has_ended; /* nothing more comes, or goes */
	bool is_closing; /* the end comes when the output is sent */
	bool is_gone; /* freed when watch and timer are closed */
};

static inline bool
session_is_all_sent(const struct session *c)
{
	return c->sent == c->output.len;
}

/* That mail, or none, is on it now. */
void session_set_sending(struct session *c, struct sending *s);
/* Sends what goes without waiting. */
void session_flush(struct session *c);
/* What became of TLS, for the reports: once. */
void session_count_tls(struct session *c, enum tlsrpt_result result, struct bytes reason);
/* What the effect asks for; false: nothing more can be done now.  pieces: of the message, in this turn. */
bool session_carry_out(struct session *c, const struct smtp_client_effect *effect, unsigned int *pieces);

#endif
