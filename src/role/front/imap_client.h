/* An IMAP client's state, shared by the files that drive it. */
#ifndef FRONT_IMAP_CLIENT_H
#define FRONT_IMAP_CLIENT_H

#include "role/front/clients.h"
#include "role/front/incoming.h"
#include "role/front/mailboxes.h"
#include "role/front/settings.h"

struct imap_client {
	struct connection *connection; /* NULL: gone */
	struct imap_session *session;
	unsigned int requests; /* under way */
	bool is_paused; /* waiting for a file from the store */
	bool is_logged_in;
	uint64_t account; /* when logged in */
	uint32_t failures; /* of log-in */
	struct mailbox_user user;
	struct incoming *incoming; /* the message of an APPEND */
	enum imap_outcome incoming_result;
	struct imap_folders *folders; /* a LIST being answered */
	struct imap_bodies *bodies; /* lent to the session */
	struct defer again;
};

/* Sends the question to the role that knows; the answer goes to the session. */
void imap_ask(struct imap_client *c, const struct imap_ask *ask);
/* The uids that it is about. */
struct ipc_ranges imap_ranges_of(const struct imap_ask *ask);
/* Ends a request: false when the client is gone, and freed with its last request. */
bool imap_end_request(struct imap_client *c);
uint64_t imap_begin_request(struct imap_client *c, struct peer *peer);
void imap_send_request(struct imap_client *c, struct peer *peer, const struct message *m, uint64_t request,
	peer_answered answered);
/* Hands the answer to the session and steps on. */
void imap_give(struct imap_client *c, const struct imap_answer *a);
/* The same for an answer that is an outcome only; NULL and anything unknown: later. */
enum imap_outcome imap_outcome_of(uint8_t outcome);

/* Bodies: imap_bodies.c. */
void imap_ask_bodies(struct imap_client *c, const struct imap_ask *ask);
void imap_free_bodies(struct imap_client *c);

/* The message of an APPEND: imap_append.c. */
void imap_begin_append(struct imap_client *c, uint64_t size);
void imap_add_append(struct imap_client *c, struct bytes octets);
void imap_ask_append(struct imap_client *c, const struct imap_ask *ask);

#endif
