/* How directory_login.c answers. */
#include "role/directory/password.h"
#include "role/directory/test_role.h"
#include "role/directory/verifier.h"

#include <stdio.h>
#include <string.h>

static void
a_log_in_is_granted_before_it_is_told(void **state)
{
	(void)state;
	ask_log_in("Alice@EXAMPLE.org", "secret");
	run_until("logged_in");
	run_a_little();
	assert_string_equal(trace, "store session 0.42 alice@example.org /mail/example.org/alice\n"
				   "front0 logged_in 0 alice@example.org\n");
	assert_non_null(strstr(events, " login "));
	assert_non_null(strstr(events, "user=alice@example.org service=imaps method=PLAIN "
				       "remote=192.0.2.1:4000 local=192.0.2.2:993 tls=TLSv1.3"));
	assert_null(strstr(events, "secret"));
	/* And again, without argon2. */
	clear();
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
	assert_non_null(strstr(trace, "store session"));
}

static void
who_submits_mail_gets_no_mailbox(void **state)
{
	(void)state;
	ask_log_in_as(SERVICE_SUBMISSIONS, ALICE, ALICE, "secret");
	run_until("logged_in 0");
	assert_null(strstr(trace, "store"));
}

struct refused {
	const char *name, *authorize_as, *password, *reason;
	enum ipc_refusal refusal; /* what the client may know of it */
};

static void
a_refused_log_in_says_why_to_the_administrator_only(void **state)
{
	static const struct refused rows[] = {
		{ ALICE, "", "Secret", "wrong password", REFUSAL_CREDENTIALS },
		{ ALICE, "", "", "wrong password", REFUSAL_CREDENTIALS },
		{ BOB, "", "secret", "wrong password", REFUSAL_CREDENTIALS },
		{ "nobody@example.org", "", "secret", "there is no such account", REFUSAL_CREDENTIALS },
		{ "all@example.org", "", "secret", "there is no such account", REFUSAL_CREDENTIALS },
		{ "alice+x@example.org", "", "secret", "there is no such account", REFUSAL_CREDENTIALS },
		{ "carol@example.org", "", "secret", "the account is disabled", REFUSAL_DISABLED },
		{ "carol@example.org", "", "Secret", "the account is disabled", REFUSAL_CREDENTIALS },
		{ "dave@example.org", "", "", "the account has no password", REFUSAL_CREDENTIALS },
		{ ALICE, BOB, "secret", "may not act for another account", REFUSAL_NOT_AUTHORIZED },
		{ ALICE, BOB, "Secret", "may not act for another account", REFUSAL_CREDENTIALS },
		{ ALICE, "ali", "secret", "may not act for another account", REFUSAL_NOT_AUTHORIZED },
	};
	char want[64];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		clear();
		if (rows[i].refusal)
			snprintf(want, sizeof want, "front0 logged_in %d refusal %d\n", IPC_DENIED, rows[i].refusal);
		else
			snprintf(want, sizeof want, "front0 logged_in %d \n", IPC_DENIED);
		ask_log_in_as(SERVICE_IMAPS, rows[i].name, rows[i].authorize_as, rows[i].password);
		run_until("logged_in");
		assert_string_equal(trace, want);
		assert_non_null(strstr(events, "login.failed"));
		assert_non_null(strstr(events, rows[i].reason));
	}
}

static void
who_guessed_too_often_is_not_listened_to(void **state)
{
	(void)state;
	config.login_failures_per_address_max = 2;
	for (int i = 0; i < 2; i++) {
		ask_log_in(i ? "nobody@example.org" : ALICE, "Secret");
		run_until("logged_in");
		assert_non_null(strstr(events, "login.failed"));
		clear();
	}
	ask_log_in(ALICE, "secret");
	run_until("logged_in");
	assert_non_null(strstr(events, "login.later"));
	assert_non_null(strstr(events, "too many wrong passwords"));
	clear();
	hand_log_in_from("192.0.2.2:4000", ALICE, "secret");
	run_until("store session");
}

/* A postmaster that was made has a mailbox, but no password is right. */
static void
nobody_logs_in_as_a_made_postmaster(void **state)
{
	(void)state;
	ask_resolve(0, "postmaster");
	run_until("resolved 0");
	assert_non_null(strstr(trace, "/mail/example.org/postmaster"));
	ask_log_in("postmaster@example.org", "");
	run_until("logged_in");
	assert_non_null(strstr(events, "login.failed"));
}

static void
a_removed_account_loses_its_sessions(void **state)
{
	struct fault f;
	char want[64];

	(void)state;
	ask_resolve(0, ALICE);
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
	assert_int_equal(embedded_remove_user(source, BYTES(ALICE), &f), EMBEDDED_DONE);
	clear();
	reload();
	run_until("front1 gone");
	run_a_little();
	assert_non_null(strstr(trace, "store revoke\n"));
	assert_null(strstr(trace, "delivery"));
	assert_non_null(strstr(trace, "front0 gone\n"));
	assert_non_null(strstr(events, "account.changed"));
	ask_resolve(0, ALICE);
	snprintf(want, sizeof want, "front0 resolved %d\n", IPC_ABSENT);
	run_until(want);
	ask_log_in(ALICE, "secret");
	snprintf(want, sizeof want, "front0 logged_in %d \n", IPC_DENIED);
	run_until(want);
}

static void
a_disabled_account_still_gets_mail(void **state)
{
	struct fault f;

	(void)state;
	ask_resolve(1, ALICE);
	run_until("resolved 0");
	assert_int_equal(embedded_set_enabled(source, BYTES(ALICE), false, &f), EMBEDDED_DONE);
	clear();
	reload();
	run_until("front1 gone");
	run_a_little();
	assert_non_null(strstr(trace, "store revoke\nstore delivery 1 alice@example.org"));
	ask_resolve(1, ALICE);
	run_until("front1 resolved 0");
	ask_log_in(ALICE, "secret");
	run_until("logged_in 5");
}

static void
a_new_password_ends_sessions_and_the_old_one(void **state)
{
	char encoded[PASSWORD_ENCODED_MAX];
	struct fault f;

	(void)state;
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
	assert_int_equal(password_hash(BYTES("fresh"), encoded, &f), 0);
	assert_int_equal(embedded_set_password(source, BYTES(ALICE), bytes_text(encoded), &f), EMBEDDED_DONE);
	clear();
	reload();
	run_until("store revoke");
	ask_log_in(ALICE, "secret");
	run_until("logged_in 5");
	ask_log_in(ALICE, "fresh");
	run_until("logged_in 0");
}

static void
set_stored(const char *address, const char *stored)
{
	struct fault f;

	assert_int_equal(embedded_set_password(source, bytes_text(address), bytes_text(stored), &f), EMBEDDED_DONE);
}

/* "secret" in the schemes of other directories; the one that names none is of the default scheme. */
static void
passwords_of_other_directories_are_compared(void **state)
{
	static const char *const rows[] = {
		"{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==",
		"{CRYPT}$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
		"secret",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		set_stored(ALICE, rows[i]);
		reload();
		clear();
		ask_log_in(ALICE, "secreT");
		run_until("logged_in 5");
		ask_log_in(ALICE, rows[i]);
		ask_log_in(ALICE, "secret");
		run_until("logged_in 0");
	}
}

static void
the_default_scheme_is_what_the_configuration_says(void **state)
{
	(void)state;
	set_stored(ALICE, "$1$saltsalt$9xy1btjgzLYfb7hivXtC//");
	reload();
	ask_log_in(ALICE, "secret");
	run_until("logged_in 5");
	config.default_password_scheme = PASSWORD_SCHEME_CRYPT;
	clear();
	reload();
	/* What was taken for the password itself is not any more; that ends sessions. */
	assert_non_null(strstr(events, "account.changed"));
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
}

static void
a_password_that_cannot_be_compared_is_told_to_the_administrator(void **state)
{
	(void)state;
	set_stored(ALICE, "{KERBEROS}hushhush");
	reload();
	ask_log_in(ALICE, "hushhush");
	run_until("logged_in 5");
	assert_non_null(strstr(events, "warning password.unusable "));
	assert_non_null(strstr(events, "account=alice@example.org scheme=KERBEROS "));
	assert_non_null(strstr(events, "the scheme is unknown"));
	assert_non_null(strstr(events, "can't be compared"));
	assert_null(strstr(events, "hushhush"));
}

/* Who is not there is refused as those who are: at once where every password is cheap, through the threads where
   they are dear.  hand_log_in is not answered by a thread before it returns. */
static void
who_is_not_there_is_refused_as_those_who_are(void **state)
{
	char encoded[PASSWORD_ENCODED_MAX];
	struct fault f;

	(void)state;
	hand_log_in("nobody@example.org", "x");
	assert_null(strstr(events, "login.failed"));
	run_until_event("login.failed");
	set_stored(ALICE, "{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==");
	set_stored(BOB, "{PLAIN}hidden");
	set_stored("carol@example.org", "{PLAIN}x");
	reload();
	for (int i = 0; i < 2; i++) {
		clear();
		events[0] = '\0';
		hand_log_in(i ? "nobody@example.org" : "dave@example.org", "hidden");
		assert_non_null(strstr(events, "login.failed"));
	}
	assert_int_equal(password_hash(BYTES("x"), encoded, &f), 0);
	set_stored(ALICE, encoded);
	set_stored(BOB, encoded);
	set_stored("carol@example.org", encoded);
	reload();
	events[0] = '\0';
	hand_log_in("nobody@example.org", "x");
	assert_null(strstr(events, "login.failed"));
	run_until_event("login.failed");
}

static bool
is_put_off(const char *remote)
{
	events[0] = '\0';
	hand_log_in_from(remote, ALICE, "another");
	return strstr(events, "too many log-ins at once") != NULL;
}

/* A host of IPv4, a network of IPv6; programs of this machine speak for many. */
static void
wrong_passwords_from_one_place_keep_nobody_else_out(void **state)
{
	static const char *const rows[][3] = {
		{ "192.0.2.1:4000", "192.0.2.1:4001", "192.0.2.2:4000" },
		{ "[2001:db8::1]:4000", "[2001:db8::2:0:0:9]:4000", "[2001:db8:0:1::1]:4000" },
		{ "2001:db8:5::1", "2001:db8:5::2", "2001:db8:6::1" },
	};
	static const char *const of_many[] = { "127.0.0.1:4000", "[::1]:4000", "" };
	char password[16];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int n = 0; n < VERIFIER_WAITING_PARTY_MAX; n++) {
			snprintf(password, sizeof password, "wrong%d", n);
			hand_log_in_from(rows[i][0], ALICE, password);
		}
		assert_true(is_put_off(rows[i][0]));
		assert_true(is_put_off(rows[i][1]));
		assert_false(is_put_off(rows[i][2]));
	}
	for (size_t i = 0; i < sizeof of_many / sizeof *of_many; i++)
		for (int n = 0; n <= VERIFIER_WAITING_PARTY_MAX; n++)
			assert_false(is_put_off(of_many[i]));
}

static void
a_change_while_a_password_is_tried_puts_the_log_in_off(void **state)
{
	struct fault f;

	(void)state;
	assert_int_equal(embedded_set_enabled(source, BYTES(ALICE), false, &f), EMBEDDED_DONE);
	hand_log_in(ALICE, "secret");
	reload();
	run_until_event("login.later");
	assert_non_null(strstr(events, "the account changed at this moment"));
	run_a_little();
	assert_null(strstr(trace, "store session"));
}

static void
log_ins_of_a_front_that_went_away_are_dropped(void **state)
{
	(void)state;
	hand_log_in(ALICE, "secret");
	connect_pair(of_front[0], front[0]);
	ask_log_in(BOB, "hidden");
	ask_log_in(BOB, "wrong");
	run_until("logged_in 0");
	run_until("logged_in 5");
	assert_null(strstr(trace, "alice"));
	assert_null(strstr(events, "alice"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_in_is_granted_before_it_is_told),
		TEST(who_submits_mail_gets_no_mailbox),
		TEST(a_refused_log_in_says_why_to_the_administrator_only),
		TEST(who_guessed_too_often_is_not_listened_to),
		TEST(nobody_logs_in_as_a_made_postmaster),
		TEST(a_removed_account_loses_its_sessions),
		TEST(a_disabled_account_still_gets_mail),
		TEST(a_new_password_ends_sessions_and_the_old_one),
		TEST(passwords_of_other_directories_are_compared),
		TEST(the_default_scheme_is_what_the_configuration_says),
		TEST(a_password_that_cannot_be_compared_is_told_to_the_administrator),
		TEST(who_is_not_there_is_refused_as_those_who_are),
		TEST(wrong_passwords_from_one_place_keep_nobody_else_out),
		TEST(a_change_while_a_password_is_tried_puts_the_log_in_off),
		TEST(log_ins_of_a_front_that_went_away_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
