#include "config/dkim_key.h"

#include "config/test_support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static void
put_pem(struct buf *out, EVP_PKEY *key)
{
	BIO *writer = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PrivateKey(writer, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(writer, &text);
	buf_init(out, 65536);
	put_bytes(out, bytes_of(text, (size_t)len));
	BIO_free(writer);
	EVP_PKEY_free(key);
}

/* Of four primes, which are found sooner. */
static EVP_PKEY *
make_rsa(int bits)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_primes(context, bits > 4096 ? 4 : 2), 1);
	assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static void
check_rsa(int bits, const char *trouble)
{
	struct fault f;
	struct buf pem;
	EVP_PKEY *key;

	put_pem(&pem, make_rsa(bits));
	key = dkim_key_read(buf_bytes(&pem), &f);
	if (trouble && (key || !strstr(f.text, trouble)))
		fail_msg("%d bits: %s", bits, key ? "taken" : f.text);
	if (!trouble)
		assert_int_equal(dkim_key_rsa_bits(key), bits);
	EVP_PKEY_free(key);
	buf_done(&pem);
}

static void
an_rsa_key_has_1024_to_4096_bits_rfc8301_3_2(void **state)
{
	(void)state;
	check_rsa(1016, "1016 bits can be broken");
	check_rsa(1024, NULL);
	check_rsa(2048, NULL);
	check_rsa(4104, "4096 are the most");
}

static void
what_is_no_key_for_mail_is_told(void **state)
{
	struct fault f;
	struct buf pem;

	(void)state;
	assert_null(dkim_key_read(BYTES_NONE, &f));
	assert_non_null(strstr(f.text, "no private key"));
	assert_null(dkim_key_read(BYTES("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), &f));
	assert_non_null(strstr(f.text, "no private key"));
	put_pem(&pem, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
	assert_null(dkim_key_read(buf_bytes(&pem), &f));
	assert_non_null(strstr(f.text, "neither RSA nor Ed25519"));
	buf_done(&pem);
}

static void
the_record_of_an_ed25519_key_is_its_32_octets_rfc8463_4_a_1(void **state)
{
	/* Of A.1 (the seed and what DNS says of it). */
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
	struct fault f;
	EVP_PKEY *key = dkim_key_read(bytes_text(pem), &f);
	struct buf record;

	(void)state;
	assert_non_null(key);
	assert_int_equal(dkim_key_rsa_bits(key), 0);
	buf_init(&record, 1000);
	dkim_key_put_record(&record, key);
	assert_true(bytes_equal(buf_bytes(&record), BYTES("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")));
	buf_done(&record);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_rsa_key_has_1024_to_4096_bits_rfc8301_3_2),
		cmocka_unit_test(what_is_no_key_for_mail_is_told),
		cmocka_unit_test(the_record_of_an_ed25519_key_is_its_32_octets_rfc8463_4_a_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
