#include "proto/dkim/dkim.h"

#include "proto/sasl/base64.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
assert_same(const char *name, struct bytes got, struct bytes want)
{
	if (!bytes_equal(got, want))
		fail_msg("%s: got \"%.*s\", not \"%.*s\"", name, BYTES_ARG(got), BYTES_ARG(want));
}

static void
collect(void *arg, struct bytes canonical)
{
	put_bytes(arg, canonical);
}

static void
canonise(struct buf *out, struct bytes in, size_t cut)
{
	struct dkim_body b;

	buf_reset(out);
	dkim_body_init(&b, collect, out);
	dkim_body_step(&b, bytes_sub(in, 0, cut));
	dkim_body_step(&b, bytes_sub(in, cut, in.len));
	dkim_body_end(&b);
}

static void
a_body_is_relaxed_wherever_it_is_cut_rfc6376_3_4_4_3_4_5(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ " C \nD \t E\n\n\n", " C\r\nD E\r\n" }, /* the example of 3.4.5 */
		{ "", "" }, /* no body is as one of nothing */
		{ "\n", "" },
		{ " \t\n\n \n", "" },
		{ "a", "a\r\n" }, /* a line end is added */
		{ "a\n", "a\r\n" },
		{ "a \t", "a\r\n" },
		{ "a\n\n\nb\n", "a\r\n\r\n\r\nb\r\n" }, /* those inside stay */
		{ "\n\na\n", "\r\n\r\na\r\n" },
		{ "a\n \t \nb", "a\r\n\r\nb\r\n" },
		{ "\t a  \t b", " a b\r\n" },
		{ "a\r\n", "a\r\r\n" }, /* as it goes out */
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].in);

		for (size_t cut = 0; cut <= in.len; cut++) {
			canonise(&out, in, cut);
			assert_same(rows[i].in, buf_bytes(&out), bytes_text(rows[i].want));
		}
	}
	buf_done(&out);
}

static void
a_header_is_relaxed_rfc6376_3_4_2_3_4_5(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	/* The example of 3.4.5; the signature's own field has no line end (3.7). */
	dkim_put_hashed_header(&out, BYTES("A: X\nB : Y\t\n\tZ  \n\nA: body\n"), BYTES("A:B"));
	dkim_put_hashed_field(&out, BYTES("DKIM-Signature: v=1;\n\tb="));
	assert_same("example", buf_bytes(&out), BYTES("a:X\r\nb:Y Z\r\ndkim-signature:v=1; b="));
	buf_reset(&out);
	dkim_put_hashed_header(&out, BYTES("E:\nF: \t\n"), BYTES("e :\n\t F"));
	dkim_put_hashed_field(&out, BYTES("S:"));
	assert_same("empty values", buf_bytes(&out), BYTES("e:\r\nf:\r\ns:"));
	buf_done(&out);
}

static void
of_fields_of_one_name_the_last_is_taken_first_rfc6376_5_4_2(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	dkim_put_hashed_header(&out, BYTES("R: 1\nX: 0\nr: 2\nR: 3\n"), BYTES("r:q:R:r:r"));
	dkim_put_hashed_field(&out, BYTES("S:"));
	assert_same("order", buf_bytes(&out), BYTES("r:3\r\nr:2\r\nr:1\r\ns:"));
	buf_done(&out);
}

static void
a_field_is_named_once_more_than_it_is_there_rfc6376_5_4_8_15(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	dkim_put_names(&out, BYTES("From: a\nX: b\nSubject: c\nsubject: d\n\nTo: e\n"));
	assert_same("names", buf_bytes(&out),
		BYTES("from:from:\n\tto:\n\tcc:\n\tsubject:subject:subject:\n\tdate:\n\tmessage-id:\n\treply-to:\n\tin-reply-to:\n\treferences:\n\t"
		      "auto-submitted:\n\tmime-version:\n\tcontent-type:\n\tcontent-transfer-encoding"));
	buf_done(&out);
}

/* What hashing takes of the processor with so many of To: in 48 KiB of small fields. */
static clock_t
time_of_hashing(unsigned int recipients)
{
	static uint8_t octets[48 * 1024];
	clock_t begin;
	struct buf header, names, out;

	buf_init_fixed(&header, octets, sizeof octets);
	while (recipients-- > 0)
		put_text(&header, "to:\n");
	while (header.len + 3 <= sizeof octets)
		put_text(&header, "a:\n");
	buf_init(&names, 1024);
	buf_init(&out, 65536);
	dkim_put_names(&names, buf_bytes(&header));
	begin = clock();
	for (int i = 0; i < 4; i++)
		dkim_put_hashed_header(&out, buf_bytes(&header), buf_bytes(&names));
	assert_false(names.has_failed || out.has_failed);
	buf_done(&names);
	buf_done(&out);
	return clock() - begin;
}

static void
a_name_that_stands_there_often_costs_little_more(void **state)
{
	(void)state;
	assert_in_range(time_of_hashing(235), 0, 5 * time_of_hashing(1));
}

static void
more_fields_of_a_name_than_can_be_signed_are_none(void **state)
{
	static uint8_t octets[4096];
	struct buf header, out;

	(void)state;
	buf_init_fixed(&header, octets, sizeof octets);
	buf_init(&out, 65536);
	for (int i = 0; i < 512; i++)
		put_text(&header, "To: a\n");
	dkim_put_hashed_header(&out, buf_bytes(&header), BYTES("to"));
	assert_same("512", buf_bytes(&out), BYTES("to:a\r\n"));
	put_text(&header, "To: a\n");
	dkim_put_hashed_header(&out, buf_bytes(&header), BYTES("to"));
	assert_true(out.has_failed);
	buf_done(&out);
}

static void
the_field_has_its_tags_rfc6376_3_5_rfc8301_3_1(void **state)
{
	struct dkim_signature s = { "rsa-sha256", BYTES_INIT("a.example"), BYTES_INIT("s1"), 1528637909, { 0 } };
	uint8_t octets[60] = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	dkim_put_field(&out, &s, BYTES("from:from"));
	dkim_put_signature(&out, bytes_of(octets, sizeof octets));
	assert_same("field", buf_bytes(&out),
		BYTES("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n\td=a.example;\n\ts=s1;\n\tt=1528637909;\n\th=from:from;\n\t"
		      "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;\n\tb="
		      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\tAAAAAAAA\n"));
	buf_done(&out);
}

/* ---- RFC 6376 A.2 and RFC 8463 A.3 */

#define MESSAGE_HEADER \
	"From: Joe SixPack <joe@football.example.com>\n" \
	"To: Suzie Q <suzie@shopping.example.net>\n" \
	"Subject: Is dinner ready?\n" \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n" \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
#define NAMES "from : to :\n subject : date : message-id : from : subject : date"

static void
hash(struct bytes in, uint8_t out[DKIM_HASH_OCTETS])
{
	assert_int_equal(EVP_Digest(in.ptr, in.len, out, NULL, EVP_sha256(), NULL), 1);
}

static void
the_body_hash_of_the_examples_rfc6376_a_2_rfc8463_a_3(void **state)
{
	uint8_t digest[DKIM_HASH_OCTETS];
	struct buf body, text;

	(void)state;
	buf_init(&body, 1000);
	buf_init(&text, 100);
	canonise(&body, BYTES("Hi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n"), 7);
	hash(buf_bytes(&body), digest);
	sasl_put_base64(&text, bytes_of(digest, sizeof digest));
	assert_same("bh", buf_bytes(&text), BYTES("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="));
	buf_done(&body);
	buf_done(&text);
}

static struct bytes
from_base64(struct buf *space, const char *text)
{
	buf_init(space, 1000);
	assert_true(sasl_take_base64(bytes_text(text), space));
	return buf_bytes(space);
}

static void
the_ed25519_example_verifies_rfc8463_a_3(void **state)
{
	static const char field[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n"
				    " d=football.example.com; i=@football.example.com;\n"
				    " q=dns/txt; s=brisbane; t=1528637909; h=" NAMES ";\n"
				    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
				    " b=";
	struct buf hashed, key_octets, signature_octets;
	struct bytes key = from_base64(&key_octets, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	struct bytes signature = from_base64(&signature_octets,
		"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.ptr, key.len);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[DKIM_HASH_OCTETS];

	(void)state;
	buf_init(&hashed, 4000);
	dkim_put_hashed_header(&hashed, BYTES(MESSAGE_HEADER), BYTES(NAMES));
	dkim_put_hashed_field(&hashed, bytes_text(field));
	hash(buf_bytes(&hashed), digest);
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, public), 1);
	assert_int_equal(EVP_DigestVerify(context, signature.ptr, signature.len, digest, sizeof digest), 1);
	digest[0] ^= 1;
	assert_int_not_equal(EVP_DigestVerify(context, signature.ptr, signature.len, digest, sizeof digest), 1);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	buf_done(&hashed);
	buf_done(&key_octets);
	buf_done(&signature_octets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_relaxed_wherever_it_is_cut_rfc6376_3_4_4_3_4_5),
		cmocka_unit_test(a_header_is_relaxed_rfc6376_3_4_2_3_4_5),
		cmocka_unit_test(of_fields_of_one_name_the_last_is_taken_first_rfc6376_5_4_2),
		cmocka_unit_test(a_field_is_named_once_more_than_it_is_there_rfc6376_5_4_8_15),
		cmocka_unit_test(a_name_that_stands_there_often_costs_little_more),
		cmocka_unit_test(more_fields_of_a_name_than_can_be_signed_are_none),
		cmocka_unit_test(the_field_has_its_tags_rfc6376_3_5_rfc8301_3_1),
		cmocka_unit_test(the_body_hash_of_the_examples_rfc6376_a_2_rfc8463_a_3),
		cmocka_unit_test(the_ed25519_example_verifies_rfc8463_a_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
