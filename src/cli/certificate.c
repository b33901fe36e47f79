#include "cli/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

static BIO *
reader(struct bytes pem)
{
	return BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

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

static int
check_pair(const X509 *certificate, EVP_PKEY *key, int64_t now_s, struct fault *f)
{
	time_t now = (time_t)now_s;

	if (!certificate)
		return fault_set(f, FAULT_PERM, "the certificate can't be read");
	if (!key)
		return fault_set(f, FAULT_PERM, "the key can't be read");
	if (X509_check_private_key(certificate, key) != 1)
		return fault_set(f, FAULT_PERM, "the key belongs to another certificate");
	if (X509_cmp_time(X509_get0_notBefore(certificate), &now) > 0)
		return fault_set(f, FAULT_PERM, "it is not in force yet");
	if (X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0)
		return fault_set(f, FAULT_PERM, "it has expired");
	return 0;
}

int
certificate_check(struct bytes chain_pem, struct bytes secret_key_pem, int64_t now_s, struct fault *f)
{
	BIO *chain = reader(chain_pem), *keys = reader(secret_key_pem);
	X509 *certificate = PEM_read_bio_X509(chain, NULL, no_passphrase, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(keys, NULL, no_passphrase, NULL);
	int result = check_pair(certificate, key, now_s, f);

	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(certificate);
	BIO_free(keys);
	BIO_free(chain);
	return result;
}
