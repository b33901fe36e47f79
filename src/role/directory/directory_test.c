#include "role/directory/directory.h"

#include "role/directory/test_role.h"
#include "sys/disk.h"
#include "sys/net.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

static void
the_store_hears_of_a_recipient_once_and_first(void **state)
{
	(void)state;
	ask_resolve(0, "Alice+x@Example.org");
	run_until("resolved 0 =alice+x@example.org\n");
	assert_string_equal(trace, "store delivery 0 alice@example.org /mail/example.org/alice\n"
				   "front0 resolved 0 =alice+x@example.org\n");
	clear();
	ask_resolve(0, "all@example.org");
	run_until("resolved");
	assert_string_equal(trace, "store delivery 0 bob@example.org /mail/example.org/bob\n"
				   "front0 resolved 0 =alice@example.org =bob@example.org !someone@elsewhere.net\n");
	clear();
	ask_resolve(1, ALICE);
	run_until("resolved");
	assert_string_equal(trace, "store delivery 1 alice@example.org /mail/example.org/alice\n"
				   "front1 resolved 0 =alice@example.org\n");
}

static void
who_is_not_ours_or_not_there_is_told_apart(void **state)
{
	char want[64];

	(void)state;
	ask_resolve(0, "nobody@example.org");
	snprintf(want, sizeof want, "front0 resolved %d\n", IPC_ABSENT);
	run_until(want);
	ask_resolve(0, "someone@elsewhere.net");
	snprintf(want, sizeof want, "front0 resolved %d\n", IPC_FOREIGN);
	run_until(want);
	assert_null(strstr(trace, "store"));
}

static void
a_new_store_or_front_is_told_again(void **state)
{
	(void)state;
	ask_resolve(0, ALICE);
	run_until("resolved");
	connect_pair(of_store, store);
	clear();
	ask_resolve(0, ALICE);
	run_until("resolved");
	assert_non_null(strstr(trace, "store delivery 0"));
	connect_pair(of_front[0], front[0]);
	clear();
	ask_resolve(0, ALICE);
	run_until("resolved");
	assert_non_null(strstr(trace, "store delivery 0"));
}

static void
without_a_store_it_is_later(void **state)
{
	char want[64];

	(void)state;
	peer_free(&store);
	run_until("[lost]");
	ask_resolve(0, ALICE);
	snprintf(want, sizeof want, "front0 resolved %d\n", IPC_LATER);
	run_until(want);
	ask_log_in(ALICE, "secret");
	snprintf(want, sizeof want, "front0 logged_in %d \n", IPC_LATER);
	run_until(want);
	assert_non_null(strstr(events, "login.later"));
}

static void
accounts_send_as_themselves(void **state)
{
	(void)state;
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
	ask_may_send("ALL@example.org");
	run_until("may_send 0");
	ask_may_send(BOB);
	run_until("may_send 5");
}

static void
while_the_source_cannot_be_read_nobody_is_unknown(void **state)
{
	struct fault f;

	(void)state;
	directory_hooks.end(&self);
	trace[0] = '\0';
	config.directory_embedded_file = BYTES("/nowhere/at/all");
	assert_int_equal(directory_hooks.before_jail(&self, &f), 0);
	assert_int_equal(directory_hooks.start(&self, &f), 0);
	assert_non_null(strstr(events, "directory.failed"));
	connect_pair(of_store, store);
	connect_pair(of_front[0], front[0]);
	ask_resolve(0, "nobody@example.org");
	run_until("resolved 1");
	ask_log_in(ALICE, "secret");
	run_until("logged_in 1");
	/* It is tried again. */
	events[0] = '\0';
	config.directory_embedded_file = bytes_text(path);
	run_until_event("accounts=4");
	ask_resolve(0, ALICE);
	run_until("resolved 0");
}

/* What the role says to a line of the command line. */
static void
control_says(const char *line, char *answer, size_t size)
{
	char name[128];
	struct role_listener listener = { .service = SERVICE_CONTROL };
	struct fault f;
	ssize_t count = -1;
	int fd;

	snprintf(name, sizeof name, "%s/directory.sock", folder);
	listener.fd = net_listen_unix(name, 0600, &f);
	assert_true(listener.fd >= 0);
	directory_hooks.listen(&self, &listener);
	fd = net_connect_unix(name, &f);
	assert_true(fd >= 0);
	assert_int_equal(net_write(fd, bytes_text(line)), strlen(line));
	for (int turn = 0; turn < 300; turn++) {
		run_a_little();
		count = recv(fd, answer, size - 1, MSG_DONTWAIT);
		if (count > 0)
			break;
	}
	assert_true(count > 0);
	answer[count] = '\0';
	net_close(fd);
	run_a_little();
	directory_hooks.unlisten(&self, &listener);
	net_close(listener.fd);
	disk->unlinkat(AT_FDCWD, name, 0);
}

static void
a_reload_that_fails_changes_nothing(void **state)
{
	struct config next = config;
	char answer[256];
	struct fault f;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM user; DROP TABLE target", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	next.maildir_template = BYTES("/elsewhere/%u");
	self.config = &next;
	assert_int_equal(directory_hooks.reload(&self, &config, &f), -1);
	self.config = &config;
	assert_non_null(strstr(events, "directory.failed"));
	control_says("reload\n", answer, sizeof answer);
	assert_memory_equal(answer, "error ", 6);
	ask_resolve(0, "all@example.org");
	run_until("resolved 0 =alice@example.org =bob@example.org");
	assert_null(strstr(trace, "elsewhere/"));
	assert_null(strstr(trace, "gone"));
	/* Who is not known may have come meanwhile. */
	ask_resolve(0, "erin@example.org");
	run_until("resolved 1");
	ask_log_in("erin@example.org", "secret");
	run_until("logged_in 1");
	ask_log_in(ALICE, "secret");
	run_until("logged_in 0");
	ask_may_send(BOB);
	run_until("may_send 5");
	ask_may_send("erin@example.org");
	run_until("may_send 1");
}

/* As when an administrator is about to put a copy in its place. */
static void
a_file_that_is_not_there_any_more_loses_nobody(void **state)
{
	char aside[128];
	struct fault f;

	(void)state;
	snprintf(aside, sizeof aside, "%s.aside", path);
	assert_int_equal(disk->renameat(AT_FDCWD, path, AT_FDCWD, aside, 0), 0);
	assert_int_equal(directory_hooks.reload(&self, &config, &f), -1);
	assert_non_null(strstr(events, "directory.failed"));
	ask_resolve(0, ALICE);
	run_until("resolved 0");
	ask_resolve(0, "nobody@example.org");
	run_until("resolved 1");
	assert_int_equal(disk->renameat(AT_FDCWD, aside, AT_FDCWD, path, 0), 0);
	reload();
	ask_resolve(0, "nobody@example.org");
	run_until("resolved 3");
	assert_null(strstr(trace, "gone"));
}

static void
the_command_line_puts_changes_in_force(void **state)
{
	char answer[256];

	(void)state;
	add_user("erin@example.org", "secret", true);
	ask_resolve(0, "erin@example.org");
	run_until("resolved 3");
	control_says("reload\n", answer, sizeof answer);
	assert_string_equal(answer, "ok\n");
	ask_resolve(0, "erin@example.org");
	run_until("resolved 0");
	control_says("status\n", answer, sizeof answer);
	assert_non_null(strstr(answer, "ok accounts=5 aliases=1 domains=1 source=embedded is_loaded=1 age_s=0"));
	control_says("make me root\n", answer, sizeof answer);
	assert_string_equal(answer, "error there is no such command\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_store_hears_of_a_recipient_once_and_first),
		TEST(who_is_not_ours_or_not_there_is_told_apart),
		TEST(a_new_store_or_front_is_told_again),
		TEST(without_a_store_it_is_later),
		TEST(accounts_send_as_themselves),
		TEST(while_the_source_cannot_be_read_nobody_is_unknown),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(a_file_that_is_not_there_any_more_loses_nobody),
		TEST(the_command_line_puts_changes_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
