/* A client's connection: its socket, TLS, what came in and was not taken yet, what has to go out.
   What is spoken over it is a protocol's (smtp_client.c, imap_client.c). */
#ifndef FRONT_CONNECTION_H
#define FRONT_CONNECTION_H

#include "base/event.h"
#include "role/front/front_internal.h"

struct connection;

/* Why a protocol stopped. */
enum run_status {
	RUN_WAITS, /* it needs more input */
	RUN_BLOCKED, /* an answer is due; connection_run when it is there */
	RUN_FULL, /* connection_is_full: more to put out when the client took what there is */
};

/* What a protocol does.  `client` is what `start` returned. */
struct protocol {
	/* A new connection; nothing is sent before the first run. */
	void *(*start)(struct connection *c);
	/* Works with the octets at the front of *in as far as it can now. Called again when more came, output was
	   sent, an answer arrived (connection_run). */
	enum run_status (*run)(void *client, struct bytes *in);
	void (*tls_started)(void *client);
	/* The server goes away, the client was too slow, its account is gone: say so and close. */
	void (*shut)(void *client, struct bytes text);
	/* Seconds of silence that this client is allowed now. */
	uint32_t (*timeout_s)(void *client);
	/* It takes too long for what it is at, whatever it says meanwhile.  age_s: since it came. */
	bool (*is_late)(void *client, int64_t age_s);
	/* Nothing is being done that would be lost if the connection were shut now. */
	bool (*is_idle)(void *client);
	/* The connection is gone.  The client frees itself, now or when its last request is answered. */
	void (*closed)(void *client);
};

/* Takes an accepted socket over. */
void connection_open(struct front *front, const struct listener *listener, int fd,
	const struct net_address *remote);
/* Steps the protocol again: after an answer. */
void connection_run(struct connection *c);
/* Appends to what goes out. */
void connection_put(struct connection *c, struct bytes octets);
/* So much waits to go out that the protocol should not produce more: run comes again when it is sent. */
bool connection_is_full(const struct connection *c);
/* After what was put is sent: the handshake; what came behind the command is dropped. */
void connection_start_tls(struct connection *c);
/* After what was put is sent: the end. */
void connection_close(struct connection *c);
/* Who: for events. */
const struct event_context *connection_context(const struct connection *c);
/* The mail id that stands in events from now on; NULL: none.  Borrowed. */
void connection_set_mail(struct connection *c, const char *mail_id);
/* We are at work for it: so long it is not silent. */
void connection_note_work(struct connection *c);
struct front *connection_front(const struct connection *c);
enum ipc_service connection_service(const struct connection *c);
/* The settings that were in force when the connection came. */
const struct settings *connection_settings(const struct connection *c);
uint64_t connection_session(const struct connection *c);
/* The account that is logged in, 0: nobody.  Its connections are shut when it is gone. */
void connection_set_account(struct connection *c, uint64_t account);
const struct net_address *connection_remote(const struct connection *c);
/* Of SERVICE_LOCAL: the user that runs the program at the other end; false: not known. */
bool connection_peer_user(const struct connection *c, uint32_t *uid);
bool connection_is_loopback(const struct connection *c);
/* "192.0.2.1:4711", "192.0.2.7:143"; NULL-terminated, borrowed. */
const char *connection_remote_text(const struct connection *c);
void connection_put_local_text(const struct connection *c, struct buf *out);
/* Is the address literal that of our end? */
bool connection_is_to(const struct connection *c, struct bytes literal);
/* NULL in the clear. */
const struct tls *connection_tls(const struct connection *c);

/* All connections: the front's. */
void connections_shut_account(struct front *front, uint64_t account);
/* The listener is closed.  Clients are served to their end; but programs that log users in lose the right to. */
void connections_lose_listener(struct front *front, const struct role_listener *source);
/* Everybody who has logged in to speak that protocol. */
void connections_shut_users(struct front *front, const struct protocol *protocol, struct bytes text);
void connections_shut_all(struct front *front, struct bytes text, bool only_idle);
/* Shuts those that were silent for too long. */
void connections_sweep(struct front *front);

#endif
