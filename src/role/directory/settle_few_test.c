/* What is decided of a few entries alone, and what is left to a settling of all. */
#include "role/directory/settle.h"

#include "role/directory/early.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { QUIET_US = 600000000 };

struct world {
	struct settler settler;
	struct held held;
	struct change change;
	struct early early;
};

static int
set_up(void **state)
{
	static struct world w;

	settler_init(&w.settler, -1);
	held_init(&w.held, BYTES("here"));
	change_init(&w.change);
	early_init(&w.early);
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	settler_done(&w->settler);
	held_done(&w->held);
	change_done(&w->change);
	early_done(&w->early);
	return 0;
}

static struct bytes
name_of(const char *before, char letter, const char *after, char name[16])
{
	(void)snprintf(name, 16, "%s%c%s", before, letter, after);
	return bytes_text(name);
}

/* An entry is letters: the entry's, its account's address's, and one for each further address. */
static void
put_entry(struct buf *records, const char *letters)
{
	char dn[16], own[16], further[16];
	struct bytes entry = name_of("uid=", letters[0], "", dn), account = name_of("", letters[1], "@x.iut", own);

	image_put_user(records, &(struct user_record){ .address = account, .entry = entry, .is_enabled = true });
	for (letters += 2; *letters; letters++)
		image_put_alias(records, &(struct alias_record){ name_of("", *letters, "@x.iut", further), &account, 1, ALIAS_FURTHER, entry });
}

/* NULL at the end. */
static void
settle_all(struct world *w, const char *const *entries)
{
	struct run records;
	struct fault f;

	run_init(&records, -1);
	for (; *entries; entries++)
		put_entry(&records.tail, *entries);
	assert_int_equal(settle(&w->settler, &w->held, 1, 1, QUIET_US, &records, &f), 0);
	run_done(&records);
}

/* NULL: there is none.  True: it was decided alone. */
static bool
change_entry(struct world *w, const char *before, const char *now)
{
	struct buf was, is;
	bool is_done;

	buf_init(&was, 65536);
	buf_init(&is, 65536);
	if (before)
		put_entry(&was, before);
	if (now)
		put_entry(&is, now);
	early_reset(&w->early);
	early_note(&w->early, buf_bytes(&was), buf_bytes(&is));
	change_reset(&w->change);
	is_done = settle_few(&w->settler, buf_bytes(&w->early.pairs), &w->change);
	buf_done(&was);
	buf_done(&is);
	return is_done;
}

static void
who_is_the_last_is_not_taken_to_be_gone(void **state)
{
	struct world *w = *state;

	settle_all(w, (const char *const[]){ NULL });
	assert_true(change_entry(w, NULL, "aa"));
	assert_false(change_entry(w, "aa", NULL));
	assert_true(change_is_empty(&w->change));
}

static void
who_shares_an_address_gets_and_loses_others_alone(void **state)
{
	struct world *w = *state;

	settle_all(w, (const char *const[]){ "aas", "bbs", NULL });
	assert_true(change_entry(w, "aas", "aasf"));
	assert_true(change_entry(w, "aasf", "aas"));
	/* As does the one that did not get it. */
	assert_true(change_entry(w, "bbs", "bbsf"));
	assert_true(claims_has(w->settler.claims, BYTES("f@x.iut"), BYTES("uid=b")));
	assert_true(claims_has(w->settler.claims, BYTES("s@x.iut"), BYTES("uid=a")));
}

static void
who_gives_a_shared_address_up_or_wants_another_ones_is_left_to_a_settling_of_all(void **state)
{
	static const char *const entries[] = { "aas", "bbs", NULL };
	struct world *w = *state;

	settle_all(w, entries);
	assert_false(change_entry(w, "aas", "aa"));
	settle_all(w, entries);
	assert_false(change_entry(w, "bbs", "bb"));
	settle_all(w, entries);
	assert_false(change_entry(w, "bbs", "bbsa"));
	/* Each time that it does not get it is told of. */
	settle_all(w, entries);
	assert_false(change_entry(w, "bbs", "bbss"));
	settle_all(w, (const char *const[]){ "aas", "bbss", NULL });
	assert_false(change_entry(w, "bbss", "bbs"));
}

/* Nor does it get those that nobody else wants. */
static void
who_has_not_its_own_address_is_left_to_a_settling_of_all(void **state)
{
	struct world *w = *state;

	settle_all(w, (const char *const[]){ "aa", "ba", NULL });
	assert_false(change_entry(w, "ba", "baf"));
	assert_true(change_is_empty(&w->change));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_the_last_is_not_taken_to_be_gone),
		TEST(who_shares_an_address_gets_and_loses_others_alone),
		TEST(who_gives_a_shared_address_up_or_wants_another_ones_is_left_to_a_settling_of_all),
		TEST(who_has_not_its_own_address_is_left_to_a_settling_of_all),
	};

	return cmocka_run_group_tests_name("settle_few", tests, NULL, NULL);
}
