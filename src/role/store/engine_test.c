/* The life of a mailbox on a real file system. */
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static void
a_delivered_message_is_there_with_its_summary(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	char body[256];

	assert_int_equal(testing_deliver(t, "Subject: one\n\nfirst\n"), 1);
	assert_int_equal(testing_deliver(t, "Subject: two\n\nsecond\n"), 2);
	assert_int_equal(testing_count(t, "new"), 2);
	assert_int_equal(testing_count(t, "tmp"), 0);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(v.recent_from, 1);
	assert_int_equal(view_count(&v.view), 2);
	assert_int_equal(atomic_load(&v.view.head->messages), 2);
	assert_int_equal(atomic_load(&v.view.head->unseen), 2);
	assert_true(bytes_equal(view_summary(&v.view, testing_record(&v, 2)), BYTES("summary")));
	assert_int_equal(testing_record(&v, 1)->date_s, 1700000000);
	assert_true(testing_body(t, s, 2, body, sizeof body));
	assert_string_equal(body, "Delivered-To: alice\nSubject: two\n\nsecond\n");
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
the_mailbox_is_the_same_after_a_stop(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	uint32_t validity;

	for (uint32_t i = 1; i <= 5; i++)
		assert_int_equal(testing_deliver(t, "x\n"), i);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_SEEN | VIEW_FLAGGED, "$Work", 2, 3), IPC_OK);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_DELETED, "", 5, 5), IPC_OK);
	assert_int_equal(testing_expunge(t, s, false, 1, 5), IPC_OK);
	validity = v.view.head->uid_validity;
	testing_unmap(&v);
	engine_session_end(&s);
	testing_stop(t);
	assert_int_equal(testing_count(t, "new"), 2);
	assert_int_equal(testing_count(t, "cur"), 2);
	testing_resume(t);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(v.view.head->uid_validity, validity);
	assert_int_equal(atomic_load(&v.view.head->messages), 4);
	assert_int_equal(view_flags(testing_record(&v, 2)), VIEW_SEEN | VIEW_FLAGGED);
	assert_int_equal(atomic_load(&testing_record(&v, 3)->keywords), 1);
	assert_null(testing_record(&v, 5));
	assert_int_equal(v.recent_from, 6);
	assert_int_equal(testing_deliver(t, "y\n"), 6);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
s6_uids_flags_and_keywords_outlive_the_index(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	uint32_t validity;

	for (int i = 0; i < 4; i++)
		(void)testing_deliver(t, "x\n");
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_flags(t, s, FLAGS_REPLACE, VIEW_ANSWERED, "$Label1 junk", 3, 3), IPC_OK);
	assert_int_equal(testing_expunge(t, s, true, 4, 4), IPC_OK);
	validity = v.view.head->uid_validity;
	testing_unmap(&v);
	engine_session_end(&s);
	testing_stop(t);
	testing_remove(t, "mermoz.view");
	testing_remove(t, "mermoz.summary");
	testing_resume(t);
	assert_int_equal(testing_deliver(t, "x\n"), 5);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(v.view.head->uid_validity, validity);
	assert_int_equal(atomic_load(&v.view.head->messages), 4);
	assert_int_equal(view_flags(testing_record(&v, 3)), VIEW_ANSWERED);
	assert_int_equal(view_keyword_count(&v.view), 2);
	assert_int_equal(atomic_load(&testing_record(&v, 3)->keywords), 3);
	assert_null(testing_record(&v, 4));
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
sessions_hear_of_changes(void **state)
{
	struct testing *t = *state;
	struct engine_session *a, *b;
	struct testing_view v;
	uint32_t before;

	(void)testing_deliver(t, "x\n");
	a = testing_session(t);
	b = testing_session(t);
	assert_int_equal(testing_select(t, a, "INBOX", &v), IPC_OK);
	testing_unmap(&v);
	assert_int_equal(testing_select(t, b, "INBOX", &v), IPC_OK);
	before = t->changes;
	assert_int_equal(testing_flags(t, b, FLAGS_ADD, VIEW_SEEN, "", 1, 1), IPC_OK);
	assert_int_equal(testing_deliver(t, "y\n"), 2);
	assert_int_equal(testing_flags(t, b, FLAGS_ADD, VIEW_DRAFT, "", 2, 2), IPC_OK);
	assert_true(t->changes > before);
	assert_int_equal(view_flags(testing_record(&v, 1)), VIEW_SEEN);
	assert_int_equal(view_flags(testing_record(&v, 2)), VIEW_DRAFT);
	testing_unmap(&v);
	engine_session_end(&a);
	engine_session_end(&b);
}

static void
a_view_grows_under_its_readers(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;

	assert_int_equal(testing_deliver(t, "x\n"), 1);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	for (uint32_t i = 2; i <= 700; i++)
		assert_int_equal(testing_deliver(t, "x\n"), i);
	assert_int_equal(testing_expunge(t, s, true, 3, 3), IPC_OK);
	testing_refresh(t, &v);
	assert_int_equal(view_count(&v.view), 700);
	assert_true(bytes_equal(view_summary(&v.view, testing_record(&v, 700)), BYTES("summary")));
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
an_append_keeps_date_flags_and_keywords(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	char body[64];

	assert_int_equal(testing_append(t, s, "INBOX", VIEW_SEEN | VIEW_DRAFT, "$A b", "hello\n"), 1);
	assert_int_equal(testing_append(t, s, "nowhere", 0, "", "hello\n"), 0);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_record(&v, 1)->date_s, 1600000000);
	assert_int_equal(view_flags(testing_record(&v, 1)), VIEW_SEEN | VIEW_DRAFT);
	assert_int_equal(atomic_load(&testing_record(&v, 1)->keywords), 3);
	assert_true(testing_body(t, s, 1, body, sizeof body));
	assert_string_equal(body, "hello\n");
	assert_int_equal(testing_count(t, "cur"), 1);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
a_copy_has_all_but_the_uid(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	char body[64];

	(void)testing_append(t, s, "INBOX", VIEW_SEEN, "$A", "one\n");
	(void)testing_append(t, s, "INBOX", 0, "", "two\n");
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "Work.Done", ""), IPC_OK);
	(void)testing_append(t, s, "Work.Done", 0, "", "zero\n");
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	testing_unmap(&v);
	assert_int_equal(testing_copy(t, s, false, "Work.Done", 1, 2), IPC_OK);
	assert_int_equal(t->answer.u.copied.target_first, 2);
	assert_int_equal(t->answer.u.copied.source.count, 1);
	assert_int_equal(t->answer.u.copied.source.at[0].last, 2);
	assert_int_equal(testing_copy(t, s, false, "none", 1, 2), IPC_ABSENT);
	assert_int_equal(testing_select(t, s, "Work.Done", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 3);
	assert_int_equal(view_flags(testing_record(&v, 2)), VIEW_SEEN);
	assert_int_equal(atomic_load(&testing_record(&v, 2)->keywords), 1);
	assert_int_equal(testing_record(&v, 2)->date_s, 1600000000);
	assert_true(testing_body(t, s, 3, body, sizeof body));
	assert_string_equal(body, "two\n");
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
a_move_leaves_nothing_behind(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	for (int i = 0; i < 3; i++)
		(void)testing_append(t, s, "INBOX", 0, "", "one\n");
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "Trash", ""), IPC_OK);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_copy(t, s, true, "Trash", 2, 3), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 1);
	assert_int_equal(testing_count(t, "cur"), 1);
	assert_int_equal(testing_count(t, ".Trash/cur"), 2);
	assert_int_equal(testing_count(t, ".Trash/tmp"), 0);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
folders_come_change_and_go(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a.b.c", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a.b", ""), IPC_EXISTS);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "inbox", ""), IPC_EXISTS);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a*", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a..b", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "../x", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_SUBSCRIBE, "a.b", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_SUBSCRIBE, "gone", ""), IPC_OK);
	assert_int_equal(testing_list(t, s, "INBOX"), 1);
	assert_int_equal(testing_list(t, s, "a"), 1 + FOLDER_HAS_CHILDREN);
	assert_int_equal(testing_list(t, s, "a.b"), 1 + FOLDER_HAS_CHILDREN + FOLDER_SUBSCRIBED);
	assert_int_equal(testing_list(t, s, "a.b.c"), 1);
	assert_int_equal(testing_list(t, s, "gone"), 1 + FOLDER_NONEXISTENT + FOLDER_SUBSCRIBED);
	(void)testing_append(t, s, "a.b.c", 0, "", "one\n");
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "a.b", "x.y"), IPC_OK);
	assert_int_equal(testing_list(t, s, "a.b"), 1 + FOLDER_NONEXISTENT + FOLDER_SUBSCRIBED);
	assert_int_equal(testing_list(t, s, "x.y.c"), 1);
	assert_int_equal(testing_select(t, s, "x.y.c", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 1);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "x.y", "x.y.z"), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "none", "n"), IPC_ABSENT);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "x.y", "a"), IPC_EXISTS);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "INBOX", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "x.y.c", ""), IPC_OK);
	assert_int_equal(testing_list(t, s, "x.y.c"), 0);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1, 1), IPC_ABSENT);
	assert_int_equal(t->gone, 1);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "x.y.c", ""), IPC_ABSENT);
	assert_int_equal(testing_change(t, s, MAILBOX_UNSUBSCRIBE, "gone", ""), IPC_OK);
	assert_int_equal(testing_list(t, s, "gone"), 0);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
rfc3501_6_3_5_renaming_inbox_moves_its_messages(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	(void)testing_deliver(t, "one\n");
	(void)testing_deliver(t, "two\n");
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "INBOX.below", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "INBOX", "old-mail"), IPC_OK);
	assert_int_equal(testing_list(t, s, "INBOX.below"), 1);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 0);
	testing_unmap(&v);
	assert_int_equal(testing_select(t, s, "old-mail", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 2);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
the_first_log_in_makes_the_folders_that_clients_look_for(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);

	engine_welcome(t->account);
	assert_int_equal(testing_list(t, s, "Junk"), 1 + FOLDER_SUBSCRIBED);
	assert_int_equal(testing_list(t, s, "Archive"), 1 + FOLDER_SUBSCRIBED);
	assert_int_equal(testing_list(t, s, "INBOX"), 1 + FOLDER_SUBSCRIBED);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "Junk", ""), IPC_OK);
	engine_session_end(&s);
	testing_stop(t);
	testing_resume(t);
	engine_welcome(t->account);
	s = testing_session(t);
	assert_int_equal(testing_list(t, s, "Junk"), 1 + FOLDER_NONEXISTENT + FOLDER_SUBSCRIBED);
	engine_session_end(&s);
}

static void
close_descriptors(struct testing *t)
{
	for (size_t i = 0; i < t->answer.fd_count; i++)
		engine_body_release(&(struct engine_body *){ engine_body_new(BYTES_NONE, t->answer.fds[i]) });
}

static void
nothing_is_changed_in_what_was_only_examined(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct message m = { .type = MESSAGE_SELECT };

	(void)testing_deliver(t, "one\n");
	m.u.select.name = BYTES("INBOX");
	m.u.select.is_read_only = 1;
	(void)testing_ask(t, s, NULL, &m);
	close_descriptors(t);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1, 1), IPC_INVALID);
	assert_int_equal(testing_expunge(t, s, true, 1, 1), IPC_INVALID);
	assert_int_equal(testing_copy(t, s, true, "INBOX", 1, 1), IPC_INVALID);
	engine_session_end(&s);
}

static void
many_expunges_make_a_new_generation(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	uint64_t before;

	for (uint32_t i = 1; i <= 1300; i++)
		assert_int_equal(testing_deliver(t, "x\n"), i);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	before = v.view.head->generation;
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1250, 1260), IPC_OK);
	assert_int_equal(testing_expunge(t, s, true, 1, 1200), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->is_superseded), 1);
	(void)testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1300, 1300);
	testing_refresh(t, &v);
	assert_true(v.view.head->generation > before);
	assert_int_equal(view_count(&v.view), 100);
	assert_int_equal(view_flags(testing_record(&v, 1255)), VIEW_SEEN);
	assert_true(bytes_equal(view_summary(&v.view, testing_record(&v, 1300)), BYTES("summary")));
	assert_int_equal(testing_deliver(t, "x\n"), 1301);
	testing_unmap(&v);
	engine_session_end(&s);
	testing_stop(t);
	assert_int_equal(testing_count(t, "cur") + testing_count(t, "new"), 101);
}

static void
tell(struct testing *t, struct engine_session *s, uint32_t uid_next)
{
	struct message m = { .type = MESSAGE_TOLD };

	m.u.told.uid_next = uid_next;
	engine_submit(NULL, s, NULL, t->outlet, &m);
}

static void
a_message_that_a_session_was_told_of_is_recent_to_no_later_one_rfc3501_2_3_2(void **state)
{
	static const struct { uint32_t told, recent_from; } rows[] = { { 2, 2 }, { 1, 2 }, { 9, 2 }, { 3, 3 } };
	struct testing *t = *state;
	struct engine_session *first = testing_session(t), *later = testing_session(t);
	struct testing_view v;

	assert_int_equal(testing_select(t, first, "INBOX", &v), IPC_OK);
	testing_unmap(&v);
	(void)testing_deliver(t, "one\n");
	(void)testing_deliver(t, "two\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message m = { .type = MESSAGE_SELECT };

		tell(t, first, rows[i].told);
		m.u.select = (struct ipc_select){ .name = BYTES("INBOX"), .is_read_only = 1 };
		(void)testing_ask(t, later, NULL, &m);
		assert_int_equal(t->answer.u.selected.recent_from, rows[i].recent_from);
		close_descriptors(t);
		tell(t, later, 3);
	}
	engine_session_end(&first);
	engine_session_end(&later);
}

static void
put_summary(struct testing *t, struct engine_session *s, const char *summary)
{
	struct message m = { .type = MESSAGE_PUT_SUMMARY };

	m.u.put_summary.uid = 1;
	m.u.put_summary.summary = bytes_text(summary);
	engine_submit(NULL, s, NULL, t->outlet, &m);
	/* It has no answer: what is asked next has one. */
	(void)testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1, 1);
}

/* The version is the first octet. */
static void
a_summary_takes_the_place_of_one_of_an_older_version_only(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	(void)testing_deliver(t, "one\n");
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	put_summary(t, s, "t: the next version");
	assert_true(bytes_equal(view_summary(&v.view, testing_record(&v, 1)), BYTES("t: the next version")));
	put_summary(t, s, "t: the same version");
	put_summary(t, s, "summary");
	assert_true(bytes_equal(view_summary(&v.view, testing_record(&v, 1)), BYTES("t: the next version")));
	testing_unmap(&v);
	engine_session_end(&s);
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

enum { MANY = 30, OPEN_MAX = 8, DESCRIPTORS_EACH = 5 /* of a mailbox, its account's among them */ };

static void
limit_mailboxes(struct testing *t)
{
	t->mailboxes_max = OPEN_MAX;
	testing_stop(t);
	testing_resume(t);
}

/* What is closed by jobs of other strands is closed soon. */
static void
wait_for_descriptors(int most)
{
	while (descriptors() > most)
		(void)sched_yield();
}

static void
one_account_keeps_no_more_mailboxes_open_than_all_may(void **state)
{
	struct testing *t = *state;
	struct engine_session *s, *selected;
	struct testing_view v;
	char name[16], body[64];
	int before;

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	s = testing_session(t);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "folder-%d", i);
		assert_int_equal(testing_change(t, s, MAILBOX_CREATE, name, ""), IPC_OK);
	}
	engine_session_end(&s);
	limit_mailboxes(t);
	s = testing_session(t);
	selected = testing_session(t);
	assert_int_equal(testing_select(t, selected, "INBOX", &v), IPC_OK);
	before = descriptors();
	for (int i = 0; i < 2 * MANY; i++) {
		struct message m = { .type = MESSAGE_STATUS };

		(void)snprintf(name, sizeof name, "folder-%d", i % MANY);
		m.u.status.name = bytes_text(name);
		assert_int_equal(testing_ask(t, s, NULL, &m)->u.status_result.outcome, IPC_OK);
	}
	wait_for_descriptors(before + OPEN_MAX * DESCRIPTORS_EACH);
	assert_true(testing_body(t, selected, 1, body, sizeof body)); /* which stayed open */
	testing_unmap(&v);
	engine_session_end(&selected);
	engine_session_end(&s);
}

static void
many_accounts_keep_no_more_mailboxes_open_than_all_may(void **state)
{
	struct testing *t = *state;
	char path[128];
	int before;

	limit_mailboxes(t);
	assert_int_equal(testing_deliver(t, "one\n"), 1); /* the file system's is there from now on */
	before = descriptors();
	for (int i = 0; i < 3 * MANY; i++) {
		(void)snprintf(path, sizeof path, "%s/mail/user-%d", t->root, i % MANY);
		t->account = engine_account(t->engine, bytes_text(path));
		assert_int_equal(testing_deliver(t, "one\n"), i / MANY + 1);
	}
	wait_for_descriptors(before + OPEN_MAX * DESCRIPTORS_EACH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_delivered_message_is_there_with_its_summary, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(the_mailbox_is_the_same_after_a_stop, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(s6_uids_flags_and_keywords_outlive_the_index, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(sessions_hear_of_changes, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_view_grows_under_its_readers, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(an_append_keeps_date_flags_and_keywords, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_copy_has_all_but_the_uid, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_move_leaves_nothing_behind, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(folders_come_change_and_go, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(rfc3501_6_3_5_renaming_inbox_moves_its_messages, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(the_first_log_in_makes_the_folders_that_clients_look_for, testing_set_up,
			testing_tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_changed_in_what_was_only_examined, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(
			a_message_that_a_session_was_told_of_is_recent_to_no_later_one_rfc3501_2_3_2, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_summary_takes_the_place_of_one_of_an_older_version_only, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(many_expunges_make_a_new_generation, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(one_account_keeps_no_more_mailboxes_open_than_all_may, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(many_accounts_keep_no_more_mailboxes_open_than_all_may, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
