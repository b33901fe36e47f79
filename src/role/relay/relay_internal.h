/* The relay's own state, shared by its files. */
#ifndef RELAY_RELAY_INTERNAL_H
#define RELAY_RELAY_INTERNAL_H

#include "base/event.h"
#include "base/map.h"
#include "proto/mime/downgrade.h"
#include "proto/smtp/client.h"
#include "role/relay/idle.h"
#include "role/relay/policy.h"
#include "role/relay/route.h"
#include "role/relay/tls_client.h"
#include "role/relay/tls_report.h"
#include "role/role.h"
#include "sys/net.h"

#include <sys/queue.h>

/* One read takes at most so much. */
#define RELAY_READ_MAX 65536
/* "mx.example (192.0.2.1)" */
#define RELAY_SERVER_MAX (ROUTE_NAME_MAX + NET_TEXT_MAX + 8)
#define RELAY_SENDER_MAX 320
#define RELAY_KEY_MAX (ROUTE_NAME_MAX + RELAY_SENDER_MAX + 32)
#define RELAY_TOO_LATE "451 4.4.7 it took too long to reach a server"
/* Addresses of one host that are looked at, and connections that one mail may try. */
#define RELAY_ADDRESSES_MAX 8
#define RELAY_TRIES_MAX 10
/* Servers that may say "later" of one mail, or nothing, before it waits. */
#define RELAY_ANSWERS_MAX 3
#define RELAY_CROWDED "too much is being sent to the server's address at the moment"
/* A connection is to be made in that time; when many are being made, in the shorter one: a first packet that is lost is sent again after 1 second, and after 3. */
#define RELAY_CONNECT_MS 30000
#define RELAY_CONNECT_HURRIED_MS 5000
/* Of the TLSA records of a host. */
#define RELAY_TLSA_MAX 4096

struct plan;
struct sending;
struct session;

struct relay {
	struct role_self *role;
	struct loop *loop;
	const struct config *config;
	struct peer *queue, *resolver; /* NULL until they were there once */
	SSL_CTX *tls;
	struct policies *policies; /* MTA-STS */
	struct tls_calls *tls_calls; /* RFC 8460 */
	struct net_address sources[2]; /* where to connect from, by IPv4 and by IPv6; len 0: the system chooses */
	TAILQ_HEAD(, sending) active; /* they have a connection, or are about to */
	TAILQ_HEAD(, sending) waiting; /* for one of the others to end */
	uint32_t active_count, waiting_count;
	TAILQ_HEAD(, sending) plans; /* plan.h */
	uint32_t plan_count;
	struct map *hops; /* key of a hop → how many active ones there are, as a pointer's value */
	struct map *networks; /* net_put_network of a server that DNS led to → how many connections there have a mail, in the same way */
	uint32_t report_count; /* active and waiting ones that come from nobody */
	TAILQ_HEAD(, session) sessions;
	uint32_t session_count;
	struct idle_set idle; /* of them, those that wait for the next mail */
	uint32_t connecting_count; /* the tries of all sendings */
	uint64_t last_session;
	bool is_draining, is_starting;
	struct timer end_of_drain;
	uint8_t scratch[RELAY_READ_MAX];
	uint8_t body[SMTP_CLIENT_BODY_MAX];
};

/* One more under that key, or fewer. */
void relay_count(struct map *counts, struct bytes key, intptr_t by);
/* Where a connection to that address comes from; NULL: the system chooses. */
const struct net_address *relay_source(const struct relay *relay, const struct net_address *to);

/* Mails under way: the queue hands over as many again while some wait for servers that say nothing. */
static inline uint32_t
relay_active_max(const struct relay *relay)
{
	return 2 * relay->config->outgoing_max;
}

/* Of them, those that come from nobody: whoever makes this server write reports leaves places for its users' mail. */
static inline uint32_t
relay_reports_max(const struct relay *relay)
{
	uint32_t quarter = relay_active_max(relay) / 4;

	return quarter > 0 ? quarter : 1;
}

/* Connections with a mail to one network (net_put_network) that DNS leads to, however many domains do. */
static inline uint32_t
relay_per_network_max(const struct relay *relay)
{
	uint32_t eighth = relay->config->outgoing_max / 8, per_host = relay->config->outgoing_per_host_max;

	return eighth > per_host ? eighth : per_host;
}

/* Black holes give back what they hold sooner when they hold much. */
static inline uint64_t
relay_connect_ms(const struct relay *relay)
{
	return relay->connecting_count > relay->config->outgoing_max / 2 ? RELAY_CONNECT_HURRIED_MS : RELAY_CONNECT_MS;
}

/* Where a connection leads. */
struct relay_target {
	char name[ROUTE_NAME_MAX + 1]; /* of the host, or its address */
	bool is_literal;
	struct net_address address;
	char text[RELAY_SERVER_MAX]; /* for people: "mx.example (192.0.2.1)" */
	enum tls_client_level level; /* of TLS */
	enum tls_client_cause cause; /* of that level */
};

#define RELAY_FAMILIES 2

/* What of the message is known, and goes out. */
enum relay_form {
	FORM_AS_IS,
	FORM_LOOKED_AT, /* whether it can be 7-bit is being found out */
	FORM_7BIT, /* it goes out converted */
	FORM_UNCHANGEABLE, /* it can't be converted */
};

/* A question to the resolver. */
struct lookup {
	struct sending *sending;
	enum ipc_record record;
	uint64_t request; /* 0: none that is not answered yet */
	struct net_address found[RELAY_ADDRESSES_MAX / RELAY_FAMILIES];
	size_t count;
	bool leads_here; /* an address that we may not reach was left out */
};

/* What the last server said of a mail, while another one is tried: its results stand in the sending's. */
struct kept_answer {
	bool is_there, is_silent;
	char server[RELAY_SERVER_MAX], tls[64];
};

/* One SEND, from its coming to its SENT. */
struct sending {
	TAILQ_ENTRY(sending) link;
	struct relay *relay;
	uint64_t request;
	struct event_context context;
	char mail_id[32];
	enum ipc_hop hop;
	uint16_t port;
	char host[ROUTE_NAME_MAX + 1];
	char key[RELAY_KEY_MAX]; /* mails with the same one may share a connection */
	bool is_active, is_report;
	/* the envelope, in its own memory */
	struct arena *arena;
	struct smtp_envelope envelope;
	struct bytes login_sender; /* the envelope's, when it had a log-in of its own as the key was made */
	int64_t deliver_by_s; /* of envelope.by; since 1970 */
	bool needs_tls, is_tls_optional; /* RFC 8689: REQUIRETLS, TLS-Required: No */
	int fd;
	uint64_t offset, wire_octets; /* of the message, that were read */
	bool is_unreadable; /* now: the disk fails, or the file is not whole */
	struct plan *plan; /* nothing is sent: the way is told of (plan.h) */
	uint64_t size; /* as it is; envelope has what is sent */
	bool is_8bit;
	struct downgrade *downgrade; /* once a server wanted it in 7 bits; NULL: none did */
	enum relay_form form;
	uint64_t more; /* octets in 7 bits */
	bool is_converting; /* on the way that it goes now */
	/* the way */
	struct route route;
	bool has_mx; /* it is of MX records */
	size_t host_at; /* of the route, whose addresses these are */
	struct net_address addresses[RELAY_ADDRESSES_MAX];
	size_t address_count, address_at;
	struct lookup lookups[RELAY_FAMILIES]; /* of A and AAAA; the first of MX too */
	bool is_lookup_late; /* one of the host's could not be answered now */
	bool is_way_authentic, are_addresses_authentic; /* by DNSSEC: what named the hosts; this one's addresses (RFC 7672 2.1) */
	char canonical[ROUTE_NAME_MAX + 1]; /* where the host's name leads as an alias, or empty */
	size_t bases; /* names that were asked for TLSA records */
	char base[ROUTE_NAME_MAX + 1]; /* the last of them (RFC 7672 2.2.3) */
	struct buf tlsa; /* of the host: what its certificate has to be, or empty */
	enum tls_client_level level; /* of TLS with the host, and why */
	enum tls_client_cause cause;
	struct policy_question policy; /* of the domain, for this host */
	struct tls_finding finding; /* of this host */
	struct session *tries[2]; /* connections that are being made */
	size_t tried;
	bool is_crowded; /* an address was passed over: too many mails go there */
	struct net_address answered[RELAY_ANSWERS_MAX]; /* servers that did not take it now: they are not asked again */
	size_t answered_count;
	struct timer stagger, deadline; /* when the second one begins, when all of it ends */
	bool is_late; /* it has */
	struct session *session; /* what it is being sent over */
	/* why it could not be sent so far: the last thing that will pass, else the last that won't */
	enum smtp_client_outcome failure;
	char failure_text[400];
	char failure_server[RELAY_SERVER_MAX]; /* who said that, or empty: they are words of ours */
	bool was_retried; /* because a used connection was gone */
	/* what the queue is told */
	struct buf results;
	size_t text_max, taken, later;
	struct kept_answer kept;
	char server[RELAY_SERVER_MAX], tls[64];
	bool has_dsn, has_deliver_by;
	bool is_silent; /* the server said nothing more in time */
	bool is_own_failure; /* it met what other mail of the same way need not meet */
	unsigned int closing; /* timers that are not closed yet */
};

/* sending.c */

/* A SEND has come: takes its descriptor over. */
void sending_new(struct relay *relay, const struct message *m);
/* It has a place now. */
void sending_start(struct sending *s);
/* Whom the configuration of now logs in as, or NULL. */
const struct config_login *sending_login(const struct sending *s);
/* A copy of it for a connection, if there is one: a reload may take it from under us.  *secrets is owned then. */
void sending_keep_login(const struct sending *s, struct arena **secrets, struct smtp_client_settings *out);
/* The hop and its names, of SEND or PLAN; behind its sender, who may have a log-in of his own. */
void sending_set_hop(struct sending *s, enum ipc_hop hop, struct bytes host, uint16_t port);
/* It is in no list any more: gives back what it has, its memory in a later turn of the loop. */
void sending_close(struct sending *s);
/* It is forgotten: nobody wants the answer. */
void sending_abort(struct sending *s);
/* All that waits in the relay and may begin, begins. */
void sending_start_waiting(struct relay *relay);
/* Everybody hears the same, who has not heard yet; then it is over.  text: words of ours, or failure_text. */
void sending_fail(struct sending *s, enum smtp_client_outcome outcome, const char *text);
/* The message is at its beginning again. */
void sending_rewind(struct sending *s);
/* It goes to that server next: in what form, with how much of its time.  False: call again, when others had their turn.  It may be unreadable then. */
bool sending_prepare(struct sending *s, const struct smtp_client *client);
/* The next piece of the message, in the relay's `body`.  -1: it can't be read, or is not whole. */
int sending_read(struct sending *s, struct bytes *octets, bool *is_last);
/* What a session tells of it; is_theirs: the words are the server's. */
void sending_result(struct sending *s, size_t recipient, enum smtp_client_outcome outcome, struct bytes text, bool is_theirs);
/* Every recipient has been told.  was_answered: the server said something of this mail. */
void sending_done(struct sending *s, struct session *session, bool is_used, bool was_answered);

/* sending_way.c */

/* From the domain, or the host, to a connection. */
void sending_find_way(struct sending *s);
/* Nothing of that is wanted any more. */
void sending_leave_way(struct sending *s);
/* Nothing was tried for want of something here: the queue brings it again soon, and no attempt is counted. */
void sending_refuse(struct sending *s, const char *why);
/* A connection that was being made is there; it is not. */
void sending_connected(struct sending *s, struct session *session);
void sending_unreachable(struct sending *s, struct session *session, const char *text);
/* The server has no REQUIRETLS, which the mail asks for: another one may have it (RFC 8689 4.2.1). */
void sending_unfit(struct sending *s, const struct relay_target *target);
/* The session never became ready; failure: of TLS, when it was that. */
void sending_failed(struct sending *s, const struct relay_target *target, const struct smtp_client_effect *why, enum tlsrpt_result failure);
/* A connection that was used before is gone: on with a new one, if there is time. */
void sending_retry(struct sending *s);
/* For the timer of that name: the first connection takes its time, so a second one begins. */
void sending_stagger(struct timer *t);

/* A question about the host, asked with one of s->lookups. */
void sending_look_up(struct sending *s, size_t index, enum ipc_record record, struct bytes name);
/* Why the mail has to wait, or comes back, when all is tried, in words of ours: what may pass counts more. */
void sending_note_failure(struct sending *s, enum smtp_client_outcome outcome, struct bytes text);
/* On with what is left of the host's addresses, or with the next host, unless something is under way. */
void sending_go_on(struct sending *s);

/* sending_tls.c */

/* What is asked of TLS with the host; borrows from s and target. */
struct tls_client_peer sending_tls_peer(const struct sending *s, const struct relay_target *target);

/* The level of TLS that the configuration asks for; REQUIRETLS asks for no less than a certificate that is checked (RFC 8689 4.2.1). */
void sending_set_level(struct sending *s);
/* The host's addresses are known, or that there are none: goes on (sending_go_on) when the level is. */
void sending_protect(struct sending *s);
/* The answer to a look-up of the host's alias, or NULL: is it signed? */
void sending_on_alias(struct sending *s, const struct message *answer);
/* The answer to a look-up of TLSA records, or NULL. */
void sending_on_tlsa(struct sending *s, const struct message *answer);

/* session.c */

/* Begins to connect, for that mail.  NULL: *f says why it can't be. */
struct session *session_open(struct sending *s, const struct relay_target *target, struct fault *f);
/* An idle one for mails of that key, or NULL. */
struct session *session_find_idle(struct relay *relay, const char *key);
/* Do as many mails go to that address as may at a time?  Not asked of hosts that the configuration names. */
bool session_is_crowded(const struct sending *s, const struct net_address *address);
/* The mail goes over it next. */
void session_use(struct session *session, struct sending *s);
/* Has it carried so few mails that it may carry more? */
bool session_may_go_on(const struct session *session);
/* It is not waited for any more: the mail on it has its results before this returns. */
void session_lose(struct session *session, struct bytes why);
/* Ends it now, and tells nobody. */
void session_drop(struct session *session);
/* Ends those that are idle; keeps `most` of them. */
void sessions_end_idle(struct relay *relay, uint32_t most);
/* None that is open carries another mail after the one that it has. */
void sessions_retire(struct relay *relay);
const struct relay_target *session_target(const struct session *session);
/* What the server can; for the functions that only look. */
const struct smtp_client *session_client(const struct session *session);

#endif
