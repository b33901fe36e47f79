/* Whether an LDAP server that is preferred to the one in use is back: asked beside the looks, on a thread of its own, so that
   nobody waits for one that is not. */
#ifndef ROLE_DIRECTORY_LDAP_PROBE_H
#define ROLE_DIRECTORY_LDAP_PROBE_H

#include "role/directory/ldap_link.h"
#include "sys/loop.h"

struct ldap_probe;

/* found(arg, …), in the loop: that server answers; marker (ldap_link_marker) is borrowed for the call.  Owned. */
struct ldap_probe *ldap_probe_new(struct loop *loop, const struct config *config,
	void (*found)(void *arg, size_t server, struct bytes marker), void *arg);
/* Ends what it is at.  Before loop_free; NULL is fine. */
void ldap_probe_free(struct ldap_probe **p);
/* Asks the servers before `below` in turn until one answers; nothing when it was asked 10 s ago or less, or still is at it. */
void ldap_probe_start(struct ldap_probe *p, size_t below);
/* What became of its questions to that server. */
struct ldap_link_server ldap_probe_server(const struct ldap_probe *p, size_t index);

#endif
