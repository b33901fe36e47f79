#include "sys/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96], other[96];

static int
make_directory(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-unix-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/socket", dir);
	(void)snprintf(other, sizeof other, "%s/other", dir);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	return rmdir(dir);
}

static struct net_unix_access
mine(mode_t mode)
{
	struct net_unix_access access;
	struct fault f;

	assert_int_equal(net_unix_access_of(BYTES_NONE, BYTES_NONE, mode, &access, &f), 0);
	return access;
}

static struct stat
look_at(const char *file)
{
	struct stat st;

	assert_int_equal(lstat(file, &st), 0);
	return st;
}

static void
a_socket_has_its_mode_and_its_owner(void **state)
{
	struct net_unix_access access = mine(0660);
	struct fault f;

	(void)state;
	if (geteuid() == 0) {
		access.user = 12345;
		access.group = 54321;
	}
	int listener = net_listen_unix_for(path, &access, &f), client;
	assert_true(listener >= 0);
	assert_int_equal(look_at(path).st_mode & 07777, 0660);
	assert_int_equal(look_at(path).st_uid, access.user);
	assert_int_equal(look_at(path).st_gid, access.group);
	client = net_connect_unix(path, &f);
	assert_true(client >= 0);
	access.mode = 0600;
	assert_int_equal(net_set_unix_access(path, &access, &f), 0);
	assert_int_equal(look_at(path).st_mode & 07777, 0600);
	net_close(client);
	net_close(listener);
}

static void
a_stale_socket_gives_way(void **state)
{
	struct net_unix_access access = mine(0600);
	struct fault f;

	(void)state;
	net_close(net_listen_unix_for(path, &access, &f));
	assert_true(S_ISSOCK(look_at(path).st_mode));
	int listener = net_listen_unix_for(path, &access, &f);
	assert_true(listener >= 0);
	net_close(listener);
}

static void
a_socket_that_somebody_listens_on_stays(void **state)
{
	struct net_unix_access access = mine(0600);
	struct fault f;

	(void)state;
	int listener = net_listen_unix_for(path, &access, &f);
	ino_t inode = look_at(path).st_ino;
	assert_int_equal(net_listen_unix_for(path, &access, &f), -1);
	assert_non_null(strstr(f.text, "another process listens"));
	assert_int_equal(look_at(path).st_ino, inode);
	net_close(listener);
}

static void
what_is_no_socket_stays(void **state)
{
	struct net_unix_access access = mine(0600);
	struct fault f;
	FILE *file = fopen(other, "w");

	(void)state;
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(chmod(other, 0640), 0);
	assert_int_equal(net_listen_unix_for(other, &access, &f), -1);
	assert_non_null(strstr(f.text, "is no socket"));
	/* Nor is anything led to another file by a link in its place. */
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(net_listen_unix_for(path, &access, &f), -1);
	assert_int_equal(net_set_unix_access(path, &access, &f), -1);
	assert_int_equal(net_set_unix_access(other, &access, &f), -1);
	assert_int_equal(look_at(other).st_mode & 07777, 0640);
}

static void
names_that_the_system_does_not_know_are_refused(void **state)
{
	struct net_unix_access access;
	struct fault f;

	(void)state;
	assert_int_equal(net_unix_access_of(BYTES("root"), BYTES("daemon"), 0660, &access, &f), 0);
	assert_int_equal(access.user, 0);
	assert_int_equal(access.group, 1);
	assert_int_equal(net_unix_access_of(BYTES("nobody-at-all"), BYTES_NONE, 0660, &access, &f), -1);
	assert_non_null(strstr(f.text, "user \"nobody-at-all\""));
	assert_int_equal(net_unix_access_of(BYTES_NONE, BYTES("no-group-at-all"), 0660, &access, &f), -1);
	assert_non_null(strstr(f.text, "group \"no-group-at-all\""));
}

static void
a_descriptor_comes_beside_the_octets(void **state)
{
	char text[8];
	int ends[2], pipes[2], came, none;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(net_write_with(ends[0], BYTES("ok\n"), pipes[0]), 3);
	assert_int_equal(net_read_with(ends[1], text, sizeof text, &came), 3);
	assert_true(came >= 0 && came != pipes[0]);
	assert_int_equal(write(pipes[1], "hello", 5), 5);
	assert_int_equal(net_read(came, text, sizeof text), 5);
	assert_int_equal(net_write_with(ends[0], BYTES("ok\n"), -1), 3);
	assert_int_equal(net_read_with(ends[1], text, sizeof text, &none), 3);
	assert_int_equal(none, -1);
	for (int i = 0; i < 2; i++) {
		net_close(ends[i]);
		close(pipes[i]);
	}
	net_close(came);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(a_socket_has_its_mode_and_its_owner),
		TEST(a_stale_socket_gives_way),
		TEST(a_socket_that_somebody_listens_on_stays),
		TEST(what_is_no_socket_stays),
		TEST(names_that_the_system_does_not_know_are_refused),
		TEST(a_descriptor_comes_beside_the_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
