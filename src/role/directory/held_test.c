/* What is in force, on a disk that fails. */
#include "role/directory/held.h"

#include "base/event.h"
#include "role/directory/settle.h"
#include "role/directory/snapshot.h"
#include "sys/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* So many that they lie in a file. */
enum { USERS = 2000, HALF = USERS / 2, QUIET_US = 600000000 };

struct world {
	int directory;
	struct settler settler;
	struct held held;
	int told; /* of a copy that can't be read or written */
	size_t reads, failing; /* the read that fails, from 1 on; 0: none */
	int failing_fd; /* all reads of it fail; -1: of none */
};

static struct world w;

static ssize_t
read_or_fail(int fd, void *to, size_t count, off_t at)
{
	if (++w.reads == w.failing || fd == w.failing_fd) {
		errno = EIO;
		return -1;
	}
	return disk_system.pread(fd, to, count, at);
}

static void
hear(void *arg, struct bytes line)
{
	char text[1024];

	(void)arg;
	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(line));
	w.told += strstr(text, "snapshot.failed") != NULL;
}

static int64_t
no_time(void)
{
	return 0;
}

static void
put_users(struct run *records, int count)
{
	for (int i = 0; i < count; i++) {
		char address[32], entry[32];

		(void)snprintf(address, sizeof address, "user%d@x.iut", i);
		(void)snprintf(entry, sizeof entry, "uid=user%d,dc=x", i);
		image_put_user(&records->tail,
			&(struct user_record){ .address = bytes_text(address), .entry = bytes_text(entry), .is_enabled = true });
		run_added(records);
	}
}

/* As a look that reads so many accounts: how many are in force then, or -1 when it did not count. */
static int
look(int count, int64_t now_us)
{
	struct run records;
	struct fault f;
	int result;

	run_init(&records, w.directory);
	put_users(&records, count);
	result = settle(&w.settler, &w.held, USERS, now_us, QUIET_US, &records, &f);
	if (result == 0)
		held_take(&w.held, &records);
	run_done(&records);
	return result;
}

static void
count_user(void *arg, const struct user_record *record)
{
	int *count = arg;

	(void)record;
	++*count;
}

static int
count_held(void)
{
	static const struct image_visitor visitor = { count_user, NULL, NULL };
	int count = 0;

	assert_true(held_visit(&w.held, &visitor, &count));
	return count;
}

static int
set_up(void **state)
{
	static const struct event_sink sink = { .write = hear, .now_us = no_time, .role = "test", .least = LEVEL_DEBUG };
	static struct disk_ops ops;

	(void)state;
	w = (struct world){ .directory = open("/tmp", O_RDONLY | O_DIRECTORY), .failing_fd = -1 };
	event_set_sink(&sink);
	settler_init(&w.settler, w.directory);
	held_init(&w.held, BYTES("here"));
	assert_int_equal(look(USERS, 1), 0);
	assert_true(w.held.records.fd >= 0);
	ops = disk_system;
	ops.pread = read_or_fail;
	disk_use(&ops);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	disk_use(NULL);
	settler_done(&w.settler);
	held_done(&w.held);
	(void)close(w.directory);
	return 0;
}

/* As many octets as the file has. */
static int
write_zeros(void *arg, int fd)
{
	struct stat st;

	(void)arg;
	return disk->fstatat(w.directory, "copy", &st, 0) != 0 || disk->ftruncate(fd, st.st_size) != 0 ? -1 : 0;
}

/* Another process comes first. */
static int
rename_and_replace(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	struct fault f;

	if (disk_system.renameat(from_dir, from, to_dir, to, flags) != 0)
		return -1;
	disk_use(&disk_system);
	assert_int_equal(disk_replace_file_by(to_dir, to, write_zeros, NULL, 0600, NULL, &f), 0);
	return 0;
}

static void
whichever_read_fails_nobody_is_taken_to_be_gone(void **state)
{
	bool is_tried = false;

	for (size_t nth = 1; !is_tried; nth++) {
		w.reads = 0;
		w.failing = nth;
		(void)look(HALF, 2);
		is_tried = w.reads < nth;
		w.failing = 0;
		assert_int_equal(count_held(), USERS);
		assert_int_equal(look(HALF, 3), 0);
		assert_int_equal(count_held(), USERS);
		assert_true(w.settler.doubt.since_us);
		(void)tear_down(state);
		(void)set_up(state);
	}
}

static void
while_what_is_in_force_cannot_be_read_a_reading_counts_after_the_quiet_time(void **state)
{
	(void)state;
	w.failing_fd = w.held.records.fd;
	assert_int_equal(look(HALF, 2), -1);
	assert_true(w.told > 0);
	assert_int_equal(w.settler.doubt.since_us, 2);
	assert_int_equal(look(HALF, 1 + (int64_t)QUIET_US), -1);
	assert_int_equal(look(HALF, 2 + (int64_t)QUIET_US), 0);
	assert_int_equal(w.settler.doubt.since_us, 0);
	w.failing_fd = -1;
	assert_int_equal(count_held(), HALF);
}

static void
a_server_that_shows_nobody_is_doubted_though_what_is_in_force_cannot_be_read(void **state)
{
	(void)state;
	w.failing_fd = w.held.records.fd;
	settle_nobody(&w.settler, &w.held, 2);
	w.failing_fd = -1;
	assert_int_equal(w.settler.doubt.since_us, 2);
	assert_int_equal(look(USERS - 1, 3), 0);
	assert_int_equal(count_held(), USERS);
}

static void
what_was_written_is_read_again_whatever_the_file_is_by_then(void **state)
{
	char path[] = "/tmp/mermoz-held-XXXXXX";
	struct disk_ops ops = disk_system;
	struct run records;
	struct fault f;

	(void)state;
	assert_non_null(mkdtemp(path));
	(void)close(w.directory);
	w.directory = open(path, O_RDONLY | O_DIRECTORY);
	run_init(&records, -1);
	put_users(&records, HALF);
	ops.renameat = rename_and_replace;
	disk_use(&ops);
	assert_int_equal(snapshot_write(w.directory, "copy", BYTES("here"), BYTES_NONE, &records, &f), 0);
	held_take(&w.held, &records);
	assert_int_equal(count_held(), HALF);
	run_done(&records);
	assert_int_equal(unlinkat(w.directory, "copy", 0), 0);
	assert_int_equal(rmdir(path), 0);
}

static void
put_gone(struct change *change, const char *address)
{
	image_put_member(&change->gone, bytes_text(address));
}

static void
a_change_without_room_is_none_and_leaves_what_was_held(void **state)
{
	struct change change;

	(void)state;
	change_init(&change);
	put_gone(&change, "user1@x.iut");
	assert_true(held_change(&w.held, &change));
	assert_int_equal(count_held(), USERS - 1);
	put_gone(&change, "user2@x.iut");
	put_gone(&change, "user3@x.iut");
	image_put_user(&change.records, &(struct user_record){ .address = BYTES("user2@x.iut"), .entry = BYTES("uid=user2"), .is_enabled = true });
	w.held.changes.max = change.records.len - 1;
	assert_false(held_change(&w.held, &change));
	assert_int_equal(count_held(), USERS - 1);
	w.held.changes.max++;
	assert_true(held_change(&w.held, &change));
	assert_int_equal(count_held(), USERS - 2);
	change_done(&change);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whichever_read_fails_nobody_is_taken_to_be_gone),
		TEST(while_what_is_in_force_cannot_be_read_a_reading_counts_after_the_quiet_time),
		TEST(a_server_that_shows_nobody_is_doubted_though_what_is_in_force_cannot_be_read),
		TEST(a_change_without_room_is_none_and_leaves_what_was_held),
		TEST(what_was_written_is_read_again_whatever_the_file_is_by_then),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
