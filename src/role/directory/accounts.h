/* The replica: every account, alias and domain in memory, so that no lookup waits for anything. */
#ifndef ROLE_DIRECTORY_ACCOUNTS_H
#define ROLE_DIRECTORY_ACCOUNTS_H

#include "config/address.h"
#include "config/config.h"
#include "ipc/ipc.h"
#include "role/directory/quota.h"
#include "role/directory/record.h"
#include "role/directory/trace.h"

/* An address leads to at most so many mailboxes and foreign addresses. */
#define TARGETS_MAX 8192
/* And their list takes at most so many octets in RESOLVED. */
#define TARGETS_OCTETS_MAX IPC_TARGETS_MAX
/* Aliases may stand in aliases so deep. */
#define ALIAS_DEPTH_MAX 16
/* Of those on the way whom nobody has, so many are told. */
#define ABSENT_TARGETS_MAX 8
/* GRANT_DELIVERY carries no longer path. */
#define ACCOUNT_PATH_MAX 1024

struct accounts;

/* Owned by the replica and valid until its next change: keep the number, not the pointer. */
struct account {
	uint64_t number; /* stays while the address is an account */
	uint32_t generation; /* of the load that saw it last */
	uint32_t walk; /* the walk that met it last */
	uint32_t password_stamp, edit_stamp; /* with a DN to bind as: others when the password is, or the entry was edited */
	struct quota quota; /* of its mail */
	uint64_t entry; /* a digest of what its source calls it */
	uint16_t address_len, password_len, path_len, bind_dn_len;
	bool is_enabled;
	bool is_made; /* a postmaster's that no source knows: nobody can log in */
	bool is_of_ldap;
	bool has_usable_password; /* that can be compared */
	uint8_t octets[]; /* address, password hash, path, DN */
};

/* Folded; borrowed, as those below. */
struct bytes account_address(const struct account *account);
/* In the stored form of password.h, each value with its scheme; or empty: no password is right. */
struct bytes account_secret_password(const struct account *account);
/* Whom to bind as to try its password; empty: it is compared with the stored one. */
struct bytes account_bind_dn(const struct account *account);
/* Is there a password that could be right? */
bool account_may_log_in(const struct account *account);
/* Where its Maildir lies; empty when the template gives no path for it: then its mail has to wait. */
struct bytes account_path(const struct account *account);

enum account_change {
	ACCOUNT_REMOVED, /* the number will never come back */
	ACCOUNT_DISABLED,
	ACCOUNT_PASSWORD, /* another password */
	ACCOUNT_MOVED, /* another path: what was granted is wrong */
	ACCOUNT_QUOTA, /* another quota; its sessions go on */
	ACCOUNT_EDITED, /* something of its entry; nothing that sessions have to hear of */
};

struct accounts_handlers {
	/* What its sessions were allowed is no longer so, unless it was only edited or has another quota.  `account` is as it is now (as it was, when
	   removed), borrowed for the call. */
	void (*changed)(void *arg, const struct account *account, enum account_change change);
};

/* Empty, with the domains of the configuration (of which nothing is kept).  handlers and arg must
   outlive it. Owned. */
struct accounts *accounts_new(const struct config *config, const struct accounts_handlers *handlers,
	void *arg);
void accounts_free(struct accounts **a);
/* Another configuration; in force after the next load. */
void accounts_configure(struct accounts *a, const struct config *config);

/* A load: begin, put everything there is, end.  Each account is in force as it is put; what was
   not put is gone at the end.  After accounts_abandon what was not put stays.  Of accounts with one address the
   first that is put counts; aliases that are not ALIAS_MADE give way to what was put before them. */
void accounts_begin(struct accounts *a);
void accounts_put_domain(struct accounts *a, struct bytes name);
void accounts_put_user(struct accounts *a, const struct user_record *record);
/* Between loads: the account that this entry of LDAP has is as the record says now; nothing when it has none.  Its address, and what
   leads to it, stay. */
void accounts_update_user(struct accounts *a, const struct user_record *record);
void accounts_put_alias(struct accounts *a, const struct alias_record *record);
void accounts_end(struct accounts *a);
void accounts_abandon(struct accounts *a);
/* Has a load ever ended?  Before, no address is known to be unknown. */
bool accounts_are_loaded(const struct accounts *a);

/* A change of what LDAP says, between loads: begin, withdraw each name that means something else now, put what it means, end.  False: an account name is
   several accounts', so that a load has to follow. */
void accounts_begin_change(struct accounts *a);
/* name: an address, or an account name. */
void accounts_withdraw(struct accounts *a, struct bytes name);
bool accounts_end_change(struct accounts *a) __attribute__((warn_unused_result));

/* From now on the trace, which must outlive that, is told what look-ups meet, and the administrator is told nothing of it; NULL: nobody is told. */
void accounts_watch(struct accounts *a, const struct trace *trace);

struct target {
	const struct account *account; /* NULL: a foreign address */
	struct bytes address; /* borrowed from the replica, from `asked`, or from what was asked for */
	bool is_onward; /* a foreign one of ours, or of whom we relay for */
};

/* Where an address leads, each place once. */
struct targets {
	size_t count;
	size_t octets; /* that their list takes */
	size_t absent_count;
	struct bytes absent[ABSENT_TARGETS_MAX]; /* addresses of ours on the way that nobody has; borrowed as those of targets */
	struct address asked;
	uint8_t sender[ADDRESS_OCTETS_MAX]; /* for who finds it (forwarding.h) */
	struct target at[TARGETS_MAX];
};

/* IPC_OK with the targets (none, where somebody watches and the mail would make the account); IPC_ABSENT: it leads nowhere; IPC_FOREIGN: not of a domain of ours; IPC_LATER:
   nothing loaded yet, an alias that leads to itself or to too many, or a mailbox without a path (the
   administrator hears of it).  "postmaster" alone, at each of our domains and at the host's name
   is never absent, whatever an alias or a group of that name leads to, and neither is "mailer-daemon", which is the same. */
enum ipc_outcome accounts_resolve(struct accounts *a, struct bytes address, struct targets *out);
/* May the account, or (0) somebody who did not log in, write to that address, which leads somewhere?  IPC_OK, IPC_LATER,
   IPC_DENIED: there is a group on the way, and it is not open to all (as each is that postmaster leads to).  Whoever
   comes with a number that nobody has (any more) has to come back. */
enum ipc_outcome accounts_may_post(struct accounts *a, uint64_t number, struct bytes address);
/* May the account send as that address: its own, with or without detail, or one that leads to it?
   IPC_OK, IPC_DENIED, IPC_LATER (also when nobody has the number). */
enum ipc_outcome accounts_may_send(struct accounts *a, uint64_t number, struct bytes address);
/* Whom the last call of it met, and whom it looked for in vain; borrowed until the next. */
const struct targets *accounts_met(const struct accounts *a);
/* The account, or NULL. */
const struct account *accounts_by_number(const struct accounts *a, uint64_t number);
/* The account of that exact address, or whose further address (of its LDAP entry) it is; of a name without "@", that of the one in the first
   domain, else the one that the source calls so (login_name account).  Aliases are nobody's.  NULL when there is none. */
const struct account *accounts_find(const struct accounts *a, struct bytes name);
/* What that name is folded to, whether there is such an account or not: the same for all that accounts_find takes as one.
   Borrowed from *space; `name` itself when it can't be an address. */
struct bytes accounts_fold_name(const struct accounts *a, struct bytes name, struct address *space);
/* An account whose password can be tried, nearly each as likely as another; with the same `draw` it stays the same
   while accounts come and go, but for as few draws as there are changes.  NULL: none was found. */
const struct account *accounts_draw(const struct accounts *a, uint64_t draw);
/* The directory that is the account's alone: its Maildir's path, up to the component that names it.  Borrowed from the account. */
struct bytes accounts_home(const struct accounts *a, const struct account *account);
/* Walks the accounts that sources know: start with *at == 0; NULL at the end.  Loads may come between. */
const struct account *accounts_next(const struct accounts *a, size_t *at);
/* Does mail for an address that is known go on to another server, by a route or relay_for of its domain?  An alias that names itself makes
   one known. */
bool accounts_send_on(const struct accounts *a, struct bytes address);
/* Is there an account or an alias of that very name? */
bool accounts_has_name(const struct accounts *a, const struct address *address);
bool accounts_has_domain(const struct accounts *a, struct bytes domain);

struct accounts_counts {
	size_t accounts, aliases, domains;
	size_t by_bind; /* accounts whose passwords are tried by a bind */
};

/* What the sources know; made accounts do not count. */
struct accounts_counts accounts_count(const struct accounts *a);

#endif
