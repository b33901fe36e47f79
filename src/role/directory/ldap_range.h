/* Values of an attribute that a server hands out in pieces: Active Directory does so with 1,500 and more ([MS-ADTS] 3.1.1.3.1.3.3). */
#ifndef ROLE_DIRECTORY_LDAP_RANGE_H
#define ROLE_DIRECTORY_LDAP_RANGE_H

#include "role/directory/ldap_link.h"

#include <ldap.h>

struct ldap_range {
	uint32_t first, last;
	bool is_end; /* there are no values behind it; `last` says nothing */
};

/* Is it a piece of the attribute?  "member;range=0-1499", "member;range=1500-*". */
bool ldap_range_parse(struct bytes description, struct bytes attribute, struct ldap_range *r) __attribute__((warn_unused_result));
/* Appends (image_put_member) the members of a group that its entry names in pieces, asking the server for one piece after the other; nothing when
   it names them whole.  -1 with *f: the server could not be asked, or does not go on where it ended. */
int ldap_range_read(struct ldap_link *link, LDAPMessage *entry, struct buf *members, struct fault *f) __attribute__((warn_unused_result));

#endif
