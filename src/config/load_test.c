#include "config/config.h"

#include "base/memory.h"
#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
#define SMALLEST "hostname mail.a.org; domain a.org; listen smtp *; mailboxes maildir /m/%d/%u;\n"

/* A directory of its own for each test; files go with it. */
static char dir[64];

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static int
make_directory(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	write_file("chain", PEM);
	write_file("key", KEY);
	write_file("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
	return 0;
}

static int
remove_directory(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static struct config_errors errors;

/* DIR in the text stands for the directory. */
static struct config *
load(const char *text)
{
	char path[256];
	struct config *c = NULL;
	struct buf out;
	struct bytes rest = bytes_text(text);

	buf_init(&out, 100000);
	for (;;) {
		size_t at = bytes_find(rest, BYTES("DIR"));

		put_bytes(&out, bytes_sub(rest, 0, at));
		if (at == rest.len)
			break;
		put_text(&out, dir);
		rest = bytes_sub(rest, at + 3, rest.len);
	}
	put_char(&out, '\0');
	write_file("main.conf", (const char *)out.ptr);
	buf_done(&out);
	(void)snprintf(path, sizeof path, "%s/main.conf", dir);
	if (config_load(path, &c, &errors)) {
		assert_null(c);
		assert_true(errors.count > 0);
	}
	return c;
}

static struct config *
load_good(const char *text)
{
	struct config *c = load(text);

	if (!c)
		print_error("%u:%u %s\n", errors.at[0].line, errors.at[0].column, errors.at[0].text);
	assert_non_null(c);
	return c;
}

static void
the_smallest_file_has_good_defaults(void **state)
{
	struct config *c = load_good(SMALLEST);

	(void)state;
	assert_int_equal(c->listener_count, 1);
	assert_int_equal(c->listeners[0].service, SERVICE_SMTP);
	assert_true(bytes_equal(c->listeners[0].address, BYTES("*:25")));
	assert_true(bytes_equal(c->recipient_delimiter, BYTES("+")));
	assert_true(bytes_equal(c->run_directory, BYTES("/run/mermoz")));
	assert_true(bytes_equal(c->directory_embedded_file, BYTES("/var/lib/mermoz/directory/accounts.db")));
	assert_true(bytes_equal(c->user_store, BYTES("vmail")));
	assert_int_equal(c->plaintext_login, PLAINTEXT_LOGIN_NO);
	assert_int_equal(c->default_password_scheme, PASSWORD_SCHEME_PLAIN);
	assert_int_equal(c->log_format, LOG_KEY_VALUE);
	assert_int_equal(c->log_level, LEVEL_INFO);
	assert_int_equal(c->message_octets_max, 50 * 1024 * 1024);
	assert_int_equal(c->smtp_timeout_s, 300);
	assert_int_equal(c->imap_timeout_s, 1800);
	assert_int_equal(c->request_timeout_ms, 30000);
	config_free(&c);
	assert_null(c);
}

static void
a_socket_file_has_an_owner_and_a_mode(void **state)
{
	struct config *c = load_good(SMALLEST "listen auth unix:/var/spool/postfix/private/auth mode 0660 user postfix group mail;\n"
		"listen auth-userdb unix:/run/mermoz/auth-userdb;"), *slice;
	struct fault f;
	struct buf text;

	(void)state;
	assert_int_equal(c->listener_count, 3);
	assert_int_equal(c->listeners[1].service, SERVICE_AUTH);
	assert_true(bytes_equal(config_unix_path(c->listeners[1].address), BYTES("/var/spool/postfix/private/auth")));
	assert_int_equal(c->listeners[1].mode, 0660);
	assert_true(bytes_equal(c->listeners[1].user, BYTES("postfix")));
	assert_true(bytes_equal(c->listeners[1].group, BYTES("mail")));
	assert_int_equal(c->listeners[2].service, SERVICE_AUTH_USERDB);
	assert_int_equal(c->listeners[2].mode, 0600);
	assert_int_equal(c->listeners[2].user.len, 0);
	assert_int_equal(config_unix_path(c->listeners[0].address).len, 0);
	buf_init(&text, CONFIG_FILE_MAX);
	config_put_text(c, false, &text);
	assert_true(bytes_find(buf_bytes(&text), BYTES("\nlisten auth unix:/var/spool/postfix/private/auth mode 0660 user postfix "
		"group mail;\n")) < text.len);
	assert_true(bytes_find(buf_bytes(&text), BYTES("\nlisten auth-userdb unix:/run/mermoz/auth-userdb mode 0600;\n")) < text.len);
	assert_int_equal(config_read_slice(buf_bytes(&text), &slice, &f), 0);
	assert_int_equal(slice->listeners[1].mode, 0660);
	config_free(&slice);
	config_free(&c);
	buf_done(&text);
}

static void
every_directive_finds_its_member(void **state)
{
	struct config *c = load_good(
		"hostname mail.a.org; domain A.org b.org; domain c.org; recipient_delimiter \"\";\n"
		"postmaster pm@a.org; run_directory /r; state_directory /s; user front daemon; user directory bin; user store sys; user resolver man;\n"
		"resolver 192.0.2.1 trusted; resolver [::1]:5353;\n"
		"log { format json; level error; } plaintext_login yes; default_password_scheme SCRAM-SHA-256;\n"
		"listen smtp 127.0.0.1; listen submission [::1]:2587; listen submissions *; listen imap *:2143; listen imaps *;\n"
		"certificate DIR/chain file:DIR/key; directory embedded { file /x.db; } mailboxes maildir /m/%{home};\n"
		"fronts 3; store_threads 5; source_address 192.0.2.1 2001:db8::1; user relay nobody;\n"
		"limits { message_size 1M; recipients 101; hops 11; command_line 2K; imap_command 9000; errors 4; refused_recipients 13; connections 12;\n"
		" outgoing 14; outgoing_per_host 15; connections_per_address 6; smtp_timeout 7; imap_timeout 1h; login_timeout 8s; login_failures 9; login_failures_per_address 16;\n"
		" request_timeout 500ms; journal 2M; dns_cache 1M; }\n");

	(void)state;
	assert_int_equal(c->domains.count, 3);
	assert_true(bytes_equal(c->domains.at[0], BYTES("a.org")));
	assert_int_equal(c->recipient_delimiter.len, 0);
	assert_true(bytes_equal(c->postmaster, BYTES("pm@a.org")));
	assert_true(bytes_equal(c->state_directory, BYTES("/s")));
	assert_true(bytes_equal(c->user_front, BYTES("daemon")) && bytes_equal(c->user_directory, BYTES("bin")));
	assert_true(bytes_equal(c->user_store, BYTES("sys")) && bytes_equal(c->user_resolver, BYTES("man")));
	assert_int_equal(c->resolver_count, 2);
	assert_true(bytes_equal(c->resolvers[0].address, BYTES("192.0.2.1:53")) && c->resolvers[0].is_trusted);
	assert_true(bytes_equal(c->resolvers[1].address, BYTES("[::1]:5353")) && !c->resolvers[1].is_trusted);
	assert_int_equal(c->dns_cache_octets_max, 1024 * 1024);
	assert_int_equal(c->log_format, LOG_JSON);
	assert_int_equal(c->log_level, LEVEL_ERROR);
	assert_int_equal(c->plaintext_login, PLAINTEXT_LOGIN_YES);
	assert_int_equal(c->default_password_scheme, PASSWORD_SCHEME_SCRAM_SHA_256);
	assert_true(bytes_equal(c->listeners[0].address, BYTES("127.0.0.1:25")));
	assert_true(bytes_equal(c->listeners[1].address, BYTES("[::1]:2587")));
	assert_true(bytes_equal(c->listeners[2].address, BYTES("*:465")));
	assert_true(bytes_equal(c->listeners[3].address, BYTES("*:2143")));
	assert_true(bytes_equal(c->listeners[4].address, BYTES("*:993")));
	assert_true(bytes_equal(c->certificates[0].chain_pem, BYTES(PEM)));
	assert_true(bytes_equal(c->certificates[0].secret_key_pem, BYTES(KEY)));
	assert_true(bytes_equal(c->directory_embedded_file, BYTES("/x.db")));
	assert_int_equal(c->fronts, 3);
	assert_int_equal(c->store_threads, 5);
	assert_int_equal(c->message_octets_max, 1024 * 1024);
	assert_int_equal(c->recipients_max, 101);
	assert_int_equal(c->hops_max, 11);
	assert_int_equal(c->command_line_octets_max, 2048);
	assert_int_equal(c->imap_command_octets_max, 9000);
	assert_int_equal(c->errors_max, 4);
	assert_int_equal(c->refused_recipients_max, 13);
	assert_int_equal(c->connections_max, 12);
	assert_true(c->outgoing_max == 14 && c->outgoing_per_host_max == 15 && bytes_equal(c->user_relay, BYTES("nobody")));
	assert_int_equal(c->connections_per_address_max, 6);
	assert_int_equal(c->smtp_timeout_s, 7);
	assert_int_equal(c->imap_timeout_s, 3600);
	assert_int_equal(c->login_timeout_s, 8);
	assert_true(c->login_failures_max == 9 && c->login_failures_per_address_max == 16);
	assert_int_equal(c->request_timeout_ms, 500);
	assert_int_equal(c->journal_octets_max, 2 * 1024 * 1024);
	config_free(&c);
}

/* Behind SMALLEST, hence from line 2 on. */
static const struct {
	const char *text;
	const char *where;
	const char *says; /* a part of the sentence */
} wrong[] = {
	{ "hostnam x;", "2:1", "did you mean \"hostname\"?" },
	{ "xyzzy 1;", "2:1", "mermoz directives" },
	{ "limits { recipents 100; }", "2:10", "did you mean \"recipients\"?" },
	{ "limits {\n  hostname a.b;\n}", "3:3", "does not belong into limits" },
	{ "message_size 1M;", "2:1", "belongs into limits { ... }" }, { "report_language fr;", "2:1", "belongs into queue { ... }" },
	{ "limit { errors 5; }", "2:1", "did you mean \"limits\"?" },
	{ "limits 5;", "2:1", "is written: limits { ... }" },
	{ "limits x { }", "2:1", "is written: limits { ... }" },
	{ "fronts { }", "2:1", "has no block" },
	{ "directory lpad { server x; }", "2:11", "there is no \"directory lpad\"; what there is: embedded, ldap" },
	{ "directory ldap { server x; base a=b; }", "2:25", "begins with ldap:// or ldaps://" },
	{ "directory ldap { server ldap://; base a=b; }", "2:25", "a host is needed" },
	{ "directory ldap { server ldap://a:99999; base a=b; }", "2:25", "1 to 65535" },
	{ "directory ldap { server ldap://a/dc=x; base a=b; }", "2:25", "a host is needed" },
	{ "directory ldap { server ldap://a; }", "2:18", "\"base\" is missing" },
	{ "directory ldap { base a=b; }", "2:18", "a server is missing" },
	{ "directory ldap { server ldap://a; base nothing; }", "2:40", "a distinguished name" },
	{ "directory ldap { server ldap://a; base a=b; users objectClass=person; }", "2:51", "parentheses that match" },
	{ "directory ldap { server ldap://a; base a=b; users \"(a=b)(c=d)\"; }", "2:51", "parentheses that match" },
	{ "directory ldap { server ldap://a; base a=b; address \"ma il\"; }", "2:53", "the name of an attribute" },
	{ "directory ldap { server ldap://a; base a=b; bind c=d azerty; }", "2:54", "a file of its own" },
	{ "directory ldap { server ldap://a; base a=b; bind c=d file:DIR/none; }", "2:45", "can't read" },
	{ "outgoing_login a.org tim file:DIR/none;", "2:1", "outgoing_login: can't read" },
	{ "directory ldap { server ldap://a; base a=b; starttls maybe; }", "2:54", "one of no|yes" },
	{ "directory { }", "2:1", "followed by one of: embedded, ldap" },
	{ "user frnt x;", "2:6", "there is no \"user frnt\"; what there is: front, directory, store" },
	{ "user;", "2:1", "followed by one of: front, directory, store" },
	{ "user front;", "2:1", "is written: user front NAME" },
	{ "mailboxes mbox /m;", "2:11", "what there is: maildir" },
	{ "hostname b.org;", "2:1", "is set already" },
	{ "fronts 1 2;", "2:1", "is written: fronts NUMBER" },
	{ "fronts 1\n2;", "3:1", "is the \";\" missing at the end of the line before?" },
	{ "fronts x;", "2:8", "a number is needed" },
	{ "fronts 65;", "2:8", "it may be 0 to 63" },
	{ "limits { message_size 50X; }", "2:23", "a size is needed" },
	{ "limits { message_size 1K; }", "2:23", "it may be 64K to 1G; see RFC 1870" },
	{ "limits { imap_timeout 5m; }", "2:23", "30m to 7d; see RFC 3501 5.4" },
	{ "limits { smtp_timeout 5ms; }", "2:23", "whole seconds" },
	{ "limits { request_timeout soon; }", "2:26", "a time is needed" },
	{ "limits { request_timeout 1d; }", "2:26", "100ms to 5m" },
	{ "log { level loud; }", "2:13", "one of debug|info|notice|warning|error" },
	{ "default_password_scheme ROT13;", "2:25", "one of PLAIN|CRYPT|" },
	{ "plaintext_login maybe;", "2:17", "one of no|loopback|yes" },
	{ "domain *;", "2:8", "open relay" },
	{ "domain a.org;", "2:8", "is there already" },
	{ "domain b.org A.ORG;", "2:14", "is there already" },
	{ "postmaster x;", "2:12", "an address is needed" },
	{ "recipient_delimiter a;", "2:21", "one or more of" },
	{ "run_directory run;", "2:15", "a full path" },
	{ "user store 1000;", "2:12", "not its number" },
	{ "listen smpt *;", "2:8", "did you mean \"smtp\"?" },
	{ "listen pop3 *;", "2:8", "there are smtp, submission" },
	{ "listen smtp *;", "2:13", "taken already by the \"listen\" at" },
	{ "listen smtp 127.0.0.1:25;", "2:13", "taken already" },
	{ "listen smtp ::1;", "2:13", "in brackets" },
	{ "listen smtp localhost;", "2:13", "an address is needed" },
	{ "listen smtp *:0;", "2:13", "1 to 65535" }, { "listen smtp *:65536;", "2:13", "1 to 65535" },
	{ "listen smtp [::1]25;", "2:13", "after \"]\"" },
	{ "listen smtp [::1;", "2:13", "an address is needed" },
	{ "listen smtp;", "2:1", "is written: listen SERVICE ADDRESS[:PORT]" },
	{ "listen auth *;", "2:13", "it listens on a socket file" },
	{ "listen auth unix:run/auth;", "2:13", "listen unix:run/auth" },
	{ "listen auth unix:/a/../b;", "2:13", "listen unix:/a/../b" },
	{ "listen auth unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	  "0123456;", "2:13", "107 octets at most" },
	{ "listen smtp unix:/run/x;", "2:13", "only auth and auth-userdb" },
	{ "listen auth unix:/run/mermoz/directory.sock;", "2:13", "the socket of the command line" },
	{ "listen auth unix:/run/mermoz/queue.sock;", "2:13", "the socket of the command line" },
	{ "listen auth unix:/a; listen auth-userdb unix:/a;", "2:41", "taken already" },
	{ "listen auth unix:/a mode 0888;", "2:21", "a mode is needed, such as 0660" },
	{ "listen auth unix:/a mode 1777;", "2:21", "a mode is needed" },
	{ "listen auth unix:/a mode 60;", "2:21", "a mode is needed" },
	{ "listen auth unix:/a mode 0600 mode 0660;", "2:31", "it is there already" },
	{ "listen auth unix:/a user 33;", "2:21", "not its number" },
	{ "listen auth unix:/a group;", "2:21", "a value is missing" },
	{ "listen auth unix:/a owner postfix;", "2:21", "there is no option owner; there are mode, user, group" },
	{ "listen smtp 127.0.0.1:26 mode 0600;", "2:26", "only a socket file has a mode" },
	{ "listen imaps *;", "2:14", "imaps needs a certificate" },
	{ "listen submissions *;", "2:20", "submissions needs a certificate" },
	{ "listen imap *;", "2:13", "nobody could log in" },
	{ "certificate /nowhere /nowhere;", "2:1", "can't read /nowhere" },
	{ "certificate DIR/key DIR/key;", "2:1", "there is no certificate in it" },
	{ "certificate DIR/chain DIR/chain;", "2:1", "there is no private key in it" },
	{ "certificate DIR/chain DIR/locked;", "2:1", "passphrase" },
	{ "certificate chain DIR/key;", "2:13", "a full path" },
	{ "certificate DIR/chain DIR/key a b;", "2:1", "is written: certificate" },
	{ "certificate \"-----BEGIN PRIVATE KEY-----x\" DIR/key;", "2:13", "certificate ***:" },
	{ "include DIR/nowhere;", "2:9", "can't read" },
	{ "include;", "2:1", "include FILE" },
	{ "include DIR/main.conf;", "2:9", "main.conf includes " },
	{ "include /nowhere/*;", "2:9", "can't list /nowhere" },
	{ "hostname \"a", "2:10", "quote is not closed" },
};

static void
an_error_says_where_and_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char text[1024], where[32] = "";
		struct config *c;
		bool is_there = false;

		(void)snprintf(text, sizeof text, "%s%s\n", SMALLEST, wrong[i].text);
		c = load(text);
		assert_null(c);
		for (size_t e = 0; e < errors.count && !is_there; e++) {
			(void)snprintf(where, sizeof where, "%u:%u", errors.at[e].line, errors.at[e].column);
			is_there = strcmp(where, wrong[i].where) == 0 && strstr(errors.at[e].text, wrong[i].says);
		}
		if (!is_there)
			print_error("%s\n wanted %s %s\n got %s %s\n", wrong[i].text, wrong[i].where, wrong[i].says, where,
				errors.at[0].text);
		assert_true(is_there);
	}
}

static void
what_is_missing_is_named_with_an_example(void **state)
{
	static const char *const names[] = { "\"hostname\"", "\"domain\"", "\"listen\"", "\"mailboxes maildir\"" };

	(void)state;
	assert_null(load(""));
	assert_int_equal(errors.count, COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_non_null(strstr(errors.at[i].text, names[i]));
		assert_non_null(strstr(errors.at[i].text, "such as: "));
	}
}

static void
all_errors_come_at_once_and_none_is_made_up(void **state)
{
	(void)state;
	assert_null(load("hostname x;\ndomain *;\nlisten smtp nowhere;\nmailboxes maildir /m;\nfoo;\n"));
	assert_int_equal(errors.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(errors.at[i].line, i + 1);
	assert_null(load("hostnam a.b.c;\nlisten smtp *"));
	assert_int_equal(errors.at[0].line, 1);
	/* What could not be read may hold what seems to be missing. */
	assert_null(load("include DIR/nowhere;"));
	assert_int_equal(errors.count, 1);
}

static void
two_domains_need_two_places(void **state)
{
	(void)state;
	assert_null(load("hostname a.b.org; domain a.org b.org; listen smtp *;\nmailboxes maildir /m/%u;"));
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.at[0].line, 2);
	assert_non_null(strstr(errors.at[0].text, "%d is needed"));
}

static void
secrets_that_everybody_can_read_are_warned_of_where_they_are_named(void **state)
{
	static const char text[] = SMALLEST "certificate DIR/chain DIR/open;\ncertificate DIR/chain DIR/key;\n"
		"directory ldap { server ldaps://a; base a=b;\n  bind c=d file:DIR/secret; }\n";
	char open_key[128], secret[128], key[128];
	struct config *c;

	(void)state;
	write_file("open", KEY);
	write_file("secret", "azerty\n");
	(void)snprintf(open_key, sizeof open_key, "%s/open", dir);
	(void)snprintf(secret, sizeof secret, "%s/secret", dir);
	(void)snprintf(key, sizeof key, "%s/key", dir);
	assert_int_equal(chmod(open_key, 0644) | chmod(secret, 0604) | chmod(key, 0640) | chmod(dir, 0755), 0);
	c = load_good(text);
	config_free(&c);
	assert_int_equal(errors.warning_count, 2);
	assert_non_null(strstr(errors.warnings[0].file, "/main.conf"));
	assert_int_equal(errors.warnings[0].line, 2);
	assert_non_null(strstr(errors.warnings[0].text, "certificate: everybody on this machine can read the key in /"));
	assert_int_equal(errors.warnings[1].line, 5);
	assert_int_equal(errors.warnings[1].column, 3);
	assert_non_null(strstr(errors.warnings[1].text, "bind: everybody on this machine can read the password in /"));
	/* nobody gets there */
	assert_int_equal(chmod(dir, 0700), 0);
	c = load_good(text);
	config_free(&c);
	assert_int_equal(errors.warning_count, 0);
}

static void
a_circle_of_includes_is_one_error_that_names_it(void **state)
{
	char want[400], file[128];

	(void)state;
	write_file("a.circle", "domain x.org;\ninclude deep/../b.circle;");
	write_file("b.circle", "domain y.org;\n  include nothing*.circle a.circle;");
	(void)snprintf(file, sizeof file, "%s/deep", dir);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_null(load("xyzzy 1; include a.circle; nonsense 2;"));
	assert_int_equal(errors.count, 3);
	assert_null(load("include a.circle; " SMALLEST));
	assert_int_equal(errors.count, 1);
	(void)snprintf(want, sizeof want, "files include each other in a circle: %s/a.circle includes %s/deep/../b.circle includes %s/deep/../a.circle",
		dir, dir, dir);
	assert_string_equal(errors.at[0].text, want);
	(void)snprintf(want, sizeof want, "%s/deep/../b.circle", dir);
	assert_string_equal(errors.at[0].file, want);
	assert_int_equal(errors.at[0].line, 2);
	assert_int_equal(errors.at[0].column, 27);
}

static void
files_that_include_ever_others_are_read_to_a_depth(void **state)
{
	char name[16], text[32];

	(void)state;
	for (int i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof name, "%d.deep", i);
		(void)snprintf(text, sizeof text, "include %d.deep;", i + 1);
		write_file(name, text);
	}
	assert_null(load(SMALLEST "include 0.deep;"));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.at[0].text, "too deep"));
}

static void
includes_stand_in_their_place_in_the_order_of_names(void **state)
{
	struct config *c;

	(void)state;
	write_file("20.inc", "domain b.org;");
	write_file("10.inc", "include sub;");
	write_file("sub", "domain a.org;");
	write_file(".30.inc", "nonsense;");
	write_file("limits.conf", "errors 7; include more;");
	write_file("more", "hops 77;");
	c = load_good("hostname a.b.org; include *.inc; domain c.org; listen smtp *; mailboxes maildir /m/%d/%u;\n"
		      "limits { include DIR/limits.conf; } include DIR/none*;");
	assert_int_equal(c->domains.count, 3);
	assert_true(bytes_equal(c->domains.at[0], BYTES("a.org")));
	assert_true(bytes_equal(c->domains.at[1], BYTES("b.org")));
	assert_int_equal(c->errors_max, 7);
	assert_int_equal(c->hops_max, 77);
	config_free(&c);
	write_file("20.inc", "\n  nonsense;");
	assert_null(load("include 20.inc;" SMALLEST));
	assert_non_null(strstr(errors.at[0].file, "/20.inc"));
	assert_int_equal(errors.at[0].line, 2);
	assert_int_equal(errors.at[0].column, 3);
}

static void
put_all(const struct config *c, struct buf *out)
{
	buf_init(out, 1 << 20);
	config_put_text(c, true, out);
	assert_false(out->has_failed);
}

static void
text_that_was_printed_is_the_same_configuration(void **state)
{
	struct config *c = load_good(SMALLEST "certificate DIR/chain DIR/key; log { level debug; } recipient_delimiter \"\";"
					      "limits { journal 3M; } user store bin; postmaster p@q.org;"), *again;
	struct buf first, second, changes;

	(void)state;
	put_all(c, &first);
	put_char(&first, '\0');
	again = load_good((const char *)first.ptr);
	put_all(again, &second);
	put_char(&second, '\0');
	assert_string_equal((const char *)first.ptr, (const char *)second.ptr);
	assert_null(strstr((const char *)first.ptr, "c2VjcmV0"));
	buf_init(&changes, 1 << 20);
	config_put_text(c, false, &changes);
	put_char(&changes, '\0');
	assert_string_equal(strstr((const char *)changes.ptr, "user store"),
		"user store bin;\nlog {\n    level debug;\n}\nlimits {\n    journal 3M;\n}\n");
	assert_null(strstr((const char *)changes.ptr, "fronts"));
	buf_done(&first);
	buf_done(&second);
	buf_done(&changes);
	config_free(&c);
	config_free(&again);
}

static void
a_slice_reads_back_and_holds_only_what_its_role_may_know(void **state)
{
	static const struct {
		enum role role;
		bool has_key, has_template, has_listeners;
	} slices[] = {
		{ ROLE_SUPERVISOR, false, false, true },
		{ ROLE_FRONT, true, false, false },
		{ ROLE_DIRECTORY, false, true, false },
		{ ROLE_STORE, false, true, false },
	};
	struct config *c = load_good(SMALLEST "certificate DIR/chain DIR/key; log { level debug; } recipient_delimiter \"\";\n"
					      "limits { hops 44; journal 3M; }");

	(void)state;
	for (size_t i = 0; i < COUNT(slices); i++) {
		struct buf first, second;
		struct config *slice = NULL;
		struct fault f;

		buf_init(&first, 1 << 20);
		buf_init(&second, 1 << 20);
		config_put_slice(c, slices[i].role, &first);
		assert_int_equal(config_read_slice(buf_bytes(&first), &slice, &f), 0);
		config_put_slice(slice, slices[i].role, &second);
		assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
		assert_int_equal(slice->certificate_count, slices[i].has_key);
		if (slices[i].has_key)
			assert_true(bytes_equal(slice->certificates[0].secret_key_pem, BYTES(KEY)));
		assert_int_equal(slice->maildir_template.len > 0, slices[i].has_template);
		assert_int_equal(slice->listener_count > 0, slices[i].has_listeners);
		assert_true(bytes_equal(slice->hostname, BYTES("mail.a.org")));
		assert_int_equal(slice->log_level, LEVEL_DEBUG);
		config_free(&slice);
		buf_done(&first);
		buf_done(&second);
	}
	config_free(&c);
}

static void
a_broken_slice_is_a_fault(void **state)
{
	struct config *slice = NULL;
	struct fault f;

	(void)state;
	assert_int_equal(config_read_slice(BYTES("include /etc/passwd;"), &slice, &f), -1);
	assert_int_equal(config_read_slice(BYTES("hostname"), &slice, &f), -1);
	assert_int_equal(f.kind, FAULT_PERM);
	assert_null(slice);
	assert_int_equal(config_read_slice(BYTES(""), &slice, &f), 0);
	config_free(&slice);
}

static void
a_reload_tells_what_it_can_not_change(void **state)
{
	struct config *now = load_good(SMALLEST), *same = load_good(SMALLEST "limits { hops 33; }"),
		      *other = load_good(SMALLEST "store_threads 3;");

	(void)state;
	assert_null(config_needs_restart(now, same));
	assert_string_equal(config_needs_restart(now, other), "store_threads");
	config_free(&now);
	config_free(&same);
	config_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_file_has_good_defaults),
		cmocka_unit_test(a_socket_file_has_an_owner_and_a_mode),
		cmocka_unit_test(every_directive_finds_its_member),
		cmocka_unit_test(an_error_says_where_and_what),
		cmocka_unit_test(what_is_missing_is_named_with_an_example),
		cmocka_unit_test(all_errors_come_at_once_and_none_is_made_up),
		cmocka_unit_test(two_domains_need_two_places),
		cmocka_unit_test(secrets_that_everybody_can_read_are_warned_of_where_they_are_named),
		cmocka_unit_test(a_circle_of_includes_is_one_error_that_names_it),
		cmocka_unit_test(files_that_include_ever_others_are_read_to_a_depth),
		cmocka_unit_test(includes_stand_in_their_place_in_the_order_of_names),
		cmocka_unit_test(text_that_was_printed_is_the_same_configuration),
		cmocka_unit_test(a_slice_reads_back_and_holds_only_what_its_role_may_know),
		cmocka_unit_test(a_broken_slice_is_a_fault),
		cmocka_unit_test(a_reload_tells_what_it_can_not_change),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
