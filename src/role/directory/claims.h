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
/* What these records (image.h) say is how it was.  False: they can't be read, and nothing was learned. */
bool claims_learn(struct claims *c, const struct run *records) __attribute__((warn_unused_result));
/* Appends to *out the records that count, in their order, and remembers who has what.  What can't be read makes *out fail, and takes no address from anybody.  An entry that has lost the
   address of its account is left out with its further addresses; a group without its address stays a part of others.  The administrator hears of each loss once. */
void claims_settle(struct claims *c, const struct run *records, struct run *out);

/* Between settlings, for a change of few entries: has the entry the address?  True too of what can't be an address, which the replica tells of. */
bool claims_has(const struct claims *c, struct bytes address, struct bytes entry);
/* The entry claims the address no more, or newly.  False: a settling has to decide that, as others claim it, or did. */
bool claims_release(struct claims *c, struct bytes address, struct bytes entry) __attribute__((warn_unused_result));
bool claims_take(struct claims *c, struct bytes address, struct bytes entry) __attribute__((warn_unused_result));
/* All that was released and taken since the last call counts, or is as it was before. */
void claims_end_change(struct claims *c, bool is_kept);

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
