#include "role/directory/directory.h"
#include "base/event.h"
#include "role/directory/embedded.h"
#include "role/directory/password.h"
#include "sys/disk.h"
#include "sys/net.h"
#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#define ALICE "alice@example.org"
#define BOB "bob@example.org"

/* The role with two fronts and a store that are only peers here.  `trace` is what those heard. */
static struct loop *loop;
static struct role_self self;
static struct config config;
static char folder[64], path[96];
static struct embedded *source;
static struct peer *of_front[2], *of_store; /* the role's ends */
static struct peer *front[2], *store;
static char trace[8192], events[16384];
static uint64_t account; /* in the last answer */
static struct timer stop;
static const char *until;

static void
note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trace + strlen(trace), sizeof trace - strlen(trace), format, args);
	va_end(args);
	if (until && strstr(trace, until))
		loop_stop(loop);
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	snprintf(events + strlen(events), sizeof events - strlen(events), "%.*s", BYTES_ARG(line));
}

static void
role_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	directory_hooks.message(&self, p, m);
}

static void
role_lost(void *arg, struct peer *p)
{
	(void)arg;
	directory_hooks.peer_lost(&self, p);
	note("[lost]");
}

static void
note_targets(struct bytes in)
{
	uint8_t kind;
	uint16_t len;
	struct bytes address;

	while (take_u8(&in, &kind) && take_u64(&in, &account) && take_u16(&in, &len)
		&& take_octets(&in, len, &address))
		note(" %c%.*s", kind == TARGET_FOREIGN ? '!' : '=', BYTES_ARG(address));
	assert_int_equal(in.len, 0);
}

/* An answer; arg: which front asked. */
static void
on_answer(void *arg, const struct message *m)
{
	size_t index = (size_t)(uintptr_t)arg;

	if (!m)
		return;
	if (m->type == MESSAGE_RESOLVED) {
		note("front%zu resolved %u", index, m->u.resolved.outcome);
		note_targets(m->u.resolved.targets);
	} else if (m->type == MESSAGE_LOGGED_IN) {
		account = m->u.logged_in.account;
		note("front%zu logged_in %u %.*s", index, m->u.logged_in.outcome,
			BYTES_ARG(m->u.logged_in.address));
	} else if (m->type == MESSAGE_MAY_SEND_RESULT) {
		note("front%zu may_send %u", index, m->u.may_send_result.outcome);
	}
	note("\n");
}

static void
front_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	if (m->type == MESSAGE_ACCOUNT_GONE)
		note("front%d gone\n", front[1] == p);
}

static void
ask(size_t index, const struct message *m, uint64_t request)
{
	peer_request(front[index], m, request, 30000, on_answer, (void *)(uintptr_t)index);
}

static void
store_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg, (void)p;
	if (m->type == MESSAGE_GRANT_DELIVERY)
		note("store delivery %u %.*s %.*s\n", m->u.grant_delivery.front,
			BYTES_ARG(m->u.grant_delivery.address), BYTES_ARG(m->u.grant_delivery.path));
	else if (m->type == MESSAGE_GRANT_SESSION)
		note("store session %u.%u %.*s %.*s\n", m->u.grant_session.front,
			(unsigned int)m->u.grant_session.session, BYTES_ARG(m->u.grant_session.address),
			BYTES_ARG(m->u.grant_session.path));
	else if (m->type == MESSAGE_REVOKE)
		note("store revoke\n");
}

static void
other_lost(void *arg, struct peer *p)
{
	(void)arg, (void)p;
}

static void
on_stop(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
run_a_little(void)
{
	timer_start(&stop, 30, 0);
	loop_run(loop);
}

static void
run_until_event(const char *what)
{
	for (int turn = 0; turn < 600 && !strstr(events, what); turn++)
		run_a_little();
	if (!strstr(events, what))
		fail_msg("no \"%s\" in:\n%s", what, events);
}

/* Until `what` was heard, or so long that it won't be. */
static void
run_until(const char *what)
{
	until = what;
	if (!strstr(trace, what)) {
		timer_start(&stop, 20000, 0);
		loop_run(loop);
		timer_stop(&stop);
	}
	until = NULL;
	if (!strstr(trace, what))
		fail_msg("no \"%s\" in:\n%s", what, trace);
}

static void
connect_pair(struct peer *role_end, struct peer *other)
{
	struct fault f;
	int fds[2];

	assert_int_equal(channel_pair(fds, &f), 0);
	peer_connect(other, fds[0]);
	peer_connect(role_end, fds[1]);
	directory_hooks.peer_connected(&self, role_end);
}

static void
make_peers(void)
{
	static const struct peer_handlers in_role = { role_message, role_lost };
	static const struct peer_handlers in_front = { front_message, other_lost };
	static const struct peer_handlers in_store = { store_message, other_lost };

	for (uint8_t i = 0; i < 2; i++) {
		of_front[i] = peer_new(loop, ROLE_DIRECTORY, ROLE_FRONT, i, &in_role, NULL);
		front[i] = peer_new(loop, ROLE_FRONT, ROLE_DIRECTORY, 0, &in_front, NULL);
		connect_pair(of_front[i], front[i]);
	}
	of_store = peer_new(loop, ROLE_DIRECTORY, ROLE_STORE, 0, &in_role, NULL);
	store = peer_new(loop, ROLE_STORE, ROLE_DIRECTORY, 0, &in_store, NULL);
	connect_pair(of_store, store);
}

static void
add_user(const char *address, const char *password, bool is_enabled)
{
	char encoded[PASSWORD_ENCODED_MAX] = "";
	struct user_record record = { .address = bytes_text(address), .is_enabled = is_enabled };
	struct fault f;

	if (password)
		assert_int_equal(password_hash(bytes_text(password), encoded, &f), 0);
	record.secret_password = bytes_text(encoded);
	assert_int_equal(embedded_add_user(source, &record, &f), EMBEDDED_DONE);
}

static void
make_source(void)
{
	struct bytes targets[] = { BYTES(ALICE), BYTES(BOB), BYTES("someone@elsewhere.net") };
	struct fault f;

	assert_int_equal(embedded_open(path, &source, &f), 0);
	add_user(ALICE, "secret", true);
	add_user(BOB, "hidden", true);
	add_user("carol@example.org", "secret", false);
	add_user("dave@example.org", NULL, true);
	assert_int_equal(embedded_add_alias(source,
				 &(struct alias_record){ BYTES("all@example.org"), targets, 3 }, &f),
		EMBEDDED_DONE);
}

static void
start_role(void)
{
	static struct bytes domains[] = { BYTES_INIT("example.org") };
	struct fault f;

	config = (struct config){ .hostname = BYTES("mail.example.org"), .domains = { domains, 1 },
		.recipient_delimiter = BYTES("+"), .maildir_template = BYTES("/mail/%d/%u"),
		.directory_embedded_file = bytes_text(path) };
	self = (struct role_self){ .role = ROLE_DIRECTORY, .loop = loop, .config = &config };
	assert_int_equal(directory_hooks.start(&self, &f), 0);
}

static int
set_up(void **state)
{
	static const struct event_sink sink = { .write = keep_event, .now_us = time_wall_us,
		.role = "directory" };

	(void)state;
	trace[0] = events[0] = '\0';
	event_set_sink(&sink);
	snprintf(folder, sizeof folder, "/tmp/mermoz-directory-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/directory.sqlite", folder);
	loop = loop_new();
	timer_init(&stop, loop, on_stop);
	make_source();
	start_role();
	make_peers();
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[128];

	(void)state;
	directory_hooks.end(&self);
	for (size_t i = 0; i < 2; i++) {
		peer_free(&of_front[i]);
		peer_free(&front[i]);
	}
	peer_free(&of_store);
	peer_free(&store);
	embedded_close(&source);
	loop_free(&loop);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		disk->unlinkat(AT_FDCWD, name, 0);
	}
	disk->unlinkat(AT_FDCWD, folder, AT_REMOVEDIR);
	return 0;
}

static void
ask_resolve(size_t index, const char *address)
{
	struct message m = { .type = MESSAGE_RESOLVE };

	m.u.resolve = (struct ipc_resolve){ .request = peer_request_id(front[index]), .session = 1,
		.address = bytes_text(address) };
	ask(index, &m, m.u.resolve.request);
}

static struct message
log_in_message(enum ipc_service service, const char *name, const char *authorize_as, const char *password)
{
	struct message m = { .type = MESSAGE_LOG_IN };

	m.u.log_in = (struct ipc_log_in){ .request = peer_request_id(front[0]), .session = 42, .service = (uint8_t)service,
		.mechanism = BYTES("PLAIN"), .name = bytes_text(name),
		.authorize_as = bytes_text(authorize_as), .secret_password = bytes_text(password),
		.remote = BYTES("192.0.2.1:4000"), .local = BYTES("192.0.2.2:993"), .tls = BYTES("TLSv1.3") };
	return m;
}

static void
ask_log_in_as(enum ipc_service service, const char *name, const char *authorize_as, const char *password)
{
	struct message m = log_in_message(service, name, authorize_as, password);

	ask(0, &m, m.u.log_in.request);
}

/* The role has it when this returns, and has not tried the password yet. */
static void
hand_log_in(const char *name, const char *password)
{
	struct message m = log_in_message(SERVICE_IMAPS, name, "", password);

	directory_hooks.message(&self, of_front[0], &m);
}

static void
ask_log_in(const char *name, const char *password)
{
	ask_log_in_as(SERVICE_IMAPS, name, "", password);
}

static void
ask_may_send(const char *address)
{
	struct message m = { .type = MESSAGE_MAY_SEND };

	m.u.may_send = (struct ipc_may_send){ .request = peer_request_id(front[0]), .account = account,
		.address = bytes_text(address) };
	ask(0, &m, m.u.may_send.request);
}

static void
reload(void)
{
	struct fault f;

	assert_int_equal(directory_hooks.reload(&self, &config, &f), 0);
}

static void
clear(void)
{
	run_a_little();
	trace[0] = events[0] = '\0';
}

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
};

static void
a_refused_log_in_says_why_to_the_administrator_only(void **state)
{
	static const struct refused rows[] = {
		{ ALICE, "", "Secret", "wrong password" },
		{ ALICE, "", "", "wrong password" },
		{ BOB, "", "secret", "wrong password" },
		{ "nobody@example.org", "", "secret", "there is no such account" },
		{ "all@example.org", "", "secret", "there is no such account" },
		{ "alice+x@example.org", "", "secret", "there is no such account" },
		{ "carol@example.org", "", "secret", "the account is disabled" },
		{ "dave@example.org", "", "", "the account has no password" },
		{ ALICE, BOB, "secret", "may not act for another account" },
		{ ALICE, "ali", "secret", "may not act for another account" },
	};
	char want[64];

	(void)state;
	snprintf(want, sizeof want, "front0 logged_in %d \n", IPC_DENIED);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		clear();
		ask_log_in_as(SERVICE_IMAPS, rows[i].name, rows[i].authorize_as, rows[i].password);
		run_until("logged_in");
		assert_string_equal(trace, want);
		assert_non_null(strstr(events, "login.failed"));
		assert_non_null(strstr(events, rows[i].reason));
	}
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_store_hears_of_a_recipient_once_and_first),
		TEST(who_is_not_ours_or_not_there_is_told_apart),
		TEST(a_new_store_or_front_is_told_again),
		TEST(without_a_store_it_is_later),
		TEST(a_log_in_is_granted_before_it_is_told),
		TEST(who_submits_mail_gets_no_mailbox),
		TEST(a_refused_log_in_says_why_to_the_administrator_only),
		TEST(nobody_logs_in_as_a_made_postmaster),
		TEST(a_removed_account_loses_its_sessions),
		TEST(a_disabled_account_still_gets_mail),
		TEST(a_new_password_ends_sessions_and_the_old_one),
		TEST(a_change_while_a_password_is_tried_puts_the_log_in_off),
		TEST(log_ins_of_a_front_that_went_away_are_dropped),
		TEST(accounts_send_as_themselves),
		TEST(while_the_source_cannot_be_read_nobody_is_unknown),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(the_command_line_puts_changes_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
