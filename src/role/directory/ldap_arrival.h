/* Says that a connection which is left open has something to be read, while nobody reads it. */
#ifndef ROLE_DIRECTORY_LDAP_ARRIVAL_H
#define ROLE_DIRECTORY_LDAP_ARRIVAL_H

#include "sys/loop.h"

struct ldap_arrival;

/* arrived(arg), in the loop: what is watched has something, or has ended, and is watched no more.  Owned. */
struct ldap_arrival *ldap_arrival_new(struct loop *loop, void (*arrived)(void *arg), void *arg);
/* Stops.  Before loop_free; NULL is fine. */
void ldap_arrival_free(struct ldap_arrival **a);
/* Watches this descriptor, which is taken over, in place of what was watched; -1: nothing. */
void ldap_arrival_watch(struct ldap_arrival *a, int fd);
/* Watches nothing: somebody is about to read. */
void ldap_arrival_stop(struct ldap_arrival *a);

#endif
