#include "config/config.h"

#include "config/test_directory.h"
#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALLEST "hostname mail.a.org; domain a.org; listen smtp *; mailboxes maildir /m/%d/%u;\n"

static struct config_errors errors;

static int
make_directory(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-at-once-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_directory(void **state)
{
	static const char *const names[] = { "m.conf", "aliases", "" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return 0;
}

static void
load(const char *text)
{
	struct config *c = NULL;
	char path[128], whole[2048];

	(void)snprintf(path, sizeof path, "%s/m.conf", dir);
	(void)snprintf(whole, sizeof whole, "%s%s\n", SMALLEST, text);
	write_file("m.conf", whole);
	if (config_load(path, &c, &errors) == 0)
		config_free(&c);
}

/* Lines of "LINE:COLUMN part of what is said", in their order, and no others. */
static void
check(const char *text, const char *want, const struct config_error *got, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char where[32], line[256];
		int len = (int)strcspn(want, "\n");

		(void)snprintf(where, sizeof where, "%u:%u ", got[i].line, got[i].column);
		(void)snprintf(line, sizeof line, "%.*s", len, want);
		if (strncmp(line, where, strlen(where)) != 0 || !strstr(got[i].text, line + strlen(where)))
			fail_msg("%s\n wanted %s\n got %s%s", text, line, where, got[i].text);
		want += (size_t)len + (want[len] == '\n');
	}
	if (*want)
		fail_msg("%s\n wanted %s", text, want);
}

static void
each_error_of_a_statement_is_told_where_it_stands(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "trusted_networks 300.1.1.1 10.0.0.1/8 ::/0;", "2:18 a network is needed\n2:28 bits are set\n2:39 nearly everybody" },
		{ "trusted_networks 8.0.0.0/8 9.0.0.0/8 11.0.0.0/8;", "2:28 more of the Internet" },
		{ "trusted_users 1 2;", "2:15 not its number\n2:17 not its number" },
		{ "listen local unix:/run/x; trusted_users root nosuchuser nosuchother;", "2:46 there is no such user\n2:57 there is no such user" },
		{ "trusted_users nosuchuser;", "2:15 there is no such user" },
		{ "route x..iut to y..iut;", "2:7 route x..iut: \n2:17 route x..iut: " },
		{ "route x.iut for y.iut;", "2:13 it is written" },
		{ "route x.iut to error \"\";", "2:22 a sentence" },
		{ "route x.iut to error;", "2:16 a sentence" },
		{ "route x.iut to y.iut now;", "2:22 only error" },
		{ "route x.iut to y.iut;\n route x.iut to z.iut;", "3:8 already" },
		{ "route *@a.org to y.iut;", "2:7 a domain alone stands for all its addresses" },
		{ "route x.iut to mx:10.0.0.1;", "2:16 behind mx: stands a domain" },
		{ "route x.iut to mx:[::1];", "2:16 behind mx: stands a domain" },
		{ "route x.iut to 127.0.0.1;", "2:1 route x.iut: this server listens there itself" },
		{ "route x.iut to [::1]:25;", "2:1 this server listens there itself" },
		{ "route x.iut to localhost;\nroute * to MAIL.a.org;\nsender_route y.iut to mail.a.org:25;",
		  "2:1 route x.iut: this\n3:1 route *: this\n4:1 sender_route y.iut: this" },
		{ "listen smtp 192.0.2.1:2525; listen submission [2001:db8::1]; plaintext_login yes;\nroute x.iut to 192.0.2.1:2525; route y.iut to [2001:db8::1]:587;",
		  "3:1 route x.iut\n3:32 route y.iut" },
		{ "listen smtp 127.0.0.1:2525; route x.iut to localhost:2525;", "2:29 this server listens there itself" },
		{ "route x.iut to lmtp:127.0.0.1:25; route y.iut to 127.0.0.1:26; route z.iut to 192.0.2.1; route w.iut to other.a.org; listen imap 192.0.2.9:2143; "
		  "route v.iut to 192.0.2.9:2143; plaintext_login yes;", "" },
		{ "sender_route * to y.iut;", "2:14 route * to HOST" },
		{ "sender_route x@a.org to mailboxes;", "2:25 relay host" },
		{ "relay_for x..iut any;", "2:11 relay_for x..iut" },
		{ "relay_for x.iut some;", "2:17 \"known\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		load(rows[i].text);
		check(rows[i].text, rows[i].want, errors.at, errors.count);
	}
}

static void
a_user_that_is_named_and_not_there_is_told_with_the_rest(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	load("user queue nosuchuser; user front root;\nroute x..iut to y.iut;");
	check("user", "2:1 there is no user \"nosuchuser\"\n3:7 route x..iut", errors.at, errors.count);
}

static void
what_is_right_and_of_no_use_is_warned_of(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "queue { retry_first 10m; retry_most 5m; }", "2:9 retry_first (10m) is longer than retry_most (5m)" },
		{ "queue { retry_first 6h; }", "2:9 is longer than retry_most (4h)" },
		{ "queue { retry_first 1h; lifetime 30m; }", "2:25 lifetime (30m) is shorter than retry_first (1h)" },
		{ "queue { lifetime 1m; }", "2:9 is shorter than retry_first (5m)" },
		{ "queue { retry_first 1s; retry_most 1s; lifetime 1s; }", "" },
		{ "queue { lifetime 2h; }", "" },
		{ "queue { lifetime 2h; delay_notice 3h; }", "2:22 delay_notice (3h) is not shorter than lifetime (2h)" },
		{ "queue { lifetime 2h; delay_notice 0s; }", "" },
		{ "aliases DIR/aliases;", "2:1 foreign@elsewhere.iut: no \"domain\" line names elsewhere.iut\n4:1 root@mail.a.org: no \"domain\" line names mail.a.org" },
		{ "aliases DIR/aliases nope.iut;", "2:9 aliases: no \"domain\" line names nope.iut\n2:1 foreign@elsewhere.iut\n4:1 root@mail.a.org" },
		{ "aliases DIR/aliases taken.iut; relay_for taken.iut known; relay_for elsewhere.iut known; domain mail.a.org;", "" },
	};

	(void)state;
	write_file("aliases", "a@A.org: b\n\"foreign\"@elsewhere.iut: b\nc: foreign@elsewhere.iut, b\nroot@mail.a.org: b\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];
		const char *at = strstr(rows[i].text, "DIR");

		(void)snprintf(text, sizeof text, "%.*s%s%s", at ? (int)(at - rows[i].text) : 1000, rows[i].text, at ? dir : "", at ? at + 3 : "");
		load(text);
		check(text, "", errors.at, errors.count);
		check(text, rows[i].want, errors.warnings, errors.warning_count);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_of_a_statement_is_told_where_it_stands),
		cmocka_unit_test(a_user_that_is_named_and_not_there_is_told_with_the_rest),
		cmocka_unit_test(what_is_right_and_of_no_use_is_warned_of),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
