/* Passwords tried on one connection: everything here blocks, for at most the time-out at each server, and belongs on a thread,
   but for ldap_bind_link_watch and ldap_bind_link_cancel. */
#ifndef ROLE_DIRECTORY_LDAP_BIND_LINK_H
#define ROLE_DIRECTORY_LDAP_BIND_LINK_H

#include "base/buf.h"
#include "role/directory/ldap_policy.h"
#include "role/directory/ldap_wire.h"

#include <stdatomic.h>

/* Room that ldap_bind_link_put_decoy needs beside the DN. */
#define LDAP_BIND_RDN_MAX 64

/* What the connections of one pool share. */
struct ldap_bind_servers {
	struct ldap_wire_settings wire;
	char *at[CONFIG_LDAP_SERVERS_MAX];
	size_t count;
	atomic_size_t current; /* that answered last: it is asked first */
	atomic_uint_fast64_t answers[CONFIG_LDAP_SERVERS_MAX], errors[CONFIG_LDAP_SERVERS_MAX];
};

struct ldap_bind_link {
	struct ldap_bind_servers *servers;
	struct ldap_wire wire;
	size_t server; /* that it is connected to */
	int64_t used_us; /* mono */
};

/* Texts are put into the arena. */
void ldap_bind_servers_init(struct ldap_bind_servers *s, const struct config *config, struct arena *arena);
/* Appends the DN of an entry that there is not, below that one. */
void ldap_bind_link_put_decoy(struct buf *out, struct bytes dn);

/* Connects nowhere yet; the servers are borrowed. */
void ldap_bind_link_init(struct ldap_bind_link *link, struct ldap_bind_servers *servers);
void ldap_bind_link_done(struct ldap_bind_link *link);
/* Binds as dn, at the server that answered last or else the next one that answers.  Neither may be empty: that would be a bind
   that succeeds without a password (RFC 4513 5.1.2).  *f has a sentence for the administrator; none when the password is right
   and nothing is to be said of it. */
enum ldap_verdict ldap_bind_link_try(struct ldap_bind_link *link, const char *dn, struct bytes secret_password, struct fault *f);
/* Looks, without a password, whether one of the first `count` servers answers; that one is asked first from now on. */
bool ldap_bind_link_probe(struct ldap_bind_link *link, size_t count, struct fault *f);

/* From any thread: ends what takes too long.  The microseconds after which to call it again. */
int64_t ldap_bind_link_watch(struct ldap_bind_link *link, int64_t now_us);
/* From any thread: ends what the link is at, and whatever it begins later. */
void ldap_bind_link_cancel(struct ldap_bind_link *link);

#endif
