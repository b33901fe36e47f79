#include "config/domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define MUENCHEN "m\xc3\xbcnchen"

static const struct {
	const char *in;
	const char *want; /* NULL: refused */
} rows[] = {
	{ "Example.ORG", "example.org" },
	{ "my_host.example", "my_host.example" },
	{ "[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]" },
	{ "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
	{ "XN--MNCHEN-3YA.Example", "xn--mnchen-3ya.example" },
	{ MUENCHEN ".example", "xn--mnchen-3ya.example" },
	{ "M\xc3\x9cNCHEN.EXAMPLE", "xn--mnchen-3ya.example" },
	{ "mu\xcc\x88nchen.example", "xn--mnchen-3ya.example" }, /* u and two dots */
	{ "xn--mnchen-3ya." MUENCHEN ".example", "xn--mnchen-3ya.xn--mnchen-3ya.example" },
	{ "my_host." MUENCHEN ".example", "my_host.xn--mnchen-3ya.example" },
	/* RFC 5891: the sharp s is a letter of its own */
	{ "stra\xc3\x9f" "e.example", "xn--strae-oqa.example" },
	/* an ideographic full stop ends a label too (UTS 46 4) */
	{ MUENCHEN "\xe3\x80\x82" "example", "xn--mnchen-3ya.example" },
	{ "\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah" },
	/* what only looks like "@" and "/" never becomes one */
	{ "a\xef\xbc\xa0" "b.example", "a\xef\xbc\xa0" "b.example" },
	{ "a\xef\xbc\x8f" "b.example", "a\xef\xbc\x8f" "b.example" },
	/* no domain of DNS */
	{ "Xn--a." MUENCHEN ".example", "xn--a." MUENCHEN ".example" },
	{ "", NULL },
	{ "a@b", NULL },
	{ "a\tb", NULL },
	{ "a\x7f" "b", NULL },
	{ "a\xff" "b", NULL },
};

static void
domains_fold_to_what_dns_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct domain once, twice;

		if (domain_fold(bytes_text(rows[i].in), &once) != (rows[i].want != NULL))
			fail_msg("row %zu", i);
		if (!rows[i].want)
			continue;
		if (!bytes_equal(domain_bytes(&once), bytes_text(rows[i].want)))
			fail_msg("row %zu: %.*s", i, BYTES_ARG(domain_bytes(&once)));
		assert_true(domain_fold(domain_bytes(&once), &twice));
		assert_true(bytes_equal(domain_bytes(&twice), domain_bytes(&once)));
	}
}

static void
rfc5321_4_5_3_1_2_longer_domains_are_refused(void **state)
{
	uint8_t octets[DOMAIN_OCTETS_MAX + 1];
	struct domain d;

	(void)state;
	memset(octets, 'a', sizeof octets);
	assert_true(domain_fold(bytes_of(octets, DOMAIN_OCTETS_MAX), &d));
	assert_int_equal(d.len, DOMAIN_OCTETS_MAX);
	assert_false(domain_fold(bytes_of(octets, sizeof octets), &d));
	/* A-labels would be longer than the longest domain. */
	for (size_t i = 0; i + 2 < DOMAIN_OCTETS_MAX; i += 3)
		memcpy(octets + i, "\xc3\xbc.", 3);
	octets[DOMAIN_OCTETS_MAX - 1] = 'a';
	assert_true(domain_fold(bytes_of(octets, DOMAIN_OCTETS_MAX), &d));
	assert_int_equal(d.len, DOMAIN_OCTETS_MAX);
}

static void
both_spellings_are_equal(void **state)
{
	(void)state;
	assert_true(domain_equal(BYTES("XN--mnchen-3ya.example"), BYTES(MUENCHEN ".example")));
	assert_true(domain_equal(BYTES("a.example"), BYTES("A.example")));
	assert_false(domain_equal(BYTES("a.example"), BYTES(MUENCHEN ".example")));
	assert_false(domain_equal(BYTES("a.example"), BYTES("b.example")));
	assert_false(domain_equal(BYTES("\xff"), BYTES("\xff")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_fold_to_what_dns_writes),
		cmocka_unit_test(rfc5321_4_5_3_1_2_longer_domains_are_refused),
		cmocka_unit_test(both_spellings_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
