#include "proto/sts/sts.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define POLICY "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n"
static void
rfc8461_3_1_an_id_has_up_to_32_letters_and_digits(void **state)
{
	static const struct {
		const char *in, *id; /* NULL: there is no policy */
	} rows[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" }, /* the example */
		{ "v=STSv1; id=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345" },
		{ "v=STSv1; id=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", NULL },
		{ "v=STSv1; id=a-b", NULL },
		{ "v=STSv1; id=1 2", NULL },
		{ "v=STSv1; id=1; id=a-b", NULL },
		{ "v=STSv2; id=1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes id = BYTES("untouched");
		const char *want = rows[i].id ? rows[i].id : "untouched";
		uint8_t octets[256];
		struct buf records;

		buf_init_fixed(&records, octets, sizeof octets);
		put_u16(&records, (uint16_t)strlen(rows[i].in));
		put_bytes(&records, bytes_text(rows[i].in));
		if (sts_find_id(buf_bytes(&records), &id) != (rows[i].id != NULL) || !bytes_equal(id, bytes_text(want)))
			fail_msg("\"%s\" gave \"%.*s\"", rows[i].in, BYTES_ARG(id));
	}
}

static void
rfc8461_3_2_a_policy_has_version_mode_age_and_hosts(void **state)
{
	static const struct {
		const char *in;
		enum sts_mode mode;
		uint32_t age; /* UINT32_MAX: it is none */
	} rows[] = {
		{ POLICY, STS_ENFORCE, 604800 },
		{ "version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n", STS_TESTING, 1 },
		{ "version:STSv1\nmode:\tnone \nmax_age:0", STS_NONE, 0 },
		{ "max_age: 10\nmx: a.example\nmode: enforce\nversion: STSv1", STS_ENFORCE, 10 },
		{ "version: STSv1\nmode: enforce\nmode: none\nmx: a\nmax_age: 5\nmax_age: x\nversion: STSv2\n", STS_ENFORCE, 5 },
		{ "version: STSv1\nmode: none\nmax_age: 31557601\n", STS_NONE, STS_AGE_MAX_S },
		{ "version: STSv1\nmode: none\nmax_age: 9999999999\n", STS_NONE, STS_AGE_MAX_S },
		{ "version: STSv1\nmode: none\nmax_age: 1\nnew.thing: v\xc3\xa9ry new; indeed\n", STS_NONE, 1 },
		{ "version: STSv1\nmode: none\nmax_age: 10000000000\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: none\nmax_age: -1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: none\nmax_age: 1 2\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: testing\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: Enforce\nmx: a\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv2\nmode: enforce\nmx: a\nmax_age: 1\n", 0, UINT32_MAX },
		{ "mode: enforce\nmx: a\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmx: a\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmx: a\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmx: a\nmx: *.\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: enforce\nmx: a.\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\n\nmode: none\nmax_age: 1\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: none\nmax_age: 1\nwhat is this\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: none\nmax_age: 1\nx:\n", 0, UINT32_MAX },
		{ "version: STSv1\nmode: none\nmax_age: 1\nx: \xc3\n", 0, UINT32_MAX },
		{ "version: STSv1\rmode: none\rmax_age: 1\r", 0, UINT32_MAX },
		{ " version: STSv1\nmode: none\nmax_age: 1\n", 0, UINT32_MAX },
		{ "<html>", 0, UINT32_MAX },
		{ "", 0, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sts_policy p = { .max_age_s = UINT32_MAX };

		if (sts_policy_parse(bytes_text(rows[i].in), &p) != (rows[i].age != UINT32_MAX) || p.max_age_s != rows[i].age ||
			p.mode != rows[i].mode)
			fail_msg("\"%s\"", rows[i].in);
	}
}

static void
rfc8461_3_3_a_policy_has_64_kib_at_most(void **state)
{
	static char text[STS_POLICY_OCTETS_MAX + 2];
	struct sts_policy p;

	(void)state;
	memcpy(text, POLICY "x: ", strlen(POLICY "x: "));
	memset(text + strlen(text), 'y', STS_POLICY_OCTETS_MAX - strlen(text));
	assert_true(sts_policy_parse(bytes_text(text), &p));
	text[STS_POLICY_OCTETS_MAX] = 'y';
	assert_false(sts_policy_parse(bytes_text(text), &p));
}

static void
rfc8461_4_1_a_star_stands_for_one_label(void **state)
{
	static const struct {
		const char *host;
		bool want;
	} rows[] = {
		{ "mail.example.com", true },
		{ "MAIL.Example.Com", true },
		{ "backupmx.example.com", true },
		{ "foo.example.net", true },
		{ "example.net", false },
		{ "a.foo.example.net", false },
		{ ".example.net", false },
		{ "example.com", false },
		{ "x.mail.example.com", false },
		{ "mail.example.com.", false },
		{ "STSv1", false },
		{ "", false },
	};
	struct sts_policy p;

	(void)state;
	assert_true(sts_policy_parse(BYTES(POLICY), &p));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (sts_policy_names(&p, bytes_text(rows[i].host)) != rows[i].want)
			fail_msg("%s", rows[i].host);
}

static void
a_domain_that_can_have_a_policy_is_a_name_of_dns_and_of_a_file(void **state)
{
	static const char *const possible[] = { "example.org", "_x.a-b.example", "xn--bcher-kva.example" };
	static const char *const impossible[] = { "", ".example.org", "..", "a/b", "a b", "a%2e", "b\303\274cher.example", "[192.0.2.1]" };
	char longest[STS_DOMAIN_OCTETS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof possible / sizeof *possible; i++)
		assert_true(sts_domain_is_possible(bytes_text(possible[i])));
	for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++)
		assert_false(sts_domain_is_possible(bytes_text(impossible[i])));
	memset(longest, 'a', sizeof longest);
	assert_true(sts_domain_is_possible(bytes_of(longest, STS_DOMAIN_OCTETS_MAX)));
	assert_false(sts_domain_is_possible(bytes_of(longest, sizeof longest)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_that_can_have_a_policy_is_a_name_of_dns_and_of_a_file),
		cmocka_unit_test(rfc8461_3_1_an_id_has_up_to_32_letters_and_digits),
		cmocka_unit_test(rfc8461_3_2_a_policy_has_version_mode_age_and_hosts),
		cmocka_unit_test(rfc8461_3_3_a_policy_has_64_kib_at_most),
		cmocka_unit_test(rfc8461_4_1_a_star_stands_for_one_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
