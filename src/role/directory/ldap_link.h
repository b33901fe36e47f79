/* An LDAP server read over libldap: everything here blocks, for at most the time-out of one answer, and belongs on a
   thread of its own. */
#ifndef ROLE_DIRECTORY_LDAP_LINK_H
#define ROLE_DIRECTORY_LDAP_LINK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "config/config.h"

struct ldap_link;

/* Copies what it needs of the configuration; connects nowhere yet.  Owned. */
struct ldap_link *ldap_link_new(const struct config *config);
void ldap_link_free(struct ldap_link **link);
/* Where it reads: the servers, base and filter, as one text; borrowed for the link's life. */
struct bytes ldap_link_origin(const struct ldap_link *link);
/* Appends what changes whenever anything in the directory does: contextCSN of OpenLDAP with syncprov (RFC 4533), or
   highestCommittedUSN of Active Directory; nothing when the server has neither.  -1 with *f (FAULT_TEMP): no
   server answers. */
int ldap_link_marker(struct ldap_link *link, struct buf *marker, struct fault *f) __attribute__((warn_unused_result));
/* Appends all accounts with their aliases to records (image.h), in pages (RFC 2696).  -1 with *f, also when
   there is none; then what stands in records is of no use. */
int ldap_link_read(struct ldap_link *link, struct buf *records, struct fault *f) __attribute__((warn_unused_result));

#endif
