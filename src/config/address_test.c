#include "config/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct fold_row {
	const char *in;
	const char *want; /* NULL: refused */
};

static void
addresses_fold_to_lower_case(void **state)
{
	static const struct fold_row rows[] = {
		{ "Alice@Example.ORG", "alice@example.org" },
		{ "POSTMASTER", "postmaster" },
		{ "@Example.org", "@example.org" },
		{ "john smith@x.org", "john smith@x.org" },
		{ "a@b@C.org", "a@b@c.org" },
		{ "", NULL },
		{ "@", NULL },
		{ "alice@", NULL },
		{ "al\tice@x.org", NULL },
		{ "al\x7fice@x.org", NULL },
		{ "al\xffice@x.org", NULL },
		{ "\xc3\x89mile@x.org", "\xc3\xa9mile@x.org" }, /* É: é */
		{ "e\xcc\x81mile@x.org", "\xc3\xa9mile@x.org" }, /* e and an accent: é */
		{ "stra\xc3\x9f" "e@x.org", "strasse@x.org" },
		{ "\xc3\x89mile@M\xc3\x9cNCHEN.org", "\xc3\xa9mile@xn--mnchen-3ya.org" },
		{ "@m\xc3\xbcnchen.org", "@xn--mnchen-3ya.org" },
		{ "a@b\xef\xbc\xa0m\xc3\xbcnchen.org", "a@b\xef\xbc\xa0m\xc3\xbcnchen.org" }, /* what looks like "@" */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address a;
		bool is_folded = address_fold(bytes_text(rows[i].in), &a);

		assert_int_equal(is_folded, rows[i].want != NULL);
		if (is_folded)
			assert_true(bytes_equal(address_bytes(&a), bytes_text(rows[i].want)));
	}
}

static void
both_spellings_of_a_domain_are_equal(void **state)
{
	(void)state;
	assert_true(address_equal(BYTES("A@xn--mnchen-3ya.org"), BYTES("a@m\xc3\xbcnchen.org")));
	assert_true(address_equal(BYTES("A@x.org"), BYTES("a@X.org")));
	assert_false(address_equal(BYTES("a@x.org"), BYTES("a@m\xc3\xbcnchen.org")));
	assert_false(address_equal(BYTES("a@x.org"), BYTES("b@x.org")));
}

static void
an_address_has_two_parts(void **state)
{
	struct address a;

	(void)state;
	assert_true(address_fold(BYTES("a@b@C.org"), &a));
	assert_true(bytes_equal(address_local(&a), BYTES("a@b")));
	assert_true(bytes_equal(address_domain(&a), BYTES("c.org")));
	assert_true(address_fold(BYTES("Postmaster"), &a));
	assert_true(bytes_equal(address_local(&a), BYTES("postmaster")));
	assert_int_equal(address_domain(&a).len, 0);
}

static void
rfc5321_4_5_3_1_longer_addresses_are_refused(void **state)
{
	uint8_t octets[ADDRESS_OCTETS_MAX + 1];
	struct address a;

	(void)state;
	memset(octets, 'a', sizeof octets);
	octets[64] = '@';
	assert_true(address_fold(bytes_of(octets, ADDRESS_OCTETS_MAX), &a));
	assert_int_equal(a.len, ADDRESS_OCTETS_MAX);
	assert_false(address_fold(bytes_of(octets, sizeof octets), &a));
	/* U+0130, two octets, folds to three. */
	for (size_t i = 0; i < ADDRESS_OCTETS_MAX - 2; i += 2) {
		octets[i] = 0xc4;
		octets[i + 1] = 0xb0;
	}
	octets[ADDRESS_OCTETS_MAX - 2] = '@';
	assert_false(address_fold(bytes_of(octets, ADDRESS_OCTETS_MAX), &a));
}

static void
addresses_are_made_of_parts(void **state)
{
	uint8_t octets[ADDRESS_OCTETS_MAX] = { 'a' };
	struct address a;

	(void)state;
	assert_true(address_make(BYTES("a"), BYTES("b.org"), &a));
	assert_true(bytes_equal(address_bytes(&a), BYTES("a@b.org")));
	assert_true(address_make(address_local(&a), BYTES("c.org"), &a));
	assert_true(bytes_equal(address_bytes(&a), BYTES("a@c.org")));
	assert_true(address_make(BYTES_NONE, BYTES("b.org"), &a));
	assert_true(bytes_equal(address_bytes(&a), BYTES("@b.org")));
	assert_false(address_make(BYTES("a"), BYTES_NONE, &a));
	assert_false(address_make(bytes_of(octets, sizeof octets), BYTES("b"), &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_fold_to_lower_case),
		cmocka_unit_test(both_spellings_of_a_domain_are_equal),
		cmocka_unit_test(an_address_has_two_parts),
		cmocka_unit_test(rfc5321_4_5_3_1_longer_addresses_are_refused),
		cmocka_unit_test(addresses_are_made_of_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
