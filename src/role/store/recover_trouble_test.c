/* Calls that fail in recovery, and power cuts in it: what it could not do is done at the next start, and nothing is undone by what it did. */
#include "role/store/recover_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* Records of a large message, and of one that is moved to another disk and is in its tmp/ alone. */
static void
put_what_is_in_tmp(struct world *w, struct records *x)
{
	make_two_disks(w);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "/mail/1/new/1.test", 0), 0);
	assert_int_equal(disk_make_path("/mail/1/.A/tmp", 0700, NULL), 0);
	put_file("/mail/1/.A/tmp/copy.test");
	put_file("/mail/1/tmp/large.test");
	begin_records(x);
	put_mailbox(x, "INBOX", 1);
	put_append(x, 2, "large.test", BYTES_NONE);
	put_move(x);
}

/* Of a message that is copied on one disk, whose copy is there and torn. */
static void
put_what_is_torn(struct world *w, struct records *x)
{
	int fd;

	(void)w;
	assert_int_equal(disk_make_path("/mail/1/.A/new", 0700, NULL), 0);
	fd = disk->openat(AT_FDCWD, "/mail/1/.A/new/copy.test", O_WRONLY | O_CREAT, 0600);
	disk_close(&fd);
	begin_records(x);
	put_mailbox(x, "INBOX", 1);
	put_append(x, 1, "1.test", body());
	put_append(x, 2, "large.test", BYTES_NONE);
	put_move(x);
	assert_int_equal(disk_make_path("/mail/1/tmp", 0700, NULL), 0);
	put_file("/mail/1/tmp/large.test");
}

static bool
has_messages(void)
{
	return size_of("/mail/1/new/large.test") == OCTETS && size_of("/mail/1/.A/new/copy.test") == OCTETS;
}

/* Of folders that get another name, and go. */
static void
put_changes(struct world *w, struct records *x)
{
	begin_records(x);
	put_mailbox(x, "A", 2);
	put_mailbox(x, "C", 3);
	recover(w, x);
	end_recovery(w);
	begin_records(x);
	put_mailbox(x, "A", 2);
	put_record(&x->out, &(struct record){ .kind = RECORD_RENAME, .new_name = BYTES("B") });
	put_delete(x, "C", 3);
}

static bool
is_changed(void)
{
	return size_of("/mail/1/.A") < 0 && size_of("/mail/1/.B") >= 0 && size_of("/mail/1/.C") < 0;
}

static void
check_calls_that_fail_so(int error, void (*put)(struct world *w, struct records *x), bool (*is_done)(void))
{
	uint64_t nth = 0, calls;

	do {
		struct world *w = make_world(++nth);
		struct records x;

		put(w, &x);
		calls = disk_fault_calls(w->disk);
		disk_fault_fail(w->disk, nth, 1, error);
		if (recovers(w, &x) && !is_done())
			fail_msg("call %llu failed: %s", (unsigned long long)nth, strerror(error));
		calls = disk_fault_calls(w->disk) - calls;
		disk_fault_fail(w->disk, 0, 0, 0);
		end_world(w);
	} while (nth <= calls);
}

/* Whichever call fails: it is done, or tried again at the next start. */
static void
check_calls_that_fail(void (*put)(struct world *w, struct records *x), bool (*is_done)(void))
{
	check_calls_that_fail_so(EIO, put, is_done);
	check_calls_that_fail_so(EROFS, put, is_done);
}

/* What recovery left in tmp/ would be swept. */
static void
what_can_not_be_brought_from_tmp_keeps_the_server_from_starting(void **state)
{
	(void)state;
	check_calls_that_fail(put_what_is_in_tmp, has_messages);
}

static void
a_copy_that_may_be_torn_is_not_left_so(void **state)
{
	(void)state;
	check_calls_that_fail(put_what_is_torn, has_messages);
}

/* To another disk, on which nothing of the copy is. */
static void
put_what_is_to_be_copied(struct world *w, struct records *x)
{
	make_two_disks(w);
	begin_records(x);
	put_move(x);
}

static bool
has_copy(void)
{
	return size_of("/mail/1/.A/new/copy.test") == OCTETS;
}

static void
a_copy_to_another_disk_that_fails_is_made_at_the_next_start(void **state)
{
	(void)state;
	check_calls_that_fail(put_what_is_to_be_copied, has_copy);
}

static void
a_change_of_a_folder_that_fails_is_not_forgotten(void **state)
{
	(void)state;
	check_calls_that_fail(put_changes, is_changed);
}

static const struct disk_ops *beneath;
static const char *unreadable; /* the file that can't be opened to be read */
static int refusal;

static int
refuse_to_read(int directory, const char *path, int flags, mode_t mode)
{
	if (unreadable && (flags & O_ACCMODE) == O_RDONLY && strcmp(path, unreadable) == 0) {
		errno = refusal;
		return -1;
	}
	return beneath->openat(directory, path, flags, mode);
}

/* Written anew, uids would be given twice, and letters mean other keywords. */
static void
what_a_mailbox_says_of_itself_is_not_written_anew_when_it_can_not_be_read(void **state)
{
	static const char *const files[] = { "dovecot-uidlist", "dovecot-keywords" };
	struct world *w = *state;
	struct disk_ops ops = *disk;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	end_recovery(w);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 2, "2.test", body());
	beneath = disk;
	ops.openat = refuse_to_read;
	disk_use(&ops);
	refusal = EMFILE;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		unreadable = files[i];
		assert_false(recovers(w, &x));
	}
	refusal = EACCES; /* an administrator's doing, about this mailbox alone */
	assert_true(recovers(w, &x));
	assert_int_equal(messages_of("/mail/1/new"), 1);
	assert_int_equal(messages_of("/state/lost/new"), 1);
	unreadable = NULL;
	assert_true(recovers(w, &x));
	assert_int_equal(messages_of("/mail/1/new"), 2);
	disk_use(beneath);
}

static const char *unwritable; /* what can't be made */

static int
refuse_to_write(int directory, const char *path, int flags, mode_t mode)
{
	if ((flags & O_CREAT) && strcmp(path, unwritable) == 0) {
		errno = EACCES;
		return -1;
	}
	return beneath->openat(directory, path, flags, mode);
}

static int
refuse_to_make(int directory, const char *path, mode_t mode)
{
	if (strcmp(path, unwritable) == 0) {
		errno = EACCES;
		return -1;
	}
	return beneath->mkdirat(directory, path, mode);
}

/* Root's, as an administrator leaves one that he brought back. */
static void
mail_for_a_mailbox_that_is_not_the_stores_to_write_is_kept_aside(void **state)
{
	static const char *const names[] = { ".A", ".dovecot-uidlist.new" };
	struct world *w = *state;
	struct disk_ops ops = *disk;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "A", 1);
	put_append(&x, 1, "1.test", body());
	beneath = disk;
	ops.openat = refuse_to_write;
	ops.mkdirat = refuse_to_make;
	disk_use(&ops);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		unwritable = names[i];
		assert_true(recovers(w, &x));
		assert_int_equal(size_of("/state/lost/new/1.test"), OCTETS);
		assert_int_equal(disk->unlinkat(AT_FDCWD, "/state/lost/new/1.test", 0), 0);
	}
	disk_use(beneath);
}

/* It has another name by now. */
static void
a_mailbox_that_may_be_in_a_folder_which_can_not_be_read_is_not_made_again(void **state)
{
	struct world *w = *state;
	struct disk_ops ops = *disk;
	struct records x;

	make_folder(w, 2);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/1/.A", AT_FDCWD, "/mail/1/.B", 0), 0);
	begin_records(&x);
	put_mailbox(&x, "A", 2);
	put_append(&x, 1, "1.test", body());
	beneath = disk;
	ops.openat = refuse_to_read;
	disk_use(&ops);
	unreadable = "dovecot-uidlist";
	refusal = EIO;
	assert_false(recovers(w, &x));
	assert_int_equal(size_of("/mail/1/.A"), -1);
	unreadable = NULL;
	assert_true(recovers(w, &x));
	disk_use(beneath);
	assert_int_equal(size_of("/mail/1/.A"), -1);
	assert_int_equal(size_of("/mail/1/.B/new/1.test"), OCTETS);
}

static void
a_folder_that_was_deleted_does_not_come_back_with_the_next_power_cut(void **state)
{
	struct records x;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world *w = make_world(seed);
		int root = disk_fault_root(w->disk);

		begin_records(&x);
		put_mailbox(&x, "A", 2);
		recover(w, &x);
		end_recovery(w);
		assert_int_equal(disk->syncfs(root), 0);
		disk_close(&root);
		put_record(&x.out, &(struct record){ .kind = RECORD_DELETE });
		recover(w, &x);
		end_recovery(w);
		disk_fault_crash(w->disk);
		assert_int_equal(size_of("/mail/1/.A"), -1);
		end_world(w);
	}
}

/* Nor with those in the midst of the recovery. */
static void
what_was_expunged_does_not_come_back_with_the_next_power_cuts(void **state)
{
	uint64_t calls, cut = 0;

	(void)state;
	do {
		struct world *w = make_world(++cut);
		struct records x;

		disk_fault_order_names(w->disk);
		begin_records(&x);
		put_mailbox(&x, "INBOX", 1);
		put_append(&x, 1, "1.test", body());
		recover(w, &x);
		end_recovery(w);
		begin_records(&x);
		put_mailbox(&x, "INBOX", 1);
		put_append(&x, 2, "2.test", body());
		put_expunge(&x, 1);
		calls = disk_fault_calls(w->disk);
		disk_fault_cut(w->disk, cut);
		(void)recovers(w, &x);
		calls = disk_fault_calls(w->disk) - calls;
		start_world_again(w);
		assert_true(recovers(w, &x));
		assert_int_equal(size_of("/mail/1/new/1.test"), -1);
		assert_int_equal(size_of("/mail/1/new/2.test"), OCTETS);
		end_world(w);
	} while (cut <= calls);
}

static void
a_mailbox_that_is_made_again_is_the_same_for_clients_wherever_the_power_goes(void **state)
{
	uint64_t calls, cut = 0;

	(void)state;
	do {
		struct world *w = make_world(++cut);
		struct records x;

		begin_records(&x);
		put_mailbox(&x, "A", 2);
		put_append(&x, 1, "1.test", body());
		calls = disk_fault_calls(w->disk);
		disk_fault_cut(w->disk, cut);
		(void)recovers(w, &x);
		calls = disk_fault_calls(w->disk) - calls;
		start_world_again(w);
		assert_true(recovers(w, &x));
		assert_int_equal(uid_validity_of("/mail/1/.A/dovecot-uidlist"), 1);
		end_world(w);
	} while (cut <= calls);
}

static bool
is_whole(const char *path)
{
	int fd = disk->openat(AT_FDCWD, path, O_RDONLY, 0);
	uint8_t octets[OCTETS + 1];
	ssize_t got = fd < 0 ? -1 : disk->pread(fd, octets, sizeof octets, 0);

	disk_close(&fd);
	return got == OCTETS && bytes_equal(bytes_of(octets, OCTETS), body());
}

/* To another disk.  A copy that a power cut left unfinished is not taken for one that was synced before it was logged. */
static void
what_recovery_copies_is_whole_wherever_the_power_goes(void **state)
{
	uint64_t calls, cut = 0;

	(void)state;
	do {
		struct world *w = make_world(++cut);
		struct records x;

		make_two_disks(w);
		begin_records(&x);
		put_move(&x);
		calls = disk_fault_calls(w->disk);
		disk_fault_cut(w->disk, cut);
		(void)recovers(w, &x);
		calls = disk_fault_calls(w->disk) - calls;
		start_world_again(w);
		assert_true(recovers(w, &x));
		if (!is_whole("/mail/1/.A/new/copy.test"))
			fail_msg("power cut at call %llu", (unsigned long long)cut);
		end_world(w);
	} while (cut <= calls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_mailbox_says_of_itself_is_not_written_anew_when_it_can_not_be_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_mailbox_that_is_not_the_stores_to_write_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_that_may_be_in_a_folder_which_can_not_be_read_is_not_made_again, set_up, tear_down),
		cmocka_unit_test(a_copy_to_another_disk_that_fails_is_made_at_the_next_start),
		cmocka_unit_test(a_change_of_a_folder_that_fails_is_not_forgotten),
		cmocka_unit_test(a_copy_that_may_be_torn_is_not_left_so),
		cmocka_unit_test(what_can_not_be_brought_from_tmp_keeps_the_server_from_starting),
		cmocka_unit_test(what_was_expunged_does_not_come_back_with_the_next_power_cuts),
		cmocka_unit_test(a_mailbox_that_is_made_again_is_the_same_for_clients_wherever_the_power_goes),
		cmocka_unit_test(a_folder_that_was_deleted_does_not_come_back_with_the_next_power_cut),
		cmocka_unit_test(what_recovery_copies_is_whole_wherever_the_power_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
