/* Where mailboxes are, for programs that may know: serves the sockets of `listen auth-userdb` (proto/auth/userdb.h).

   It stands here and not in a front, because a front may be in a stranger's hands and knows no path; these clients
   are programs of this machine that the socket's owner and mode let in. */
#ifndef ROLE_DIRECTORY_USERDB_H
#define ROLE_DIRECTORY_USERDB_H

#include "role/directory/accounts.h"
#include "role/role.h"

/* So many may be connected at a time. */
#define USERDB_CLIENTS_MAX 1024

struct userdb;

/* uid, gid: whom the mailboxes belong to.  accounts must outlive it.  Owned. */
struct userdb *userdb_new(struct loop *loop, const struct accounts *accounts, uid_t uid, gid_t gid);
/* Who says whether somebody that accounts do not know is there all the same. */
struct userdb_certainty {
	/* Is it certain that there is nobody else?  When it isn't, the answer is "later". */
	bool (*is_sure)(const void *arg);
	/* False: nobody has to be asked.  Else `sure` is called, once and never from in here, when whoever was there at the time of this call is known, or
	   (false) can't be asked for. */
	bool (*confirm)(void *arg, struct bytes name, void (*sure)(void *arg, bool is_sure), void *sure_arg);
};

/* From now on nobody is called absent before it was asked.  certainty and arg must outlive u, but that `sure` is called no more. */
void userdb_ask_certainty(struct userdb *u, const struct userdb_certainty *certainty, void *arg);
/* Cuts its clients.  Before loop_free. */
void userdb_free(struct userdb **u);
/* Serves clients of this listener too. */
void userdb_listen(struct userdb *u, const struct role_listener *source);
/* Accepts nobody from it any more and cuts who came from it: the administrator took the right away. */
void userdb_unlisten(struct userdb *u, const struct role_listener *source);

#endif
