/* Records that count together, as requests of several accounts leave them in the journal: in turns, and with some that failed; and what is moved and deleted. */
#include "role/store/recover_support.h"

#include "role/store/folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The part of that index of a group that puts one message into each of its parts; the account is named as the group. */
static void
recover_part(struct world *w, uint64_t group, uint32_t index, bool is_last)
{
	uint8_t space[1024], guid[RECORD_GUID_OCTETS] = { (uint8_t)group };
	char path[16], base[16];
	struct buf out;

	(void)snprintf(path, sizeof path, "/mail/%u", (unsigned int)group);
	(void)snprintf(base, sizeof base, "%u.test", index + 1);
	buf_init_fixed(&out, space, sizeof space);
	put_record(&out, &(struct record){ .kind = RECORD_PART, .group = group, .index = index, .is_last = is_last });
	put_record(&out,
		&(struct record){ .kind = RECORD_MAILBOX,
			.path = bytes_text(path),
			.name = BYTES("INBOX"),
			.guid = bytes_of(guid, sizeof guid),
			.uid_validity = 1 });
	put_record(&out,
		&(struct record){ .kind = RECORD_APPEND, .uid = index + 1, .base = bytes_text(base), .has_body = true, .body_octets = 2 });
	put_text(&out, "a\n");
	if (!w->recovery)
		w->recovery = recover_new(w->engine);
	assert_int_equal(recover_record(w->recovery, buf_bytes(&out), NULL), 0);
}

/* S2: each of the two was answered with IPC_OK. */
static void
groups_whose_parts_take_turns_are_both_whole(void **state)
{
	struct world *w = *state;

	recover_part(w, 1, 0, false);
	recover_part(w, 2, 0, false);
	recover_part(w, 1, 1, true);
	recover_part(w, 2, 1, true);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 2);
	assert_int_equal(messages_of("/mail/2/new"), 2);
}

/* It was answered with IPC_LATER: half of it, say what a move takes away and not what it brings, must not happen. */
static void
a_group_of_which_a_part_failed_does_not_count(void **state)
{
	struct world *w = *state;

	recover_part(w, 1, 1, true);
	recover_part(w, 2, 0, false);
	recover_part(w, 2, 2, true);
	recover_part(w, 3, 0, false);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 0);
	assert_int_equal(messages_of("/mail/2/new"), 0);
	assert_int_equal(messages_of("/mail/3/new"), 0);
}

/* INBOX has message 1; the folder A lies on another disk. */
static void
make_two_disks(struct world *w)
{
	struct records x;

	assert_int_equal(disk_make_path("/mail/1/.A", 0700, NULL), 0);
	disk_fault_mount(w->disk, "/mail/1/.A", 2);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	end_recovery(w);
}

static void
what_was_moved_to_another_disk_is_brought_from_its_tmp(void **state)
{
	struct world *w = *state;
	struct records x;

	make_two_disks(w);
	assert_int_equal(disk_make_path("/mail/1/.A/tmp", 0700, NULL), 0);
	put_file("/mail/1/.A/tmp/copy.test");
	begin_records(&x);
	put_move(&x);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A/new/copy.test"), OCTETS);
	assert_int_equal(messages_of("/mail/1/.A/tmp"), 0);
	assert_int_equal(messages_of("/mail/1/new"), 0);
}

static void
what_was_moved_to_another_disk_and_is_not_there_is_copied(void **state)
{
	struct world *w = *state;
	struct records x;

	make_two_disks(w);
	begin_records(&x);
	put_move(&x);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A/new/copy.test"), OCTETS);
	assert_int_equal(messages_of("/mail/1/.A/tmp"), 0);
	assert_int_equal(messages_of("/mail/1/new"), 0);
}

static void
what_was_moved_and_can_not_be_brought_stays_where_it_was(void **state)
{
	struct world *w = *state;
	struct records x;
	uint64_t space;

	make_two_disks(w);
	disk_fault_set_room(w->disk, UINT64_MAX / 2);
	assert_int_equal(disk->free_space(AT_FDCWD, &space), 0);
	disk_fault_set_room(w->disk, UINT64_MAX / 2 - space + OCTETS - 1);
	begin_records(&x);
	put_move(&x);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/new/1.test"), OCTETS);
	assert_int_equal(messages_of("/mail/1/.A/new"), 0);
	assert_int_equal(messages_of("/mail/1/.A/tmp"), 0);
}

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

static bool
recovers(struct world *w, const struct records *x)
{
	bool is_done;

	w->recovery = recover_new(w->engine);
	is_done = recover_record(w->recovery, buf_bytes(&x->out), NULL) == 0 && recover_settle(w->recovery, NULL) == 0;
	recover_free(&w->recovery, NULL);
	return is_done;
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

/* Whichever call fails: it is done, or tried again at the next start. */
static void
check_calls_that_fail(void (*put)(struct world *w, struct records *x), bool (*is_done)(void))
{
	uint64_t nth = 0, calls;

	do {
		struct world *w = make_world(++nth);
		struct records x;

		put(w, &x);
		calls = disk_fault_calls(w->disk);
		disk_fault_fail(w->disk, nth, 1, EIO);
		if (recovers(w, &x) && !is_done())
			fail_msg("call %llu failed", (unsigned long long)nth);
		calls = disk_fault_calls(w->disk) - calls;
		disk_fault_fail(w->disk, 0, 0, 0);
		end_world(w);
	} while (nth <= calls);
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

static void
a_change_of_a_folder_that_fails_is_not_forgotten(void **state)
{
	(void)state;
	check_calls_that_fail(put_changes, is_changed);
}

static void
make_folder(struct world *w, const char *name)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, name, 2);
	recover(w, &x);
	end_recovery(w);
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
	unreadable = NULL;
	assert_true(recovers(w, &x));
	disk_use(beneath);
}

/* As a crash leaves it. */
static void
a_list_of_uids_that_is_empty_is_written_anew(void **state)
{
	struct world *w = *state;
	struct records x;
	int fd;

	make_folder(w, "A");
	fd = disk->openat(AT_FDCWD, "/mail/1/.A/dovecot-uidlist", O_WRONLY | O_TRUNC, 0600);
	disk_close(&fd);
	begin_records(&x);
	put_mailbox(&x, "A", 2);
	put_append(&x, 1, "1.test", body());
	assert_true(recovers(w, &x));
	assert_true(size_of("/mail/1/.A/dovecot-uidlist") > 0);
}

/* It has another name by now. */
static void
a_mailbox_that_may_be_in_a_folder_which_can_not_be_read_is_not_made_again(void **state)
{
	struct world *w = *state;
	struct disk_ops ops = *disk;
	struct records x;

	make_folder(w, "A");
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

static void
accounts_of_which_one_is_a_copy_get_each_its_own(void **state)
{
	struct world *w = *state;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 7);
	put_append(&x, 1, "1.test", BYTES("a\n"));
	x.account = "/mail/2";
	put_mailbox(&x, "INBOX", 7);
	put_append(&x, 1, "2.test", BYTES("b\n"));
	put_append(&x, 2, "3.test", BYTES("c\n"));
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 1);
	assert_int_equal(messages_of("/mail/2/new"), 2);
}

/* Which the power left of an earlier removal, by a process of the same number. */
static void
what_is_left_of_a_removed_folder_is_in_no_others_way(void **state)
{
	struct world *w = *state;
	char path[128];
	struct records x;

	make_folder(w, "A");
	(void)snprintf(path, sizeof path, "/mail/1/" FOLDERS_DELETED_PREFIX "%lld.0/new", (long long)w->engine->process);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	begin_records(&x);
	put_delete(&x, "A", 2);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A"), -1);
	assert_int_equal(size_of(path), -1);
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

static uint32_t
uid_validity_of(const char *path)
{
	int fd = disk->openat(AT_FDCWD, path, O_RDONLY, 0);
	struct uidlist_head head = { 0 };
	uint8_t text[256];
	struct bytes in = bytes_of(text, (size_t)disk->pread(fd, text, sizeof text, 0));

	disk_close(&fd);
	assert_true(take_uidlist_head(&in, &head));
	return head.uid_validity;
}

/* By another program.  Its messages get other uids, which are not to be taken for those that were told. */
static void
a_mailbox_whose_list_of_uids_was_removed_is_another_one_for_clients(void **state)
{
	struct world *w = *state;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(uid_validity_of("/mail/1/dovecot-uidlist"), 1);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "/mail/1/dovecot-uidlist", 0), 0);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	recover(w, &x);
	end_recovery(w);
	assert_true(uid_validity_of("/mail/1/dovecot-uidlist") > 1);
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

enum { MAILBOXES = 2100 };

/* Of which each takes descriptors and memory while it is open. */
static void
however_many_mailboxes_there_are_each_is_recovered(void **state)
{
	struct world *w = *state;
	char path[32];

	for (int i = 0; i < MAILBOXES; i++) {
		struct records x;

		begin_records(&x);
		(void)snprintf(path, sizeof path, "/mail/%d", i);
		x.account = path;
		put_mailbox(&x, "INBOX", 1);
		put_append(&x, 1, "1.test", BYTES("a\n"));
		recover(w, &x);
	}
	end_recovery(w);
	for (int i = 0; i < MAILBOXES; i++) {
		(void)snprintf(path, sizeof path, "/mail/%d/new", i);
		assert_int_equal(messages_of(path), 1);
	}
}

static int openings;

static int
count_openings(int directory, const char *path, int flags, mode_t mode)
{
	openings += strcmp(path, "dovecot-uidlist") == 0;
	return beneath->openat(directory, path, flags, mode);
}

enum { FOLDERS = 30 };

static void
an_account_is_looked_through_once_for_mailboxes_that_are_gone(void **state)
{
	struct world *w = *state;
	struct disk_ops ops = *disk;
	struct records x;
	char name[16];

	begin_records(&x);
	for (uint8_t i = 0; i < FOLDERS; i++) {
		(void)snprintf(name, sizeof name, "A%d", i);
		put_mailbox(&x, name, (uint8_t)(i + 1));
	}
	recover(w, &x);
	end_recovery(w);
	begin_records(&x);
	for (uint8_t i = 0; i < FOLDERS; i++)
		put_mailbox(&x, "A1", (uint8_t)(i + 100));
	beneath = disk;
	ops.openat = count_openings;
	disk_use(&ops);
	recover(w, &x);
	end_recovery(w);
	disk_use(beneath);
	assert_in_range(openings, FOLDERS, 4 * FOLDERS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(groups_whose_parts_take_turns_are_both_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_group_of_which_a_part_failed_does_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_another_disk_is_brought_from_its_tmp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_another_disk_and_is_not_there_is_copied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_and_can_not_be_brought_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_mailbox_says_of_itself_is_not_written_anew_when_it_can_not_be_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_that_may_be_in_a_folder_which_can_not_be_read_is_not_made_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_of_uids_that_is_empty_is_written_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(however_many_mailboxes_there_are_each_is_recovered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_account_is_looked_through_once_for_mailboxes_that_are_gone, set_up, tear_down),
		cmocka_unit_test(a_change_of_a_folder_that_fails_is_not_forgotten),
		cmocka_unit_test(a_copy_that_may_be_torn_is_not_left_so),
		cmocka_unit_test(what_can_not_be_brought_from_tmp_keeps_the_server_from_starting),
		cmocka_unit_test_setup_teardown(what_is_left_of_a_removed_folder_is_in_no_others_way, set_up, tear_down),
		cmocka_unit_test(what_was_expunged_does_not_come_back_with_the_next_power_cuts),
		cmocka_unit_test_setup_teardown(a_mailbox_whose_list_of_uids_was_removed_is_another_one_for_clients, set_up, tear_down),
		cmocka_unit_test(a_mailbox_that_is_made_again_is_the_same_for_clients_wherever_the_power_goes),
		cmocka_unit_test(a_folder_that_was_deleted_does_not_come_back_with_the_next_power_cut),
		cmocka_unit_test_setup_teardown(accounts_of_which_one_is_a_copy_get_each_its_own, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
