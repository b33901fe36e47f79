/* What stands in a Maildir, or in a frame, that is there to lead the store astray. */
#include "base/memory.h"
#include "role/store/grants.h"
#include "role/store/test_support.h"
#include "sys/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
path_in_mail(const struct testing *t, const char *name, char out[512])
{
	assert_true(snprintf(out, 512, "%s/%s", t->mail, name) < 512);
}

static void
a_fifo_in_the_place_of_a_message_keeps_nobody_waiting(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	char name[256], path[512], in_new[300], body[64];

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	testing_find(t, "new", "", name, sizeof name);
	(void)snprintf(in_new, sizeof in_new, "new/%s", name);
	testing_remove(t, in_new);
	path_in_mail(t, in_new, path);
	assert_int_equal(mkfifo(path, 0600), 0);
	path_in_mail(t, "cur/1700000000.fifo:2,S", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(testing_body(t, s, 1, body, sizeof body) && testing_body(t, s, 2, body, sizeof body));
	assert_true(testing_record(&v, 1) != NULL || testing_record(&v, 2) != NULL);
	assert_int_equal(atomic_load(&v.view.head->messages), 1);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
a_link_is_no_message(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	char secret[512], path[512];

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	testing_write(t, "secret", "of somebody else\n");
	path_in_mail(t, "secret", secret);
	path_in_mail(t, "cur/1700000000.link:2,S", path);
	assert_int_equal(symlink(secret, path), 0);
	testing_stop(t);
	testing_resume(t);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), 1);
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
an_index_that_is_a_link_leads_nowhere(void **state)
{
	static const char *const names[] = { "mermoz.view", "mermoz.summary", "mermoz.view.new",
		".dovecot-keywords.new", "dovecot-keywords" };
	struct testing *t = *state;
	struct engine_session *s;
	char path[512], victim[512], content[64];

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	testing_stop(t);
	testing_make(t, "elsewhere");
	testing_write(t, "elsewhere/file", "as it was\n");
	path_in_mail(t, "elsewhere/file", victim);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		path_in_mail(t, names[i], path);
		(void)unlink(path);
		assert_int_equal(symlink(victim, path), 0);
	}
	testing_resume(t);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	s = testing_session(t);
	(void)testing_append(t, s, "INBOX", 0, "$Keyword", "three\n");
	engine_session_end(&s);
	testing_stop(t);
	testing_read(t, "elsewhere/file", content, sizeof content);
	assert_string_equal(content, "as it was\n");
	testing_resume(t);
}

/* The list of names stays open, and others may write into it at any time. */
static void
a_name_that_was_written_into_the_open_list_leads_nowhere(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);
	struct testing_view v;
	char name[256], list[4096], path[512], body[64], wrong[256];
	char *at;
	FILE *file;

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	testing_find(t, "new", "", name, sizeof name);
	testing_make(t, "elsewhere");
	/* "new/" and this is a path out of new/. */
	memset(wrong, 'x', sizeof wrong);
	memcpy(wrong, "../elsewhere/", 13);
	wrong[strlen(name)] = '\0';
	testing_write(t, wrong + 3, "secret\n");
	testing_read(t, "dovecot-uidlist", list, sizeof list);
	at = strstr(list, name);
	assert_non_null(at);
	path_in_mail(t, "dovecot-uidlist", path);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, at - list, SEEK_SET), 0);
	assert_int_equal(fwrite(wrong, 1, strlen(name), file), strlen(name));
	assert_int_equal(fclose(file), 0);
	assert_false(testing_body(t, s, 1, body, sizeof body));
	assert_int_equal(testing_expunge(t, s, true, 1, 1), IPC_OK);
	testing_read(t, wrong + 3, body, sizeof body);
	assert_string_equal(body, "secret\n");
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
check_numbers(struct testing *t, const char *list)
{
	struct engine_session *s;
	struct testing_view v;
	uint32_t uid;

	testing_stop(t);
	testing_remove(t, "mermoz.view");
	testing_write(t, "dovecot-uidlist", list);
	testing_resume(t);
	uid = testing_deliver(t, "one\n");
	assert_in_range(uid, 1, UINT32_MAX - 1);
	assert_int_equal(testing_deliver(t, "two\n"), uid + 1);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_non_null(testing_record(&v, uid + 1));
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
rfc3501_2_3_1_1_a_list_that_leaves_no_uids_is_begun_anew(void **state)
{
	struct testing *t = *state;

	assert_int_equal(testing_deliver(t, "zero\n"), 1);
	check_numbers(t, "3 V1000000 N4294967295 G3085f01b7f11094c501100008c4a11c1\n");
	check_numbers(t, "3 V1000000 N4294967294 G3085f01b7f11094c501100008c4a11c1\n");
	check_numbers(t, "1 1000000 4294967295\n");
	check_numbers(t, "3 V1000000 N5 G3085f01b7f11094c501100008c4a11c1\n4294967294 :1700000000.gone\n");
}

static void
read_index(const struct testing *t, const char *name, uint8_t octets[65536 * 4], size_t *count)
{
	char path[512];
	FILE *file;

	path_in_mail(t, name, path);
	file = fopen(path, "r");
	assert_non_null(file);
	*count = fread(octets, 1, 65536 * 4, file);
	(void)fclose(file);
}

/* As cp does. */
static void
write_over(const struct testing *t, const char *name, const uint8_t *octets, size_t count)
{
	char path[512];
	FILE *file;

	path_in_mail(t, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
}

static void
check_mailbox(struct testing *t, uint32_t messages)
{
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	assert_int_equal(atomic_load(&v.view.head->messages), messages);
	assert_int_equal(view_flags(testing_record(&v, 1)), VIEW_FLAGGED);
	for (uint32_t uid = 1; uid <= messages; uid++)
		assert_non_null(testing_record(&v, uid));
	testing_unmap(&v);
	engine_session_end(&s);
}

static void
an_index_that_is_cut_short_while_it_is_open_ends_nobody(void **state)
{
	static const char *const names[] = { "mermoz.view", "mermoz.summary", "dovecot-uidlist" };
	struct testing *t = *state;
	char path[512];

	/* cmocka took SIGBUS when this test began: what was mapped before is mapped anew. */
	testing_stop(t);
	testing_resume(t);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct engine_session *s = testing_session(t);
		struct testing_view v;
		uint32_t gone = t->gone, had = (uint32_t)i * 2;

		assert_int_equal(testing_deliver(t, "one\n"), had + 1);
		assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
		assert_int_equal(testing_flags(t, s, FLAGS_REPLACE, VIEW_FLAGGED, "", 1, 1), IPC_OK);
		assert_int_equal(testing_ask(t, s, NULL, &(struct message){ .type = MESSAGE_CHECK })->u.done.outcome, IPC_OK);
		path_in_mail(t, names[i], path);
		assert_int_equal(truncate(path, 0), 0);
		if (i < 2) {
			assert_int_equal(testing_deliver(t, "two\n"), had + 2);
			check_mailbox(t, had + 2);
		} else {
			assert_int_not_equal(testing_deliver(t, "two\n"), 0);
		}
		assert_int_equal(t->gone, gone + 1);
		testing_unmap(&v);
		engine_session_end(&s);
	}
}

static void
an_index_of_before_that_is_brought_back_while_it_is_open_hides_nothing(void **state)
{
	struct testing *t = *state;
	static uint8_t view[65536 * 4], summary[65536 * 4];
	size_t view_octets, summary_octets;
	struct engine_session *s = testing_session(t);
	struct testing_view v;

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	read_index(t, "mermoz.view", view, &view_octets);
	read_index(t, "mermoz.summary", summary, &summary_octets);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	assert_int_equal(testing_flags(t, s, FLAGS_REPLACE, VIEW_FLAGGED, "", 1, 1), IPC_OK);
	assert_int_equal(testing_ask(t, s, NULL, &(struct message){ .type = MESSAGE_CHECK })->u.done.outcome, IPC_OK);
	write_over(t, "mermoz.view", view, view_octets);
	write_over(t, "mermoz.summary", summary, summary_octets);
	assert_int_equal(testing_deliver(t, "three\n"), 3);
	check_mailbox(t, 3);
	testing_remove(t, "mermoz.view");
	write_over(t, "mermoz.view", view, view_octets); /* as rsync does */
	assert_int_equal(testing_deliver(t, "four\n"), 4);
	check_mailbox(t, 4);
	assert_int_equal(t->gone, 2); /* told of both numbers: this session never left */
	testing_unmap(&v);
	engine_session_end(&s);
	write_over(t, "mermoz.view", view, view_octets);
	testing_stop(t);
	testing_resume(t);
	check_mailbox(t, 4);
}

/* A front that was taken over asks. */
static void
a_name_with_a_slash_tells_nothing_of_what_is_there(void **state)
{
	struct testing *t = *state;
	struct engine_session *s = testing_session(t);

	assert_int_equal(testing_deliver(t, "one\n"), 1);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "kept", ""), IPC_OK);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "/../state/journal", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_CREATE, "/../state/nothing", ""), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "kept", "/../state/journal"), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_RENAME, "kept", "/../state/nothing"), IPC_INVALID);
	assert_int_equal(testing_change(t, s, MAILBOX_DELETE, "/../state/journal", ""), IPC_ABSENT);
	engine_session_end(&s);
}

static void
ignore(void *arg, const struct message *m)
{
	(void)arg;
	(void)m;
}

static void
a_front_that_ends_no_body_fills_no_memory(void **state)
{
	struct testing *t = *state;
	struct grants *g = grants_new(t->engine);
	struct grants_front *front;
	uint64_t kept = 0;

	grants_add_front(g, 0, ignore, NULL);
	front = grants_front(g, 0);
	while (kept < 1000 && grants_add_body(front, kept + 1, engine_body_new(BYTES("octets"), -1)))
		kept++;
	assert_in_range(kept, 1, 100);
	assert_non_null(grants_find_body(front, kept));
	assert_null(grants_find_body(front, kept + 1));
	grants_drop_body(front, 1);
	assert_true(grants_add_body(front, kept + 1, engine_body_new(BYTES("octets"), -1)));
	grants_free(&g);
}

/* The answers that are due hold what was asked. */
static void
a_front_that_asks_without_end_fills_no_memory(void **state)
{
	struct testing *t = *state;
	struct message m = { .type = MESSAGE_DELIVER };
	uint8_t *octets = memory_new(TESTING_REQUESTS_OCTETS_MAX);
	struct bytes all = bytes_of(octets, TESTING_REQUESTS_OCTETS_MAX);

	m.u.deliver.size = 2 * all.len;
	for (int i = 0; i < 16; i++) {
		assert_int_equal(testing_ask(t, NULL, engine_body_new(all, -1), &m)->u.delivered.outcome, IPC_LATER);
		assert_int_equal(testing_ask(t, NULL, engine_body_new(bytes_sub(all, 0, all.len / 8), -1), &m)->u.delivered.outcome, IPC_OK);
	}
	memory_free(octets);
}

/* Two of one folder would each give uids of their own. */
static void
a_folder_that_takes_the_name_of_a_removed_one_is_open_once(void **state)
{
	struct testing *t = *state;
	struct engine_session *mover, *reader, *late;
	struct testing_view of_old, of_new, again;

	testing_stop(t);
	t->mailboxes_max = 1;
	testing_resume(t);
	mover = testing_session(t);
	reader = testing_session(t);
	late = testing_session(t);
	assert_int_equal(testing_change(t, mover, MAILBOX_CREATE, "a", NULL), IPC_OK);
	assert_int_equal(testing_change(t, mover, MAILBOX_CREATE, "b", NULL), IPC_OK);
	assert_int_equal(testing_change(t, mover, MAILBOX_CREATE, "c", NULL), IPC_OK);
	assert_int_equal(testing_select(t, reader, "b", &of_old), IPC_OK);
	testing_rename(t, ".b", "away");
	assert_int_equal(testing_change(t, mover, MAILBOX_RENAME, "a", "b"), IPC_OK);
	assert_int_equal(testing_select(t, mover, "b", &of_new), IPC_OK);
	testing_unmap(&of_old);
	engine_session_end(&reader);
	/* Those that nobody uses are closed. */
	assert_int_equal(testing_deliver(t, "Subject: x\n\nx\n"), 1);
	assert_int_not_equal(testing_append(t, late, "c", 0, "", "Subject: x\n\nx\n"), 0);
	assert_int_equal(testing_select(t, late, "b", &again), IPC_OK);
	assert_int_equal(again.mailbox, of_new.mailbox);
	testing_unmap(&of_new);
	testing_unmap(&again);
	engine_session_end(&mover);
	engine_session_end(&late);
}

static bool is_made_by_another;

/* Another program makes the folder as soon as it was found to be missing. */
static int
look_and_make(int dir, const char *path, struct stat *st, int flags)
{
	int result = disk_system.fstatat(dir, path, st, flags);

	if (result == 0 || strcmp(path, ".x") != 0 || is_made_by_another)
		return result;
	is_made_by_another = mkdirat(dir, path, 0700) == 0;
	errno = ENOENT;
	return -1;
}

static void
check_made_meanwhile(struct testing *t, enum ipc_mailbox_operation operation, const char *name, const char *new_name)
{
	struct disk_ops ops = disk_system;
	struct engine_session *s = testing_session(t);

	ops.fstatat = look_and_make;
	is_made_by_another = false;
	disk_use(&ops);
	assert_int_equal(testing_change(t, s, operation, name, new_name), IPC_EXISTS);
	disk_use(NULL);
	assert_true(is_made_by_another);
	engine_session_end(&s);
	testing_rename(t, ".x", new_name ? "away" : "gone");
}

static void
a_folder_that_another_program_makes_in_the_midst_of_a_request_is_there_already(void **state)
{
	struct testing *t = *state;

	assert_int_equal(testing_deliver(t, "Subject: x\n\nx\n"), 1);
	check_made_meanwhile(t, MAILBOX_CREATE, "x", NULL);
	check_made_meanwhile(t, MAILBOX_RENAME, "INBOX", "x");
	assert_int_equal(testing_deliver(t, "Subject: y\n\ny\n"), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_fifo_in_the_place_of_a_message_keeps_nobody_waiting, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_link_is_no_message, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(an_index_that_is_a_link_leads_nowhere, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_was_written_into_the_open_list_leads_nowhere, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(rfc3501_2_3_1_1_a_list_that_leaves_no_uids_is_begun_anew, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(an_index_that_is_cut_short_while_it_is_open_ends_nobody, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(an_index_of_before_that_is_brought_back_while_it_is_open_hides_nothing, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_front_that_asks_without_end_fills_no_memory, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_front_that_ends_no_body_fills_no_memory, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_name_with_a_slash_tells_nothing_of_what_is_there, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_takes_the_name_of_a_removed_one_is_open_once, testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_another_program_makes_in_the_midst_of_a_request_is_there_already, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
