/* The disk that stands in for the system's must itself be believed. */
#include "sys/disk_fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
put(const char *name, struct bytes content, bool is_synced)
{
	int fd = disk->openat(AT_FDCWD, name, O_CREAT | O_RDWR | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(disk_write_all(fd, content, 0), 0);
	if (is_synced)
		assert_int_equal(disk->fsync(fd), 0);
	disk_close(&fd);
}

static void
sync_root(struct disk_fault *d)
{
	int fd = disk_fault_root(d);

	assert_int_equal(disk->fsync(fd), 0);
	disk_close(&fd);
}

/* The content of the file, or "-". */
static const char *
get(const char *name)
{
	static char content[32];
	int fd = disk->openat(AT_FDCWD, name, O_RDONLY, 0);
	ssize_t len;

	if (fd < 0)
		return "-";
	len = disk->pread(fd, content, sizeof content - 1, 0);
	assert_true(len >= 0);
	content[len] = '\0';
	disk_close(&fd);
	return content;
}

static void
what_was_synced_with_its_name_survives_every_crash(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct disk_fault *d = disk_fault_new(seed);

		put("a", BYTES("one"), true);
		sync_root(d);
		put("b", BYTES("two"), true);
		disk_fault_crash(d);
		assert_string_equal(get("a"), "one");
		disk_fault_free(&d);
	}
}

/* Every outcome that may be, is, for some seed; and no other. */
static void
what_was_not_synced_may_be_there_or_not(void **state)
{
	int gone = 0, empty = 0, whole = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct disk_fault *d = disk_fault_new(seed);
		const char *got;

		put("a", BYTES("one"), false);
		disk_fault_crash(d);
		got = get("a");
		gone += strcmp(got, "-") == 0;
		empty += got[0] == '\0';
		whole += strcmp(got, "one") == 0;
		disk_fault_free(&d);
	}
	assert_true(gone > 0 && empty > 0 && whole > 0);
}

static void
a_rename_happens_whole_or_not_at_all(void **state)
{
	int before = 0, after = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct disk_fault *d = disk_fault_new(seed);

		put("a", BYTES("new"), true);
		put("b", BYTES("old"), true);
		sync_root(d);
		assert_int_equal(disk->renameat(AT_FDCWD, "a", AT_FDCWD, "b", 0), 0);
		disk_fault_crash(d);
		if (strcmp(get("b"), "new") == 0) {
			assert_string_equal(get("a"), "-");
			after++;
		} else {
			assert_string_equal(get("b"), "old");
			assert_string_equal(get("a"), "new");
			before++;
		}
		disk_fault_free(&d);
	}
	assert_true(before > 0 && after > 0);
}

/* In two directories: what leaves one never goes before what came to the other. */
static void
names_that_reach_the_disk_in_order_do_so_everywhere(void **state)
{
	int neither = 0, both = 0, one = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct disk_fault *d = disk_fault_new(seed);

		disk_fault_order_names(d);
		put("a", BYTES("x"), true);
		assert_int_equal(disk->mkdirat(AT_FDCWD, "d", 0700), 0);
		sync_root(d);
		assert_int_equal(disk->linkat(AT_FDCWD, "a", AT_FDCWD, "d/b", 0), 0);
		assert_int_equal(disk->unlinkat(AT_FDCWD, "a", 0), 0);
		disk_fault_crash(d);
		if (strcmp(get("a"), "x") != 0) {
			assert_string_equal(get("d/b"), "x");
			both++;
		} else if (strcmp(get("d/b"), "x") == 0) {
			one++;
		} else {
			neither++;
		}
		disk_fault_free(&d);
	}
	assert_true(neither > 0 && one > 0 && both > 0);
}

static void
after_a_failed_sync_reading_shows_what_the_disk_has_lost(void **state)
{
	int lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct disk_fault *d = disk_fault_new(seed);
		int fd;

		put("a", BYTES("one"), true);
		sync_root(d);
		fd = disk->openat(AT_FDCWD, "a", O_RDWR, 0);
		assert_int_equal(disk_write_all(fd, BYTES("two"), 0), 0);
		disk_fault_fail(d, 1, 1, EIO);
		assert_int_equal(disk->fdatasync(fd), -1);
		assert_int_equal(errno, EIO);
		assert_int_equal(disk->fdatasync(fd), 0);
		assert_string_equal(get("a"), "two");
		disk_fault_crash(d);
		lost += strcmp(get("a"), "one") == 0;
		disk_fault_free(&d);
	}
	assert_true(lost > 0);
}

static void
after_the_power_is_cut_nothing_works_until_it_is_back(void **state)
{
	struct disk_fault *d = disk_fault_new(1);

	(void)state;
	put("a", BYTES("one"), true);
	sync_root(d);
	disk_fault_cut(d, 2);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "d", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "e", 0700), -1);
	assert_true(disk_fault_is_cut(d));
	assert_string_equal(get("a"), "-");
	disk_fault_crash(d);
	assert_string_equal(get("a"), "one");
	disk_fault_free(&d);
}

static void
a_full_disk_says_so(void **state)
{
	struct disk_fault *d = disk_fault_new(1);
	int fd = disk->openat(AT_FDCWD, "a", O_CREAT | O_RDWR, 0600);
	uint64_t octets = 0;

	(void)state;
	disk_fault_set_room(d, 10);
	assert_int_equal(disk_write_all(fd, BYTES("12345678"), 0), 0);
	assert_int_equal(disk_write_all(fd, BYTES("12345678"), 8), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(disk->fallocate(fd, 0, 0, 11), -1);
	assert_int_equal(disk->free_space(fd, &octets), 0);
	assert_int_equal(octets, 2);
	assert_int_equal(disk_write_all(fd, BYTES("abcd"), 2), 0);
	disk_fault_free(&d);
}

static void
names_behave_as_in_a_file_system(void **state)
{
	struct disk_fault *d = disk_fault_new(1);
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(disk->mkdirat(AT_FDCWD, "d", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "d", 0700), -1);
	assert_int_equal(errno, EEXIST);
	put("d/a", BYTES("one"), false);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_int_equal(disk->openat(AT_FDCWD, "d/a", O_CREAT | O_EXCL | O_RDWR, 0600), -1);
	assert_int_equal(disk->openat(AT_FDCWD, "d/b", O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOENT);
	fd = disk->openat(AT_FDCWD, "d", O_RDONLY | O_DIRECTORY, 0);
	assert_int_equal(disk->linkat(fd, "a", AT_FDCWD, "b", 0), 0);
	assert_int_equal(disk->unlinkat(fd, "a", 0), 0);
	assert_string_equal(get("b"), "one");
	assert_int_equal(disk->fstatat(AT_FDCWD, "/b", &st, 0), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
	disk_close(&fd);
	disk_fault_free(&d);
}

static void
what_lies_on_another_disk_takes_no_links_and_is_synced_by_itself(void **state)
{
	int lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct disk_fault *d = disk_fault_new(seed);
		int fd;

		assert_int_equal(disk->mkdirat(AT_FDCWD, "other", 0700), 0);
		disk_fault_mount(d, "/other", 2);
		sync_root(d);
		put("a", BYTES("one"), false);
		put("other/b", BYTES("two"), false);
		assert_int_equal(disk->linkat(AT_FDCWD, "a", AT_FDCWD, "other/a", 0), -1);
		assert_int_equal(errno, EXDEV);
		assert_int_equal(disk->renameat(AT_FDCWD, "other/b", AT_FDCWD, "b", 0), -1);
		assert_int_equal(errno, EXDEV);
		fd = disk->openat(AT_FDCWD, "other", O_RDONLY | O_DIRECTORY, 0);
		assert_int_equal(disk->syncfs(fd), 0);
		disk_fault_crash(d);
		lost += strcmp(get("a"), "one") != 0;
		assert_string_equal(get("other/b"), "two");
		disk_fault_free(&d);
	}
	assert_in_range(lost, 1, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_synced_with_its_name_survives_every_crash),
		cmocka_unit_test(what_was_not_synced_may_be_there_or_not),
		cmocka_unit_test(a_rename_happens_whole_or_not_at_all),
		cmocka_unit_test(names_that_reach_the_disk_in_order_do_so_everywhere),
		cmocka_unit_test(after_a_failed_sync_reading_shows_what_the_disk_has_lost),
		cmocka_unit_test(after_the_power_is_cut_nothing_works_until_it_is_back),
		cmocka_unit_test(a_full_disk_says_so),
		cmocka_unit_test(names_behave_as_in_a_file_system),
		cmocka_unit_test(what_lies_on_another_disk_takes_no_links_and_is_synced_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
