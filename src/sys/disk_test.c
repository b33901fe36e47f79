#include "sys/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static int dir_fd;

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-disk-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return 0;
}

static bool
remove_one(void *arg, const char *name, unsigned char type)
{
	(void)arg;
	disk_system.unlinkat(dir_fd, name, type == DT_DIR ? AT_REMOVEDIR : 0);
	return true;
}

static int
tear_down(void **state)
{
	(void)state;
	disk_use(NULL);
	disk->list(AT_FDCWD, dir, remove_one, NULL);
	disk_close(&dir_fd);
	return rmdir(dir);
}

static void
check_file(const char *name, const char *want)
{
	char path[128];
	struct buf b;
	struct fault f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	buf_init(&b, 100000);
	assert_int_equal(disk_read_file(path, 50000, &b, &f), 0);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.ptr, want, b.len);
	buf_done(&b);
}

static void
a_pipe_is_read_until_its_writer_ends_and_no_further_than_the_limit(void **state)
{
	for (size_t max = 7; max <= 8; max++) {
		char path[128];
		struct buf b;
		struct fault f = { .kind = FAULT_NONE };
		int ends[2];

		(void)state;
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "one\ntwo\n", 8), 8);
		close(ends[1]);
		(void)snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
		buf_init(&b, 100);
		assert_int_equal(disk_read_file(path, max, &b, &f), max == 8 ? 0 : -1);
		assert_int_equal(f.kind, max == 8 ? FAULT_NONE : FAULT_LIMIT);
		if (max == 8)
			assert_true(bytes_equal(buf_bytes(&b), BYTES("one\ntwo\n")));
		buf_done(&b);
		close(ends[0]);
	}
}

static void
a_replaced_file_has_the_new_content_and_leaves_nothing_else(void **state)
{
	struct fault f;
	char path[128];
	struct stat st;

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("one"), 0600, &f), 0);
	check_file("a", "one");
	(void)snprintf(path, sizeof path, "%s/a", dir);
	assert_int_equal(disk_replace_file(AT_FDCWD, path, BYTES("second"), 0600, &f), 0);
	check_file("a", "second");
	assert_int_equal(disk->fstatat(dir_fd, ".a.new", &st, 0), -1);
	assert_int_equal(disk->fstatat(dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static int calls_left;

static bool
is_failing(void)
{
	errno = EIO;
	return --calls_left < 0;
}

static int
failing_openat(int at, const char *path, int flags, mode_t mode)
{
	return is_failing() ? -1 : disk_system.openat(at, path, flags, mode);
}

static ssize_t
failing_pwrite(int fd, const void *from, size_t count, off_t at)
{
	/* One octet at a time: what is written in parts must come out whole. */
	return is_failing() ? -1 : disk_system.pwrite(fd, from, count ? 1 : 0, at);
}

static int
failing_fsync(int fd)
{
	return is_failing() ? -1 : disk_system.fsync(fd);
}

static int
failing_renameat(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return is_failing() ? -1 : disk_system.renameat(from_dir, from, to_dir, to, flags);
}

static void
whichever_call_fails_the_old_file_or_the_new_one_is_there(void **state)
{
	struct disk_ops ops = disk_system;
	struct fault f;
	char path[128], got[16];
	int result, tried = 0;

	(void)state;
	ops.openat = failing_openat;
	ops.pwrite = failing_pwrite;
	ops.fsync = failing_fsync;
	ops.renameat = failing_renameat;
	(void)snprintf(path, sizeof path, "%s/a", dir);
	do {
		assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("old"), 0600, &f), 0);
		calls_left = tried++;
		disk_use(&ops);
		result = disk_replace_file(dir_fd, "a", BYTES("new"), 0600, &f);
		disk_use(NULL);
		int fd = open(path, O_RDONLY);
		assert_int_equal(read(fd, got, sizeof got), 3);
		close(fd);
		if (result == 0)
			assert_memory_equal(got, "new", 3);
		else if (memcmp(got, "old", 3) != 0)
			assert_memory_equal(got, "new", 3);
	} while (result == -1);
	assert_int_equal(tried, 9);
}

static void
a_file_larger_than_allowed_is_refused(void **state)
{
	struct fault f;
	struct buf b;
	char path[128];

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("12345"), 0600, &f), 0);
	(void)snprintf(path, sizeof path, "%s/a", dir);
	buf_init(&b, 1000);
	assert_int_equal(disk_read_file(path, 5, &b, &f), 0);
	buf_reset(&b);
	assert_int_equal(disk_read_file(path, 4, &b, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(disk_read_file("/tmp/mermoz-not-there", 4, &b, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	buf_done(&b);
}

static void
exact_reads_tell_a_short_file(void **state)
{
	struct fault f;
	char got[8];

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("12345"), 0600, &f), 0);
	int fd = disk->openat(dir_fd, "a", O_RDWR, 0);
	assert_int_equal(disk_read_all(fd, got, 3, 2), 0);
	assert_memory_equal(got, "345", 3);
	assert_int_equal(disk_read_all(fd, got, 4, 2), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(disk_write_all(fd, BYTES("xyz"), 4), 0);
	check_file("a", "1234xyz");
	disk_close(&fd);
	assert_int_equal(fd, -1);
	disk_close(&fd);
}

static void
a_path_is_made_with_what_is_missing(void **state)
{
	struct fault f;
	char path[128];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/b/c//d/", dir);
	assert_int_equal(disk_make_path(path, 0700, &f), 0);
	assert_int_equal(disk_make_path(path, 0700, &f), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(disk_replace_file(dir_fd, "b/c/file", BYTES("x"), 0600, &f), 0);
	check_file("b/c/file", "x");
	(void)snprintf(path, sizeof path, "%s/b/c/file/d", dir);
	assert_int_equal(disk_make_path(path, 0700, &f), -1);
	assert_int_equal(disk_make_path("", 0700, &f), -1);
	disk->unlinkat(dir_fd, "b/c/d", AT_REMOVEDIR);
	disk->unlinkat(dir_fd, "b/c/file", 0);
	disk->unlinkat(dir_fd, "b/c", AT_REMOVEDIR);
}

static bool
count_until_two(void *arg, const char *name, unsigned char type)
{
	int *count = arg;

	assert_true(name[0] == 'a' || name[0] == 'b' || name[0] == 'c');
	assert_int_equal(type, DT_REG);
	return ++*count < 2;
}

static void
names_are_listed_until_told_to_stop(void **state)
{
	struct fault f;
	int count = 0;

	(void)state;
	for (const char *name = "abc"; *name; name++)
		assert_int_equal(disk_replace_file(dir_fd, (char[]){ *name, '\0' }, BYTES("x"), 0600, &f), 0);
	assert_int_equal(disk->list(dir_fd, ".", count_until_two, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(disk->list(dir_fd, "none", count_until_two, &count), -1);
	assert_int_equal(errno, ENOENT);
}

static void
a_mapping_shows_what_is_written(void **state)
{
	struct fault f;
	uint64_t octets = 0;

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("12345"), 0600, &f), 0);
	int fd = disk->openat(dir_fd, "a", O_RDWR, 0);
	char *writer = disk->map(fd, 5, true), *reader = disk->map(fd, 5, false);
	writer[0] = 'x';
	assert_memory_equal(reader, "x2345", 5);
	assert_int_equal(disk->unmap(writer, 5), 0);
	assert_int_equal(disk->unmap(reader, 5), 0);
	assert_null(disk->map(-1, 5, false));
	assert_int_equal(disk->free_space(fd, &octets), 0);
	assert_true(octets > 0);
	disk_close(&fd);
}

static void
a_mapping_outlives_a_file_that_is_cut_short(void **state)
{
	const size_t octets = 3 * 4096;
	struct fault f;
	int fd;
	char *writer, *reader, *whole;

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("12345"), 0600, &f), 0);
	fd = disk->openat(dir_fd, "a", O_RDWR, 0);
	assert_int_equal(disk->ftruncate(fd, (off_t)octets), 0);
	writer = disk->map(fd, octets, true);
	reader = disk->map(fd, octets, false);
	assert_memory_equal(reader, "12345", 5);
	assert_int_equal(disk->ftruncate(fd, 4096), 0);
	whole = disk->map(fd, 4096, false);
	assert_false(disk_is_torn(writer) || disk_is_torn(reader));
	assert_int_equal(((volatile char *)reader)[2 * 4096], 0);
	assert_true(disk_is_torn(reader));
	assert_memory_equal(reader, "\0\0\0\0\0", 5);
	((volatile char *)writer)[4096] = 'x';
	assert_true(disk_is_torn(writer));
	assert_int_equal(((volatile char *)writer)[4096], 'x');
	assert_false(disk_is_torn(whole));
	assert_memory_equal(whole, "12345", 5);
	assert_int_equal(disk->unmap(writer, octets), 0);
	assert_int_equal(disk->unmap(reader, octets), 0);
	assert_int_equal(disk->unmap(whole, 4096), 0);
	assert_false(disk_is_torn(reader));
	disk_close(&fd);
}

/* Two threads touch it at a time: the second signal comes when the first has been dealt with. */
static void
what_was_written_to_a_torn_mapping_stays(void **state)
{
	const size_t octets = 2 * 4096;
	siginfo_t info = { .si_signo = SIGBUS, .si_code = BUS_ADRERR };
	struct sigaction action;
	struct fault f;
	char *writer;
	int fd;

	(void)state;
	assert_int_equal(disk_replace_file(dir_fd, "a", BYTES("12345"), 0600, &f), 0);
	fd = disk->openat(dir_fd, "a", O_RDWR, 0);
	assert_int_equal(disk->ftruncate(fd, (off_t)octets), 0);
	writer = disk->map(fd, octets, true);
	assert_int_equal(disk->ftruncate(fd, 0), 0);
	((volatile char *)writer)[4096] = 'x';
	assert_int_equal(sigaction(SIGBUS, NULL, &action), 0);
	info.si_addr = writer + 4096;
	action.sa_sigaction(SIGBUS, &info, NULL);
	assert_int_equal(((volatile char *)writer)[4096], 'x');
	assert_true(disk_is_torn(writer));
	assert_int_equal(disk->unmap(writer, octets), 0);
	disk_close(&fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_pipe_is_read_until_its_writer_ends_and_no_further_than_the_limit),
		TEST(a_replaced_file_has_the_new_content_and_leaves_nothing_else),
		TEST(whichever_call_fails_the_old_file_or_the_new_one_is_there),
		TEST(a_file_larger_than_allowed_is_refused),
		TEST(exact_reads_tell_a_short_file),
		TEST(a_path_is_made_with_what_is_missing),
		TEST(names_are_listed_until_told_to_stop),
		TEST(a_mapping_shows_what_is_written),
		TEST(a_mapping_outlives_a_file_that_is_cut_short),
		TEST(what_was_written_to_a_torn_mapping_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
