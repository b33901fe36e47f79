/* What addresses mean, by the folded address: a hash map whose entries hold their keys, since there are as many as all accounts and aliases
   have addresses.  Keyed as base/map.h. */
#ifndef ROLE_DIRECTORY_NAMES_H
#define ROLE_DIRECTORY_NAMES_H

#include "base/bytes.h"

struct account;
struct alias;

/* An alias, an account, or both (then the alias counts, and may lead to the account by naming its own address).  Owned by the map, what it points
   to is not. */
struct name {
	struct account *account;
	struct alias *alias;
	uint16_t len;
	uint8_t octets[]; /* the address */
};

/* Borrowed from it. */
struct bytes name_address(const struct name *name);

struct names;

/* Empty; owned.  names_free frees the names too. */
struct names *names_new(void);
void names_free(struct names **n);
/* NULL: there is none. */
struct name *names_get(const struct names *n, struct bytes address);
/* Made when there is none; the address is one that was folded. */
struct name *names_make(struct names *n, struct bytes address);
/* Walks them: start with *at == 0; NULL at the end.  Nothing that was not there may be made meanwhile. */
struct name *names_next(const struct names *n, size_t *at);
/* Forgets those that mean nothing. */
void names_sweep(struct names *n);
/* The same of one. */
void names_drop(struct names *n, struct name *name);

#endif
