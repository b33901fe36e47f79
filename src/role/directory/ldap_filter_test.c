#include "role/directory/ldap_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
what_means_something_in_a_filter_is_escaped(void **state)
{
	static const struct {
		struct bytes value;
		const char *want;
	} rows[] = {
		{ BYTES_INIT("abc@example.org"), "abc@example.org" },
		{ BYTES_INIT("*)(uid=*"), "\\2a\\29\\28uid=\\2a" },
		{ BYTES_INIT("a\\b"), "a\\5cb" },
		{ BYTES_INIT("a\0b"), "a\\00b" },
		{ BYTES_INIT("Lu\xc4\x8di\xc4\x87"), "Lu\\c4\\8di\\c4\\87" }, /* RFC 4515 4 */
		{ BYTES_INIT("\x7f\r\n"), "\\7f\\0d\\0a" },
		{ BYTES_INIT(""), "" },
	};
	char text[128];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_init_fixed(&out, text, sizeof text);
		ldap_filter_put_value(&out, rows[i].value);
		assert_true(bytes_equal(buf_bytes(&out), bytes_text(rows[i].want)));
	}
}

static void
a_thousand_octets_become_three_thousand_and_more_than_fits_fails(void **state)
{
	uint8_t value[1000];
	char text[3000];
	struct buf out;

	(void)state;
	memset(value, '(', sizeof value);
	buf_init_fixed(&out, text, sizeof text);
	ldap_filter_put_value(&out, bytes_of(value, sizeof value));
	assert_false(out.has_failed);
	assert_int_equal(out.len, 3000);
	buf_init_fixed(&out, text, sizeof text - 1);
	ldap_filter_put_value(&out, bytes_of(value, sizeof value));
	assert_true(out.has_failed);
}

static void
an_address_is_asked_for_by_every_name_that_it_may_have(void **state)
{
	static const struct {
		const char *aliases, *address, *want;
	} rows[] = {
		{ NULL, "Koffi@X.org", "(mail=koffi@x.org)" },
		{ NULL, "a+b-c@x.org", "(mail=a+b-c@x.org)(mail=a@x.org)(mail=a+b@x.org)" },
		{ "other", "k@x.org", "(mail=k@x.org)(other=k@x.org)(other=smtp:k@x.org)" },
		{ NULL, "*)(k@x.org", "(mail=\\2a\\29\\28k@x.org)" },
		{ NULL, "no address", "" },
		{ NULL, "", "" },
	};
	char text[512];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_init_fixed(&out, text, sizeof text - 1);
		ldap_filter_put_address(&out, "mail", rows[i].aliases, bytes_text(rows[i].address), BYTES("+-"));
		text[out.len] = '\0';
		assert_string_equal(text, rows[i].want);
	}
}

/* slapd takes no request of more than 256 KiB from who has not bound. */
static void
an_address_made_of_delimiters_becomes_no_filter_that_a_server_refuses(void **state)
{
	char address[300], text[65536];
	struct buf out;
	size_t len = 0;

	(void)state;
	for (; len < 240; len += 3)
		memcpy(address + len, "\xc3\xa9+", 3);
	memcpy(address + len, "@x.org", sizeof "@x.org");
	buf_init_fixed(&out, text, sizeof text);
	ldap_filter_put_address(&out, "mail", "proxyAddresses", bytes_text(address), BYTES("+"));
	assert_false(out.has_failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_something_in_a_filter_is_escaped),
		cmocka_unit_test(a_thousand_octets_become_three_thousand_and_more_than_fits_fails),
		cmocka_unit_test(an_address_is_asked_for_by_every_name_that_it_may_have),
		cmocka_unit_test(an_address_made_of_delimiters_becomes_no_filter_that_a_server_refuses),
	};

	return cmocka_run_group_tests_name("ldap_filter", tests, NULL, NULL);
}
