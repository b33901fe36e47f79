/* What other programs leave in a Maildir by the thousands. */
#include "role/store/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With names so long the records of so many files are more than the smallest journal has room for at once (three segments of
   8 MiB). */
enum { FILES = 100000, RENAMED = 50000, LINKS_MAX = 30000, NAME_OCTETS = 250 };

static void
put_path(const struct testing *t, char path[512], const char *directory, uint32_t n, const char *flags)
{
	assert_in_range(snprintf(path, 512, "%s/%s/%u.%0*u%s", t->mail, directory, 1000000000 + n, NAME_OCTETS - 11, n, flags), 1, 511);
}

/* The newest first, so that no order but that of their names is the right one. */
static void
leave_files(const struct testing *t)
{
	char path[512], one[512] = "";

	for (uint32_t n = FILES; n > 0; n--) {
		put_path(t, path, "new", n, "");
		if (n % LINKS_MAX == 0 || n == FILES) {
			FILE *file = fopen(path, "w");

			assert_non_null(file);
			assert_int_equal(fclose(file), 0);
			memcpy(one, path, sizeof one);
			continue;
		}
		assert_int_equal(link(one, path), 0);
	}
}

/* The uid list has each file once, in the order of their age, and each uid once. */
static void
check_list(const struct testing *t, uint32_t delivered)
{
	char path[512], line[1024];
	uint32_t count = 0, files = 0;
	FILE *file;

	assert_in_range(snprintf(path, sizeof path, "%s/dovecot-uidlist", t->mail), 1, 511);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	while (fgets(line, sizeof line, file)) {
		const char *name = strchr(line, ':');

		assert_int_equal(strtoul(line, NULL, 10), ++count);
		assert_non_null(name);
		if (strstr(name, "M") == NULL)
			assert_int_equal(strtoul(name + 1, NULL, 10), 1000000000 + ++files);
	}
	assert_int_equal(files, FILES);
	assert_int_equal(count, FILES + delivered);
	assert_int_equal(fclose(file), 0);
}

/* Selects without waiting for it, with three messages that come meanwhile. */
static void
deliver_meanwhile(struct testing *t)
{
	struct engine_outlet *nobody = engine_outlet_new(t->engine);
	struct engine_session *s = engine_session_new(t->account, nobody);
	struct message m = { .type = MESSAGE_SELECT };
	uint32_t last = 1;

	m.u.select.name = BYTES("INBOX");
	engine_submit(NULL, s, NULL, nobody, &m);
	for (int i = 0; i < 3; i++) {
		uint32_t uid = testing_deliver(t, "meanwhile\n");

		assert_true(uid > last);
		last = uid;
	}
	engine_session_end(&s);
}

/* RFC 7162 3.1: who knew of all changes up to `before` finds the `count` since. */
static void
check_changed(const struct testing_view *v, uint32_t count, uint32_t flags, uint64_t before)
{
	uint64_t highest = atomic_load(&v->view.head->highest_modseq), last = before;
	uint32_t changed = 0;

	assert_int_equal(atomic_load(&v->view.head->messages), FILES + 4);
	assert_int_equal(view_count(&v->view), FILES + 4);
	for (uint32_t uid = 1; uid <= FILES + 4; uid++) {
		const struct view_record *r = testing_record(v, uid);

		assert_non_null(r);
		if (view_modseq(r) <= before)
			continue;
		assert_int_equal(view_flags(r), flags);
		assert_in_range(view_modseq(r), last, highest);
		last = view_modseq(r);
		changed++;
	}
	assert_int_equal(changed, count);
}

static void
more_than_the_journal_has_room_for_is_taken_in_bit_by_bit(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	uint64_t before;
	char from[512], to[512];

	t->journal_octets = 1 << 20;
	testing_stop(t);
	testing_resume(t);
	assert_int_equal(testing_deliver(t, "one\n"), 1);
	s = testing_session(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	before = atomic_load(&v.view.head->highest_modseq);
	testing_unmap(&v);
	leave_files(t);
	deliver_meanwhile(t);
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	check_changed(&v, FILES + 3, 0, before);
	before = atomic_load(&v.view.head->highest_modseq);
	testing_unmap(&v);
	check_list(t, 4);

	for (uint32_t n = 1; n <= RENAMED; n++) {
		put_path(t, from, "new", n, "");
		put_path(t, to, "cur", n, ":2,FS");
		assert_int_equal(rename(from, to), 0);
	}
	assert_int_equal(testing_select(t, s, "INBOX", &v), IPC_OK);
	check_changed(&v, RENAMED, VIEW_SEEN | VIEW_FLAGGED, before);
	assert_int_equal(atomic_load(&v.view.head->unseen), FILES + 4 - RENAMED);
	testing_unmap(&v);
	check_list(t, 4);
	engine_session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(more_than_the_journal_has_room_for_is_taken_in_bit_by_bit, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
