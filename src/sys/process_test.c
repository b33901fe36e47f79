#include "sys/process.h"

#include "sys/time.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Started again with these words, this program is the child of its own tests. */
static int
child(const char *word)
{
	char text[16];

	if (strcmp(word, "wait") == 0) {
		pause();
		return 0;
	}
	/* Says on the control descriptor which others are open, then ends with 7. */
	for (int fd = PROCESS_CONTROL_FD + 1; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 1;
	if (write(PROCESS_CONTROL_FD, "here", 4) != 4 || read(PROCESS_CONTROL_FD, text, 2) != 2)
		return 1;
	return 7;
}

static pid_t
reap_soon(int *status)
{
	pid_t pid = 0;

	for (int i = 0; i < 5000 && pid == 0; i++) {
		time_sleep_ms(1);
		pid = process_reap(status);
	}
	return pid;
}

static void
a_child_has_its_control_descriptor_and_no_other(void **state)
{
	static const char *const argv[] = { "mermoz", "child", "talk", NULL };
	int pair[2], status, stray = dup(0);
	struct fault f;
	char text[4];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = process_start(argv, pair[1], &f);
	assert_true(pid > 0);
	assert_int_equal(process_reap(&status), 0);
	assert_int_equal(read(pair[0], text, 4), 4);
	assert_memory_equal(text, "here", 4);
	assert_int_equal(write(pair[0], "go", 2), 2);
	assert_int_equal(reap_soon(&status), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	close(pair[0]);
	close(pair[1]);
	close(stray);
}

static void
a_child_is_killed(void **state)
{
	static const char *const argv[] = { "mermoz", "child", "wait", NULL };
	struct fault f;
	int status;

	(void)state;
	pid_t pid = process_start(argv, 0, &f);
	process_kill(pid, SIGKILL);
	assert_int_equal(reap_soon(&status), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_memory_file_can_be_read_and_not_changed(void **state)
{
	struct fault f;
	char got[8];
	int fd = process_memory_file("test", "octets", 6, &f);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, got, sizeof got, 0), 6);
	assert_memory_equal(got, "octets", 6);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
	fd = process_memory_file("empty", NULL, 0, &f);
	assert_int_equal(pread(fd, got, sizeof got, 0), 0);
	close(fd);
}

static void
a_lock_is_held_once_and_names_its_holder(void **state)
{
	char path[] = "/tmp/mermoz-lock-XXXXXX", text[32] = "";
	struct fault f;

	(void)state;
	close(mkstemp(path));
	int fd = process_lock(path, &f);
	assert_true(fd >= 0);
	assert_int_equal(process_lock(path, &f), -1);
	assert_int_equal(f.kind, FAULT_DENIED);
	assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
	assert_int_equal(strtol(text, NULL, 10), getpid());
	close(fd);
	fd = process_lock(path, &f);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(process_lock("/not/there", &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
}

static void
systemd_hears_of_us(void **state)
{
	char name[64], got[32] = "";
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	(void)snprintf(name, sizeof name, "@mermoz-test-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	process_notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	unsetenv("NOTIFY_SOCKET");
	process_notify("READY=1");
	close(fd);
}

static void
activation_is_for_this_process_and_names_its_sockets(void **state)
{
	char pid[32];

	(void)state;
	assert_int_equal(process_activated(), 0);
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "0", 1);
	setenv("LISTEN_FDNAMES", "smtp:imaps:", 1);
	assert_int_equal(process_activated(), 0);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2x", 1);
	assert_int_equal(process_activated(), 0);
	setenv("LISTEN_FDS", "0", 1);
	assert_int_equal(process_activated(), 0);
	assert_string_equal(process_activated_name(0), "smtp");
	assert_string_equal(process_activated_name(1), "imaps");
	assert_string_equal(process_activated_name(2), "");
	assert_string_equal(process_activated_name(3), "unknown");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

enum { NOBODY = 65534 };

static uid_t
owner_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_uid;
}

/* What root does in a directory of others'. */
static void
nothing_is_given_away_over_a_link_that_others_could_put_there(void **state)
{
	static const struct {
		uid_t owner; /* of the directory */
		mode_t mode;
		bool is_given;
	} rows[] = { { 0, 0755, true }, { NOBODY, 0700, false }, { 0, 0775, false }, { 0, 01777, false } };
	char root[] = "/tmp/process-test-XXXXXX";
	struct fault f;

	(void)state;
	if (!process_is_root())
		skip();
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(mkdir("place", 0700), 0);
		assert_int_equal(mkdir("victim", 0700), 0);
		assert_int_equal(close(open("file", O_WRONLY | O_CREAT, 0600)), 0);
		assert_int_equal(symlink("../victim", "place/link"), 0);
		assert_int_equal(link("file", "place/name"), 0);
		assert_int_equal(close(open("place/own", O_WRONLY | O_CREAT, 0600)), 0);
		assert_int_equal(mkdir("place/directory", 0700), 0);
		assert_true(chown("place", rows[i].owner, 0) == 0 && chmod("place", rows[i].mode) == 0);
		assert_int_equal(process_give("place/link", "nobody", &f), rows[i].is_given ? 0 : -1);
		assert_int_equal(owner_of("victim"), rows[i].is_given ? NOBODY : 0);
		assert_int_equal(process_give("place/name", "nobody", &f), rows[i].is_given ? 0 : -1);
		assert_int_equal(owner_of("file"), rows[i].is_given ? NOBODY : 0);
		assert_int_equal(process_give("place/own", "nobody", &f), 0);
		assert_int_equal(process_give("place/directory/", "nobody", &f), 0);
		assert_true(owner_of("place/own") == NOBODY && owner_of("place/directory") == NOBODY);
		assert_int_equal(process_give("place/not-there", "nobody", &f), -1);
		assert_true(unlink("place/link") == 0 && unlink("place/name") == 0 && unlink("place/own") == 0 && unlink("file") == 0);
		assert_true(rmdir("place/directory") == 0 && rmdir("place") == 0 && rmdir("victim") == 0);
	}
	assert_true(chdir("/") == 0 && rmdir(root) == 0);
}

static void
root_acts_as_another_and_as_itself_again(void **state)
{
	struct fault f;

	(void)state;
	if (!process_is_root())
		skip();
	assert_int_equal(process_act_as("nobody", &f), 0);
	assert_int_equal(geteuid(), NOBODY);
	assert_int_equal(open("/etc/shadow", O_RDONLY), -1);
	assert_int_equal(getgroups(0, NULL), 1);
	assert_int_equal(process_act_as("nobody", &f), 0);
	assert_int_equal(process_act_as(NULL, &f), 0);
	assert_true(geteuid() == 0 && getegid() == 0);
	assert_int_equal(process_act_as("no-such-user", &f), -1);
	assert_int_equal(geteuid(), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_has_its_control_descriptor_and_no_other),
		cmocka_unit_test(a_child_is_killed),
		cmocka_unit_test(a_memory_file_can_be_read_and_not_changed),
		cmocka_unit_test(a_lock_is_held_once_and_names_its_holder),
		cmocka_unit_test(systemd_hears_of_us),
		cmocka_unit_test(nothing_is_given_away_over_a_link_that_others_could_put_there),
		cmocka_unit_test(root_acts_as_another_and_as_itself_again),
		cmocka_unit_test(activation_is_for_this_process_and_names_its_sockets),
	};

	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return child(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
