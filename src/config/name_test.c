#include "config/name.h"

#include "config/test_support.h"

#include <stdio.h>

struct row {
	const char *name;
	bool is_good;
};

static const struct row hosts[] = {
	{ "mail.example.org", true },
	{ "localhost", true },
	{ "a.b", true },
	{ "xn--bcher-kva.example", true },
	{ "3com.example", true },
	{ "mail", false },
	{ "", false },
	{ "mail.example.org.", false },
	{ "mail..example.org", false },
	{ ".example.org", false },
	{ "-a.example", false },
	{ "a-.example", false },
	{ "a_b.example", false },
	{ "192.0.2.1", false },
	{ "b\xc3\xbc" "cher.example", false },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", false },
};

static const struct row domains[] = {
	{ "example.org", true },
	{ "b\xc3\xbc" "cher.example", true },
	{ "b\xc3.example", false },
	{ "*", false },
	{ "*.example.org", false },
	{ "@example.org", false },
	{ "org", false },
};

static const struct row addresses[] = {
	{ "postmaster@example.org", true },
	{ "a.b+c@example.org", true },
	{ "postmaster", false },
	{ "@example.org", false },
	{ "a@b@example.org", false },
	{ "a b@example.org", false },
	{ ".a@example.org", false },
	{ "a.@example.org", false },
	{ "a..b@example.org", false },
	{ "a@example", false },
};

static const struct row paths[] = {
	{ "/", true },
	{ "/var/lib/mermoz", true },
	{ "/a..b/..c", true },
	{ "var/lib", false },
	{ "", false },
	{ "/a/../b", false },
	{ "/a/..", false },
};

static const struct row users[] = {
	{ "vmail", true },
	{ "_mermoz", true },
	{ "www-data", true },
	{ "u1.x", true },
	{ "1000", false },
	{ "-x", false },
	{ "a b", false },
	{ "a:b", false },
	{ "", false },
};

static const struct row templates[] = {
	{ "/home/vmail/%d/%u/mailbox", true },
	{ "/var/mail/%u", true },
	{ "/home/%{homeDirectory}/Maildir", true },
	{ "/home/%{a_b-c2}", true },
	{ "/100%%/%u", true },
	{ "%h", true },
	{ "%h/Maildir", true },
	{ "%h/%d/%u", true },
	{ "", false },
	{ "%hx", false },
	{ "%h/../x", false },
	{ "%h/%h", false },
	{ "%h/%x", false },
	{ "/var/mail/%h", false },
	{ "/var/mail/%u/%h", false },
	{ "/var/mail", false },
	{ "/var/mail/%d", false },
	{ "/var/mail/%x/%u", false },
	{ "/var/mail/%u/%", false },
	{ "/var/mail/%u/%{", false },
	{ "/var/mail/%u/%{a b}", false },
	{ "/var/mail/%u/%{a", false },
	{ "mail/%u", false },
	{ "/mail/../%u", false },
};

static const struct row homes[] = {
	{ "/home", true },
	{ "/var/mail/", true },
	{ "/", false },
	{ "//", false },
	{ "home", false },
	{ "/home/..", false },
	{ "", false },
};

static void
check_rows(const struct row *rows, size_t count, const char *(*trouble)(struct bytes))
{
	for (size_t i = 0; i < count; i++) {
		if ((trouble(bytes_text(rows[i].name)) == NULL) != rows[i].is_good)
			print_error("row %zu: %s\n", i, rows[i].name);
		assert_int_equal(trouble(bytes_text(rows[i].name)) == NULL, rows[i].is_good);
	}
}

static void
a_hostname_is_a_full_name_rfc5321_2_3_5(void **state)
{
	(void)state;
	check_rows(hosts, COUNT(hosts), name_host_trouble);
}

static void
a_domain_is_one_name_that_may_be_utf8_rfc6531_3_2(void **state)
{
	(void)state;
	check_rows(domains, COUNT(domains), name_domain_trouble);
}

static void
an_address_has_a_dot_string_before_the_at(void **state)
{
	(void)state;
	check_rows(addresses, COUNT(addresses), name_address_trouble);
}

static void
a_path_is_full_and_never_climbs(void **state)
{
	(void)state;
	check_rows(paths, COUNT(paths), name_path_trouble);
	assert_non_null(name_path_trouble(BYTES("/a\0b")));
}

static void
an_account_of_the_system_is_a_name(void **state)
{
	(void)state;
	check_rows(users, COUNT(users), name_user_trouble);
}

static void
a_template_tells_accounts_apart(void **state)
{
	(void)state;
	check_rows(templates, COUNT(templates), name_template_trouble);
	check_rows(homes, COUNT(homes), name_homes_trouble);
	assert_true(name_template_has_domain(BYTES("%h/Maildir")));
	assert_true(name_template_has_home(BYTES("%h/Maildir")));
	assert_false(name_template_has_home(BYTES("/%u")));
	assert_true(name_template_has_domain(BYTES("/m/%d/%u")));
	assert_false(name_template_has_domain(BYTES("/m/%u")));
	assert_false(name_template_has_domain(BYTES("/m/%%d/%u")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostname_is_a_full_name_rfc5321_2_3_5),
		cmocka_unit_test(a_domain_is_one_name_that_may_be_utf8_rfc6531_3_2),
		cmocka_unit_test(an_address_has_a_dot_string_before_the_at),
		cmocka_unit_test(a_path_is_full_and_never_climbs),
		cmocka_unit_test(an_account_of_the_system_is_a_name),
		cmocka_unit_test(a_template_tells_accounts_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
