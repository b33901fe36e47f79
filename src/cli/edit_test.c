/* mermoz user, alias and domain, as a person runs them. */
#include "cli/edit.h"

#include "cli/test_support.h"
#include "role/directory/password.h"
#include "sys/disk.h"
#include "sys/net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 12, OUTPUT_MAX = 64 * 1024 };

static char folder[64], config_path[96], database[128], said[OUTPUT_MAX];

static void
write_file(const char *path, const char *text)
{
	struct fault f;

	assert_int_equal(disk_replace_file(AT_FDCWD, path, bytes_text(text), 0600, &f), 0);
}

static int
set_up(void **state)
{
	char text[512];

	(void)state;
	snprintf(folder, sizeof folder, "/tmp/mermoz-edit-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(config_path, sizeof config_path, "%s/mermoz.conf", folder);
	snprintf(database, sizeof database, "%s/state/directory/accounts.db", folder);
	snprintf(text, sizeof text,
		"hostname mail.example.org;\ndomain example.org;\nlisten smtp 127.0.0.1:2525;\n"
		"mailboxes maildir %s/mail/%%d/%%u;\nstate_directory %s/state;\nrun_directory %s;\nuser directory root;\n",
		folder, folder, folder);
	write_file(config_path, text);
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void
feed(const char *input)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], input, strlen(input)), strlen(input));
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
}

/* `mermoz WORDS -c FILE`, the words separated by SP; what it says on both outputs is in `said`. */
static int
mermoz(const char *input, const char *words)
{
	char copy[256], *argv[ARGUMENTS_MAX] = { (char *)"mermoz" };
	int argc = 1, code, before[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };
	FILE *out = tmpfile();
	size_t len;

	snprintf(copy, sizeof copy, "%s -c %s", words, config_path);
	for (char *word = copy; word; argc++) {
		argv[argc] = word;
		word = strchr(word, ' ');
		if (word)
			*word++ = '\0';
	}
	feed(input);
	fflush(stdout);
	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(out), STDERR_FILENO);
	code = cli_main(argc, argv);
	fflush(stdout);
	dup2(before[0], STDOUT_FILENO);
	dup2(before[1], STDERR_FILENO);
	close(before[0]);
	close(before[1]);
	rewind(out);
	len = fread(said, 1, sizeof said - 1, out);
	said[len] = '\0';
	fclose(out);
	return code;
}

struct row {
	const char *input, *words;
	int code;
	const char *says; /* NULL: nothing at all */
};

static void
play(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int code = mermoz(rows[i].input, rows[i].words);

		if (code != rows[i].code || (rows[i].says ? !strstr(said, rows[i].says) : said[0] != '\0'))
			fail_msg("mermoz %s: %d, \"%s\"", rows[i].words, code, said);
	}
}

static void
a_domain_is_one_in_both_spellings(void **state)
{
	static const struct row rows[] = {
		{ "", "domain add m\xc3\xbcnchen.example", 0, NULL },
		{ "", "domain add xn--mnchen-3ya.example", 1, "is a domain of this server already" },
		{ "secret\n", "user add alice@xn--mnchen-3ya.example", 0, NULL },
		{ "secret\n", "user add Alice@M\xc3\x9cnchen.example", 1, "there is an account" },
		{ "", "user show alice@m\xc3\xbcnchen.example", 0, "alice@xn--mnchen-3ya.example" },
		{ "", "alias add info@example.org alice@m\xc3\xbcnchen.example", 0, NULL },
		{ "", "alias remove info@example.org alice@m\xc3\xbcnchen.example", 0, NULL },
		{ "", "domain remove m\xc3\xbcnchen.example", 1, "still has 1 account" },
		{ "", "user remove alice@m\xc3\xbcnchen.example", 0, "stays where it is" },
		{ "", "domain remove m\xc3\xbcnchen.example", 0, NULL },
	};

	(void)state;
	play(rows, sizeof rows / sizeof *rows);
}

static void
rows_written_by_others_are_found_in_both_spellings(void **state)
{
	static const struct row rows[] = {
		{ "", "domain add xn--mnchen-3ya.example", 1, "is a domain of this server already" },
		{ "", "user disable alice@xn--mnchen-3ya.example", 0, NULL },
		{ "", "user remove alice@xn--mnchen-3ya.example", 0, "stays where it is" },
		{ "", "domain remove xn--mnchen-3ya.example", 0, NULL },
	};
	struct user_record alice = { .address = BYTES("alice@m\xc3\xbcnchen.example"), .is_enabled = true };
	struct embedded *source;
	struct fault f;

	(void)state;
	assert_int_equal(mermoz("", "domain add a.org"), 0);
	assert_int_equal(embedded_open(database, &source, &f), 0);
	assert_int_equal(embedded_add_domain(source, BYTES("m\xc3\xbcnchen.example"), &f), EMBEDDED_DONE);
	assert_int_equal(embedded_add_user(source, &alice, &f), EMBEDDED_DONE);
	embedded_close(&source);
	play(rows, sizeof rows / sizeof *rows);
}

static void
users_come_and_go(void **state)
{
	static const struct row rows[] = {
		{ "", "user list", 0, NULL },
		{ "secret\n", "user add Alice@Example.org --name Alice --attribute team=blue --attribute x=y=z", 0, NULL },
		{ "secret\n", "user add alice@example.org", 1, "there is an account alice@example.org already" },
		{ "secret", "user add bob@example.org", 0, NULL },
		{ "\n", "user add carol@example.org", 1, "the password is empty" },
		{ "", "user add carol@example.org", 1, "standard input has ended" },
		{ "secret\n", "user add carol@exmaple.org", 1, "not a domain of this server; did you mean example.org?" },
		{ "secret\n", "user add carol@elsewhere.net", 1, "`mermoz domain add elsewhere.net` makes it one" },
		{ "secret\n", "user add carol", 1, "an address is needed" },
		{ "secret\n", "user add a/b@example.org", 1, "no file name may have" },
		{ "secret\n", "user add @example.org", 1, "address" },
		{ "", "user list", 0, "alice@example.org  Alice\nbob@example.org\n" },
		{ "", "user show alice@example.org", 0, "enabled    yes\npassword   ***\n" },
		{ "", "user show alice@example.org", 0, "attribute  team=blue\nattribute  x=y=z\n" },
		{ "", "user show alice@example.org", 0, "/mail/example.org/alice\n" },
		{ "", "user show alcie@example.org", 1, "did you mean alice@example.org?" },
		{ "", "user disable ALICE@example.org", 0, NULL },
		{ "", "user show alice@example.org --json", 0, "\"enabled\":false,\"has_password\":true" },
		{ "", "user list --json", 0, "{\"address\":\"bob@example.org\",\"name\":\"\",\"enabled\":true" },
		{ "", "user enable alice@example.org", 0, NULL },
		{ "fresh\n", "user password alice@example.org", 0, NULL },
		{ "fresh\n", "user password nobody@example.net", 1, "there is no account nobody@example.net" },
		{ "", "user set alice@example.org quota=1G Team=red x=", 0, NULL },
		{ "", "user show alice@example.org", 0, "attribute  Team=red\nattribute  quota=1G\n" },
		{ "", "user set alice@example.org quota=much", 1, "a quota is octets, 100M, 1G" },
		{ "", "user set alice@example.org quota", 2, "an attribute is NAME=VALUE, not \"quota\"" },
		{ "", "user set alice@example.org", 2, "mermoz user set ADDRESS NAME=VALUE" },
		{ "", "user set nobody@example.org quota=1G", 1, "there is no account nobody@example.org" },
		{ "secret\n", "user add carol@example.org --attribute quota=x", 1, "a quota is octets, 100M, 1G" },
		{ "", "user set alice@example.org quota=", 0, NULL },
		{ "", "user show alice@example.org", 0, "attribute  Team=red\n" },
		{ "", "user remove bob@example.org", 0, "stays where it is" },
		{ "", "user remove bob@example.org", 1, "there is no account bob@example.org" },
		{ "", "user list", 0, "alice@example.org  Alice\n" },
	};

	(void)state;
	play(rows, COUNT(rows));
}

static void
wrong_usage_is_told(void **state)
{
	static const struct row rows[] = {
		{ "", "user", 2, "what is to be done" },
		{ "", "user ad alice@example.org", 2, "did you mean \"add\"?" },
		{ "", "user add", 2, "it is: mermoz user add ADDRESS" },
		{ "", "user add a@example.org secret", 2, "it is: mermoz user add ADDRESS" },
		{ "", "user list --name x", 2, "belong to `user add`" },
		{ "", "user add a@example.org --attribute x", 2, "NAME=VALUE" },
		{ "", "user list --jso", 2, "did you mean --json?" },
		{ "", "alias add a@example.org", 2, "it is: mermoz alias add ADDRESS TARGET ..." },
		{ "", "domain", 2, "what is to be done" },
	};

	(void)state;
	play(rows, COUNT(rows));
}

static void
aliases_lead_somewhere(void **state)
{
	static const struct row rows[] = {
		{ "s\n", "user add alice@example.org", 0, NULL },
		{ "s\n", "user add bob@example.org", 0, NULL },
		{ "", "alias add sales@example.org alice@example.org X@Elsewhere.net", 0, NULL },
		{ "", "alias add Sales@example.org bob@example.org", 0, NULL },
		{ "", "alias show sales@example.org", 0, "sales@example.org X@Elsewhere.net alice@example.org bob@example.org\n" },
		{ "", "alias list --json", 0, "{\"address\":\"sales@example.org\",\"targets\":[\"X@Elsewhere.net\"," },
		{ "", "alias add sales@example.org bob@example.org", 1, "already; nothing is changed" },
		{ "", "alias add info@example.org bbo@example.org", 1, "no account or alias bbo@example.org; did you mean bob@example.org?" },
		{ "", "alias add info@example.org nowhere", 1, "is no address" },
		{ "", "alias add info@example.org bad..x@y.example", 1, "\"bad..x@y.example\" is no address" },
		{ "", "alias add info@example.org bad.@y.example", 1, "is no address" },
		{ "", "alias add info@example.org x>y@y.example", 1, "is no address" },
		{ "", "alias add quoted@example.org \"x..y\"@y.example", 0, NULL },
		{ "", "alias add self@example.org self@example.org", 1, "there is no account or alias" },
		{ "", "alias add info@elsewhere.net bob@example.org", 1, "not a domain of this server" },
		{ "", "alias add one@example.org sales@example.org", 0, NULL },
		{ "", "alias add bob@example.org alice@example.org", 0, "gets no mail itself now" },
		{ "", "alias add bob@example.org bob@example.org", 0, NULL },
		{ "", "alias add @example.org alice+all@example.org", 0, NULL },
		{ "s\n", "user add one@example.org", 1, "one@example.org is an alias" },
		{ "", "alias remove sales@example.org x@elsewhere.NET", 0, NULL },
		{ "", "alias remove sales@example.org x@elsewhere.net", 1, "is no target of" },
		{ "", "user remove alice@example.org", 0, "The alias sales@example.org still names alice@example.org." },
		{ "", "alias remove @example.org", 0, NULL },
		{ "", "alias remove @example.org", 1, "there is no alias @example.org" },
	};

	(void)state;
	play(rows, COUNT(rows));
}

static void
domains_are_configured_or_added(void **state)
{
	static const struct row rows[] = {
		{ "", "domain add Second.org", 0, NULL },
		{ "", "domain add second.org", 1, "already" },
		{ "", "domain add example.org", 1, "already" },
		{ "", "domain add nodots", 1, "the full name is needed" },
		{ "s\n", "user add alice@second.org", 0, NULL },
		{ "", "domain list", 0, "configuration  accounts 0, aliases 0\nsecond.org" },
		{ "", "domain list --json", 0, "{\"domain\":\"second.org\",\"from\":\"directory\",\"accounts\":1,\"aliases\":0}" },
		{ "", "domain show second.org", 0, "accounts 1, aliases 0" },
		{ "", "domain show secnod.org", 1, "did you mean second.org?" },
		{ "", "domain remove second.org", 1, "still has 1 account and 0 aliases" },
		{ "", "user remove alice@second.org", 0, "stays" },
		{ "", "domain remove second.org", 0, NULL },
		{ "", "domain remove second.org", 1, "there is no domain second.org" },
		{ "", "domain remove example.org", 1, "take it out there" },
	};

	(void)state;
	play(rows, COUNT(rows));
}

static void
find_hash(void *arg, const struct user_record *record)
{
	snprintf(arg, PASSWORD_ENCODED_MAX, "%.*s", BYTES_ARG(record->secret_password));
}

static void
a_password_is_kept_as_argon2id_and_never_shown(void **state)
{
	static const struct embedded_visitor visitor = { .user = find_hash };
	static const char *const words[] = { "user list", "user list --json", "user show alice@example.org",
		"user show alice@example.org --json" };
	char encoded[PASSWORD_ENCODED_MAX];
	struct embedded *source;
	struct fault f;

	(void)state;
	assert_int_equal(mermoz("top secret\nnever read\n", "user add alice@example.org"), 0);
	assert_int_equal(embedded_open(database, &source, &f), 0);
	assert_int_equal(embedded_visit(source, &visitor, encoded, &f), 0);
	embedded_close(&source);
	assert_memory_equal(encoded, "$argon2id$v=19$", 15);
	assert_true(password_is_right(bytes_text(encoded), BYTES("top secret"), NULL));
	for (size_t i = 0; i < COUNT(words); i++) {
		assert_int_equal(mermoz("", words[i]), 0);
		assert_null(strstr(said, "argon2id"));
	}
}

static void
what_is_made_is_for_its_owner_alone(void **state)
{
	char path[96];
	struct stat st;

	(void)state;
	assert_int_equal(mermoz("", "domain add second.org"), 0);
	assert_int_equal(disk->fstatat(AT_FDCWD, database, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s/state/directory", folder);
	assert_int_equal(disk->fstatat(AT_FDCWD, path, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* The other roles have their places beside it. */
	snprintf(path, sizeof path, "%s/state", folder);
	assert_int_equal(disk->fstatat(AT_FDCWD, path, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
}

/* The running server, as the command line sees it. */
struct server {
	int listener;
	const char *answer;
	char asked[64];
};

static void *
serve_once(void *arg)
{
	struct server *s = arg;
	int fd = net_wait(s->listener, 20000) ? accept(s->listener, NULL, NULL) : -1;
	ssize_t count = read(fd, s->asked, sizeof s->asked - 1);

	if (count > 0 && write(fd, s->answer, strlen(s->answer)) < 0)
		s->asked[0] = '\0';
	close(fd);
	return NULL;
}

static int
with_server(const char *answer, const char *words)
{
	struct server s = { .answer = answer };
	char path[96];
	pthread_t thread;
	struct fault f;
	int code;

	snprintf(path, sizeof path, "%s/directory.sock", folder);
	s.listener = net_listen_unix(path, 0600, &f);
	assert_true(s.listener >= 0);
	pthread_create(&thread, NULL, serve_once, &s);
	code = mermoz("", words);
	pthread_join(thread, NULL);
	net_close(s.listener);
	unlink(path);
	assert_string_equal(s.asked, "reload\n");
	return code;
}

static void
a_change_is_told_to_the_running_server(void **state)
{
	char path[96];

	(void)state;
	assert_int_equal(with_server("ok\n", "domain add a.org"), 0);
	assert_string_equal(said, "");
	assert_int_equal(with_server("error the disk is away\n", "domain add b.org"), 1);
	assert_non_null(strstr(said, "the change is made, but it is not in force yet; the running server says: "
				     "error the disk is away"));
	assert_int_equal(with_server("", "domain add c.org"), 1);
	assert_non_null(strstr(said, "it does not answer"));
	/* A socket that a server left behind. */
	snprintf(path, sizeof path, "%s/directory.sock", folder);
	net_close(net_listen_unix(path, 0600, NULL));
	assert_int_equal(mermoz("", "domain add d.org"), 0);
	assert_string_equal(said, "");
}

static void
who_only_looks_makes_no_file(void **state)
{
	struct stat st;

	(void)state;
	play((const struct row[]){ { "", "user list", 0, NULL }, { "", "alias list", 0, NULL }, { "", "domain list", 0, "example.org" },
		{ "", "user show bob@example.org", 1, "there is no account" } }, 4);
	assert_int_not_equal(stat(database, &st), 0);
	play((const struct row[]){ { "", "domain add a.org", 0, NULL } }, 1);
	assert_int_equal(stat(database, &st), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(users_come_and_go),
		TEST(a_domain_is_one_in_both_spellings),
		TEST(rows_written_by_others_are_found_in_both_spellings),
		TEST(wrong_usage_is_told),
		TEST(aliases_lead_somewhere),
		TEST(domains_are_configured_or_added),
		TEST(a_password_is_kept_as_argon2id_and_never_shown),
		TEST(what_is_made_is_for_its_owner_alone),
		TEST(who_only_looks_makes_no_file),
		TEST(a_change_is_told_to_the_running_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
