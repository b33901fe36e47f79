/* Records that count together, as requests of several accounts leave them in the journal: in turns, and with some that failed; and what is moved and deleted. */
#include "role/store/recover_support.h"

#include "role/store/folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <malloc.h>
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

/* As a crash leaves it. */
static void
a_list_of_uids_that_is_empty_is_written_anew(void **state)
{
	struct world *w = *state;
	struct records x;
	int fd;

	make_folder(w, 2);
	fd = disk->openat(AT_FDCWD, "/mail/1/.A/dovecot-uidlist", O_WRONLY | O_TRUNC, 0600);
	disk_close(&fd);
	begin_records(&x);
	put_mailbox(&x, "A", 2);
	put_append(&x, 1, "1.test", body());
	assert_true(recovers(w, &x));
	assert_true(size_of("/mail/1/.A/dovecot-uidlist") > 0);
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

	make_folder(w, 2);
	(void)snprintf(path, sizeof path, "/mail/1/" FOLDERS_DELETED_PREFIX "%lld.0/new", (long long)w->engine->process);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	begin_records(&x);
	put_delete(&x, "A", 2);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A"), -1);
	assert_int_equal(size_of(path), -1);
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

static const struct disk_ops *beneath;
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

/* Somebody removed the list. */
static void
a_uid_that_was_expunged_is_not_given_again_when_the_list_is_gone(void **state)
{
	struct world *w = *state;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 7, "7.test", body());
	put_expunge(&x, 7);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "/mail/1/dovecot-uidlist", 0), 0);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_expunge(&x, 7);
	recover(w, &x);
	end_recovery(w);
	assert_true(uid_validity_of("/mail/1/dovecot-uidlist") != 1 || uid_next_of("/mail/1/dovecot-uidlist") > 7);
}

enum { OTHERS = 1001 };

/* Another has a name that it had, and so many mailboxes are opened then that it is closed. */
static void
a_folder_that_got_another_name_is_found_when_it_was_closed_meanwhile(void **state)
{
	struct world *w = *state;
	struct records x;
	char account[32];

	make_folder(w, 2);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/1/.A", AT_FDCWD, "/mail/1/.D", 0), 0);
	begin_records(&x);
	put_mailbox(&x, "C", 3);
	put_mailbox(&x, "A", 2);
	put_record(&x.out, &(struct record){ .kind = RECORD_RENAME, .new_name = BYTES("B") });
	put_mailbox(&x, "B", 2);
	put_record(&x.out, &(struct record){ .kind = RECORD_RENAME, .new_name = BYTES("C") });
	recover(w, &x);
	for (uint32_t i = 0; i < OTHERS; i++) {
		(void)snprintf(account, sizeof account, "/mail/other-%u", i);
		begin_records(&x);
		x.account = account;
		put_mailbox(&x, "INBOX", 1);
		recover(w, &x);
	}
	begin_records(&x);
	put_mailbox(&x, "C", 2);
	put_append(&x, 1, "1.test", body());
	put_record(&x.out, &(struct record){ .kind = RECORD_RENAME, .new_name = BYTES("D") });
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/state/lost/new"), 0);
	assert_int_equal(size_of("/mail/1/.D/new/1.test"), OCTETS);
}

enum { MESSAGES = 300 };

/* That are in the list of the account's INBOX, and have no files but the first. */
static void
put_list(const char *account)
{
	const struct uidlist_head head = { .uid_validity = 1, .uid_next = MESSAGES + 1, .version = 3, .has_guid = true, .guid = { 1 } };
	char path[64], name[32];
	struct buf text;

	(void)snprintf(path, sizeof path, "%s/new", account);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	(void)snprintf(path, sizeof path, "%s/new/1.test", account);
	put_file(path);
	buf_init(&text, SIZE_MAX);
	put_uidlist_head(&text, &head);
	for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
		(void)snprintf(name, sizeof name, "%u.test", uid);
		put_uidlist_line(&text, &(struct uidlist_line){ .uid = uid, .name = bytes_text(name) });
	}
	(void)snprintf(path, sizeof path, "%s/dovecot-uidlist", account);
	assert_int_equal(disk_replace_file(AT_FDCWD, path, buf_bytes(&text), 0600, NULL), 0);
	buf_done(&text);
}

/* About as many as are open. */
static int
next_descriptor(void)
{
	int fd = disk->openat(AT_FDCWD, "/mail", O_RDONLY | O_DIRECTORY, 0), was = fd;

	disk_close(&fd);
	return was;
}

/* One message of each is expunged.  In an account in the midst of them it comes back, in another it does not, though more is said of that mailbox. */
static void
mailboxes_that_messages_are_removed_from_at_the_end_take_little_until_then(void **state)
{
	struct world *w = *state;
	struct records x;
	char account[32], path[64];
	size_t before = 0;
	int descriptors = next_descriptor();

	for (uint32_t i = 0; i < OTHERS + 100; i++) {
		(void)snprintf(account, sizeof account, "/mail/%u", i);
		put_list(account);
		begin_records(&x);
		x.account = account;
		put_mailbox(&x, "INBOX", 1);
		put_expunge(&x, 1);
		if (i == 100)
			before = mallinfo2().uordblks;
		recover(w, &x);
	}
	assert_in_range(mallinfo2().uordblks - before, 0, 30 << 20);
	assert_in_range(next_descriptor() - descriptors, 0, 300);
	begin_records(&x);
	x.account = "/mail/200";
	put_mailbox(&x, "INBOX", 1);
	put_record(&x.out, &(struct record){ .kind = RECORD_ADOPT, .uid = 1, .base = BYTES("1.test") });
	x.account = "/mail/201";
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, MESSAGES + 1, "last.test", body());
	recover(w, &x);
	end_recovery(w);
	for (uint32_t i = 0; i < OTHERS + 100; i++) {
		(void)snprintf(path, sizeof path, "/mail/%u/new/1.test", i);
		assert_int_equal(size_of(path), i == 200 ? OCTETS : -1);
	}
	assert_int_equal(size_of("/mail/201/new/last.test"), OCTETS);
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
		cmocka_unit_test_setup_teardown(a_list_of_uids_that_is_empty_is_written_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(however_many_mailboxes_there_are_each_is_recovered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_account_is_looked_through_once_for_mailboxes_that_are_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_left_of_a_removed_folder_is_in_no_others_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_whose_list_of_uids_was_removed_is_another_one_for_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accounts_of_which_one_is_a_copy_get_each_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_uid_that_was_expunged_is_not_given_again_when_the_list_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_got_another_name_is_found_when_it_was_closed_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mailboxes_that_messages_are_removed_from_at_the_end_take_little_until_then, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
