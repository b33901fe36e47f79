/* Whether an LDAP server takes binds again, or one that is preferred to the one in use: asked beside the log-ins, on a thread
   of its own, so that nobody waits for one that does not. */
#ifndef ROLE_DIRECTORY_LDAP_BIND_PROBE_H
#define ROLE_DIRECTORY_LDAP_BIND_PROBE_H

#include "role/directory/ldap_bind_link.h"
#include "sys/loop.h"

struct ldap_bind_probe;

/* ended(arg, …), in the loop, after each time it asked: has_found says that a server answers, which servers->current names now.
   Borrows the servers.  Owned. */
struct ldap_bind_probe *ldap_bind_probe_new(struct loop *loop, struct ldap_bind_servers *servers,
	void (*ended)(void *arg, bool has_found), void *arg);
/* Ends what it is at.  Before loop_free. */
void ldap_bind_probe_free(struct ldap_bind_probe **p);
/* is_away: no server answers, so that all are asked in a second; else those before the one in use, if there are any, in ten.  To be
   called when that may be another than before, and in `ended`. */
void ldap_bind_probe_plan(struct ldap_bind_probe *p, bool is_away);

#endif
