/* Passwords that can't be compared here are tried by a bind as their account (RFC 4513 5.1.3), on threads, a few at a time. */
#ifndef ROLE_DIRECTORY_LDAP_BIND_H
#define ROLE_DIRECTORY_LDAP_BIND_H

#include "base/buf.h"
#include "config/config.h"
#include "role/directory/ldap_policy.h"
#include "sys/loop.h"

/* So many may be under way or wait. */
#define LDAP_BIND_WAITING_MAX 256
/* And so many of one party, so that nobody takes the whole queue. */
#define LDAP_BIND_WAITING_PARTY_MAX 32

struct ldap_bind;

/* Borrowed for the call. */
struct ldap_bind_question {
	uint64_t account; /* 0: none */
	struct bytes dn; /* of the account; of a decoy: of another one, below which an entry is tried that there is not */
	struct bytes secret_password;
	struct bytes party; /* who asks; empty: somebody who may ask as often as there is room */
	bool is_decoy; /* the answer is never that it is right, and takes as long */
};

struct ldap_bind_answer {
	enum ldap_verdict verdict;
	const char *reason; /* for the administrator, or empty; borrowed for the call */
};

/* One for a loop.  Owned. */
struct ldap_bind *ldap_bind_new(struct loop *loop, const struct config *config);
/* Ends what the threads are at; that is not told any more.  Before loop_free; NULL is fine. */
void ldap_bind_free(struct ldap_bind **b);
/* True: `done` is called once, and never from in here.  False: *answer is set.  What is copied is wiped afterwards. */
bool ldap_bind_try(struct ldap_bind *b, const struct ldap_bind_question *q, struct ldap_bind_answer *answer,
	void (*done)(void *arg, const struct ldap_bind_answer *answer), void *arg) __attribute__((warn_unused_result));
/* The account is not what it was: what is remembered of it (remember_login) is wiped, and what is under way will not be. */
void ldap_bind_forget(struct ldap_bind *b, uint64_t account);
/* Was nobody there when a server was asked last?  Then only what is remembered is right, and all else has to wait. */
bool ldap_bind_is_away(const struct ldap_bind *b);
/* How it goes: "name=value", a space before each. */
void ldap_bind_put_status(const struct ldap_bind *b, struct buf *out);

#endif
