/* The private key of a `dkim` directive: PEM, RSA (RFC 8301) or Ed25519 (RFC 8463). */
#ifndef CONFIG_DKIM_KEY_H
#define CONFIG_DKIM_KEY_H

#include "base/buf.h"
#include "base/fault.h"

#include <openssl/types.h>

/* RFC 8301 3.2: signers use 1024 bits at least, and should use 2048; verifiers have to know up to 4096. */
#define DKIM_RSA_BITS_MIN 1024
#define DKIM_RSA_BITS_ADVISED 2048
#define DKIM_RSA_BITS_MAX 4096

/* The key in the PEM text, for EVP_PKEY_free.  NULL: *f says why it is none that signs mail. */
EVP_PKEY *dkim_key_read(struct bytes secret_pem, struct fault *f);
/* Its size in bits; 0: it is no RSA key. */
int dkim_key_rsa_bits(const EVP_PKEY *key);
/* Appends what DNS is to say of it (RFC 6376 3.6.1, RFC 8463 4): "v=DKIM1; k=...; p=..."; out->has_failed otherwise. */
void dkim_key_put_record(struct buf *out, const EVP_PKEY *key);

#endif
