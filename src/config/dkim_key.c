#include "config/dkim_key.h"

#include "proto/sasl/base64.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { ED25519_OCTETS = 32 };

/* Nobody is there to type a passphrase. */
static int
no_passphrase(char *to, int size, int is_writing, void *arg)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

int
dkim_key_rsa_bits(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) : 0;
}

static int
check(const EVP_PKEY *key, struct fault *f)
{
	int bits = dkim_key_rsa_bits(key);

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		return 0;
	if (bits == 0)
		return fault_set(f, FAULT_PERM, "the key is neither RSA nor Ed25519: openssl genrsa 2048 makes one");
	if (bits < DKIM_RSA_BITS_MIN)
		return fault_set(f, FAULT_PERM, "an RSA key of %d bits can be broken, and no receiver believes it: openssl genrsa 2048 makes a better one", bits);
	if (bits > DKIM_RSA_BITS_MAX)
		return fault_set(f, FAULT_PERM, "not every receiver knows RSA keys of %d bits: %d are the most", bits, DKIM_RSA_BITS_MAX);
	return 0;
}

EVP_PKEY *
dkim_key_read(struct bytes secret_pem, struct fault *f)
{
	BIO *reader = BIO_new_mem_buf(secret_pem.ptr, (int)secret_pem.len);
	EVP_PKEY *key = reader ? PEM_read_bio_PrivateKey(reader, NULL, no_passphrase, NULL) : NULL;

	if (!key)
		(void)fault_set(f, FAULT_PERM, "there is no private key in it that can be read (PEM, without a passphrase)");
	if (key && check(key, f) != 0) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	BIO_free(reader);
	return key;
}

static void
put_rsa(struct buf *out, const EVP_PKEY *key)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	put_text(out, "v=DKIM1; k=rsa; p=");
	if (len > 0)
		sasl_put_base64(out, bytes_of(der, (size_t)len));
	else
		out->has_failed = true;
	OPENSSL_free(der);
}

static void
put_ed25519(struct buf *out, const EVP_PKEY *key)
{
	uint8_t octets[ED25519_OCTETS];
	size_t len = sizeof octets;

	put_text(out, "v=DKIM1; k=ed25519; p=");
	if (EVP_PKEY_get_raw_public_key(key, octets, &len) == 1)
		sasl_put_base64(out, bytes_of(octets, len));
	else
		out->has_failed = true;
}

void
dkim_key_put_record(struct buf *out, const EVP_PKEY *key)
{
	if (dkim_key_rsa_bits(key))
		put_rsa(out, key);
	else
		put_ed25519(out, key);
}
