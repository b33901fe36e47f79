/* What the store has been told that fronts may do.  Nothing is granted twice while both channels
   live; a front hears of an account only after the grant is in the store's socket. */
#ifndef ROLE_DIRECTORY_GRANTOR_H
#define ROLE_DIRECTORY_GRANTOR_H

#include "ipc/peer.h"
#include "role/directory/accounts.h"

struct grantor;

/* The place of who brings mail among those that may be granted something. */
uint8_t grantee_of(const struct peer *p);

/* Without a store yet. Owned. */
struct grantor *grantor_new(void);
void grantor_free(struct grantor **g);
/* Another store, or none (NULL): it knows nothing of what was granted before. */
void grantor_use_store(struct grantor *g, struct peer *store);
/* The front is new, or gone. */
void grantor_forget_front(struct grantor *g, uint8_t front);
/* The front may deliver to the account.  false: the store could not be told at once; try later. */
bool grantor_give_delivery(struct grantor *g, uint8_t front, const struct account *account)
	__attribute__((warn_unused_result));
/* The session of the front may use the account's mailboxes.  false as above. */
bool grantor_give_session(struct grantor *g, uint8_t front, uint64_t session,
	const struct account *account) __attribute__((warn_unused_result));
/* The account has another quota. */
void grantor_tell_quota(struct grantor *g, const struct account *account);
/* Ends what the account's sessions were allowed.  Unless it is gone, fronts that might deliver to it still
   may. */
void grantor_revoke(struct grantor *g, const struct account *account, bool is_gone);

#endif
