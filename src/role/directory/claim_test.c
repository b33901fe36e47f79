#include "role/directory/claims.h"

#include "base/event.h"
#include "sys/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct claims *claims;
	char counts[1024]; /* ENTRY:ADDRESS, ENTRY>ADDRESS or ENTRY*ADDRESS, separated by SP */
	char told[8192];
	int told_count;
	int reads;
};

static struct world w;

static void
hear(void *arg, struct bytes line)
{
	(void)arg;
	(void)snprintf(w.told, sizeof w.told, "%.*s", BYTES_ARG(line));
	w.told_count++;
}

static int64_t
no_time(void)
{
	return 0;
}

static int
set_up(void **state)
{
	static const struct event_sink sink = { .write = hear, .now_us = no_time, .role = "test", .least = LEVEL_DEBUG };

	(void)state;
	memset(&w, 0, sizeof w);
	event_set_sink(&sink);
	w.claims = claims_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	claims_free(&w.claims);
	return 0;
}

static void
see(char kind, struct bytes entry, struct bytes address)
{
	size_t len = strlen(w.counts);

	(void)snprintf(w.counts + len, sizeof w.counts - len, "%s%.*s%c%.*s", len ? " " : "", BYTES_ARG(entry), kind,
		BYTES_ARG(address));
}

static void
see_user(void *arg, const struct user_record *r)
{
	(void)arg;
	see(':', r->entry, r->address);
}

static void
see_alias(void *arg, const struct alias_record *r)
{
	(void)arg;
	see('>', r->entry, r->address);
}

static void
see_group(void *arg, const struct group_record *r)
{
	(void)arg;
	see('*', r->entry, r->address);
}

/* Records as `counts` writes them. */
static void
put_records(struct buf *out, const char *text)
{
	struct bytes rest = bytes_text(text), target = BYTES("t@x");

	while (rest.len) {
		struct bytes address = take_until(&rest, ' '), entry = bytes_sub(address, 0, 1);
		uint8_t kind = address.ptr[1];

		address = bytes_sub(address, 2, address.len);
		if (kind == '*')
			image_put_group(out, &(struct group_record){ address, entry, BYTES_NONE });
		else if (kind == ':')
			image_put_user(out, &(struct user_record){ .address = address, .entry = entry, .is_enabled = true });
		else
			image_put_alias(out, &(struct alias_record){ address, &target, 1, ALIAS_FURTHER, entry });
	}
}

static const char *
settle(const char *text)
{
	static const struct image_visitor visitor = { see_user, see_alias, see_group };
	struct run in, out;

	run_init(&in, -1);
	run_init(&out, -1);
	put_records(&in.tail, text);
	claims_settle(w.claims, &in, &out);
	assert_false(out.tail.has_failed);
	w.counts[0] = '\0';
	assert_true(image_visit_run(&out, &visitor, NULL));
	run_done(&in);
	run_done(&out);
	return w.counts;
}

static void
what_nobody_else_has_counts(void **state)
{
	(void)state;
	assert_string_equal(settle("a:a@x a>aa@x b:b@x a>@x"), "a:a@x a>aa@x b:b@x a>@x");
	assert_string_equal(settle(""), "");
	assert_int_equal(w.told_count, 0);
}

static void
of_two_accounts_with_one_address_the_first_counts_and_both_are_named(void **state)
{
	(void)state;
	assert_string_equal(settle("a:Boss@x b:boss@X c:c@x"), "a:Boss@x c:c@x");
	assert_int_equal(w.told_count, 1);
	assert_non_null(strstr(w.told, "address.taken"));
	assert_non_null(strstr(w.told, "kept=a left_out=b"));
}

static void
an_entry_without_its_account_has_no_further_addresses(void **state)
{
	(void)state;
	/* Else mail for bb@x would be the other account's, and that one might send as it. */
	assert_string_equal(settle("a:boss@x b:boss@x b>bb@x"), "a:boss@x");
	assert_string_equal(settle("b>bb@x c:c@x c>bb@x a:boss@x b:boss@x"), "c:c@x c>bb@x a:boss@x");
}

static void
who_had_it_keeps_it_whatever_the_order(void **state)
{
	(void)state;
	(void)settle("b:boss@x a:a@x");
	assert_string_equal(settle("a:boss@x b:boss@x"), "b:boss@x");
	assert_string_equal(settle("a:a@x a>boss@x b:boss@x b>bb@x"), "a:a@x b:boss@x b>bb@x");
	assert_string_equal(settle("a:a@x a>bb@x b:boss@x b>bb@x"), "a:a@x b:boss@x b>bb@x");
	/* given up */
	assert_string_equal(settle("a:boss@x b:b@x"), "a:boss@x b:b@x");
	assert_string_equal(settle("b:boss@x a:boss@x"), "a:boss@x");
}

static void
who_had_it_before_a_restart_keeps_it(void **state)
{
	struct run records;

	(void)state;
	run_init(&records, -1);
	put_records(&records.tail, "b:boss@x b>bb@x");
	assert_true(claims_learn(w.claims, &records));
	run_done(&records);
	assert_string_equal(settle("a:boss@x c:c@x c>bb@x b:boss@x b>bb@x"), "c:c@x b:boss@x b>bb@x");
}

static void
further_addresses_give_way_to_accounts_and_to_the_first(void **state)
{
	(void)state;
	assert_string_equal(settle("a:a@x a>boss@x a>all@x b:boss@x c:c@x c>ALL@x"), "a:a@x a>all@x b:boss@x c:c@x");
	assert_int_equal(w.told_count, 2);
}

static void
an_account_does_not_take_the_address_of_a_group_that_had_it(void **state)
{
	(void)state;
	assert_string_equal(settle("a:a@x g*team@x g>crew@x"), "a:a@x g*team@x g>crew@x");
	assert_string_equal(settle("a:a@x a>team@x b:team@x b>bb@x g*team@x g>crew@x"), "a:a@x g*team@x g>crew@x");
}

static void
a_group_without_its_address_stays_a_part_of_others(void **state)
{
	(void)state;
	assert_string_equal(settle("a:team@x g*team@x g>crew@x h*h@x"), "a:team@x g* h*h@x");
}

static void
an_address_twice_in_one_entry_is_no_loss(void **state)
{
	(void)state;
	assert_string_equal(settle("a:a@x a>A@x a>b@x a>B@x"), "a:a@x a>b@x");
	assert_int_equal(w.told_count, 0);
}

static void
a_loss_is_told_once(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		(void)settle("a:boss@x b:boss@x");
	assert_int_equal(w.told_count, 1);
	(void)settle("a:boss@x b:b@x");
	(void)settle("a:boss@x b:boss@x");
	assert_int_equal(w.told_count, 2);
}

static void
a_flood_of_losses_is_told_in_part(void **state)
{
	char text[8192] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 300; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%sa>n%d@x b>n%d@x", i ? " " : "", i, i);
	(void)settle(text);
	assert_int_equal(w.told_count, 100);
}

static void
what_is_no_address_is_left_to_the_replica(void **state)
{
	(void)state;
	assert_string_equal(settle("a:\xff b:\xff"), "a:\xff b:\xff");
}

static void
a_change_is_decided_where_nobody_else_claims(void **state)
{
	(void)state;
	(void)settle("a:a@x a>aa@x b:b@x c:a@x");
	assert_true(claims_has(w.claims, BYTES("A@x"), BYTES("a")));
	assert_true(claims_release(w.claims, BYTES("aa@x"), BYTES("a")));
	assert_true(claims_take(w.claims, BYTES("aa@x"), BYTES("b")));
	claims_end_change(w.claims, true);
	assert_true(claims_has(w.claims, BYTES("aa@x"), BYTES("b")));
	/* What one claims that another has, or claimed in vain. */
	assert_false(claims_take(w.claims, BYTES("b@x"), BYTES("a")));
	assert_false(claims_release(w.claims, BYTES("a@x"), BYTES("a")));
	assert_false(claims_release(w.claims, BYTES("b@x"), BYTES("a")));
	assert_string_equal(settle("a:a@x a>aa@x b:b@x b>aa@x"), "a:a@x b:b@x b>aa@x");
}

static void
a_change_that_does_not_come_about_leaves_all_as_it_was(void **state)
{
	(void)state;
	(void)settle("a:a@x a>aa@x");
	assert_true(claims_release(w.claims, BYTES("aa@x"), BYTES("a")));
	assert_true(claims_take(w.claims, BYTES("aa@x"), BYTES("b")));
	assert_true(claims_take(w.claims, BYTES("new@x"), BYTES("b")));
	claims_end_change(w.claims, false);
	assert_true(claims_has(w.claims, BYTES("aa@x"), BYTES("a")));
	assert_false(claims_has(w.claims, BYTES("new@x"), BYTES("b")));
}

static void
records_that_are_none_fail(void **state)
{
	const struct run in = run_of(BYTES("\x07"));
	struct run out;

	(void)state;
	run_init(&out, -1);
	claims_settle(w.claims, &in, &out);
	assert_true(out.tail.has_failed);
	run_done(&out);
}

static ssize_t
read_none_at_first(int fd, void *to, size_t count, off_t at)
{
	if (w.reads++ == 0) {
		errno = EIO;
		return -1;
	}
	return disk_system.pread(fd, to, count, at);
}

static void
records_that_cannot_be_read_at_first_fail_and_take_no_address_from_anybody(void **state)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	struct disk_ops ops = disk_system;
	struct run in, out;

	(void)state;
	(void)settle("b:boss@x a:a@x");
	run_init(&in, directory);
	run_init(&out, -1);
	for (int i = 0; i < 20000; i++) {
		put_records(&in.tail, "a:boss@x b:boss@x");
		run_added(&in);
	}
	ops.pread = read_none_at_first;
	disk_use(&ops);
	claims_settle(w.claims, &in, &out);
	assert_true(out.tail.has_failed);
	w.reads = 0;
	assert_false(claims_learn(w.claims, &in));
	disk_use(NULL);
	run_done(&in);
	run_done(&out);
	(void)close(directory);
	assert_string_equal(settle("a:boss@x b:boss@x"), "b:boss@x");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_else_has_counts),
		TEST(of_two_accounts_with_one_address_the_first_counts_and_both_are_named),
		TEST(an_entry_without_its_account_has_no_further_addresses),
		TEST(who_had_it_keeps_it_whatever_the_order),
		TEST(who_had_it_before_a_restart_keeps_it),
		TEST(further_addresses_give_way_to_accounts_and_to_the_first),
		TEST(an_account_does_not_take_the_address_of_a_group_that_had_it),
		TEST(a_group_without_its_address_stays_a_part_of_others),
		TEST(an_address_twice_in_one_entry_is_no_loss),
		TEST(a_loss_is_told_once),
		TEST(a_flood_of_losses_is_told_in_part),
		TEST(what_is_no_address_is_left_to_the_replica),
		TEST(a_change_is_decided_where_nobody_else_claims),
		TEST(a_change_that_does_not_come_about_leaves_all_as_it_was),
		TEST(records_that_are_none_fail),
		TEST(records_that_cannot_be_read_at_first_fail_and_take_no_address_from_anybody),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
