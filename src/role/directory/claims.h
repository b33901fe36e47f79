/* Which entry of a source an address belongs to, when several have it.

   The address of an account or of a group counts before a further address of one.  Among equals it stays with the entry that had it at the reading before, be it in another process
   (claims_learn); when none had it, it goes to the first in the order of the reading.  So who writes another's address
   into an entry gets neither mail nor log-ins, nor may send as it. */
#ifndef ROLE_DIRECTORY_CLAIMS_H
#define ROLE_DIRECTORY_CLAIMS_H

#include "role/directory/image.h"

struct claims;

/* Nobody has anything yet.  Owned. */
struct claims *claims_new(void);
void claims_free(struct claims **c);
/* What these records (image.h) say is how it was. */
void claims_learn(struct claims *c, const struct run *records);
/* Appends to *out the records that count, in their order, and remembers who has what.  An entry that has lost the
   address of its account is left out with its further addresses; a group without its address stays a part of others.  The administrator hears of each loss once. */
void claims_settle(struct claims *c, const struct run *records, struct run *out);

/* A claim that did not count at the last settling. */
struct claims_loss {
	struct bytes address, left_out; /* and the entry that has it all the same */
	struct bytes kept; /* the entry whose address it is; empty: nobody's, as the entry has lost its account's address */
};

/* All of them, or as many as fit into CLAIMS_LOSSES_OCTETS_MAX; borrowed until the next settling. */
#define CLAIMS_LOSSES_OCTETS_MAX ((size_t)1 << 20)
struct bytes claims_losses(const struct claims *c);
/* Takes one from the front of them. */
bool claims_take_loss(struct bytes *losses, struct claims_loss *loss);

#endif
