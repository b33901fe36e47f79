/* Quotas: what is counted, and what has no room. */
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_account_without_a_quota_is_not_counted, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(all_mailboxes_count_open_or_not, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_is_deleted_gives_room_again, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(octets_count_as_they_are_on_the_wire, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_copy_needs_room_and_a_move_does_not, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_is_under_way_has_its_room, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(what_other_programs_did_counts_when_it_is_seen, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
