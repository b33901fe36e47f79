/* What the files of an SMTP client share: smtp_client.c (its life, the machine), smtp_ask.c (log-in, sender,
   recipients), smtp_message.c (the message), smtp_lines.c (what of it is too long), smtp_signing.c (its signature), smtp_outgoing.c (what of
   it goes elsewhere).

   A request that is under way holds the client: when the connection goes first, the client is freed by the
   last answer. */
#ifndef FRONT_SMTP_CLIENT_INTERNAL_H
#define FRONT_SMTP_CLIENT_INTERNAL_H

#include "base/arena.h"
#include "proto/smtp/session.h"
#include "role/front/connection.h"
#include "role/front/incoming.h"
#include "role/front/settings.h"
#include "role/front/signing.h"

enum { SMTP_CLIENT_ARENA_MAX = 4 * 1024 * 1024, SMTP_CLIENT_RECIPIENTS_MAX = 10000 };
/* Of smtp_wishes_put, in octets. */
enum { SMTP_WISHES_MAX = DSN_ORIGINAL_MAX + SMTP_PATH_OCTETS_MAX + 64 };

/* A mailbox that the message goes to. */
struct target {
	struct target *next;
	uint64_t account;
	struct bytes address, parameters; /* what the client wants to hear, as in ENQUEUE */
	struct smtp_client *client;
	struct front *front; /* while the store is asked */
	uint32_t asked_octets; /* that the question takes */
	bool is_told_of; /* the queue brings it, once for each name that the client asked to hear of */
	bool is_there; /* the mailbox has the message */
	bool is_full; /* its account's quota has no room for it */
};

/* What the queue does with an address. */
enum outgoing_kind {
	OUTGOING_ELSEWHERE, /* sends it there */
	OUTGOING_FORWARDED, /* sends it there in another name than the sender's */
	OUTGOING_LISTED, /* the same, without what the sender wants to hear of it */
	OUTGOING_MAILBOX, /* brings it to a mailbox here, when it may be sent */
	OUTGOING_REST, /* brings it to a mailbox here that could not take it now, while others have it */
	OUTGOING_DELIVERED, /* tells the sender, who asked for that, that it is in a mailbox here */
	OUTGOING_EXPANDED, /* tells the sender that it went to the several addresses that this one leads to */
	OUTGOING_KINDS
};

/* First what it is to be elsewhere, and its signature.  Then what the queue gets: when it can't, nobody has anything yet that another attempt of the client would bring twice. */
enum message_stage { STAGE_SHORTEN, STAGE_SIGN, STAGE_ENQUEUE, STAGE_DELIVER, STAGE_REST, STAGE_TELL };

/* A sender that mail has when it goes on. */
struct renamed {
	struct renamed *next;
	struct bytes sender;
};

struct outgoing {
	struct outgoing *next;
	enum outgoing_kind kind;
	const struct renamed *as; /* of OUTGOING_FORWARDED, OUTGOING_LISTED */
	struct bytes address; /* without brackets */
	struct bytes parameters; /* of RCPT for DSN, or empty */
	unsigned int notify; /* what of it stands in them, DSN_NOTIFY_… */
	struct target *target; /* of OUTGOING_DELIVERED */
};

/* Of a message on its way, on the average: less is a client that only holds its place. */
enum { SMTP_OCTETS_A_SECOND_MIN = 500 };

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
	struct bytes parameters; /* of MAIL for DSN, or empty */
	struct bytes first_recipient; /* of those that were accepted, as the client wrote it */
	size_t recipient_count;
	bool is_utf8, requires_tls;
	int64_t release_s; /* not to be sent before (RFC 4865); 0: at once */
	struct smtp_by by; /* counted from now_s */
	int8_t priority;
	bool is_tls_optional; /* its header says so (RFC 8689 3) */
	uint64_t size; /* that MAIL said, or 0 */
	struct target *targets, **last_target;
	struct target *undelivered; /* the first of them that the store is still to be asked for */
	size_t target_count;
	struct map *accounts; /* those that are targets already */
	struct outgoing *outgoing, **last_outgoing;
	size_t outgoing_count[OUTGOING_KINDS];
	struct map *outgoing_known; /* those that are there already; NULL: none */
	struct bytes last_parameters; /* that were kept */
	struct renamed *renamed; /* all, each once */
	const struct renamed *as; /* of the recipient in hand; NULL: its sender stays */
	bool is_trusted; /* connected from a network that may send to the world without a log-in */
	struct local_program *local; /* of `listen local`; NULL: it is none */
	struct bytes resolved; /* where that recipient leads, while the store is asked whether it has room */
	struct buf asked; /* the recipient that the directory is being asked about, as the client wrote it */
	struct buf asked_address; /* the same as the directory takes it */
	struct dsn_rcpt wishes; /* of that recipient; its text in `original` */
	struct buf original;
	struct incoming *incoming;
	struct incoming *shortened; /* what of it goes elsewhere; NULL: it does as it came */
	struct signing *signing; /* NULL: it is not to be signed */
	struct bytes signatures; /* the fields, or empty */
	int64_t incoming_since_us; /* mono */
	uint64_t incoming_octets;
	int64_t now_s;
	unsigned int deliveries; /* to mailboxes and to the queue, still to be answered */
	enum smtp_answer result; /* of those that were */
	enum message_stage stage; /* of the message that has come to its end */
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
/* The same for an answer about something of the client's. */
void smtp_client_send_request_as(struct smtp_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered, void *arg);
/* Lets the session go on. */
void smtp_client_answer(struct smtp_client *c, enum smtp_answer a);

/* smtp_local.c: a client of `listen local` is who runs it.  NULL: nobody knows who that is, and the session is shut.  In c->identity. */
struct local_program *smtp_local_new(struct smtp_client *c);
/* MAIL by it; address as the directory would take it, the null path empty. */
enum smtp_answer smtp_local_may_send(const struct smtp_client *c, struct bytes address);
/* The name of the user. */
struct bytes smtp_local_user(const struct smtp_client *c);

/* SMTP_ASK_LOGIN, SMTP_MAIL, SMTP_ASK_RECIPIENT: asked of the directory, answered later. */
void smtp_ask_login(struct smtp_client *c, const struct smtp_login *login);
void smtp_ask_sender(struct smtp_client *c, const struct smtp_mail *mail);
void smtp_ask_recipient(struct smtp_client *c, const struct smtp_path *path, const struct dsn_rcpt *wishes);

/* What the client wants to hear of the recipient that it names: kept until the directory has answered. */
void smtp_wishes_keep(struct smtp_client *c, const struct dsn_rcpt *wishes);
/* The same as the queue keeps it of the recipient in hand, SMTP_WISHES_MAX at most: address: where that leads. */
void smtp_wishes_put(const struct smtp_client *c, struct bytes address, struct buf *out);
/* Is it to hear of success from us? */
bool smtp_wishes_success(const struct smtp_client *c);
/* In whose name the mail of the recipient in hand goes on where the directory says so; empty: nobody else's.  False: no room. */
bool smtp_outgoing_rename(struct smtp_client *c, struct bytes sender);
/* An address that the queue gets, with what the client wants to hear of it.  One that mail is sent to is there once, whatever leads to it, with what
   was asked of any of those.  False: no room. */
bool smtp_outgoing_add(struct smtp_client *c, enum outgoing_kind kind, struct bytes address);
/* The sender hears of that address when its mailbox has the mail.  False: no room. */
bool smtp_outgoing_tell(struct smtp_client *c, struct target *t, struct bytes address);
/* Those from *from on are gone again. */
void smtp_outgoing_take_back(struct smtp_client *c, struct outgoing **from);
/* How many the queue gets. */
size_t smtp_outgoing_count(const struct smtp_client *c);
/* How many of them do not lead to a mailbox here. */
size_t smtp_outgoing_elsewhere(const struct smtp_client *c);
/* Hands the message to the queue for those of its recipients that it is to care for; each ENQUEUE counts as a delivery. */
void smtp_message_enqueue(struct smtp_client *c);
/* The same for the mailboxes that could not take it.  False: the transaction has no room for that. */
bool smtp_message_enqueue_rest(struct smtp_client *c);
/* The same for what the sender is only told of, when all others have the message. */
void smtp_message_enqueue_told(struct smtp_client *c);
/* A delivery was answered, or (IPC_LATER) was not in time; the last one of a stage leads to the next. */
void smtp_message_delivered(struct smtp_client *c, enum ipc_outcome outcome);

/* Makes c->shortened when the message needs it; that may count as a delivery. */
void smtp_lines_shorten(struct smtp_client *c);

/* The header is there, or what of it was looked at, and what is put before it: is the message to be signed? */
void smtp_signing_begin(struct smtp_client *c, struct bytes before, struct bytes header, bool is_whole);
/* The next octets of the body. */
void smtp_signing_add(void *client, struct bytes octets);
/* Asks the queue for the signature of the message, which is whole; that counts as a delivery. */
void smtp_signing_ask(struct smtp_client *c);

/* SMTP_BODY_BEGIN, SMTP_BODY, SMTP_BODY_END: taken in, handed to the store, answered when all of it is durable. */
void smtp_message_begin(struct smtp_client *c);
void smtp_message_add(struct smtp_client *c, struct bytes octets);
void smtp_message_end(struct smtp_client *c);

#endif
