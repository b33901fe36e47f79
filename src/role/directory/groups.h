/* Groups of LDAP as aliases: members that are entries, account names or addresses become addresses.

   A group in a group stands in the alias by its address; without one, its members stand there in its place.  Members
   that are not among the accounts are left out.  A group that has no member at all then, that leads too deep, or to more
   members than an alias may have, becomes an alias without targets, whose mail has to wait.

   What was spread last is remembered, on disk and by digests in memory, so that of a change of few entries only those groups are made anew
   that name one of them. */
#ifndef ROLE_DIRECTORY_GROUPS_H
#define ROLE_DIRECTORY_GROUPS_H

#include "role/directory/image.h"

struct groups;

/* Nothing was spread yet.  Owned. */
struct groups *groups_new(void);
void groups_free(struct groups **g);
/* Appends the records to *out, with an alias of rank ALIAS_GROUP in the place of each group that has an address; takes *records over.  False: there
   is no group among them; nothing was appended and *records stays. */
bool groups_spread(struct groups *g, struct run *records, struct run *out);

/* How many accounts there are among what was spread, with what was noted since. */
size_t groups_accounts(const struct groups *g);
/* An entry had these records, and has those; of them those that count, as claims_settle puts them out.  False: only a spreading can tell what that
   means, and one has to come. */
bool groups_note(struct groups *g, struct bytes before, struct bytes now) __attribute__((warn_unused_result));
/* Appends those groups, as aliases, that may be others by what was noted since the last call.  False: as above. */
bool groups_make_noted(struct groups *g, struct buf *out) __attribute__((warn_unused_result));

#endif
