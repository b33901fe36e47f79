/* Where recipients lead, as the directory told this front and as it holds until the directory says that something changed: who gets mail often
   is not asked about for each. */
#ifndef ROLE_FRONT_RECIPIENTS_H
#define ROLE_FRONT_RECIPIENTS_H

#include "ipc/ipc.h"

struct recipients;

/* Owned. */
struct recipients *recipients_new(void);
void recipients_free(struct recipients **r);
/* Keeps what a RESOLVED with `may_keep` said of the address as it was asked; another one may be forgotten for it. */
void recipients_keep(struct recipients *r, struct bytes address, const struct ipc_resolved *told);
/* True: *told is what was kept, its views borrowed until the next call of keep or forget. */
bool recipients_find(const struct recipients *r, struct bytes address, struct ipc_resolved *told);
/* All. */
void recipients_forget(struct recipients *r);

#endif
