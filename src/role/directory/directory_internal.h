#ifndef ROLE_DIRECTORY_DIRECTORY_INTERNAL_H
#define ROLE_DIRECTORY_DIRECTORY_INTERNAL_H

#include "role/directory/accounts.h"
#include "role/control.h"
#include "role/directory/copy.h"
#include "role/directory/embedded.h"
#include "role/directory/explain.h"
#include "role/directory/grantor.h"
#include "role/directory/image.h"
#include "role/directory/ldap_bind.h"
#include "role/directory/ldap_source.h"
#include "role/directory/userdb.h"
#include "role/directory/verifier.h"
#include "role/role.h"

/* Addresses that LDAP did not have a moment ago, by their hash; later ones take the places of earlier ones. */
#define ABSENT_MAX 1024

struct login;
struct unknown;

/* The role's state.  `fronts` holds the peers that are there now. */
struct directory {
	struct role_self *self;
	struct accounts *accounts;
	struct targets *targets; /* of the address in hand */
	struct embedded *embedded; /* NULL: could not be opened yet */
	struct ldap_source *ldap; /* NULL: not configured */
	struct ldap_bind *binds; /* as ldap */
	const struct run *ldap_records; /* while it tells others */
	bool ldap_is_wanted;
	int state_directory; /* -1: not needed */
	struct explaining *explaining; /* questions of `mermoz explain` that are not answered */
	struct unknown *unknowns; /* addresses that wait for LDAP to be asked */
	struct absent {
		uint64_t hash;
		int64_t until_us; /* mono; 0: there is none */
	} absent[ABSENT_MAX];
	struct verifier *verifier;
	struct guesses *guesses;
	struct grantor *grants;
	struct control *control;
	struct copy_questions *copies;
	struct userdb *userdb;
	uid_t store_uid; /* whom mailboxes belong to */
	gid_t store_gid;
	struct peer *store; /* once it was there */
	struct peer *fronts[ROLE_INSTANCES_MAX];
	struct login *logins; /* whose passwords are being tried */
	struct timer retry; /* after a load that failed */
	uint64_t retry_ms;
	int64_t loaded_us; /* mono; of the last load that ended */
};

/* Reads the source and puts what it says in force.  -1 with *f: the last good copy stays, the administrator
   is told, and it is tried again. */
int directory_load(struct directory *d, struct fault *f);
/* Puts a change of what LDAP says in force.  False: only a load can. */
bool directory_change(struct accounts *a, const struct change *change) __attribute__((warn_unused_result));
/* Visits what LDAP told last.  False: nothing was told yet. */
bool directory_visit_ldap(const struct directory *d, const struct image_visitor *visitor, void *arg);
/* Is it certain that there is nobody but those we know?  Not while a source can't be read, or LDAP is away, nor before it was read. */
bool directory_is_sure(const struct directory *d);
/* Asks LDAP, if there is one, for whom we don't know of that name, unless it was asked a moment ago: userdb_certainty. */
bool directory_confirm(struct directory *d, struct bytes name, void (*sure)(void *arg, bool is_sure), void *arg);
/* Answers RESOLVE, now or when LDAP was asked for an address that we don't know. */
void directory_resolve(struct directory *d, struct peer *front, const struct ipc_resolve *m);
/* The same of a mail of one of us (is_known), of that sender (empty: <>, or nobody says) for somebody who asks why, and is told with explain_resolved; nothing is remembered of it, and nobody is granted anything. */
void directory_resolve_why(struct directory *d, struct explaining *why, bool is_known, struct bytes sender, struct bytes address, uint64_t account);
/* Answers MAY_SEND, now or when LDAP was asked for an address that we don't know. */
void directory_ask_may_send(struct directory *d, struct peer *front, const struct ipc_may_send *m);
/* May the account send as that address?  IPC_LATER also when it may have become the account's, and LDAP is away. */
enum ipc_outcome directory_may_send(struct directory *d, uint64_t account, struct bytes address);
/* The front is gone: nobody waits for its answers any more. */
void directory_forget_unknowns(struct directory *d, const struct peer *front);
/* Frees those who wait, after the source. */
void directory_free_unknowns(struct directory *d);
/* Answers LOG_IN, now or when the password was tried. */
void directory_log_in(struct directory *d, struct peer *front, const struct ipc_log_in *m);
/* Why a log-in has to come back later, whatever the password; NULL: it need not.  account: NULL when there is none of that name. */
const char *directory_login_delay(const struct directory *d, const struct account *account);
/* What is wrong whatever the password, or NULL; *refusal: what the client hears of it when the password is right. */
const char *directory_login_trouble(const struct directory *d, const struct account *account, struct bytes authorize_as,
	enum ipc_refusal *refusal);
/* Why it has to come back later though the password is right, or NULL. */
const char *directory_login_unplaced(const struct account *account);
/* The account is not what it was: those of its log-ins that are under way are put off. */
void directory_spoil_logins(struct directory *d, uint64_t account);
/* The front is gone: nobody waits for its log-ins any more. */
void directory_forget_logins(struct directory *d, const struct peer *front);
/* Frees what is under way, after the verifier and the binds. */
void directory_free_logins(struct directory *d);

#endif
