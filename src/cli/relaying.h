/* Is a configuration an open relay?  Every shape of address by which servers have been talked into relaying is tried for every kind of
   client, through the code that decides it in the server: for `mermoz check`. */
#ifndef CLI_RELAYING_H
#define CLI_RELAYING_H

#include "config/admission.h"

/* What becomes of a recipient, as a client writes it in RCPT: false when it is refused or stays here, else true, and the address that the
   mail would leave with is appended to *onward. */
typedef bool (*relaying_try)(void *arg, enum admission_client client, struct bytes path, struct buf *onward);

struct relaying {
	size_t tried; /* addresses */
	size_t leave[CLIENTS]; /* of those, for each kind of client: to another server */
	const struct config_where *opener; /* of -1: the directive without which it would not be so; NULL: none is to blame.  Borrowed. */
};

/* Tries all for all.  0: none of a stranger leaves for a place that the configuration does not name as one of ours or as one that it relays
   for, and none of anybody for another address than the one that he wrote.  -1: *f names one that does. */
int relaying_prove(const struct config *c, relaying_try try, void *arg, struct relaying *out, struct fault *f) __attribute__((warn_unused_result));
/* Does a route refuse all mail for that domain? */
bool relaying_is_refused(const struct config *c, struct bytes domain);
/* Decides as fronts and directory do, with one user in each domain; arg: struct relaying_rehearsal. */
bool relaying_rehearse(void *arg, enum admission_client client, struct bytes path, struct buf *onward);

struct relaying_rehearsal {
	const struct config *config;
	struct accounts *accounts;
};

/* Ready to be tried; the configuration must outlive it. */
void relaying_rehearsal_init(struct relaying_rehearsal *r, const struct config *config);
void relaying_rehearsal_done(struct relaying_rehearsal *r);

#endif
