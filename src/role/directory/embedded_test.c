#include "role/directory/embedded.h"
#include "base/buf.h"
#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#define ALICE BYTES("alice@example.org")
#define BOB BYTES("bob@example.org")

struct world {
	char directory[64], path[96];
	struct embedded *e;
	struct fault f;
	uint8_t space[4096];
	struct buf seen;
};

static int
set_up(void **state)
{
	static struct world w;

	w = (struct world){ .directory = "/tmp/mermoz-embedded-XXXXXX" };
	assert_non_null(mkdtemp(w.directory));
	snprintf(w.path, sizeof w.path, "%s/directory.sqlite", w.directory);
	assert_int_equal(embedded_open(w.path, &w.e, &w.f), 0);
	buf_init_fixed(&w.seen, w.space, sizeof w.space);
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[128];

	embedded_close(&w->e);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", w->path, ends[i]);
		disk->unlinkat(AT_FDCWD, path, 0);
	}
	disk->unlinkat(AT_FDCWD, w->directory, AT_REMOVEDIR);
	return 0;
}

static void
on_domain(void *arg, struct bytes name)
{
	struct world *w = arg;

	put_format(&w->seen, "domain %.*s\n", BYTES_ARG(name));
}

static void
on_user(void *arg, const struct user_record *r)
{
	struct world *w = arg;

	put_format(&w->seen, "user %.*s '%.*s' %.*s %d", BYTES_ARG(r->address), BYTES_ARG(r->name),
		BYTES_ARG(r->secret_password), r->is_enabled);
	for (size_t i = 0; i < r->attribute_count; i++)
		put_format(&w->seen, " %.*s=%.*s", BYTES_ARG(r->attributes[i].name),
			BYTES_ARG(r->attributes[i].value));
	put_text(&w->seen, "\n");
}

static void
on_alias(void *arg, const struct alias_record *r)
{
	struct world *w = arg;

	put_format(&w->seen, "alias %.*s", BYTES_ARG(r->address));
	for (size_t i = 0; i < r->target_count; i++)
		put_format(&w->seen, " %.*s", BYTES_ARG(r->targets[i]));
	put_text(&w->seen, "\n");
}

static const char *
see(struct world *w)
{
	static const struct embedded_visitor visitor = { on_domain, on_user, on_alias };

	buf_reset(&w->seen);
	assert_int_equal(embedded_visit(w->e, &visitor, w, &w->f), 0);
	put_char(&w->seen, 0);
	return (const char *)w->seen.ptr;
}

static enum embedded_result
add_user(struct world *w, struct bytes address)
{
	static const struct record_attribute attributes[] = { { BYTES_INIT("team"), BYTES_INIT("blue") },
		{ BYTES_INIT("uid"), BYTES_INIT("a") } };
	struct user_record record = { .address = address, .name = BYTES("A. Name"),
		.secret_password = BYTES("$hash"), .is_enabled = true, .attributes = attributes,
		.attribute_count = 2 };

	return embedded_add_user(w->e, &record, &w->f);
}

static void
what_is_added_is_there_after_a_restart(void **state)
{
	struct world *w = *state;
	struct bytes targets[] = { ALICE, BYTES("Someone@elsewhere.net") };
	struct alias_record alias = { BYTES("sales@example.org"), targets, 2, ALIAS_MADE, BYTES_NONE };

	assert_int_equal(embedded_add_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	assert_int_equal(add_user(w, BOB), EMBEDDED_DONE);
	assert_int_equal(add_user(w, ALICE), EMBEDDED_DONE);
	assert_int_equal(embedded_add_alias(w->e, &alias, &w->f), EMBEDDED_DONE);
	embedded_close(&w->e);
	assert_int_equal(embedded_open(w->path, &w->e, &w->f), 0);
	assert_string_equal(see(w),
		"domain example.org\n"
		"user alice@example.org 'A. Name' $hash 1 team=blue uid=a\n"
		"user bob@example.org 'A. Name' $hash 1 team=blue uid=a\n"
		"alias sales@example.org Someone@elsewhere.net alice@example.org\n");
}

static void
what_exists_is_not_added_again(void **state)
{
	struct world *w = *state;
	struct bytes targets[] = { BOB, ALICE };
	struct alias_record alias = { BYTES("sales@example.org"), targets + 1, 1, ALIAS_MADE, BYTES_NONE };

	assert_int_equal(embedded_add_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_add_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_EXISTS);
	assert_int_equal(add_user(w, ALICE), EMBEDDED_DONE);
	assert_int_equal(add_user(w, ALICE), EMBEDDED_EXISTS);
	assert_int_equal(embedded_add_alias(w->e, &alias, &w->f), EMBEDDED_DONE);
	alias = (struct alias_record){ BYTES("sales@example.org"), targets, 2, ALIAS_MADE, BYTES_NONE };
	assert_int_equal(embedded_add_alias(w->e, &alias, &w->f), EMBEDDED_EXISTS);
	assert_non_null(strstr(see(w), "alias sales@example.org alice@example.org\n"));
}

static void
what_is_removed_is_gone(void **state)
{
	struct world *w = *state;
	struct bytes targets[] = { ALICE, BOB };
	struct alias_record alias = { BYTES("sales@example.org"), targets, 2, ALIAS_MADE, BYTES_NONE };
	struct alias_record one = { BYTES("sales@example.org"), targets, 1, ALIAS_MADE, BYTES_NONE };
	struct alias_record whole = { BYTES("sales@example.org"), NULL, 0, ALIAS_MADE, BYTES_NONE };

	assert_int_equal(embedded_remove_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_ABSENT);
	assert_int_equal(embedded_remove_user(w->e, ALICE, &w->f), EMBEDDED_ABSENT);
	assert_int_equal(embedded_remove_alias(w->e, &whole, &w->f), EMBEDDED_ABSENT);
	assert_int_equal(embedded_add_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	assert_int_equal(add_user(w, ALICE), EMBEDDED_DONE);
	assert_int_equal(embedded_add_alias(w->e, &alias, &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_remove_alias(w->e, &one, &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_remove_alias(w->e, &alias, &w->f), EMBEDDED_ABSENT);
	assert_non_null(strstr(see(w), "alias sales@example.org bob@example.org\n"));
	assert_int_equal(embedded_remove_alias(w->e, &whole, &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_remove_user(w->e, ALICE, &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_remove_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	assert_string_equal(see(w), "");
	/* Its attributes went with it. */
	assert_int_equal(embedded_add_user(w->e,
				 &(struct user_record){ .address = ALICE, .is_enabled = true }, &w->f),
		EMBEDDED_DONE);
	assert_string_equal(see(w), "user alice@example.org ''  1\n");
}

static void
passwords_and_access_change(void **state)
{
	struct world *w = *state;

	assert_int_equal(add_user(w, ALICE), EMBEDDED_DONE);
	assert_int_equal(embedded_set_password(w->e, ALICE, BYTES("$new"), &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_set_enabled(w->e, ALICE, false, &w->f), EMBEDDED_DONE);
	assert_string_equal(see(w), "user alice@example.org 'A. Name' $new 0 team=blue uid=a\n");
	assert_int_equal(embedded_set_enabled(w->e, ALICE, true, &w->f), EMBEDDED_DONE);
	assert_int_equal(embedded_set_enabled(w->e, BOB, true, &w->f), EMBEDDED_ABSENT);
	assert_int_equal(embedded_set_password(w->e, BOB, BYTES("$new"), &w->f), EMBEDDED_ABSENT);
}

static void
a_second_opener_sees_what_the_first_committed(void **state)
{
	struct world *w = *state;
	struct embedded *other;

	assert_string_equal(see(w), "");
	assert_int_equal(embedded_open(w->path, &other, &w->f), 0);
	assert_int_equal(embedded_add_domain(other, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	assert_string_equal(see(w), "domain example.org\n");
	embedded_close(&other);
}

static void
the_file_is_for_its_owner_alone(void **state)
{
	struct world *w = *state;
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct stat st;
	char path[128];

	assert_int_equal(embedded_add_domain(w->e, BYTES("example.org"), &w->f), EMBEDDED_DONE);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", w->path, ends[i]);
		assert_int_equal(disk->fstatat(AT_FDCWD, path, &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void
other_files_are_refused(void **state)
{
	struct world *w = *state;
	struct embedded *other = NULL;
	sqlite3 *db;

	assert_int_equal(embedded_open("/nowhere/at/all", &other, &w->f), -1);
	assert_int_equal(embedded_open(w->directory, &other, &w->f), -1);
	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(embedded_open(w->path, &other, &w->f), -1);
	assert_non_null(strstr(w->f.text, "newer version"));
	embedded_close(&w->e);
	assert_int_equal(disk_replace_file(AT_FDCWD, w->path, BYTES("this is not a database, not at all"),
				 0600, &w->f),
		0);
	assert_int_equal(embedded_open(w->path, &other, &w->f), -1);
	assert_null(other);
}

static void
a_file_in_its_place_is_noticed(void **state)
{
	struct world *w = *state;
	char copy[128];
	struct embedded *other;

	assert_false(embedded_has_moved(w->e));
	snprintf(copy, sizeof copy, "%s.copy", w->path);
	assert_int_equal(embedded_open(copy, &other, &w->f), 0);
	assert_int_equal(embedded_add_domain(other, BYTES("copied.org"), &w->f), EMBEDDED_DONE);
	embedded_close(&other);
	assert_int_equal(disk->renameat(AT_FDCWD, copy, AT_FDCWD, w->path, 0), 0);
	assert_true(embedded_has_moved(w->e));
	embedded_close(&w->e);
	assert_int_equal(embedded_open(w->path, &w->e, &w->f), 0);
	assert_string_equal(see(w), "domain copied.org\n");
}

static void
the_targets_of_an_alias_come_together(void **state)
{
	struct world *w = *state;
	char text[64];
	struct bytes target;

	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof text, "u%d@example.org", i);
		target = bytes_text(text);
		assert_int_equal(embedded_add_alias(w->e,
					 &(struct alias_record){ BYTES("a@example.org"), &target, 1, ALIAS_MADE, BYTES_NONE }, &w->f),
			EMBEDDED_DONE);
	}
	assert_string_equal(see(w), "alias a@example.org u0@example.org u1@example.org u2@example.org "
				    "u3@example.org u4@example.org\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_added_is_there_after_a_restart),
		TEST(what_exists_is_not_added_again),
		TEST(what_is_removed_is_gone),
		TEST(passwords_and_access_change),
		TEST(a_second_opener_sees_what_the_first_committed),
		TEST(the_file_is_for_its_owner_alone),
		TEST(other_files_are_refused),
		TEST(a_file_in_its_place_is_noticed),
		TEST(the_targets_of_an_alias_come_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
