/* The hash of a message's body as a DKIM signature has it (bh=, RFC 6376 3.7): SHA-256 over the relaxed form, of a body of any length as it comes. */
#ifndef ROLE_BODY_HASH_H
#define ROLE_BODY_HASH_H

#include "proto/dkim/dkim.h"

struct body_hash;

/* Owned. */
struct body_hash *body_hash_new(void);
/* Sets *h to NULL; *h may be NULL. */
void body_hash_free(struct body_hash **h);
/* The next octets of the body, in disk form. */
void body_hash_add(struct body_hash *h, struct bytes octets);
/* There are no more. */
void body_hash_end(struct body_hash *h, uint8_t out[DKIM_HASH_OCTETS]);

#endif
