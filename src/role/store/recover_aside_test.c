/* What the journal has for mailboxes that are refused at recovery, or whose place another has. */
#include "role/store/recover_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

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
	assert_int_equal(messages_of("/state/lost"), 2);
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
	put_file("/mail/1/tmp/" OURS);
	put_file("/mail/1/tmp/1700000000.M1P1Q2.test");
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
		cmocka_unit_test_setup_teardown(mail_for_a_mailbox_that_is_refused_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_is_refused_stays_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_message_of_a_mailbox_that_was_refused_outlives_its_being_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_whose_place_another_has_is_kept_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_for_a_folder_that_was_deleted_then_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_moved_to_a_folder_that_was_deleted_then_does_not_come_back, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
