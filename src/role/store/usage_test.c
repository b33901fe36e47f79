/* Quotas: what is counted, and what has no room. */
#include "role/store/engine_internal.h"
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that testing_append appends: as long on the wire as here and a CR. */
#define MESSAGE_TEXT "one\n"

static void
limit(struct testing *t, uint64_t octets, uint64_t messages)
{
	engine_set_quota(t->engine, bytes_text(t->mail), octets, messages);
}

static struct ipc_quota
quota(struct testing *t, struct engine_session *s)
{
	struct message m = { .type = MESSAGE_GET_QUOTA };

	return testing_ask(t, s, NULL, &m)->u.quota;
}

static uint64_t
messages(struct testing *t, struct engine_session *s)
{
	return quota(t, s).messages;
}

static enum ipc_outcome
may_deliver(struct testing *t, uint64_t octets)
{
	struct message m = { .type = MESSAGE_MAY_DELIVER };

	m.u.may_deliver.octets = octets;
	return (enum ipc_outcome)testing_ask(t, NULL, NULL, &m)->u.done.outcome;
}

static enum ipc_outcome
append(struct testing *t, struct engine_session *s, const char *name)
{
	(void)testing_append(t, s, name, 0, "", MESSAGE_TEXT);
	return (enum ipc_outcome)t->answer.u.appended.outcome;
}

static void
an_account_without_a_quota_is_not_counted(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);

	assert_int_equal(quota(t, s).outcome, IPC_ABSENT);
	assert_int_equal(may_deliver(t, UINT64_MAX), IPC_OK);
	engine_session_end(&s);
}

static void
all_mailboxes_count_open_or_not(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	uint64_t octets;

	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a.b", ""), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "a.b"), IPC_OK);
	limit(t, 1000000, 100);
	assert_int_equal(messages(t, s), 2);
	octets = quota(t, s).octets;
	assert_true(octets > 0);
	assert_int_equal(quota(t, s).quota_octets, 1000000);
	assert_int_equal(quota(t, s).quota_messages, 100);
	assert_int_equal(append(t, s, "a.b"), IPC_OK);
	assert_int_equal(messages(t, s), 3);
	assert_int_equal(quota(t, s).octets, octets / 2 * 3);
	engine_session_end(&s);
	/* Closed, in order: their heads say it. */
	testing_stop(t);
	testing_resume(t);
	limit(t, 1000000, 100);
	s = testing_session(t);
	assert_int_equal(messages(t, s), 3);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(messages(t, s), 4);
	engine_session_end(&s);
}

static void
what_is_deleted_gives_room_again(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	limit(t, 0, 2);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a", ""), IPC_OK);
	assert_int_equal(append(t, s, "a"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OVER_QUOTA);
	assert_int_equal(may_deliver(t, 1), IPC_OVER_QUOTA);
	assert_int_equal(testing_deliver(t, "Subject: x\n\n"), 0);
	assert_int_equal(testing_count(t, "tmp"), 0);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_DELETED, "", 1, 1), IPC_OK);
	assert_int_equal(may_deliver(t, 1), IPC_OVER_QUOTA);
	assert_int_equal(testing_expunge(t, s, false, 1, 1), IPC_OK);
	assert_int_equal(may_deliver(t, 1), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OVER_QUOTA);
	/* A folder with what is in it. */
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "a", ""), IPC_OK);
	assert_int_equal(messages(t, s), 1);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	/* A lower limit refuses what is new, and takes nothing away. */
	limit(t, 0, 1);
	assert_int_equal(messages(t, s), 2);
	assert_int_equal(append(t, s, "INBOX"), IPC_OVER_QUOTA);
	limit(t, 0, 0);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
octets_count_as_they_are_on_the_wire(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	uint64_t one;

	limit(t, 1000000, 0);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	one = quota(t, s).octets;
	limit(t, 3 * one, 0);
	assert_int_equal(may_deliver(t, 2 * one), IPC_OK);
	assert_int_equal(may_deliver(t, 2 * one + 1), IPC_OVER_QUOTA);
	assert_int_equal(may_deliver(t, UINT64_MAX), IPC_OVER_QUOTA);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OVER_QUOTA);
	assert_int_equal(may_deliver(t, 0), IPC_OVER_QUOTA);
	engine_session_end(&s);
}

static void
a_copy_needs_room_and_a_move_does_not(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	limit(t, 0, 3);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a", ""), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(testing_copy(t, s, false, "a", 1, 2), IPC_OVER_QUOTA);
	assert_int_equal(testing_count(t, ".a/cur") + testing_count(t, ".a/tmp"), 0);
	assert_int_equal(testing_copy(t, s, false, "a", 1, 1), IPC_OK);
	assert_int_equal(messages(t, s), 3);
	assert_int_equal(testing_copy(t, s, false, "a", 1, 1), IPC_OVER_QUOTA);
	assert_int_equal(testing_copy(t, s, true, "a", 1, 2), IPC_OK);
	assert_int_equal(messages(t, s), 3);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
deliver_at_once(struct testing *t, uint64_t count)
{
	struct engine_body *body = engine_body_new(BYTES("Subject: x\n\n"), -1);
	struct message m = { .type = MESSAGE_DELIVER };

	m.u.deliver.size = 100;
	for (uint64_t i = 0; i < count; i++) {
		m.u.deliver.request = ++t->request;
		engine_submit(t->account, NULL, body, t->outlet, &m);
	}
	engine_body_release(&body);
	pthread_mutex_lock(&t->lock);
	while (t->delivered_ok + t->delivered_failed < count)
		pthread_cond_wait(&t->came, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void
a_size_that_the_message_can_not_have_is_not_believed(void **state)
{
	static const uint64_t said[] = { 1, UINT64_MAX, UINT64_MAX / 2, 100 };
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);

	limit(t, 1000, 0);
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct engine_body *body = engine_body_new(BYTES("Subject: x\n\n"), -1);
		struct message m = { .type = MESSAGE_DELIVER };

		m.u.deliver.size = said[i];
		assert_int_equal(testing_ask(t, NULL, body, &m)->u.delivered.outcome, IPC_OK);
		assert_int_equal(quota(t, s).octets, 12 * (i + 1));
	}
	engine_session_end(&s);
}

/* Each waits for the journal, and all of them are under way at once. */
static void
what_is_under_way_has_its_room(void **state)
{
	struct testing *t = *state;

	limit(t, 0, 5);
	deliver_at_once(t, 20);
	assert_int_equal(t->delivered_ok, 5);
	assert_int_equal(t->delivered_failed, 15);
	assert_int_equal(testing_count(t, "new"), 5);
	assert_int_equal(testing_count(t, "tmp"), 0);
}

static void
what_other_programs_did_counts_when_it_is_seen(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	limit(t, 0, 10);
	assert_int_equal(append(t, s, "INBOX"), IPC_OK);
	assert_int_equal(messages(t, s), 1);
	testing_write(t, "new/1600000000.M1P1.other,S=4,W=5", MESSAGE_TEXT);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(messages(t, s), 2);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
copy_file(const struct testing *t, const char *from, const char *to)
{
	char command[400];

	(void)snprintf(command, sizeof command, "cp %s/%s %s/%s", t->mail, from, t->mail, to);
	assert_int_equal(system(command), 0);
}

/* Two messages in "a", one in "b", all closed in order. */
static void
fill_and_close(struct testing *t)
{
	struct engine_session *s = testing_session(t);

	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "b", ""), IPC_OK);
	assert_int_equal(append(t, s, "a"), IPC_OK);
	assert_int_equal(append(t, s, "a"), IPC_OK);
	assert_int_equal(append(t, s, "b"), IPC_OK);
	engine_session_end(&s);
	testing_stop(t);
}

static void
the_head_of_another_mailboxes_index_is_not_believed(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	fill_and_close(t);
	copy_file(t, ".a/mermoz.view", ".b/mermoz.view");
	testing_resume(t);
	limit(t, 0, 100);
	s = testing_session(t);
	assert_int_equal(messages(t, s), 3);
	engine_session_end(&s);
}

static void
what_was_opened_to_be_counted_is_closed_again(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	fill_and_close(t);
	testing_remove(t, ".a/mermoz.view");
	testing_remove(t, ".b/mermoz.view");
	testing_resume(t);
	limit(t, 0, 100);
	s = testing_session(t);
	assert_int_equal(messages(t, s), 3);
	assert_int_equal(map_count(t->account->mailboxes), 0);
	assert_int_equal(append(t, s, "a"), IPC_OK);
	assert_int_equal(messages(t, s), 4);
	engine_session_end(&s);
}

static void
a_folder_that_could_not_be_counted_is_counted_later(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;

	fill_and_close(t);
	testing_rename(t, ".a/dovecot-uidlist", ".a/away");
	testing_make(t, ".a/dovecot-uidlist");
	testing_resume(t);
	limit(t, 0, 100);
	s = testing_session(t);
	assert_int_equal(messages(t, s), 1);
	testing_rename(t, ".a/dovecot-uidlist", ".a/no-list");
	testing_rename(t, ".a/away", ".a/dovecot-uidlist");
	assert_int_equal(messages(t, s), 1);
	assert_true(t->account->count_again_us > 0);
	t->account->count_again_us = 1;
	assert_int_equal(messages(t, s), 3);
	assert_int_equal(t->account->count_again_us, 0);
	engine_session_end(&s);
}

static void
an_account_has_ten_thousand_folders_at_most(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	char name[32];

	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a", ""), IPC_OK);
	for (int i = 0; i < IPC_FOLDERS_MAX - 3; i++) {
		(void)snprintf(name, sizeof name, ".of-others-%d", i);
		testing_make(t, name);
	}
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a.b.c.d", ""), IPC_LIMIT);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "a", "x.y.z.a"), IPC_LIMIT);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "a.b.c", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "e", ""), IPC_LIMIT);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "of-others-1", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "e", ""), IPC_OK);
	engine_session_end(&s);
}

static void
a_modseq_beyond_its_63_bits_is_not_believed(void **state)
{
	struct testing *t = *state;
	uint64_t highest = UINT64_MAX;
	struct engine_session *s;
	struct testing_view v;
	char path[200];
	FILE *f;

	fill_and_close(t);
	(void)snprintf(path, sizeof path, "%s/.a/mermoz.view", t->mail);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, offsetof(struct view_head, highest_modseq), SEEK_SET), 0);
	assert_int_equal(fwrite(&highest, sizeof highest, 1, f), 1);
	assert_int_equal(fclose(f), 0);
	testing_resume(t);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "a", &v), IPC_OK);
	highest = atomic_load(&v.view.head->highest_modseq);
	assert_in_range(highest, 1, VIEW_MODSEQ_MAX);
	assert_int_equal(testing_flags(t, s, FLAGS_ADD, VIEW_SEEN, "", 1, 1), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->highest_modseq), highest + 1);
	testing_unmap(&v);
	engine_session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_account_without_a_quota_is_not_counted, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(all_mailboxes_count_open_or_not, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_is_deleted_gives_room_again, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(octets_count_as_they_are_on_the_wire, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_copy_needs_room_and_a_move_does_not, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_size_that_the_message_can_not_have_is_not_believed, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_is_under_way_has_its_room, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_other_programs_did_counts_when_it_is_seen, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(the_head_of_another_mailboxes_index_is_not_believed, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_was_opened_to_be_counted_is_closed_again, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_could_not_be_counted_is_counted_later, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(an_account_has_ten_thousand_folders_at_most, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_modseq_beyond_its_63_bits_is_not_believed, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
