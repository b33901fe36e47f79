/* How a server is followed that does not tell changes itself (ldap_sync.h): all of it is read once; after that the entries that
   changed since, and in a sweep the name and the stamp of each, which shows what is gone.

   Everything here belongs on the link's thread, as ldap_link.h says. */
#ifndef ROLE_DIRECTORY_LDAP_POLL_H
#define ROLE_DIRECTORY_LDAP_POLL_H

#include "role/directory/ldap_link.h"
#include "role/directory/run.h"

struct ldap_poll;

/* The base of what was read lies in that directory (-1: none), which stays the caller's, as the link does.  most_us: a sweep is put off for no
   longer than that.  Owned. */
struct ldap_poll *ldap_poll_new(struct ldap_link *link, int directory, int64_t most_us);
void ldap_poll_free(struct ldap_poll **poll);
/* Takes what changed since the last call; all of it the first time, on another server, and where nothing says what changed.  marker: what
   ldap_link_marker said just now.  may_lack: something may be gone since, so that a sweep is due, now or later.  -1 with *f, also (FAULT_PERM) when there
   is no user: what was taken before stays. */
int ldap_poll_update(struct ldap_poll *poll, struct bytes marker, bool may_lack, struct fault *f) __attribute__((warn_unused_result));
/* Was a sweep put off, so that what is new may not have been seen?  Then ldap_poll_take sees whether it is of one of the addresses, and takes it.
   -1 with *f. */
int ldap_poll_take(struct ldap_poll *poll, const struct bytes *addresses, size_t count, struct fault *f) __attribute__((warn_unused_result));
bool ldap_poll_owes_sweep(const struct ldap_poll *poll);
/* Was a sweep put off, and is it time for it now? */
bool ldap_poll_is_due(const struct ldap_poll *poll);
/* As of ldap_sync.h. */
size_t ldap_poll_changes(const struct ldap_poll *poll);
struct early;
struct early *ldap_poll_early(struct ldap_poll *poll);
int ldap_poll_read(struct ldap_poll *poll, struct run *records, struct fault *f) __attribute__((warn_unused_result));
void ldap_poll_settled(struct ldap_poll *poll);
/* The server was followed in another way meanwhile: the next update reads all of it. */
void ldap_poll_forget(struct ldap_poll *poll);

struct ldap_poll_counts {
	uint64_t full, sweeps, entries; /* readings of all; sweeps; entries that were read for a change */
};

/* Since the start. */
struct ldap_poll_counts ldap_poll_count(const struct ldap_poll *poll);

#endif
