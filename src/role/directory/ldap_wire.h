/* One connection of libldap's: how it is made (TLS, RFC 4513 3), and the watch that keeps its time.  What connects and asks
   blocks, and belongs on a thread of its own. */
#ifndef ROLE_DIRECTORY_LDAP_WIRE_H
#define ROLE_DIRECTORY_LDAP_WIRE_H

#include "base/arena.h"
#include "base/fault.h"
#include "config/config.h"
#include "role/directory/ldap_watch.h"

#include <ldap.h>

/* The same for all connections of a configuration; borrowed by each. */
struct ldap_wire_settings {
	const char *ca_file; /* "": what the system trusts */
	bool is_starttls;
	int64_t timeout_us;
};

/* Embed it. */
struct ldap_wire {
	const struct ldap_wire_settings *settings;
	struct ldap_conncb callbacks;
	struct ldap_watch watch;
	LDAP *ld; /* NULL: not connected */
};

/* The text with a NUL behind it, in the arena; NULL when that is full. */
char *ldap_wire_keep(struct arena *a, struct bytes text);
/* Texts are put into the arena. */
void ldap_wire_settings_init(struct ldap_wire_settings *s, const struct config *config, struct arena *arena);
/* Connects nowhere yet. */
void ldap_wire_init(struct ldap_wire *w, const struct ldap_wire_settings *settings);
/* Hangs up.  When nobody uses or watches it any more. */
void ldap_wire_done(struct ldap_wire *w);

/* What follows has to be done before the time-out; the watch's ldap_watch_end ends it. */
void ldap_wire_begin(struct ldap_wire *w);
/* Makes the connection to that URL; without TLS it need not be there before the first operation.  LDAP_SUCCESS, or libldap's
   code and *at says at what. */
int ldap_wire_open(struct ldap_wire *w, const char *server, const char **at);
void ldap_wire_close(struct ldap_wire *w);
/* Sets *f (FAULT_TEMP) to what libldap and the server have to say of that code (LDAP_TIMEOUT: it took too long), for the
   administrator.  -1. */
int ldap_wire_explain(const struct ldap_wire *w, const char *server, const char *at, int code, struct fault *f);

#endif
