/* COPY and MOVE of what other programs change meanwhile, and of more than the journal has room for just now, or ever.  commit.c, S8; journal.c, J10. */
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A message with all keywords, each of them long, takes 1.4 kB of the log when it is copied.  The least journal has three segments of
   8 MiB, two of which one group may fill: FITS of them fit when the log is empty, and
   neither behind as many nor behind HALF. */
enum { KEYWORDS = 26, KEYWORD_OCTETS = 48, FITS = 8000, HALF = 4500, FITS_NEVER = 13000, LEAST = 1 << 20, LARGEST_WITH_LEAST_SEGMENTS = 7 << 20 };

static int
set_up(void **state)
{
	return testing_set_up_journal(state, LEAST);
}

static int
set_up_without_checkpoints(void **state)
{
	return testing_set_up_journal(state, LARGEST_WITH_LEAST_SEGMENTS);
}

/* Of the file of message i, as another program names it. */
static void
put_name(char out[256], const struct testing *t, int i, const char *flags)
{
	(void)snprintf(out, 256, "%s/cur/1700000000.%d.other,W=17:2,%sabcdefghijklmnopqrstuvwxyz", t->mail, i, flags);
}

/* As another program would. */
static void
put_messages(const struct testing *t, int count)
{
	char words[KEYWORDS * (KEYWORD_OCTETS + 8)], name[256], other[256];
	size_t at = 0;

	for (int i = 0; i < KEYWORDS; i++)
		at += (size_t)snprintf(words + at, sizeof words - at, "%d %c%0*d\n", i, 'a' + i, KEYWORD_OCTETS - 1, 0);
	testing_make(t, "cur");
	testing_write(t, "dovecot-keywords", words);
	testing_write(t, "first", "Subject: x\n\nx\n");
	(void)snprintf(name, sizeof name, "%s/first", t->mail);
	for (int i = 0; i < count; i++) {
		put_name(other, t, i, "S");
		assert_int_equal(link(name, other), 0);
	}
	testing_remove(t, "first");
}

static uint32_t
messages_of(struct testing *t, const char *name)
{
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	uint32_t count;

	assert_int_equal(testing_select(t, s, name, &v), IPC_OK);
	count = atomic_load(&v.view.head->messages);
	testing_unmap(&v);
	engine_session_end(&s);
	return count;
}

static struct engine_session *
session_in_inbox(struct testing *t)
{
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	testing_unmap(&v);
	return s;
}

static void
what_fits_into_an_empty_log_only_waits_until_it_is_empty(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	put_messages(t, FITS);
	s = session_in_inbox(t);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "A", ""), IPC_OK);
	assert_int_equal(testing_copy(t, s, false, "A", 1, FITS), IPC_OK);
	assert_int_equal(testing_copy(t, s, false, "A", 1, FITS), IPC_OK);
	assert_int_equal(testing_copy(t, s, true, "A", 1, FITS), IPC_OK);
	engine_session_end(&s);
	assert_int_equal(messages_of(t, "A"), 3 * FITS);
	assert_int_equal(messages_of(t, "INBOX"), 0);
	testing_stop(t);
	testing_resume(t);
	assert_int_equal(messages_of(t, "A"), 3 * FITS);
}

static void
what_never_fits_is_a_limit_and_changes_nothing(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	put_messages(t, FITS_NEVER);
	s = session_in_inbox(t);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "A", ""), IPC_OK);
	assert_int_equal(testing_copy(t, s, false, "A", 1, FITS_NEVER), IPC_LIMIT);
	assert_int_equal(testing_copy(t, s, true, "A", 1, FITS_NEVER), IPC_LIMIT);
	assert_int_equal(testing_count(t, ".A/tmp"), 0);
	assert_int_equal(testing_count(t, ".A/cur"), 0);
	assert_int_equal(messages_of(t, "A"), 0);
	assert_int_equal(testing_deliver(t, "x\n"), FITS_NEVER + 1);
	assert_int_equal(testing_copy(t, s, false, "A", 1, 10), IPC_OK);
	engine_session_end(&s);
	testing_stop(t);
	testing_resume(t);
	assert_int_equal(messages_of(t, "A"), 10);
	assert_int_equal(messages_of(t, "INBOX"), FITS_NEVER + 1);
}

static void
s8_what_was_committed_before_does_not_keep_the_checkpoint_that_makes_room_for_the_rest(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	put_messages(t, FITS);
	s = session_in_inbox(t);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "A", ""), IPC_OK);
	assert_int_equal(testing_copy(t, s, false, "A", 1, HALF), IPC_OK);
	/* Makes B, and when that is durable moves what is in INBOX. */
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "INBOX", "B"), IPC_OK);
	engine_session_end(&s);
	assert_int_equal(messages_of(t, "B"), FITS);
	assert_int_equal(messages_of(t, "INBOX"), 0);
}

static void
what_another_program_changed_in_more_messages_than_fit_is_taken_in_bit_by_bit(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	char before[256], after[256];

	put_messages(t, FITS_NEVER);
	assert_int_equal(messages_of(t, "INBOX"), FITS_NEVER);
	for (int i = 0; i < FITS_NEVER; i++) {
		put_name(before, t, i, "S");
		put_name(after, t, i, "FS");
		assert_int_equal(rename(before, after), 0);
	}
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	for (uint32_t uid = 1; uid <= FITS_NEVER; uid++)
		assert_int_equal(view_flags(testing_record(&v, uid)), VIEW_FLAGGED | VIEW_SEEN);
	testing_unmap(&v);
	engine_session_end(&s);
}

/* Two messages in INBOX, a folder A; another program gives the file of the first a new name, which nobody has looked at. */
static struct engine_session *
rename_first(struct testing *t, char name[256])
{
	struct engine_session *s;
	char before[300], after[300];

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	testing_find(t, "new", "", name, 256);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	s = session_in_inbox(t);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "A", ""), IPC_OK);
	(void)snprintf(before, sizeof before, "new/%s", name);
	(void)snprintf(after, sizeof after, "cur/%s:2,S", name);
	testing_rename(t, before, after);
	return s;
}

/* RFC 3501 6.4.7: all or nothing. */
static void
what_another_program_renames_is_copied_all_the_same(void **state)
{
	struct testing *t = *state;
	char name[256];
	struct engine_session *s = rename_first(t, name);

	assert_int_equal(testing_copy(t, s, false, "A", 1, 2), IPC_OK);
	assert_int_equal(t->answer.u.copied.source.count, 1);
	assert_int_equal(t->answer.u.copied.source.at[0].first, 1);
	assert_int_equal(t->answer.u.copied.source.at[0].last, 2);
	assert_int_equal(messages_of(t, "A"), 2);
	assert_int_equal(testing_count(t, ".A/tmp"), 0);
	engine_session_end(&s);
}

static void
what_another_program_removes_is_left_out_of_a_move(void **state)
{
	struct testing *t = *state;
	char name[256], path[300];
	struct engine_session *s = rename_first(t, name);

	(void)snprintf(path, sizeof path, "cur/%s:2,S", name);
	testing_remove(t, path);
	assert_int_equal(testing_copy(t, s, true, "A", 1, 2), IPC_OK);
	assert_int_equal(messages_of(t, "A"), 1);
	assert_int_equal(messages_of(t, "INBOX"), 0);
	engine_session_end(&s);
}

static void
a_target_without_tmp_is_trouble_and_takes_nothing_away(void **state)
{
	struct testing *t = *state;
	char name[256], path[300];
	struct engine_session *s = rename_first(t, name);

	(void)snprintf(path, sizeof path, "%s/.A/tmp", t->mail);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(testing_copy(t, s, true, "A", 1, 2), IPC_LATER);
	assert_int_equal(messages_of(t, "INBOX"), 2);
	engine_session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_another_program_renames_is_copied_all_the_same, set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_another_program_removes_is_left_out_of_a_move, set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_target_without_tmp_is_trouble_and_takes_nothing_away, set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_fits_into_an_empty_log_only_waits_until_it_is_empty, set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_never_fits_is_a_limit_and_changes_nothing, set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_another_program_changed_in_more_messages_than_fit_is_taken_in_bit_by_bit, set_up,
			testing_tear_down),
		cmocka_unit_test_setup_teardown(s8_what_was_committed_before_does_not_keep_the_checkpoint_that_makes_room_for_the_rest,
			set_up_without_checkpoints, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
