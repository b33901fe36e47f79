/* How a server that has syncprov is followed: RFC 4533, refreshAndPersist.  It tells each change of an entry as it happens, and
   to one who comes back with a cookie what changed meanwhile; what it has told lies in entries.h, with that cookie.

   Everything here belongs on the link's thread, as ldap_link.h says.  The searches stay open on the link's connection: while
   nothing is asked there is no deadline for them, and the marker that is asked each second tells whether the server lives. */
#ifndef ROLE_DIRECTORY_LDAP_SYNC_H
#define ROLE_DIRECTORY_LDAP_SYNC_H

#include "role/directory/ldap_link.h"
#include "role/directory/run.h"

struct ldap_sync;

enum ldap_sync_result {
	LDAP_SYNC_RESULT_FAILED, /* *f says why; the connection is of no use */
	LDAP_SYNC_RESULT_ABSENT, /* the server can't, or won't for us: it has to be followed in another way */
	LDAP_SYNC_RESULT_BEHIND, /* not all that the marker knows of was told yet */
	LDAP_SYNC_RESULT_SILENT, /* neither was it for some seconds: there is nothing to tell, as it seems */
	LDAP_SYNC_RESULT_CURRENT,
};

/* Takes what an earlier process left in that directory (-1: none), which stays the caller's, as the link does.  Owned. */
struct ldap_sync *ldap_sync_new(struct ldap_link *link, int directory);
/* Leaves what was told to a later process. */
void ldap_sync_free(struct ldap_sync **sync);
/* Takes what was told since the last call, and begins anew when the connection is another one.  marker: what ldap_link_marker
   said just now.  Waits a second for what the marker knows of, when is_urgent. */
enum ldap_sync_result ldap_sync_follow(struct ldap_sync *sync, struct bytes marker, bool is_urgent, struct fault *f);
/* All entries are sent anew.  -1 with *f: the connection is of no use. */
int ldap_sync_reload(struct ldap_sync *sync, struct fault *f) __attribute__((warn_unused_result));
/* How many entries changed since ldap_sync_settled; many, when what is in force was not read here. */
size_t ldap_sync_changes(const struct ldap_sync *sync);
struct early;
/* Those of the changes that were told one by one. */
struct early *ldap_sync_early(struct ldap_sync *sync);
/* Appends the records of all entries, users before groups (claims.h).  -1 with *f, also (FAULT_PERM) when there is no user. */
int ldap_sync_read(struct ldap_sync *sync, struct run *records, struct fault *f) __attribute__((warn_unused_result));
/* What was read is in force. */
void ldap_sync_settled(struct ldap_sync *sync);
struct ldap_sync_counts {
	uint64_t entries; /* that were, or are not any more, one each time */
	uint64_t refreshes; /* of users or groups: with a cookie or without */
};

/* What was told since the start. */
struct ldap_sync_counts ldap_sync_count(const struct ldap_sync *sync);

#endif
