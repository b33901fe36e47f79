/* Filters that ask an LDAP server for an address: RFC 4515. */
#ifndef ROLE_DIRECTORY_LDAP_FILTER_H
#define ROLE_DIRECTORY_LDAP_FILTER_H

#include "base/buf.h"

/* Appends a value with what means something in a filter, and all that is not printable ASCII, as "\xx". */
void ldap_filter_put_value(struct buf *out, struct bytes value);
/* Appends "(attribute=…)" for each name by which mail to that address may find an entry: the address, and it without its detail;
   of aliases also as proxyAddresses has them.  At most 64 KiB; nothing when it can't be an address.  aliases: NULL, or the attribute with further addresses. */
void ldap_filter_put_address(struct buf *out, const char *attribute, const char *aliases, struct bytes address, struct bytes delimiters);
/* Appends the filter of entries with one of the names (ldap_filter_put_address) that the filters of users or groups (NULL: none) find. */
void ldap_filter_put_search(struct buf *out, const char *users, const char *groups, struct bytes names);

#endif
