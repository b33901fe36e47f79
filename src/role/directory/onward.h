/* Addresses that are ours to take mail for, while their mailboxes are on other servers: a route says so of an address or a domain of
   ours, or the domain is one that we take mail for on behalf of others (relay_for). */
#ifndef ROLE_DIRECTORY_ONWARD_H
#define ROLE_DIRECTORY_ONWARD_H

#include "base/arena.h"
#include "config/config.h"

struct onward;

/* What the configuration says of that, in the arena.  NULL: it has no room for it. */
struct onward *onward_new(struct arena *arena, const struct config *config);
/* The relay_for of a folded domain, or NULL.  Borrowed. */
const struct config_relayed *onward_relayed(const struct onward *o, struct bytes domain);
/* Does a route that names the address itself (its detail may be left out) lead to another host, or nowhere? */
bool onward_has_address(const struct onward *o, struct bytes address);
/* Does a route or a relay_for that names its domain?  folded: the same domain. */
bool onward_has_domain(const struct onward *o, struct bytes address, struct bytes folded);
/* Will the next server read the local part as we do?  RFC 5321 4.1.2 asks nobody to quote; "%" and "!" were ways to say "send it on
   from there" (RFC 5321 3.6.1, F.2), "@" stands in quotes alone. */
bool onward_is_plain(struct bytes local);

#endif
