/* What was read of an LDAP directory becomes what counts: each address belongs to one entry (claims.h), groups are aliases
   (groups.h), and those of whom it is not known that they were deleted stay (doubt.h). */
#ifndef ROLE_DIRECTORY_SETTLE_H
#define ROLE_DIRECTORY_SETTLE_H

#include "role/directory/claims.h"
#include "role/directory/doubt.h"
#include "role/directory/groups.h"
#include "role/directory/held.h"

/* Embed it: settler_init .. settler_done. */
struct settler {
	int directory; /* for what is made on the way; -1: none */
	bool is_settled; /* claims and groups are those of what counts */
	struct claims *claims;
	struct groups *groups;
	struct doubt doubt;
	struct doubt_count count; /* of the last reading */
};

/* Nothing was settled yet.  directory: the caller's. */
void settler_init(struct settler *s, int directory);
void settler_done(struct settler *s);
/* Puts what counts in place of what was read, of which so many entries at most are not as they were.  -1 with *f: it is more than fits
   (FAULT_LIMIT), or it can't be told (FAULT_TEMP) whether accounts are missing: what is held stays. */
int settle(struct settler *s, const struct held *held, size_t changes, int64_t now_us, int64_t quiet_us, struct run *records, struct fault *f)
	__attribute__((warn_unused_result));
/* The same of a few entries that changed (early_take_pair), without looking at all others: what that changes is appended to *change.  The result is
   that of settle; false: only settle can tell it, and nothing was appended. */
bool settle_few(struct settler *s, struct bytes pairs, struct change *change) __attribute__((warn_unused_result));
/* The server showed nobody: it may be about to be filled again. */
void settle_nobody(struct settler *s, const struct held *held, int64_t now_us);

#endif
