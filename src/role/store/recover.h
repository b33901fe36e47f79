/* Doing again what the journal says, after a stop without warning. */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "role/store/engine_internal.h"

/* Owned: recover_free. */
struct recovery *recover_new(struct engine *e);
/* Does what one journal record says.  -1 and *f: the disk fails. */
int recover_record(struct recovery *x, struct bytes record, struct fault *f)
	__attribute__((warn_unused_result));
/* Writes everything down, durably. */
int recover_settle(struct recovery *x, struct fault *f) __attribute__((warn_unused_result));
/* Frees *x, and tells what was done when there was something to do; report may be NULL. */
void recover_free(struct recovery **x, const struct journal_report *report);

#endif
