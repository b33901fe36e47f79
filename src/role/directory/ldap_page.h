/* A search whose entries come in pages (RFC 2696), each with a time-out of its own. */
#ifndef ROLE_DIRECTORY_LDAP_PAGE_H
#define ROLE_DIRECTORY_LDAP_PAGE_H

#include "role/directory/ldap_link.h"

#include <ldap.h>

struct ldap_page_search {
	const char *filter;
	const char **wanted;
	/* The entry is borrowed for the call.  It may ask the server for more of it (after ldap_link_begin).  -1 with *f: no more. */
	int (*each)(void *arg, LDAPMessage *entry, struct fault *f);
	void *arg;
};

/* All entries below the base that the filter finds, on the link's connection.  -1 with *f: they could not be read, or come on more pages than
   any directory has. */
int ldap_page_search(struct ldap_link *link, const struct ldap_page_search *s, struct fault *f) __attribute__((warn_unused_result));

#endif
