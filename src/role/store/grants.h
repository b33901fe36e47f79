/* Who may name which account.  A front may deliver to accounts and has sessions that the directory told us of,
   and no others.  On the loop's thread. */
#ifndef STORE_GRANTS_H
#define STORE_GRANTS_H

#include "role/store/engine.h"

struct grants;
struct grants_front;

/* Owned. */
struct grants *grants_new(struct engine *e);
void grants_free(struct grants **g);

/* A front is there: a new process, that was granted nothing yet. */
void grants_add_front(struct grants *g, uint8_t index, void (*send)(void *arg, const struct message *m),
	void *arg);
/* It is gone: its sessions end. */
void grants_drop_front(struct grants *g, uint8_t index);
/* NULL: no such front. */
struct grants_front *grants_front(struct grants *g, uint8_t index);
struct engine_outlet *grants_outlet(struct grants_front *front);

/* The account whose mail lies there; NULL, and the administrator was told: that is no place for mail. */
struct engine_account *grants_account_at(struct grants *g, struct bytes path, struct bytes address);
/* What the directory says.  A path that can't be one is not granted (and said in the log). */
void grants_delivery(struct grants *g, const struct ipc_grant_delivery *m);
void grants_session(struct grants *g, const struct ipc_grant_session *m);
void grants_revoke(struct grants *g, uint64_t account);
/* The directory is gone, and with it the meaning of its numbers: sessions stay until there is another. */
void grants_drop_accounts(struct grants *g);
/* Another directory is there, which could not revoke what the one before it granted. */
void grants_end_sessions(struct grants *g);

/* NULL: not granted (yet). */
struct engine_account *grants_find_account(struct grants_front *front, uint64_t account);
struct engine_session *grants_find_session(struct grants_front *front, uint64_t session);
void grants_end_session(struct grants_front *front, uint64_t session);

/* Bodies that more recipients will follow for; the front's own numbers. */
struct engine_body *grants_find_body(struct grants_front *front, uint64_t body);
/* Takes the hold over.  False: too many are there, and this one is let go.  A front sends all that is to be made of one
   body before the next, so that only one that was taken over has many. */
bool grants_add_body(struct grants_front *front, uint64_t number, struct engine_body *body);
void grants_drop_body(struct grants_front *front, uint64_t number);

#endif
