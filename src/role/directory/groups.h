/* Groups of LDAP as aliases: members that are entries, account names or addresses become addresses.

   A group in a group stands in the alias by its address; without one, its members stand there in its place.  Members
   that are not among the accounts are left out.  A group that has no member at all then, that leads too deep, or to more
   members than an alias may have, becomes an alias without targets, whose mail has to wait. */
#ifndef ROLE_DIRECTORY_GROUPS_H
#define ROLE_DIRECTORY_GROUPS_H

#include "role/directory/image.h"

/* Appends the records to *out, with an alias of rank ALIAS_GROUP in the place of each group that has an address.  False: there is no group
   among them, and nothing was appended. */
bool groups_spread(const struct run *records, struct run *out);

#endif
