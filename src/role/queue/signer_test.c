#include "role/queue/signer.h"

#include "proto/dkim/dkim.h"
#include "proto/rfc5322/header.h"
#include "proto/sasl/base64.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1528637909 };

#define MESSAGE "From: Reports <mailer-daemon@mail.a.example>\nTo: <x@b.example>\nSubject: two  words\n\nbody\n"

static EVP_PKEY *rsa, *ed25519;

static void
put_pem(struct buf *out, EVP_PKEY *key)
{
	BIO *writer = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(writer, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(writer, &text);
	buf_init(out, 65536);
	put_bytes(out, bytes_of(text, (size_t)len));
	BIO_free(writer);
}

static struct buf rsa_pem, ed25519_pem;

static int
make_keys(void **state)
{
	(void)state;
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	put_pem(&rsa_pem, rsa);
	put_pem(&ed25519_pem, ed25519);
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed25519);
	buf_done(&rsa_pem);
	buf_done(&ed25519_pem);
	return 0;
}

static void
sign(const struct config_dkim *keys, size_t count, const char *from, struct buf *out)
{
	struct config c = { .dkim_count = count };
	struct config_dkim list[3];
	struct signer *s;
	struct fault f;

	memcpy(list, keys, count * sizeof *keys);
	c.dkim = list;
	s = signer_new(&c, &f);
	assert_int_equal(f.kind, FAULT_NONE);
	buf_init(out, 100000);
	assert_int_equal(signer_put(s, BYTES(MESSAGE), bytes_text(from), NOW, out), 0);
	signer_free(&s);
	assert_null(s);
}

/* The value of a tag of the field, with its white space. */
static struct bytes
tag(struct bytes field, const char *name)
{
	struct bytes rest = bytes_sub(field, bytes_find_char(field, ':') + 1, field.len);

	while (rest.len) {
		struct bytes value = take_until(&rest, ';'), found = bytes_trim(take_until(&value, '='));

		if (bytes_equal(found, bytes_text(name)))
			return value;
	}
	return BYTES_NONE;
}

static void
put_without_space(struct buf *out, struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] != '\n' && in.ptr[i] != '\t')
			put_char(out, in.ptr[i]);
}

static bool
verifies(struct bytes field, struct bytes message, EVP_PKEY *key, const EVP_MD *md)
{
	struct bytes base64 = tag(field, "b"), before = bytes_sub(field, 0, (size_t)(base64.ptr - field.ptr));
	struct buf text, signature, hashed;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct bytes signed_octets;
	uint8_t digest[32];
	bool is_good;

	buf_init(&text, 4096);
	buf_init(&signature, 4096);
	buf_init(&hashed, 65536);
	put_without_space(&text, base64);
	assert_true(sasl_take_base64(buf_bytes(&text), &signature));
	dkim_put_hashed_header(&hashed, message, tag(field, "h"));
	dkim_put_hashed_field(&hashed, before);
	signed_octets = buf_bytes(&hashed);
	if (!md) {
		(void)EVP_Digest(hashed.ptr, hashed.len, digest, NULL, EVP_sha256(), NULL);
		signed_octets = bytes_of(digest, sizeof digest);
	}
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, md, NULL, key), 1);
	is_good = EVP_DigestVerify(context, signature.ptr, signature.len, signed_octets.ptr, signed_octets.len) == 1;
	EVP_MD_CTX_free(context);
	buf_done(&text);
	buf_done(&signature);
	buf_done(&hashed);
	return is_good;
}

static struct bytes
take_field(struct bytes *in)
{
	struct bytes name, value, field;

	assert_true(take_header_field(in, &name, &value, &field));
	assert_true(bytes_equal(name, BYTES("DKIM-Signature")));
	return field;
}

static void
each_selector_of_a_domain_signs_rfc6376_3_rfc8301_3_1_rfc8463_3(void **state)
{
	const struct config_dkim keys[] = {
		{ BYTES_INIT("a.example"), BYTES_INIT("r"), BYTES_INIT("/r"), buf_bytes(&rsa_pem) },
		{ BYTES_INIT("a.example"), BYTES_INIT("e"), BYTES_INIT("/e"), buf_bytes(&ed25519_pem) },
	};
	uint8_t digest[32];
	struct buf out, bh;
	struct bytes rest, field;

	(void)state;
	sign(keys, 2, "a.example", &out);
	(void)EVP_Digest("body\r\n", 6, digest, NULL, EVP_sha256(), NULL);
	buf_init(&bh, 100);
	sasl_put_base64(&bh, bytes_of(digest, sizeof digest));
	rest = buf_bytes(&out);
	field = take_field(&rest);
	assert_true(bytes_equal(tag(field, "a"), BYTES("rsa-sha256")) && bytes_equal(tag(field, "s"), BYTES("r")));
	assert_true(bytes_equal(tag(field, "bh"), buf_bytes(&bh)) && bytes_equal(tag(field, "t"), BYTES("1528637909")));
	assert_true(verifies(field, BYTES(MESSAGE), rsa, EVP_sha256()));
	field = take_field(&rest);
	assert_true(bytes_equal(tag(field, "a"), BYTES("ed25519-sha256")) && bytes_equal(tag(field, "d"), BYTES("a.example")));
	assert_true(verifies(field, BYTES(MESSAGE), ed25519, NULL));
	assert_int_equal(rest.len, 0);
	/* What relaxing hides does no harm; anything else does, and so does a second field (8.15). */
	assert_true(verifies(field, BYTES("Subject:  two words \nTO: <x@b.example>\nFrom: Reports\n <mailer-daemon@mail.a.example>\n"), ed25519, NULL));
	assert_false(verifies(field, BYTES("From: Reports <mailer-daemon@mail.a.example>\nTo: <y@b.example>\nSubject: two  words\n"), ed25519, NULL));
	assert_false(verifies(field, BYTES("From: <evil@c.example>\n" MESSAGE), ed25519, NULL));
	buf_done(&out);
	buf_done(&bh);
}

static void
the_closest_domain_signs_and_no_other_rfc6376_3_5(void **state)
{
	const struct config_dkim keys[] = {
		{ BYTES_INIT("a.example"), BYTES_INIT("s"), BYTES_INIT("/s"), buf_bytes(&ed25519_pem) },
		{ BYTES_INIT("mail.a.example"), BYTES_INIT("s"), BYTES_INIT("/s"), buf_bytes(&ed25519_pem) },
		{ BYTES_INIT("example"), BYTES_INIT("s"), BYTES_INIT("/s"), buf_bytes(&ed25519_pem) },
	};
	static const struct {
		const char *from, *domain;
	} rows[] = {
		{ "MAIL.a.example", "mail.a.example" },
		{ "x.mail.a.example", "mail.a.example" },
		{ "xmail.a.example", "a.example" },
		{ "xa.example", "example" },
		{ "a.example.org", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;

		sign(keys, 3, rows[i].from, &out);
		if (!bytes_equal(tag(buf_bytes(&out), "d"), bytes_text(rows[i].domain)))
			fail_msg("%s: %.*s", rows[i].from, BYTES_ARG(buf_bytes(&out)));
		buf_done(&out);
	}
}

static void
a_key_that_cannot_be_read_is_told_and_the_others_sign(void **state)
{
	struct config_dkim keys[] = {
		{ BYTES_INIT("a.example"), BYTES_INIT("broken"), BYTES_INIT("/s"), BYTES_INIT("nothing") },
		{ BYTES_INIT("a.example"), BYTES_INIT("good"), BYTES_INIT("/s"), buf_bytes(&ed25519_pem) },
	};
	struct config c = { .dkim = keys, .dkim_count = 2 };
	struct fault f;
	struct signer *s = signer_new(&c, &f);
	struct buf out;

	(void)state;
	assert_int_equal(f.kind, FAULT_PERM);
	buf_init(&out, 10000);
	assert_int_equal(signer_put(s, BYTES(MESSAGE), BYTES("a.example"), NOW, &out), 0);
	assert_true(bytes_equal(tag(buf_bytes(&out), "s"), BYTES("good")));
	buf_done(&out);
	signer_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_selector_of_a_domain_signs_rfc6376_3_rfc8301_3_1_rfc8463_3),
		cmocka_unit_test(the_closest_domain_signs_and_no_other_rfc6376_3_5),
		cmocka_unit_test(a_key_that_cannot_be_read_is_told_and_the_others_sign),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
