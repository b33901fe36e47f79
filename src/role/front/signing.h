/* Whose message is signed (DKIM, RFC 6376), and what of its signature is made here as it comes in: the hash of its body, the fields that are signed.
   The key is the queue's (SIGN).

   What is signed is mail of who may speak for the domain of its From: field: a client that logged in, or a program of this machine, when
   that is the domain of the address that it sends as (which the directory allowed), or of its account; a client of trusted_networks with any domain.
   Mail of strangers that is forwarded is not. */
#ifndef FRONT_SIGNING_H
#define FRONT_SIGNING_H

#include "config/config.h"
#include "config/domain.h"
#include "ipc/ipc.h"

struct signing;

/* Who hands a message in. */
struct signing_author {
	bool is_known; /* logged in, or a program of this machine */
	bool is_trusted; /* a client of trusted_networks */
	struct bytes sender, address; /* that it sends as; of its account, or empty */
};

/* The domain of who a message says that it comes from.  False: its header has no From: or more than one, or that has no address, or several
   whose domains differ. */
bool signing_from(struct bytes header, struct domain *out) __attribute__((warn_unused_result));
/* The domain that the author's message with that header is signed for.  False: it is not to be.  The header is read only if that depends on it:
   strangers write what takes long to read. */
bool signing_domain(const struct config *config, const struct signing_author *author, struct bytes header, struct domain *out)
	__attribute__((warn_unused_result));

/* Of a message with that header (in disk form, with all that is put before it).  Owned. */
struct signing *signing_new(const struct domain *from, struct bytes header);
/* Sets *s to NULL; *s may be NULL. */
void signing_free(struct signing **s);
/* The next octets of the body, in disk form. */
void signing_add(struct signing *s, struct bytes body);
/* There are no more.  What is to be asked, but for the request's number; borrowed.  False: the header has more to sign than fits. */
bool signing_end(struct signing *s, struct ipc_sign *out) __attribute__((warn_unused_result));

#endif
