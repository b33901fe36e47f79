#include "role/directory/doubt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, QUIET = 600 * SECOND };

struct seen {
	char text[4096];
};

static void
put_user(struct buf *b, const char *address)
{
	image_put_user(b, &(struct user_record){ .address = bytes_text(address), .is_enabled = true });
}

static void
put_alias(struct buf *b, const char *address, const char *first, const char *second)
{
	struct bytes targets[] = { bytes_text(first), bytes_text(second) };

	image_put_alias(b, &(struct alias_record){ .address = bytes_text(address), .targets = targets,
		.target_count = second ? 2 : 1, .rank = ALIAS_GROUP });
}

static void
see_user(void *arg, const struct user_record *record)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof s->text - len, "%.*s ", BYTES_ARG(record->address));
}

static void
see_alias(void *arg, const struct alias_record *record)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof s->text - len, "%.*s>%zu ", BYTES_ARG(record->address), record->target_count);
}

static void
many_accounts_at_once_are_doubtful_and_few_or_a_small_part_are_not(void **state)
{
	static const struct {
		size_t held, missing;
		bool is_due;
	} rows[] = {
		{ 0, 0, false }, { 9, 9, false }, { 10, 10, true }, { 32, 9, false }, { 32, 10, true }, { 100, 10, false },
		{ 100, 11, true }, { 100000, 10000, false }, { 100000, 10010, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(doubt_is_due(rows[i].held, rows[i].missing), rows[i].is_due);
}

static void
while_there_is_a_doubt_a_single_missing_account_keeps_it_alive(void **state)
{
	struct doubt_count half = { 32, 16, 16, 0 }, nearly = { 32, 31, 1, 0 }, alias = { 32, 32, 0, 1 }, all = { 32, 32, 0, 0 };
	struct doubt d = { 0 };

	(void)state;
	assert_false(doubt_judge(&d, &nearly, 1 * SECOND, QUIET));
	assert_true(doubt_judge(&d, &half, 2 * SECOND, QUIET));
	assert_true(doubt_judge(&d, &nearly, 3 * SECOND, QUIET));
	assert_true(doubt_judge(&d, &alias, 4 * SECOND, QUIET));
	assert_false(doubt_judge(&d, &all, 5 * SECOND, QUIET));
	assert_int_equal(d.since_us, 0);
	assert_false(doubt_judge(&d, &nearly, 6 * SECOND, QUIET));
}

static void
what_is_missing_counts_as_deleted_when_the_server_said_the_same_for_the_quiet_time(void **state)
{
	struct doubt_count half = { 32, 16, 16, 0 }, more = { 32, 17, 15, 0 };
	struct doubt d = { 0 };

	(void)state;
	assert_true(doubt_judge(&d, &half, 1 * SECOND, QUIET));
	assert_true(doubt_judge(&d, &more, 500 * (int64_t)SECOND, QUIET));
	assert_false(doubt_is_ripe(&d, 700 * (int64_t)SECOND, QUIET));
	assert_true(doubt_judge(&d, &more, 700 * (int64_t)SECOND, QUIET));
	doubt_disturb(&d, 800 * (int64_t)SECOND);
	assert_false(doubt_is_ripe(&d, 1399 * (int64_t)SECOND, QUIET));
	assert_true(doubt_is_ripe(&d, 1400 * (int64_t)SECOND, QUIET));
	/* It shows others at the very end. */
	assert_true(doubt_judge(&d, &half, 1400 * (int64_t)SECOND, QUIET));
	assert_false(doubt_judge(&d, &half, 2000 * (int64_t)SECOND, QUIET));
	assert_int_equal(d.since_us, 0);
}

static void
a_server_that_showed_nobody_is_doubted_for_a_single_account(void **state)
{
	struct doubt_count one = { 3, 2, 1, 0 };
	struct doubt d = { 0 };

	(void)state;
	doubt_begin(&d, 1 * SECOND);
	assert_true(doubt_judge(&d, &one, 2 * SECOND, QUIET));
	assert_int_equal(d.since_us, 1 * SECOND);
}

static void
a_disturbance_begins_no_doubt(void **state)
{
	struct doubt d = { 0 };

	(void)state;
	doubt_disturb(&d, 1 * SECOND);
	assert_int_equal(d.since_us, 0);
	assert_false(doubt_is_ripe(&d, 5000 * (int64_t)SECOND, QUIET));
}

static void
what_is_lacking_is_counted_and_kept_beside_what_is_new(void **state)
{
	static const struct image_visitor visitor = { see_user, see_alias, NULL };
	struct run held, looked, out;
	struct doubt_count count;
	struct seen s = { "" };

	(void)state;
	run_init(&held, -1);
	run_init(&looked, -1);
	run_init(&out, -1);
	put_user(&held.tail, "a@x.org");
	put_user(&held.tail, "b@x.org");
	put_user(&held.tail, "moved@x.org");
	put_alias(&held.tail, "gone@x.org", "a@x.org", NULL);
	put_alias(&held.tail, "team@x.org", "a@x.org", "b@x.org");
	put_alias(&held.tail, "kept@x.org", "a@x.org", NULL);
	put_user(&looked.tail, "A@x.org");
	put_user(&looked.tail, "new@x.org");
	put_alias(&looked.tail, "team@x.org", "a@x.org", NULL);
	put_alias(&looked.tail, "kept@x.org", "a@x.org", "new@x.org");
	put_alias(&looked.tail, "moved@x.org", "a@x.org", NULL);
	assert_true(doubt_compare(&held, &looked, &count));
	assert_int_equal(count.held, 3);
	assert_int_equal(count.found, 2);
	assert_int_equal(count.missing, 1);
	assert_int_equal(count.missing_aliases, 1);
	assert_true(doubt_keep(&held, &looked, &out));
	assert_true(image_visit_run(&out, &visitor, &s));
	assert_string_equal(s.text, "b@x.org A@x.org new@x.org kept@x.org>2 moved@x.org>1 gone@x.org>1 team@x.org>2 ");
	run_done(&held);
	run_done(&looked);
	run_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_accounts_at_once_are_doubtful_and_few_or_a_small_part_are_not),
		cmocka_unit_test(while_there_is_a_doubt_a_single_missing_account_keeps_it_alive),
		cmocka_unit_test(what_is_missing_counts_as_deleted_when_the_server_said_the_same_for_the_quiet_time),
		cmocka_unit_test(a_server_that_showed_nobody_is_doubted_for_a_single_account),
		cmocka_unit_test(a_disturbance_begins_no_doubt),
		cmocka_unit_test(what_is_lacking_is_counted_and_kept_beside_what_is_new),
	};

	return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
