/* The keys that mail is signed with (DKIM, RFC 6376). */
#ifndef QUEUE_SIGNER_H
#define QUEUE_SIGNER_H

#include "config/config.h"

struct signer;

/* The keys of the configuration's `dkim`; never NULL.  It borrows nothing.  *f says which key could not be read, which the check of the
   configuration would have said; the others are there.  Owned. */
struct signer *signer_new(const struct config *c, struct fault *f);
/* Sets *s to NULL. */
void signer_free(struct signer **s);
/* Of a message: what proto/dkim made of it. */
struct signed_parts {
	struct bytes names, hashed_header;
	const uint8_t *body_hash; /* DKIM_HASH_OCTETS */
};

/* Appends a DKIM-Signature: field for each key of the closest domain that is `from`, the domain of the From: field, or above it; to be put in
   front of the message.  0: none or more; -1: a key could not sign, and nothing was appended. */
int signer_sign(const struct signer *s, const struct signed_parts *p, struct bytes from, int64_t now_s, struct buf *out);
/* The same for a message in disk form, of ours. */
int signer_put(const struct signer *s, struct bytes message, struct bytes from, int64_t now_s, struct buf *out);

#endif
