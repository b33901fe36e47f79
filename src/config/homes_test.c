#include "config/config.h"
#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config_errors errors;

static struct config *
load(const char *text)
{
	char path[] = "/tmp/mermoz-homes-XXXXXX";
	int fd = mkstemp(path);
	struct config *c = NULL;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "hostname a.b.org; domain a.org; listen smtp *;\n%s", text) > 0);
	if (config_load(path, &c, &errors) != 0)
		assert_null(c);
	(void)close(fd);
	(void)unlink(path);
	return c;
}

static void
homes_lie_below_a_directory_that_is_named(void **state)
{
	static const struct {
		const char *text, *says; /* NULL: it is right */
	} rows[] = {
		{ "mailboxes maildir %h/Maildir; homes /home;", NULL },
		{ "mailboxes maildir %h/Maildir;", "\"homes\" is missing: say below which directory homes (%h) lie, such as: homes /home;" },
		{ "mailboxes maildir %h; homes /;", "a directory below \"/\" is needed" },
		{ "mailboxes maildir %h; homes home;", "a full path is needed" },
		{ "mailboxes maildir /m/%u; homes /home;", "does not begin with %h" },
		{ "mailboxes maildir /m/%u; directory ldap { server ldap://a; base a=b; home homeDirectory; }", "does not begin with %h" },
		{ "mailboxes maildir /m/%h; homes /home;", "it stands once, and first" },
		{ "mailboxes maildir %hx; homes /home;", "\"/\" comes behind it" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = load(rows[i].text);

		if (rows[i].says && (c || !strstr(errors.at[0].text, rows[i].says)))
			print_error("%s\n got %s\n", rows[i].text, c ? "no error" : errors.at[0].text);
		assert_int_equal(c != NULL, rows[i].says == NULL);
		assert_true(!rows[i].says || (errors.count == 1 && errors.at[0].line == 2 && strstr(errors.at[0].text, rows[i].says)));
		config_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(homes_lie_below_a_directory_that_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
