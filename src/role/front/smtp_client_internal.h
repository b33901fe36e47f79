/* What the files of an SMTP client share: smtp_client.c (its life, the machine), smtp_ask.c (log-in, sender,
   recipients), smtp_message.c (the message), smtp_outgoing.c (what of it goes elsewhere).

   A request that is under way holds the client: when the connection goes first, the client is freed by the
   last answer. */
#ifndef FRONT_SMTP_CLIENT_INTERNAL_H
#define FRONT_SMTP_CLIENT_INTERNAL_H

#include "base/arena.h"
#include "proto/smtp/session.h"
#include "role/front/connection.h"
#include "role/front/incoming.h"
#include "role/front/settings.h"

enum { SMTP_CLIENT_ARENA_MAX = 1024 * 1024, SMTP_CLIENT_RECIPIENTS_MAX = 10000 };

/* A mailbox that the message goes to. */
struct target {
	struct target *next;
	uint64_t account;
	struct bytes address;
};

/* An address elsewhere that the message goes to. */
struct outgoing {
	struct outgoing *next;
	struct bytes address; /* without brackets */
};

struct smtp_client {
	struct connection *connection; /* NULL: gone */
	struct smtp_session *session;
	unsigned int requests; /* under way */
	bool is_paused; /* waiting for a file from the store */
	uint32_t failures; /* of log-in */
	uint64_t account; /* logged in as; 0: not */
	struct bytes address; /* of the account; in `identity` */
	struct arena *identity;

	/* the transaction */
	struct arena *arena;
	struct mail_id mail_id;
	struct bytes sender;
	struct bytes first_recipient; /* of those that were accepted, as the client wrote it */
	size_t recipient_count;
	bool is_utf8;
	struct target *targets, **last_target;
	size_t target_count;
	struct map *accounts; /* those that are targets already */
	struct outgoing *outgoing, **last_outgoing;
	size_t outgoing_count;
	bool is_trusted; /* connected from a network that may send to the world without a log-in */
	struct buf asked; /* the recipient that the directory is being asked about, as the client wrote it */
	struct incoming *incoming;
	int64_t now_s;
	unsigned int deliveries; /* to mailboxes and to the queue, still to be answered */
	enum smtp_answer result; /* of those that were */
};

const struct event_context *smtp_client_context(const struct smtp_client *c);
struct front *smtp_client_front(const struct smtp_client *c);
/* The transaction is over; its memory is released. */
void smtp_client_forget_transaction(struct smtp_client *c);
/* A number for a question to that role, which holds the client until end_request. */
uint64_t smtp_client_begin_request(struct smtp_client *c, struct peer *peer);
/* False when the client is gone: the answer is nobody's. */
bool smtp_client_end_request(struct smtp_client *c);
/* Asks; answered is always called, with NULL when no answer came in time. */
void smtp_client_send_request(struct smtp_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered);
/* Lets the session go on. */
void smtp_client_answer(struct smtp_client *c, enum smtp_answer a);

/* SMTP_ASK_LOGIN, SMTP_MAIL, SMTP_ASK_RECIPIENT: asked of the directory, answered later. */
void smtp_ask_login(struct smtp_client *c, const struct smtp_login *login);
void smtp_ask_sender(struct smtp_client *c, const struct smtp_mail *mail);
void smtp_ask_recipient(struct smtp_client *c, const struct smtp_path *path);

/* Hands the message to the queue for those of its recipients that are elsewhere; each ENQUEUE counts as a delivery. */
void smtp_message_enqueue(struct smtp_client *c);
/* A delivery was answered, or (IPC_LATER) was not in time; the last one ends the mail. */
void smtp_message_delivered(struct smtp_client *c, enum ipc_outcome outcome);

/* SMTP_BODY_BEGIN, SMTP_BODY, SMTP_BODY_END: taken in, handed to the store, answered when all of it is durable. */
void smtp_message_begin(struct smtp_client *c);
void smtp_message_add(struct smtp_client *c, struct bytes octets);
void smtp_message_end(struct smtp_client *c);

#endif
