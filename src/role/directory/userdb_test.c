/* The role's socket for look-ups, as doveadm and others use it. */
#include "role/directory/test_role.h"

#include "sys/disk.h"
#include "sys/net.h"
#include "sys/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HELLO "VERSION\t1\t1\n"
#define GREETING "VERSION\t1\t2\nSPID\t%d\n"
#define MAIL_AT(place) "mail=maildir:" place "\tmail_driver=maildir\tmail_path=" place

static struct role_listener listener;
static char socket_path[128], heard[1 << 17];
static int client;

static int
set_up_socket(void **state)
{
	struct fault f;

	(void)set_up(state);
	(void)snprintf(socket_path, sizeof socket_path, "%s/auth-userdb", folder);
	listener = (struct role_listener){ .service = SERVICE_AUTH_USERDB, .fd = net_listen_unix(socket_path, 0600, &f) };
	assert_true(listener.fd >= 0);
	directory_hooks.listen(&self, &listener);
	client = net_connect_unix(socket_path, &f);
	assert_true(client >= 0);
	heard[0] = '\0';
	return 0;
}

static int
tear_down_socket(void **state)
{
	net_close(client);
	run_a_little();
	directory_hooks.unlisten(&self, &listener);
	run_a_little();
	net_close(listener.fd);
	disk->unlinkat(AT_FDCWD, socket_path, 0);
	return tear_down(state);
}

static void
say(const char *text)
{
	assert_int_equal(net_write(client, bytes_text(text)), strlen(text));
}

/* Until what was heard ends so. */
static void
hear(const char *end)
{
	size_t len = strlen(heard);

	for (int turn = 0; turn < 300; turn++) {
		ssize_t count = recv(client, heard + len, sizeof heard - len - 1, MSG_DONTWAIT);

		if (count > 0)
			heard[len += (size_t)count] = '\0';
		if (len >= strlen(end) && strcmp(heard + len - strlen(end), end) == 0)
			return;
		if (count <= 0)
			run_a_little();
	}
	fail_msg("no \"%s\" at the end of:\n%s", end, heard);
}

static bool
is_cut(void)
{
	char octet;

	for (int turn = 0; turn < 300; turn++) {
		run_a_little();
		ssize_t count = recv(client, &octet, 1, MSG_DONTWAIT);

		if (count == 0)
			return true;
	}
	return false;
}

static void
a_look_up_says_where_a_mailbox_is_and_whose(void **state)
{
	char want[512];
	uid_t uid;
	gid_t gid;
	struct fault f;

	(void)state;
	process_own_user(&uid, &gid);
	if (process_is_root())
		assert_int_equal(process_find_user(BYTES("daemon"), &uid, &gid, &f), 0);
	say(HELLO "USER\t1\tALICE@Example.org\tservice=doveadm\nUSER\t2\tbob\tservice=lmtp\n");
	(void)snprintf(want, sizeof want, GREETING
		"USER\t1\talice@example.org\tuid=%u\tgid=%u\thome=/mail/example.org/alice\t" MAIL_AT("/mail/example.org/alice") "\n"
		"USER\t2\tbob@example.org\tuid=%u\tgid=%u\thome=/mail/example.org/bob\t" MAIL_AT("/mail/example.org/bob") "\n",
		(int)process_id(), uid, gid, uid, gid);
	hear("bob\n");
	assert_string_equal(heard, want);
}

static void
who_is_not_there_is_not_found(void **state)
{
	(void)state;
	say(HELLO "USER\t1\tnobody@example.org\nUSER\t2\tall@example.org\nUSER\t3\tsomeone@elsewhere.net\n");
	hear("NOTFOUND\t1\nNOTFOUND\t2\nNOTFOUND\t3\n");
	/* A made postmaster is nobody. */
	ask_resolve(0, "postmaster");
	run_until("resolved 0");
	say("USER\t4\tpostmaster@example.org\n");
	hear("NOTFOUND\t4\n");
}

static void
who_can_not_log_in_has_a_mailbox_but_no_pass(void **state)
{
	(void)state;
	say(HELLO "PASS\t1\talice@example.org\tservice=x\nPASS\t2\tcarol@example.org\nPASS\t3\tdave@example.org\n"
		"USER\t4\tcarol@example.org\n");
	hear("/mail/example.org/carol\n");
	assert_non_null(strstr(heard, "PASS\t1\tuser=alice@example.org\nNOTFOUND\t2\nNOTFOUND\t3\nUSER\t4\tcarol@example.org\t"));
	assert_null(strstr(heard, "argon2"));
}

static void
a_list_names_everyone_once(void **state)
{
	char name[64], *at = heard;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 700; i++) {
		(void)snprintf(name, sizeof name, "user%d@example.org", i);
		add_user(name, NULL, true);
	}
	reload();
	say(HELLO "LIST\t9\tservice=doveadm\n");
	hear("DONE\t9\t\n");
	while ((at = strstr(at, "\nLIST\t9\t"))) {
		at++;
		count++;
	}
	assert_int_equal(count, 704);
	assert_non_null(strstr(heard, "LIST\t9\tuser699@example.org\n"));
}

static void
who_breaks_the_protocol_is_cut(void **state)
{
	(void)state;
	say("GET / HTTP/1.1\n");
	hear("\n");
	assert_true(is_cut());
	assert_non_null(strstr(events, "protocol.error"));
}

static void
a_right_that_was_taken_away_is_gone_at_once(void **state)
{
	(void)state;
	say(HELLO "USER\t1\talice@example.org\n");
	hear("alice\n");
	directory_hooks.unlisten(&self, &listener);
	assert_true(is_cut());
}

static void
before_the_source_was_read_nobody_can_say(void **state)
{
	struct fault f;

	(void)state;
	directory_hooks.unlisten(&self, &listener);
	directory_hooks.end(&self);
	config.directory_embedded_file = BYTES("/nowhere/at/all");
	assert_int_equal(directory_hooks.before_jail(&self, &f), 0);
	assert_int_equal(directory_hooks.start(&self, &f), 0);
	directory_hooks.listen(&self, &listener);
	net_close(client);
	client = net_connect_unix(socket_path, &f);
	say(HELLO "USER\t1\talice@example.org\nPASS\t2\talice@example.org\nLIST\t3\n");
	hear("DONE\t3\tfail\n");
	assert_non_null(strstr(heard, "FAIL\t1\tcode=temp_fail\t"));
	assert_non_null(strstr(heard, "FAIL\t2\tcode=temp_fail\t"));
	config.directory_embedded_file = bytes_text(path);
}

int
main(void)
{
#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_socket, tear_down_socket)
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(a_look_up_says_where_a_mailbox_is_and_whose),
		SOCKET_TEST(who_is_not_there_is_not_found),
		SOCKET_TEST(who_can_not_log_in_has_a_mailbox_but_no_pass),
		SOCKET_TEST(a_list_names_everyone_once),
		SOCKET_TEST(who_breaks_the_protocol_is_cut),
		SOCKET_TEST(a_right_that_was_taken_away_is_gone_at_once),
		SOCKET_TEST(before_the_source_was_read_nobody_can_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
