/* The server's side of Dovecot's protocol between server and master, as far as it is look-ups (USER, PASS, LIST): for
   programs that may know of every account where its mailbox lies.  A pure machine: octets and answers in, effects out.

   The driver calls auth_userdb_step again and again; AUTH_USERDB_NEED_INPUT: keep what is left of *in (at most
   AUTH_LINE_OCTETS_MAX - 1 octets) and come back with more behind it.  A question is answered before the next step. */
#ifndef AUTH_USERDB_H
#define AUTH_USERDB_H

#include "proto/auth/wire.h"

#define AUTH_USERDB_NAME_OCTETS_MAX 320

struct auth_userdb;

enum auth_userdb_effect_kind {
	AUTH_USERDB_NEED_INPUT,
	AUTH_USERDB_OUTPUT, /* send `octets` */
	AUTH_USERDB_USER, /* where is the mailbox of `name`?  auth_userdb_answer_user, _absent or _later */
	AUTH_USERDB_PASS, /* could `name` log in?  auth_userdb_answer_pass, _absent or _later */
	AUTH_USERDB_LIST, /* from the first one (is_first) or on: auth_userdb_add some, or auth_userdb_end */
	AUTH_USERDB_CLOSE, /* after what was put out is sent; `octets`: what the client did wrong */
};

/* Octets are borrowed until the next call. */
struct auth_userdb_effect {
	enum auth_userdb_effect_kind kind;
	struct bytes octets;
	struct bytes name;
	bool is_first;
};

struct auth_userdb_user {
	struct bytes address; /* of the account: what it is called from now on */
	uint32_t uid, gid; /* of the system */
	struct bytes home;
	struct bytes maildir;
};

/* At its start: the first step puts our handshake out.  process: our number.  Owned. */
struct auth_userdb *auth_userdb_new(uint32_t process);
void auth_userdb_free(struct auth_userdb **u);
enum auth_userdb_effect_kind auth_userdb_step(struct auth_userdb *u, struct bytes *in, struct auth_userdb_effect *effect);
void auth_userdb_answer_user(struct auth_userdb *u, const struct auth_userdb_user *user);
void auth_userdb_answer_pass(struct auth_userdb *u, struct bytes address);
/* There is none of that name. */
void auth_userdb_answer_absent(struct auth_userdb *u);
/* Nobody can say now. */
void auth_userdb_answer_later(struct auth_userdb *u);
/* One more of the list; told when the client's mask fits. */
void auth_userdb_add(struct auth_userdb *u, struct bytes address);
/* The list is done; is_whole false: it broke off. */
void auth_userdb_end(struct auth_userdb *u, bool is_whole);

#endif
