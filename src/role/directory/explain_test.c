#include "role/directory/test_role.h"

#include "sys/net.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[65536];

/* Over a control socket of the role's. */
static const char *
ask_why(const char *question)
{
	char name[128];
	struct role_listener listener = { .service = SERVICE_CONTROL };
	struct fault f;
	size_t len = 0;
	int fd;

	snprintf(name, sizeof name, "%s/control", folder);
	listener.fd = net_listen_unix(name, 0600, &f);
	assert_true(listener.fd >= 0);
	directory_hooks.listen(&self, &listener);
	fd = net_connect_unix(name, &f);
	assert_true(fd >= 0);
	assert_int_equal(net_write(fd, bytes_text(question)), strlen(question));
	for (int turn = 0; turn < 500 && (len == 0 || answer[len - 1] != '\n'); turn++) {
		ssize_t count;

		run_a_little();
		count = recv(fd, answer + len, sizeof answer - 1 - len, MSG_DONTWAIT);
		len += count > 0 ? (size_t)count : 0;
	}
	answer[len] = '\0';
	directory_hooks.unlisten(&self, &listener);
	close(fd);
	run_a_little();
	close(listener.fd);
	unlink(name);
	return answer;
}

static void
has(const char *what)
{
	if (!strstr(answer, what))
		fail_msg("no \"%s\" in:\n%s", what, answer);
}

static void
has_not(const char *what)
{
	if (strstr(answer, what))
		fail_msg("\"%s\" in:\n%s", what, answer);
}

static void
a_recipient_is_followed_to_its_mailboxes(void **state)
{
	(void)state;
	ask_why("explain\trecipient=Alice+x@EXAMPLE.org\n");
	has("lines\ncompared_as\taddress=alice+x@example.org\n");
	has("detail\tasked=alice+x@example.org\taddress=alice@example.org\tdepth=0\n");
	has("account\taddress=alice@example.org\tdepth=0\tsource=embedded\tmailbox=/mail/example.org/alice\tenabled=1\n");
	has("use\taccount=alice@example.org\toctets=23\tmessages=3\tquota=5000 octet(s)\thome=/mail/example.org/alice\t");
	has("decision\tdecision=mailbox\taccepted=1\tsmtp=250 2.1.5 Recipient ok\t");
	ask_why("explain\trecipient=all@example.org\n");
	has("alias\taddress=all@example.org\tdepth=0\tsource=embedded\ttargets=3\n");
	has("account\taddress=bob@example.org\tdepth=1\t");
	has("elsewhere\taddress=someone@elsewhere.net\tdepth=1\n");
	has("decision=foreign\taccepted=1\tsmtp=250 2.1.5");
	has("mailboxes=2\telsewhere=1\n");
}

static void
what_is_not_accepted_says_why_and_what_the_client_hears(void **state)
{
	(void)state;
	ask_why("explain\trecipient=nobody@example.org\n");
	has("absent\taddress=nobody@example.org\tdepth=0\n");
	has("decision=unknown\taccepted=0\tsmtp=550 5.1.1");
	ask_why("explain\trecipient=x@elsewhere.net\n");
	has("not_ours\tdomain=elsewhere.net\n");
	has("decision=foreign\taccepted=0\tsmtp=550 5.7.1 Relaying denied");
	ask_why("explain\trecipient=x@elsewhere.net\tas=alice\n");
	has("decision=foreign\taccepted=1\tsmtp=250 2.1.5");
	ask_why("explain\trecipient=x@\n");
	has("malformed\taddress=x@\n");
	has("decision=unknown\t");
}

static void
a_sender_has_to_be_the_accounts(void **state)
{
	(void)state;
	ask_why("explain\tsender=alice+x@example.org\tas=alice\n");
	has("decision=own\taccepted=1\tsmtp=250 2.1.0");
	ask_why("explain\tsender=all@example.org\tas=alice\n");
	has("decision=own\taccepted=1\t");
	ask_why("explain\tsender=alice@example.org\tas=bob\n");
	has("not_among\taccount=bob@example.org\n");
	has("decision=denied\taccepted=0\tsmtp=553 5.7.1");
	ask_why("explain\tsender=carol@example.org\tas=carol\n");
	has("disabled\taccount=carol@example.org\n");
	has("decision=denied\taccepted=0\t");
}

static void
a_log_in_says_which_account_and_how_without_its_password(void **state)
{
	(void)state;
	ask_why("explain\tlogin=Alice\n");
	has("first_domain\taddress=alice@example.org\n");
	has("password\tscheme=ARGON2ID\thow=on a thread\n");
	has("decision=login\taccepted=1\tsmtp=235 2.7.0 Logged in\timap=OK Logged in\t");
	has_not("argon2id$");
	ask_why("explain\tlogin=carol\n");
	has("disabled_by\taccount=carol@example.org\tby=`mermoz user disable`\n");
	has("decision=denied\taccepted=0\tsmtp=535 5.7.13");
	has("imap=NO [CONTACTADMIN]");
	ask_why("explain\tlogin=dave\n");
	has("no_password\taccount=dave@example.org\n");
	has("decision=denied\taccepted=0\tsmtp=535 5.7.8");
	ask_why("explain\tlogin=nobody\n");
	has("decision=denied\taccepted=0\tsmtp=535 5.7.8");
	has("imap=NO [AUTHENTICATIONFAILED]");
	has("why=there is no such account\t");
}

static void
nobody_is_granted_anything_and_nothing_is_told_to_the_log(void **state)
{
	(void)state;
	clear();
	ask_why("explain\trecipient=alice@example.org\n");
	ask_why("explain\trecipient=all@example.org\n");
	ask_why("explain\tlogin=alice\n");
	ask_why("explain\tsender=bob@example.org\tas=alice\n");
	assert_string_equal(trace, "");
	assert_string_equal(events, "");
	ask_resolve(0, ALICE);
	run_until("resolved");
	assert_non_null(strstr(trace, "store delivery"));
}

static void
what_is_no_question_is_refused(void **state)
{
	(void)state;
	assert_string_equal(ask_why("explain\trecipient\n"), "error that is no question\n");
	assert_string_equal(ask_why("explain\tother=a\n"), "error there is no such question\n");
	assert_string_equal(ask_why("explain\tsender=alice@example.org\n"), "error there is no such question\n");
	assert_string_equal(ask_why("explain\trecipient=a@example.org\tas=nobody\n"), "error there is no account of the name behind --as\n");
}

static void
a_postmaster_that_mail_would_make_is_told_of_and_not_made(void **state)
{
	(void)state;
	clear();
	for (int i = 0; i < 2; i++) {
		ask_why("explain\trecipient=postmaster@example.org\n");
		has("postmaster\taddress=postmaster@example.org\n");
		has("made\taddress=postmaster@example.org\tmailbox=/mail/example.org/postmaster\n");
		has_not("account\taddress=");
		has("decision=mailbox\taccepted=1\tsmtp=250 2.1.5 Recipient ok\t");
		has("why=each of these mailboxes gets the mail\tmailboxes=1\t");
	}
	ask_why("explain\tsender=postmaster@example.org\tas=alice\n");
	has_not("made\t");
	has("decision=denied\taccepted=0\tsmtp=553 5.7.1");
	assert_string_equal(trace, "");
	assert_string_equal(events, "");
	ask_resolve(0, "postmaster@example.org");
	run_until("resolved");
	ask_why("explain\trecipient=postmaster@example.org\n");
	has("account\taddress=postmaster@example.org\tdepth=0\tsource=made\t");
}

/* copy.h */
static void
without_ldap_there_is_nothing_to_write_down(void **state)
{
	(void)state;
	assert_string_equal(ask_why("copy\tas=now\n"), "ok\n");
}

static void
an_alias_with_more_steps_than_fit_is_decided_all_the_same(void **state)
{
	static char addresses[500][128];
	static struct bytes targets[500];
	struct fault f;

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		snprintf(addresses[i], sizeof addresses[i], "a-user-with-a-long-name-that-takes-room-in-the-answer-%03zu@elsewhere-%03zu.example.net", i, i);
		targets[i] = bytes_text(addresses[i]);
	}
	assert_int_equal(embedded_add_alias(source, &(struct alias_record){ BYTES("many@example.org"), targets, 500, ALIAS_MADE, BYTES_NONE }, &f),
		EMBEDDED_DONE);
	reload();
	ask_why("explain\trecipient=many@example.org\n");
	has("\nsteps_left_out\n");
	has("decision=foreign\taccepted=1\t");
	has("elsewhere=500\n\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_recipient_is_followed_to_its_mailboxes),
		TEST(what_is_not_accepted_says_why_and_what_the_client_hears),
		TEST(a_sender_has_to_be_the_accounts),
		TEST(a_log_in_says_which_account_and_how_without_its_password),
		TEST(nobody_is_granted_anything_and_nothing_is_told_to_the_log),
		TEST(what_is_no_question_is_refused),
		TEST(a_postmaster_that_mail_would_make_is_told_of_and_not_made),
		TEST(without_ldap_there_is_nothing_to_write_down),
		TEST(an_alias_with_more_steps_than_fit_is_decided_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
