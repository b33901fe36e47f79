/* What is warned of in a configuration as a whole. */
#include "config/directive.h"
#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SMALLEST "hostname mail.a.org; domain a.org b.a.org; listen smtp *; mailboxes maildir /m/%d/%u;\n"

static struct config_errors errors;

static void
load_good(const char *text)
{
	char path[] = "/tmp/mermoz-check-XXXXXX";
	int fd = mkstemp(path);
	struct config *c = NULL;

	assert_int_equal(dprintf(fd, "%s%s\n", SMALLEST, text), strlen(SMALLEST) + strlen(text) + 1);
	close(fd);
	if (config_load(path, &c, &errors) != 0)
		fail_msg("%s: %s", text, errors.at[0].text);
	config_free(&c);
	(void)unlink(path);
}

struct row {
	const char *text, *want; /* NULL: no warning */
	uint32_t column;
};

/* Everything stands on line 2. */
static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		load_good(rows[i].text);
		if (errors.warning_count != (rows[i].want != NULL))
			fail_msg("%s: %zu warnings", rows[i].text, errors.warning_count);
		if (!rows[i].want)
			continue;
		assert_int_equal(errors.warnings[0].line, 2);
		assert_int_equal(errors.warnings[0].column, rows[i].column);
		if (!strstr(errors.warnings[0].text, rows[i].want))
			fail_msg("%s: %s", rows[i].text, errors.warnings[0].text);
	}
}

static void
a_server_that_passwords_go_to_in_the_clear_is_warned_of_where_it_is_named(void **state)
{
	static const struct row rows[] = {
		{ "directory ldap { server ldap://ldap.a.org; base a=b; }", "in the clear", 25 },
		{ "directory ldap { server ldap://192.0.2.1:3389; base a=b; }", "ldap://192.0.2.1:3389", 25 },
		{ "directory ldap { server ldap://[2001:db8::1]/; base a=b; }", "in the clear", 25 },
		{ "directory ldap { server LDAP://localhost.a.org; base a=b; }", "in the clear", 25 },
		{ "directory ldap { server ldaps://a.org; server ldap://a.org; base a=b; }", "in the clear", 47 },
		{ "directory ldap { server ldap://a.org; base a=b; starttls yes; }", NULL, 0 },
		{ "directory ldap { server ldaps://a.org; base a=b; }", NULL, 0 },
		{ "directory ldap { server ldap://127.0.0.1; base a=b; }", NULL, 0 },
		{ "directory ldap { server ldap://127.0.0.1:3389/; base a=b; }", NULL, 0 },
		{ "directory ldap { server ldap://[::1]:3389; base a=b; }", NULL, 0 },
		{ "directory ldap { server ldap://Localhost:3389; base a=b; }", NULL, 0 },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
a_route_to_mailboxes_that_are_not_here_is_warned_of(void **state)
{
	static const struct row rows[] = {
		{ "route c.org to mailboxes;", "route c.org to mailboxes: no \"domain\" line names it: right if your directory has it", 1 },
		{ "route joe@c.org to mailboxes;", "name a host", 1 },
		{ "route .c.org to mailboxes;", "name a host", 1 },
		{ "route .b.a.org to mailboxes;", "name a host", 1 },
		{ "route * to mailboxes;", "name a host", 1 },
		{ "relay_for c.org any; route c.org to mailboxes;", "name a host", 22 },
		{ "route A.org to mailboxes;", NULL, 0 },
		{ "route joe@a.org to mailboxes;", NULL, 0 },
		{ "route .a.org to mailboxes;", NULL, 0 },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
every_switch_is_written_no_or_yes(void **state)
{
	(void)state;
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++)
		if (d->kind == KIND_CHOICE && (strstr(d->syntax, "off|") || strstr(d->syntax, "|off") || strcmp(d->syntax, "yes|no") == 0))
			fail_msg("%s is %s", d->name, d->syntax);
	load_good("mta_sts no; outgoing_loopback yes;");
	assert_int_equal(errors.warning_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_passwords_go_to_in_the_clear_is_warned_of_where_it_is_named),
		cmocka_unit_test(a_route_to_mailboxes_that_are_not_here_is_warned_of),
		cmocka_unit_test(every_switch_is_written_no_or_yes),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
