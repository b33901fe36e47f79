/* Records that count together, as requests of several accounts leave them in the journal: in turns, and with some that failed. */
#include "role/store/recover.h"
#include "sys/disk_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct world {
	struct disk_fault *disk;
	struct engine *engine;
	struct recovery *recovery;
};

static struct world *
make_world(uint64_t seed)
{
	const struct engine_settings settings = {
		.state_directory = "/state",
		.mailboxes = "/mail",
		.hostname = BYTES("test"),
		.threads = 1,
		.mailboxes_max = 10,
		.journal_octets_max = 1 << 20,
		.requests_octets_max = UINT64_MAX,
	};
	struct world *w = NEW(struct world);

	w->disk = disk_fault_new(seed);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/state", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail", 0700), 0);
	assert_int_equal(engine_open(&settings, &w->engine, NULL), 0);
	w->recovery = recover_new(w->engine);
	return w;
}

static int
set_up(void **state)
{
	*state = make_world(1);
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	if (w->engine)
		engine_close(&w->engine);
	disk_fault_free(&w->disk);
	memory_free(w);
	return 0;
}

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
	assert_int_equal(recover_record(w->recovery, buf_bytes(&out), NULL), 0);
}

static bool
count_one(void *arg, const char *name, unsigned char type)
{
	(void)name;
	(void)type;
	++*(int *)arg;
	return true;
}

static int
messages_of(const char *path)
{
	int directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), count = 0;

	if (directory < 0)
		return 0;
	assert_int_equal(disk->list(directory, ".", count_one, &count), 0);
	disk_close(&directory);
	return count;
}

static void
end_recovery(struct world *w)
{
	assert_int_equal(recover_settle(w->recovery, NULL), 0);
	recover_free(&w->recovery, NULL);
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

/* S2 of a mailbox that is refused: who may write to it changed while the server was down. */
static void
mail_for_a_mailbox_that_is_refused_is_kept_aside(void **state)
{
	struct world *w = *state;

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	recover_part(w, 1, 0, false);
	recover_part(w, 1, 1, true);
	recover_part(w, 2, 0, true);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 0);
	assert_int_equal(messages_of("/state/lost"), 2);
	assert_int_equal(messages_of("/mail/2/new"), 1);
}

/* Records of /mail/1, one after the other. */
struct records {
	struct buf out;
	uint8_t space[16384];
};

static void
begin_records(struct records *x)
{
	buf_init_fixed(&x->out, x->space, sizeof x->space);
}

static void
put_mailbox_of(struct records *x, const char *account, const char *name, uint8_t number)
{
	const uint8_t guid[RECORD_GUID_OCTETS] = { number };

	put_record(&x->out,
		&(struct record){ .kind = RECORD_MAILBOX,
			.path = bytes_text(account),
			.name = bytes_text(name),
			.guid = bytes_of(guid, sizeof guid),
			.uid_validity = 1 });
}

static void
put_mailbox(struct records *x, const char *name, uint8_t number)
{
	put_mailbox_of(x, "/mail/1", name, number);
}

static void
put_append(struct records *x, uint32_t uid, const char *base, struct bytes body)
{
	put_record(&x->out,
		&(struct record){ .kind = RECORD_APPEND, .uid = uid, .base = bytes_text(base), .has_body = true, .body_octets = body.len });
	put_bytes(&x->out, body);
}

/* Message 1 of INBOX (mailbox 1) to the folder A (mailbox 2). */
static void
put_move(struct records *x)
{
	const uint8_t source[RECORD_GUID_OCTETS] = { 1 };
	uint8_t pair[8];
	struct buf uids;

	buf_init_fixed(&uids, pair, sizeof pair);
	record_put_range(&uids, 1, 1);
	put_mailbox(x, "INBOX", 1);
	put_mailbox(x, "A", 2);
	put_record(&x->out,
		&(struct record){ .kind = RECORD_COPY, .uid = 1, .base = BYTES("copy.test"), .source_guid = bytes_of(source, sizeof source),
			.source_base = BYTES("1.test") });
	put_mailbox(x, "INBOX", 1);
	put_record(&x->out, &(struct record){ .kind = RECORD_EXPUNGE, .uids = buf_bytes(&uids) });
}

static void
recover(struct world *w, const struct records *x)
{
	if (!w->recovery)
		w->recovery = recover_new(w->engine);
	assert_int_equal(recover_record(w->recovery, buf_bytes(&x->out), NULL), 0);
}

enum { OCTETS = 5000, SEEDS = 10 };

static struct bytes
body(void)
{
	static uint8_t octets[OCTETS];

	memset(octets, 'x', sizeof octets);
	return bytes_of(octets, sizeof octets);
}

static void
put_tmp(const char *path)
{
	int fd = disk->openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(disk_write_all(fd, body(), 0), 0);
	disk_close(&fd);
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

static off_t
size_of(const char *path)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0 ? st.st_size : -1;
}

static void
what_was_moved_to_another_disk_is_brought_from_its_tmp(void **state)
{
	struct world *w = *state;
	struct records x;

	make_two_disks(w);
	assert_int_equal(disk_make_path("/mail/1/.A/tmp", 0700, NULL), 0);
	put_tmp("/mail/1/.A/tmp/copy.test");
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
		(void)tear_down((void *[]){ w });
	}
}

static void
accounts_of_which_one_is_a_copy_get_each_its_own(void **state)
{
	struct world *w = *state;
	struct records x;

	begin_records(&x);
	put_mailbox_of(&x, "/mail/1", "INBOX", 7);
	put_append(&x, 1, "1.test", BYTES("a\n"));
	put_mailbox_of(&x, "/mail/2", "INBOX", 7);
	put_append(&x, 1, "2.test", BYTES("b\n"));
	put_append(&x, 2, "3.test", BYTES("c\n"));
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 1);
	assert_int_equal(messages_of("/mail/2/new"), 2);
}

static void
what_was_moved_to_a_folder_that_is_refused_stays_where_it_was(void **state)
{
	struct world *w = *state;
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1/.A", 0777), 0);
	begin_records(&x);
	put_move(&x);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/new/1.test"), OCTETS);
}

#define OURS "1700000000.M1P1Q1.test"

/* As an administrator who puts right what kept the store away. */
static void
give_to_the_store(void)
{
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/mended", 0700), 0);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/1/tmp", AT_FDCWD, "/mail/mended/tmp", 0), 0);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "/mail/1", AT_REMOVEDIR), 0);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/mended", AT_FDCWD, "/mail/1", 0), 0);
}

/* It is the only copy, and whoever sent it was told that it arrived. */
static void
a_large_message_of_a_mailbox_that_was_refused_outlives_its_being_opened(void **state)
{
	struct world *w = *state;
	struct engine_body *body_of_another = engine_body_new(BYTES("x\n"), -1);
	const struct message deliver = { .type = MESSAGE_DELIVER };
	struct records x;

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1/tmp", 0700), 0);
	put_tmp("/mail/1/tmp/" OURS);
	put_tmp("/mail/1/tmp/1700000000.M1P1Q2.test");
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_record(&x.out, &(struct record){ .kind = RECORD_APPEND, .uid = 1, .base = BYTES(OURS) });
	recover(w, &x);
	end_recovery(w);
	give_to_the_store();
	engine_submit(engine_account(w->engine, BYTES("/mail/1")), NULL, body_of_another, engine_outlet_new(w->engine), &deliver);
	engine_body_release(&body_of_another);
	engine_close(&w->engine);
	assert_int_equal(messages_of("/mail/1/new"), 1);
	assert_int_equal(size_of("/mail/1/tmp/" OURS), OCTETS);
	assert_int_equal(messages_of("/mail/1/tmp"), 1);
	assert_true(size_of("/state/lost/" OURS ".where") > 0);
}

static void
make_folder(struct world *w, uint8_t number)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "A", number);
	recover(w, &x);
	end_recovery(w);
}

static void
mail_for_a_folder_whose_place_another_has_is_kept_aside(void **state)
{
	struct world *w = *state;
	struct records x;

	make_folder(w, 2);
	begin_records(&x);
	put_mailbox(&x, "A", 3);
	put_append(&x, 1, "1.test", BYTES("a\n"));
	put_append(&x, 2, "2.test", BYTES("b\n"));
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/.A/new"), 0);
	assert_int_equal(messages_of("/state/lost"), 2);
}

static void
mail_for_a_folder_that_was_deleted_then_is_not_kept(void **state)
{
	struct world *w = *state;
	struct records x;

	make_folder(w, 2);
	begin_records(&x);
	put_mailbox(&x, "A", 3);
	put_append(&x, 1, "1.test", BYTES("a\n"));
	put_mailbox(&x, "A", 4);
	put_append(&x, 1, "2.test", BYTES("b\n"));
	put_mailbox(&x, "A", 3);
	put_record(&x.out, &(struct record){ .kind = RECORD_DELETE });
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/state/lost/1.test"), -1);
	assert_int_equal(size_of("/state/lost/2.test"), 2);
	assert_true(size_of("/mail/1/.A") >= 0);
}

/* Another folder has the name by now. */
static void
what_was_moved_to_a_folder_that_was_deleted_then_does_not_come_back(void **state)
{
	struct world *w = *state;

	for (int is_deleted = 0; is_deleted <= 1; is_deleted++) {
		struct records x;

		make_folder(w, 3);
		begin_records(&x);
		put_mailbox(&x, "INBOX", 1);
		put_append(&x, 1, "1.test", body());
		put_move(&x);
		put_mailbox(&x, "A", 2);
		if (is_deleted)
			put_record(&x.out, &(struct record){ .kind = RECORD_DELETE });
		recover(w, &x);
		end_recovery(w);
		assert_int_equal(size_of("/mail/1/new/1.test"), is_deleted ? -1 : OCTETS);
		assert_true(size_of("/mail/1/.A") >= 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_was_deleted_then_does_not_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(groups_whose_parts_take_turns_are_both_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_group_of_which_a_part_failed_does_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_mailbox_that_is_refused_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_another_disk_is_brought_from_its_tmp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_another_disk_and_is_not_there_is_copied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_and_can_not_be_brought_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accounts_of_which_one_is_a_copy_get_each_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_is_refused_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_message_of_a_mailbox_that_was_refused_outlives_its_being_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_whose_place_another_has_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_that_was_deleted_then_is_not_kept, set_up, tear_down),
		cmocka_unit_test(a_folder_that_was_deleted_does_not_come_back_with_the_next_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
