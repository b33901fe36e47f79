/* Each test enters the sandbox in a child and tries there what must work and what must not; the exit
   code is the line of the first surprise. */
#include "sys/sandbox.h"

#include "base/memory.h"
#include "sys/loop.h"
#include "sys/net.h"
#include "sys/pool.h"
#include "sys/time.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Not exit(): the leak check of the sanitizer can't run in the jail. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(2, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static char dir[64], file[128], other[128];
static int listener, inherited;
static struct net_address address;

static int
set_up(void **state)
{
	struct fault f;

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-sandbox-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof file, "%s/in/file", dir);
	(void)snprintf(other, sizeof other, "%s/other", dir);
	char in[128];
	(void)snprintf(in, sizeof in, "%s/in", dir);
	assert_int_equal(mkdir(in, 0777), 0);
	assert_int_equal(chmod(in, 0777) | chmod(dir, 0777), 0);
	inherited = open(file, O_RDWR | O_CREAT, 0666);
	assert_int_equal(fchmod(inherited, 0666), 0);
	close(open(other, O_RDWR | O_CREAT, 0666));
	assert_int_equal(chmod(other, 0666), 0);
	assert_int_equal(net_address_parse(BYTES("127.0.0.1:0"), 0, &address, &f), 0);
	listener = net_listen(&address, 5, &f);
	assert_int_equal(net_local_address(listener, &address), 0);
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	close(listener);
	close(inherited);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static void
in_child(void (*run)(void), bool as_nobody)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (as_nobody && geteuid() == 0 && (setgid(65534) == -1 || setuid(65534) == -1))
			_exit(3);
		run();
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct sandbox_report
enter(const struct sandbox_profile *profile)
{
	struct sandbox_report report, probe;
	struct fault f;

	sandbox_probe(profile, &probe);
	EXPECT(sandbox_enter(profile, &report, &f) == 0);
	EXPECT(report.is_in_force[SANDBOX_NO_NEW_PRIVILEGES]);
	EXPECT(report.is_in_force[SANDBOX_NOT_DUMPABLE]);
	EXPECT(report.is_in_force[SANDBOX_SECCOMP]);
	EXPECT(report.is_in_force[SANDBOX_LIMITS]);
	for (int i = 0; i < SANDBOX_MEASURES; i++)
		EXPECT(report.is_in_force[i] == probe.is_in_force[i]);
	EXPECT(prctl(PR_SET_DUMPABLE, 1) == -1 && errno == EPERM);
	return report;
}

static atomic_int jobs_done;

static void
run_job(struct job *job)
{
	(void)job;
	void *memory = memory_new(1 << 20);
	memory_free(memory);
	atomic_fetch_add(&jobs_done, 1);
}

static void
expect_nobody_can_do_this(void)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	EXPECT(execv("/bin/true", argv) == -1 && errno == EPERM);
	EXPECT(fork() == -1);
	EXPECT(kill(getppid(), 0) == -1 && errno == EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	EXPECT(setuid(0) == -1);
	EXPECT(chroot("/") == -1);
	struct rlimit l = { 4, 4 };
	EXPECT(setrlimit(RLIMIT_CORE, &l) == -1);
}

/* What every role lives on: memory, threads, timers, what it inherited, connections it accepts. */
static void
expect_life_goes_on(void)
{
	struct pool *pool = pool_new(2);
	struct strand strand = { 0 };
	struct job jobs[3] = { { .run = run_job }, { .run = run_job }, { .run = run_job } };
	struct net_address peer;
	struct stat st;
	char octets[4];

	for (int i = 0; i < 3; i++)
		pool_add(pool, &strand, &jobs[i]);
	pool_free(&pool);
	EXPECT(atomic_load(&jobs_done) == 3);
	time_sleep_ms(1);
	EXPECT(time_now().wall_us > 0);
	EXPECT(net_accept(listener, &peer) == -1 && errno == EAGAIN);
	EXPECT(pwrite(inherited, "abc", 3, 0) == 3 && pread(inherited, octets, 3, 0) == 3);
	EXPECT(fstat(inherited, &st) == 0 && st.st_size == 3);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, inherited, 0);
	EXPECT(map != MAP_FAILED && memcmp(map, "abc", 3) == 0);
	EXPECT(fdatasync(inherited) == 0);
}

static void
run_front_as_root(void)
{
	struct sandbox_profile profile = { .user = "nobody", .descriptors_max = 2000 };
	struct sandbox_report report = enter(&profile);

	EXPECT(report.is_in_force[SANDBOX_USER] == (geteuid() == 65534));
	EXPECT(report.is_in_force[SANDBOX_ROOT]);
	expect_nobody_can_do_this();
	expect_life_goes_on();
	EXPECT(open("/etc/passwd", O_RDONLY) == -1);
	EXPECT(open(".", O_RDONLY) == -1 && open("/x", O_RDWR | O_CREAT, 0600) == -1);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
}

static void
a_front_started_by_root_keeps_nothing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(run_front_as_root, false);
}

static void
run_front_as_nobody(void)
{
	struct sandbox_profile profile = { .user = "nobody", .descriptors_max = 1000000000 };
	struct sandbox_report report = enter(&profile);

	EXPECT(!report.is_in_force[SANDBOX_USER] && !report.is_in_force[SANDBOX_ROOT]);
	expect_nobody_can_do_this();
	expect_life_goes_on();
	EXPECT(open(file, O_RDONLY) == -1 && errno == EPERM);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
}

static void
a_front_started_by_anybody_opens_nothing_and_connects_nowhere(void **state)
{
	(void)state;
	in_child(run_front_as_nobody, true);
}

static void
run_store(void)
{
	char in[128], in_new[160], in_dir[160], out_new[160];
	(void)snprintf(in, sizeof in, "%s/in", dir);
	(void)snprintf(in_new, sizeof in_new, "%s/new", in);
	(void)snprintf(in_dir, sizeof in_dir, "%s/cur", in);
	(void)snprintf(out_new, sizeof out_new, "%s/new", dir);
	struct sandbox_profile profile = { .may_open = true,
		.paths = { { in, SANDBOX_READ | SANDBOX_WRITE }, { other, SANDBOX_READ } } };
	struct sandbox_report report = enter(&profile);

	expect_nobody_can_do_this();
	expect_life_goes_on();
	int fd = open(in_new, O_RDWR | O_CREAT | O_TRUNC | O_EXCL, 0600);
	EXPECT(fd != -1 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0);
	EXPECT(mkdir(in_dir, 0700) == 0);
	(void)snprintf(in_dir, sizeof in_dir, "%s/cur/new:2,S", in);
	EXPECT(rename(in_new, in_dir) == 0 && link(in_dir, in_new) == 0 && unlink(in_new) == 0);
	EXPECT(open(in, O_RDONLY | O_DIRECTORY) != -1);
	EXPECT(open(other, O_RDONLY) != -1);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
	if (!report.is_in_force[SANDBOX_LANDLOCK])
		return;
	EXPECT(open(other, O_RDWR) == -1 && errno == EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	EXPECT(open(out_new, O_RDWR | O_CREAT, 0600) == -1 && errno == EACCES);
	EXPECT(symlink("/etc/passwd", in_new) == -1);
}

static void
a_store_works_below_its_paths_only(void **state)
{
	(void)state;
	in_child(run_store, true);
}

static void
run_connecting(void)
{
	struct sandbox_profile profile = { .may_connect = true };

	(void)enter(&profile);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(fd != -1);
	EXPECT(connect(fd, (struct sockaddr *)&address.storage, address.len) == 0);
	EXPECT(open(file, O_RDONLY) == -1);
}

static void
who_may_connect_connects(void **state)
{
	(void)state;
	in_child(run_connecting, true);
}

static struct loop *loop;

static void
on_fired(struct timer *t)
{
	(void)t;
	loop_stop(loop);
}

/* libuv is told of a descriptor before the sandbox, of another one and of a timer behind it. */
static void
run_loop(void)
{
	struct sandbox_profile profile = { 0 };
	struct timer timer;

	sandbox_hide_rings();
	loop = loop_new();
	loop_on_signal(loop, SIGHUP, NULL, NULL);
	(void)enter(&profile);
	loop_on_signal(loop, SIGUSR1, NULL, NULL);
	timer_init(&timer, loop, on_fired);
	timer_start(&timer, 1, 0);
	loop_run(loop);
	EXPECT(syscall(SYS_io_uring_setup, 1, NULL) == -1);
	loop_free(&loop);
}

static void
a_loop_that_was_made_before_turns_in_the_sandbox(void **state)
{
	(void)state;
	in_child(run_loop, false);
}

static void
run_missing_path(void)
{
	struct sandbox_profile profile = { .may_open = true, .paths = { { "/not/there", SANDBOX_READ } } };
	struct sandbox_report report;
	struct fault f;

	EXPECT(sandbox_enter(&profile, &report, &f) == 0);
	EXPECT(!report.is_in_force[SANDBOX_LANDLOCK]);
	EXPECT(report.is_in_force[SANDBOX_SECCOMP]);
}

static void
what_could_not_be_done_is_reported(void **state)
{
	(void)state;
	in_child(run_missing_path, true);
}

static void
run_unknown_user(void)
{
	struct sandbox_profile profile = { .user = "no-such-user-of-mermoz" };
	struct sandbox_report report;
	struct fault f;

	EXPECT(sandbox_enter(&profile, &report, &f) == -1);
	EXPECT(f.kind == FAULT_PERM);
}

static void
root_is_not_kept_for_want_of_a_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(run_unknown_user, false);
}

static void
every_measure_has_a_name(void **state)
{
	(void)state;
	for (enum sandbox_measure m = 0; m < SANDBOX_MEASURES; m++)
		assert_true(strlen(sandbox_measure_name(m)) > 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_front_started_by_root_keeps_nothing),
		TEST(a_front_started_by_anybody_opens_nothing_and_connects_nowhere),
		TEST(a_store_works_below_its_paths_only),
		TEST(who_may_connect_connects),
		TEST(a_loop_that_was_made_before_turns_in_the_sandbox),
		TEST(what_could_not_be_done_is_reported),
		TEST(root_is_not_kept_for_want_of_a_user),
		TEST(every_measure_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
