#include "config/config.h"

#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEHIND "the \";\" is missing at the end of the line before"

/* All errors as "LINE:COLUMN TEXT" lines. */
static void
errors_of(const char *text, char out[2000])
{
	static struct config_errors errors;
	char path[] = "/tmp/mermoz-apply-XXXXXX";
	struct config *c;
	size_t len = 0;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(config_load(path, &c, &errors), -1);
	(void)unlink(path);
	for (size_t i = 0; i < errors.count; i++)
		len += (size_t)snprintf(out + len, 2000 - len, "%u:%u %s\n", errors.at[i].line, errors.at[i].column,
			errors.at[i].text);
}

#define COMPLETE "hostname a.org;domain b.org;mailboxes maildir /m/%u;run_directory /r;state_directory /s;plaintext_login loopback;\n"

static void
a_missing_semicolon_is_told_where_it_is_and_hides_no_other_error(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "hostname a.org\ndomain b.org\nlisten imap *:1\nmailboxes maildir /m/%u\nrun_directory /r;state_directory /s;plaintext_login loopback;",
			"2:1 " BEHIND "\n3:1 " BEHIND "\n4:1 " BEHIND "\n5:1 " BEHIND "\n" },
		{ COMPLETE "listen imaps *:1\ncertificate /none /none;", "3:1 " BEHIND "\n3:1 certificate: can't read /none" },
		{ COMPLETE "listen imap *:1\nlog { level loud; }",
			"3:1 " BEHIND "\n3:13 level is one of debug|info|notice|warning|error, not loud\n" },
		{ COMPLETE "listen imap *:1\ndirectory embedded { file x; }", "3:1 " BEHIND "\n3:27 " },
		{ COMPLETE "listen imap *:1;\nlimits { message_size 1M\nimap_timeout 5m; }", "4:1 " BEHIND "\n4:14 imap_timeout 5m: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char got[2000] = "";

		errors_of(rows[i].text, got);
		if (strncmp(got, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s\nwant: %s\ngot: %s", rows[i].text, rows[i].want, got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_semicolon_is_told_where_it_is_and_hides_no_other_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
