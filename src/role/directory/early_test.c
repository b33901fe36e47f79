#include "role/directory/early.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct bytes forwards[] = { BYTES_INIT("x@y.org") };

static struct user_record
alice(void)
{
	return (struct user_record){ .address = BYTES("alice@x.org"), .entry = BYTES("uid=alice"), .secret_password = BYTES("{PLAIN}a"),
		.password_stamp = BYTES("1"), .is_enabled = true, .account_name = BYTES("alice") };
}

/* Records of one entry: the user and one alias, which an empty address leaves out. */
static struct buf
records_of(const struct user_record *user, const char *alias)
{
	struct bytes target = user->address;
	struct buf out;

	buf_init(&out, 65536);
	image_put_user(&out, user);
	if (alias[0])
		image_put_alias(&out, &(struct alias_record){ bytes_text(alias), &target, 1, ALIAS_FURTHER, user->entry });
	return out;
}

static void
on_user(void *arg, const struct user_record *record)
{
	struct buf *out = arg;

	put_format(out, "%.*s %s %.*s\n", BYTES_ARG(record->address), record->is_enabled ? "on" : "off", BYTES_ARG(record->secret_password));
}

/* What is hurried. */
static const char *
hurried(struct early *e, bool may_delete)
{
	static const struct image_visitor visitor = { on_user, NULL, NULL };
	static char text[1024];
	struct buf out, said;

	buf_init(&out, 1 << 20);
	buf_init_fixed(&said, text, sizeof text - 1);
	if (early_take(e, may_delete, &out))
		assert_true(image_visit(buf_bytes(&out), &visitor, &said));
	buf_done(&out);
	text[said.len] = '\0';
	return text;
}

static void
what_is_an_accounts_own_is_hurried_and_is_all(void **state)
{
	static const struct record_attribute attribute = { BYTES_INIT("quota"), BYTES_INIT("1G") };
	struct user_record was = alice(), rows[4] = { alice(), alice(), alice(), alice() };

	(void)state;
	rows[0].is_enabled = false;
	rows[1].secret_password = BYTES("{PLAIN}b");
	rows[2].password_stamp = BYTES("2");
	rows[3].attributes = &attribute;
	rows[3].attribute_count = 1;
	for (size_t i = 0; i < 4; i++) {
		struct buf before = records_of(&was, "al@x.org"), now = records_of(&rows[i], "al@x.org");
		struct early e;
		char want[64];

		early_init(&e);
		early_note(&e, buf_bytes(&before), buf_bytes(&now));
		assert_int_equal(e.own, 1);
		(void)snprintf(want, sizeof want, "alice@x.org %s {PLAIN}%s\n", i == 0 ? "off" : "on", i == 1 ? "b" : "a");
		assert_string_equal(hurried(&e, false), want);
		/* Once. */
		assert_string_equal(hurried(&e, false), "");
		early_done(&e);
		buf_done(&before);
		buf_done(&now);
	}
}

static void
what_others_depend_on_is_not_all(void **state)
{
	struct user_record was = alice(), forwarded = alice(), named = alice();
	struct buf before = records_of(&was, "al@x.org");
	struct buf rows[3];

	(void)state;
	forwarded.forwards = forwards;
	forwarded.forward_count = 1;
	named.account_name = BYTES("other");
	rows[0] = records_of(&was, "ali@x.org");
	rows[1] = records_of(&forwarded, "al@x.org");
	rows[2] = records_of(&named, "al@x.org");
	for (size_t i = 0; i < 3; i++) {
		struct early e;

		early_init(&e);
		early_note(&e, buf_bytes(&before), buf_bytes(&rows[i]));
		assert_int_equal(e.entries, 1);
		assert_int_equal(e.own, 0);
		assert_string_equal(hurried(&e, false), "alice@x.org on {PLAIN}a\n");
		early_done(&e);
		buf_done(&rows[i]);
	}
	buf_done(&before);
}

static void
who_is_gone_or_is_another_is_disabled_and_who_is_new_has_to_wait(void **state)
{
	struct user_record was = alice(), moved = alice(), renamed = alice();
	struct buf before = records_of(&was, ""), rows[2];
	struct early e;

	(void)state;
	moved.address = BYTES("bob@x.org");
	renamed.entry = BYTES("uid=bob");
	rows[0] = records_of(&moved, "");
	rows[1] = records_of(&renamed, "");
	early_init(&e);
	early_note(&e, buf_bytes(&before), BYTES_NONE);
	assert_int_equal(e.deleted, 1);
	/* Where many are lacking, or a doubt has begun, nobody is hurried away. */
	assert_string_equal(hurried(&e, false), "");
	early_reset(&e);
	early_note(&e, buf_bytes(&before), BYTES_NONE);
	assert_string_equal(hurried(&e, true), "alice@x.org off {PLAIN}a\n");
	early_reset(&e);
	early_note(&e, BYTES_NONE, buf_bytes(&before));
	assert_int_equal(e.own, 0);
	assert_string_equal(hurried(&e, true), "");
	for (size_t i = 0; i < 2; i++) {
		early_reset(&e);
		early_note(&e, buf_bytes(&before), buf_bytes(&rows[i]));
		assert_int_equal(e.own, 0);
		assert_string_equal(hurried(&e, true), "alice@x.org off {PLAIN}a\n");
		buf_done(&rows[i]);
	}
	early_done(&e);
	buf_done(&before);
}

static void
many_changes_are_not_hurried(void **state)
{
	struct user_record was = alice(), is = alice();
	struct buf before = records_of(&was, ""), now;
	struct early e;

	(void)state;
	is.is_enabled = false;
	now = records_of(&is, "");
	early_init(&e);
	for (size_t i = 0; i <= EARLY_MAX; i++)
		early_note(&e, buf_bytes(&before), buf_bytes(&now));
	assert_int_equal(e.entries, EARLY_MAX + 1);
	assert_string_equal(hurried(&e, true), "");
	early_done(&e);
	buf_done(&before);
	buf_done(&now);
}

static void
records_that_are_none_are_not_hurried(void **state)
{
	struct user_record was = alice();
	struct buf before = records_of(&was, "");
	struct early e;

	(void)state;
	early_init(&e);
	early_note(&e, buf_bytes(&before), bytes_sub(buf_bytes(&before), 0, 20));
	assert_int_equal(e.own, 0);
	early_done(&e);
	buf_done(&before);
}

static void
an_entry_that_changes_again_is_one_pair(void **state)
{
	struct bytes rest, before, now;
	struct early e;

	(void)state;
	early_init(&e);
	early_note(&e, BYTES("a1"), BYTES("a2"));
	early_note(&e, BYTES_NONE, BYTES("b1"));
	early_note(&e, BYTES("a2"), BYTES_NONE);
	early_note(&e, BYTES("b1"), BYTES("b2"));
	early_note(&e, BYTES_NONE, BYTES("a3"));
	assert_int_equal(e.entries, 5);
	rest = buf_bytes(&e.pairs);
	assert_true(early_take_pair(&rest, &before, &now));
	assert_true(bytes_equal(before, BYTES("a1")) && now.len == 0);
	assert_true(early_take_pair(&rest, &before, &now));
	assert_true(before.len == 0 && bytes_equal(now, BYTES("b2")));
	assert_true(early_take_pair(&rest, &before, &now));
	assert_true(before.len == 0 && bytes_equal(now, BYTES("a3")));
	assert_false(early_take_pair(&rest, &before, &now));
	early_done(&e);
}

/* Who compares the two counts knows whether a change is among those that were told one by one. */
static void
an_entry_that_means_nothing_before_and_after_is_no_change(void **state)
{
	struct bytes uuid = BYTES("0123456789abcdef");
	struct entries entries;
	struct early e;

	(void)state;
	early_init(&e);
	entries_init(&entries, -1, "entries", BYTES("origin"), 65536);
	assert_true(entries_put(&entries, uuid, BYTES_NONE));
	early_note_put(&e, &entries, uuid, BYTES_NONE);
	assert_false(entries_put(&entries, uuid, BYTES_NONE));
	assert_int_equal(e.entries, 0);
	/* That it is gone is counted, and told. */
	early_note_delete(&e, &entries, uuid);
	assert_true(entries_delete(&entries, uuid));
	assert_int_equal(e.entries, 1);
	early_done(&e);
	entries_done(&entries);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_accounts_own_is_hurried_and_is_all),
		cmocka_unit_test(what_others_depend_on_is_not_all),
		cmocka_unit_test(who_is_gone_or_is_another_is_disabled_and_who_is_new_has_to_wait),
		cmocka_unit_test(many_changes_are_not_hurried),
		cmocka_unit_test(records_that_are_none_are_not_hurried),
		cmocka_unit_test(an_entry_that_changes_again_is_one_pair),
		cmocka_unit_test(an_entry_that_means_nothing_before_and_after_is_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
