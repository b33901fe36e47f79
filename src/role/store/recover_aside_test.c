/* What the journal has for mailboxes that are refused at recovery, or whose place another has. */
#include "role/store/recover_support.h"

#include "base/event.h"
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* S2 of a mailbox that is refused: who may write to it changed while the server was down. */
static void
mail_for_a_mailbox_that_is_refused_is_kept_aside(void **state)
{
	struct world *w = *state;
	struct records x;

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	put_append(&x, 2, "2.test", body());
	x.account = "/mail/2";
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/mail/1/new"), 0);
	assert_int_equal(messages_of("/state/lost/new"), 2);
	assert_int_equal(messages_of("/mail/2/new"), 1);
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
#define OF_OLD_HOST "1700000000.M1P1Q1.old"

/* As an administrator who puts right what kept the store away. */
static void
give_to_the_store(void)
{
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/mended", 0700), 0);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/1/tmp", AT_FDCWD, "/mail/mended/tmp", 0), 0);
	assert_int_equal(disk->unlinkat(AT_FDCWD, "/mail/1", AT_REMOVEDIR), 0);
	assert_int_equal(disk->renameat(AT_FDCWD, "/mail/mended", AT_FDCWD, "/mail/1", 0), 0);
}

/* The octets are in its tmp/ alone, and whoever sent or moved it was told that it arrived. */
static void
check_tmp_outlives(struct world *w, const struct records *x, const char *base)
{
	const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };
	char tmp[64], where[64];
	struct engine_body *body_of_another = engine_body_new(BYTES("x\n"), -1);
	const struct message deliver = { .type = MESSAGE_DELIVER };

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1/tmp", 0700), 0);
	(void)snprintf(tmp, sizeof tmp, "/mail/1/tmp/%s", base);
	(void)snprintf(where, sizeof where, "/state/lost/%s.where", base);
	put_file(tmp);
	assert_int_equal(disk->utimensat(AT_FDCWD, tmp, long_ago, 0), 0);
	put_file("/mail/1/tmp/1700000000.M1P1Q2.test");
	recover(w, x);
	end_recovery(w);
	give_to_the_store();
	engine_submit(engine_account(w->engine, BYTES("/mail/1")), NULL, body_of_another, engine_outlet_new(w->engine), &deliver);
	engine_body_release(&body_of_another);
	engine_close(&w->engine);
	assert_int_equal(messages_of("/mail/1/new"), 1);
	assert_int_equal(size_of(tmp), OCTETS);
	assert_int_equal(messages_of("/mail/1/tmp"), 1);
	assert_true(size_of(where) > 0);
}

static void
a_large_message_of_a_mailbox_that_was_refused_outlives_its_being_opened(void **state)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, OURS, BYTES_NONE);
	check_tmp_outlives(*state, &x, OURS);
}

static void
what_was_copied_to_a_mailbox_that_was_refused_outlives_its_being_opened(void **state)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 2);
	put_copy(&x, 1, OURS);
	check_tmp_outlives(*state, &x, OURS);
}

/* The host had another name when it came. */
static void
a_large_message_of_a_mailbox_that_was_refused_outlives_the_name_of_the_host(void **state)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, OF_OLD_HOST, BYTES_NONE);
	check_tmp_outlives(*state, &x, OF_OLD_HOST);
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
	assert_int_equal(messages_of("/state/lost/new"), 2);
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
	assert_int_equal(size_of("/state/lost/new/1.test"), -1);
	assert_int_equal(size_of("/state/lost/new/2.test"), 2);
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

/* Message 1 of the folder A (mailbox 1) to the folder B (mailbox 2), which is refused. */
static void
put_move_to_refused(struct records *x)
{
	assert_int_equal(disk_make_path("/mail/1", 0700, NULL), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1/.B", 0777), 0);
	begin_records(x);
	put_mailbox(x, "A", 1);
	put_append(x, 1, "1.test", body());
	put_append(x, 2, "2.test", body());
	put_mailbox(x, "B", 2);
	put_copy(x, 1, "copy.test");
	put_mailbox(x, "A", 1);
	put_expunge(x, 1);
}

static void
what_was_moved_to_a_folder_that_is_refused_outlives_where_it_was(void **state)
{
	struct world *w = *state;
	struct records x;

	put_move_to_refused(&x);
	put_delete(&x, "A", 1);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A/new/1.test"), OCTETS);
	assert_int_equal(messages_of("/mail/1/.A/new"), 1);
}

static void
where_it_was_goes_when_what_was_moved_is_not_missed(void **state)
{
	struct world *w = *state;
	struct records x;

	put_move_to_refused(&x);
	put_delete(&x, "A", 1);
	put_mailbox(&x, "B", 2);
	put_expunge(&x, 1);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.A"), -1);
	assert_int_equal(size_of("/state/lost/copy.test.where"), -1);
}

static void
what_is_expunged_then_is_not_kept_aside(void **state)
{
	struct world *w = *state;
	struct records x;

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	put_append(&x, 2, "2.test", body());
	put_append(&x, 3, "3.test", BYTES_NONE);
	put_append(&x, 4, "4.test", BYTES_NONE);
	put_expunge(&x, 1);
	put_expunge(&x, 3);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(messages_of("/state/lost/new"), 1);
	assert_int_equal(size_of("/state/lost/new/2.test"), OCTETS);
	assert_int_equal(size_of("/state/lost/3.test.where"), -1);
	assert_true(size_of("/state/lost/4.test.where") > 0);
}

static void
what_was_moved_out_of_a_folder_that_is_refused_is_brought(void **state)
{
	struct world *w = *state;
	struct records x;

	put_move_to_refused(&x);
	begin_records(&x);
	put_mailbox(&x, "B", 1);
	put_append(&x, 1, "1.test", body());
	put_mailbox(&x, "C", 3);
	put_copy(&x, 1, "copy.test");
	put_mailbox(&x, "B", 1);
	put_expunge(&x, 1);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/mail/1/.C/new/copy.test"), OCTETS);
	assert_int_equal(messages_of("/state/lost/new"), 0);
}

/* Through B, which is refused, to C. */
static void
move_on(struct world *w)
{
	const uint8_t source[RECORD_GUID_OCTETS] = { 2 };
	struct records x;

	put_move_to_refused(&x);
	put_mailbox(&x, "C", 3);
	put_record(&x.out,
		&(struct record){ .kind = RECORD_COPY, .uid = 1, .base = BYTES("last.test"), .source_guid = bytes_of(source, sizeof source),
			.source_base = BYTES("copy.test") });
	put_mailbox(&x, "B", 2);
	put_expunge(&x, 1);
	recover(w, &x);
	end_recovery(w);
	assert_int_equal(size_of("/state/lost/copy.test.where"), -1);
}

static void
what_was_moved_through_a_folder_that_is_refused_is_brought(void **state)
{
	move_on(*state);
	assert_int_equal(size_of("/mail/1/.A/new/1.test"), -1);
	assert_int_equal(size_of("/mail/1/.C/new/last.test"), OCTETS);
}

static void
what_was_moved_through_a_folder_that_is_refused_to_another_stays_where_it_was(void **state)
{
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1/.C", 0777), 0);
	move_on(*state);
	assert_int_equal(size_of("/mail/1/.A/new/1.test"), OCTETS);
	assert_true(size_of("/state/lost/last.test.where") > 0);
}

/* Of the system: a link that leads to a disk which is not there yet. */
static void
a_folder_whose_link_leads_nowhere_keeps_the_server_from_starting(void **state)
{
	static struct testing t;
	char link[128];
	struct fault f = { 0 };
	struct recovery *recovery;
	struct records x;

	(void)state;
	testing_start(&t);
	recovery = recover_new(t.engine);
	assert_int_equal(disk_make_path(t.mail, 0700, NULL), 0);
	(void)snprintf(link, sizeof link, "%s/.A", t.mail);
	assert_int_equal(symlink("away", link), 0);
	begin_records(&x);
	x.account = t.mail;
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	put_move(&x);
	assert_int_equal(recover_record(recovery, buf_bytes(&x.out), &f), -1);
	assert_non_null(strstr(f.text, t.mail));
	assert_non_null(strstr(f.text, ".A"));
	recover_free(&recovery, NULL);
	testing_end(&t);
}

enum { MESSAGES = 50 };

static void
count_line(void *arg, struct bytes line)
{
	const char refused[] = "mailbox.refused";

	if (memmem(line.ptr, line.len, refused, sizeof refused - 1))
		++*(int *)arg;
}

static int64_t
no_time(void)
{
	return 0;
}

/* Who changed something about his mailbox does not make the start long. */
static void
a_mailbox_that_is_refused_is_looked_at_once_and_what_it_misses_is_synced_once(void **state)
{
	int lines = 0;
	const struct event_sink sink = { .write = count_line, .now_us = no_time, .arg = &lines, .role = "test" };
	struct world *w = *state;
	char base[16];
	uint64_t syncs;

	event_set_sink(&sink);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail/1", 0777), 0);
	syncs = disk_fault_syncs(w->disk);
	for (uint32_t i = 1; i <= MESSAGES; i++) {
		struct records x;

		(void)snprintf(base, sizeof base, "%u.test", i);
		begin_records(&x);
		put_mailbox(&x, "INBOX", 1);
		put_append(&x, i, base, i % 2 ? body() : BYTES_NONE);
		recover(w, &x);
	}
	end_recovery(w);
	assert_int_equal(lines, 1);
	assert_in_range(disk_fault_syncs(w->disk) - syncs, 1, 10);
	assert_int_equal(messages_of("/state/lost/new"), MESSAGES / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mail_for_a_mailbox_that_is_refused_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_is_refused_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_message_of_a_mailbox_that_was_refused_outlives_its_being_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_message_of_a_mailbox_that_was_refused_outlives_the_name_of_the_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_whose_place_another_has_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_that_was_deleted_then_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_was_deleted_then_does_not_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_copied_to_a_mailbox_that_was_refused_outlives_its_being_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_is_refused_outlives_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_it_was_goes_when_what_was_moved_is_not_missed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_expunged_then_is_not_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_out_of_a_folder_that_is_refused_is_brought, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_through_a_folder_that_is_refused_is_brought, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_through_a_folder_that_is_refused_to_another_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_that_is_refused_is_looked_at_once_and_what_it_misses_is_synced_once, set_up, tear_down),
		cmocka_unit_test(a_folder_whose_link_leads_nowhere_keeps_the_server_from_starting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
