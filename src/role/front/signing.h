/* What of a DKIM signature (RFC 6376) is made here of a message that comes in: the hash of its body, the fields that are signed.  The key
   is the queue's (SIGN). */
#ifndef FRONT_SIGNING_H
#define FRONT_SIGNING_H

#include "base/bytes.h"
#include "ipc/ipc.h"
#include "role/domain.h"

struct signing;

/* The domain of who a message says that it comes from.  False: its header has no From: or more than one, or that has no address, or several
   whose domains differ. */
bool signing_from(struct bytes header, struct domain *out) __attribute__((warn_unused_result));

/* Of a message with that header (in disk form, with all that is put before it).  Owned. */
struct signing *signing_new(const struct domain *from, struct bytes header);
/* Sets *s to NULL; *s may be NULL. */
void signing_free(struct signing **s);
/* The next octets of the body, in disk form. */
void signing_add(struct signing *s, struct bytes body);
/* There are no more.  What is to be asked, but for the request's number; borrowed.  False: the header has more to sign than fits. */
bool signing_end(struct signing *s, struct ipc_sign *out) __attribute__((warn_unused_result));

#endif
