#include "role/directory/groups.h"

#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY_GROUPS = 3000, READS_MAX = 1000 };

#define UNIT ",ou=groups,dc=x"

struct world {
	struct buf records;
	char made[1 << 18]; /* ADDRESS: TARGET ..., a line each */
	size_t len;
};

static struct world w;

static int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	buf_init(&w.records, 1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_done(&w.records);
	return 0;
}

static void
put_user(const char *name)
{
	char address[64], entry[64];

	(void)snprintf(address, sizeof address, "%s@x", name);
	(void)snprintf(entry, sizeof entry, "uid=%s,ou=People,dc=x", name);
	image_put_user(&w.records, &(struct user_record){ .address = bytes_text(address), .entry = bytes_text(entry),
					   .account_name = bytes_text(name), .is_enabled = true });
}

/* members: separated by ";". */
static void
put_group(const char *name, const char *address, const char *members)
{
	struct bytes rest = bytes_text(members);
	struct buf packed;
	char entry[64];

	(void)snprintf(entry, sizeof entry, "cn=%s" UNIT, name);
	buf_init(&packed, 1 << 20);
	while (rest.len)
		image_put_member(&packed, take_until(&rest, ';'));
	image_put_group(&w.records, &(struct group_record){ bytes_text(address), bytes_text(entry), buf_bytes(&packed) });
	buf_done(&packed);
}

static void
see_user(void *arg, const struct user_record *record)
{
	(void)arg, (void)record;
}

static void
see_alias(void *arg, const struct alias_record *r)
{
	(void)arg;
	assert_int_equal(r->rank, ALIAS_GROUP);
	w.len += (size_t)snprintf(w.made + w.len, sizeof w.made - w.len, "%.*s:", BYTES_ARG(r->address));
	for (size_t i = 0; i < r->target_count; i++)
		w.len += (size_t)snprintf(w.made + w.len, sizeof w.made - w.len, " %.*s", BYTES_ARG(r->targets[i]));
	w.len += (size_t)snprintf(w.made + w.len, sizeof w.made - w.len, "\n");
}

static const char *
spread(void)
{
	static const struct image_visitor visitor = { see_user, see_alias, NULL };
	struct groups *g = groups_new();
	struct run in, out, again;

	run_init(&in, -1);
	run_init(&out, -1);
	run_init(&again, -1);
	put_bytes(&in.tail, buf_bytes(&w.records));
	assert_true(groups_spread(g, &in, &out));
	assert_int_equal(run_octets(&in), 0);
	assert_false(out.tail.has_failed);
	assert_true(image_visit_run(&out, &visitor, NULL));
	assert_false(groups_spread(g, &out, &again));
	assert_int_equal(run_octets(&again), 0);
	run_done(&out);
	run_done(&again);
	groups_free(&g);
	return w.made;
}

static void
members_are_entries_account_names_and_addresses(void **state)
{
	(void)state;
	put_user("a");
	put_user("b");
	put_user("c");
	put_group("dns", "dns@x", "uid=a,ou=People,dc=x;UID=b, OU=people, DC=X");
	put_group("names", "names@x", "c;A;nobody");
	put_group("addresses", "addresses@x", "a@x;who@elsewhere;a=b@elsewhere;@x");
	assert_string_equal(spread(), "dns@x: a@x b@x\nnames@x: c@x a@x\naddresses@x: a@x who@elsewhere a=b@elsewhere\n");
}

static void
who_is_not_among_the_accounts_is_left_out_and_the_rest_stays(void **state)
{
	(void)state;
	put_user("a");
	put_group("some", "some@x", "uid=gone,ou=People,dc=x;uid=a,ou=People,dc=x;cn=gone" UNIT);
	put_group("none", "none@x", "uid=gone,ou=People,dc=x");
	assert_string_equal(spread(), "some@x: a@x\nnone@x:\n");
}

static void
a_group_in_a_group_stands_by_its_address_or_by_its_members(void **state)
{
	(void)state;
	put_user("a");
	put_user("b");
	put_group("outer", "outer@x", "cn=named" UNIT ";cn=bare" UNIT ";uid=a,ou=People,dc=x");
	put_group("named", "named@x", "a");
	put_group("bare", "", "a;b;cn=bare2" UNIT);
	put_group("bare2", "", "b;cn=bare" UNIT ";cn=outer" UNIT);
	/* each once, and round in circles no further than once */
	assert_string_equal(spread(), "outer@x: named@x a@x b@x outer@x\nnamed@x: a@x\n");
}

static void
a_group_too_large_has_no_targets(void **state)
{
	char name[32], next[64], members[RECORD_TARGETS_MAX * 12 + 64] = "";
	size_t len = 0;

	(void)state;
	put_user("a");
	put_group("deep", "deep@x", "cn=d0" UNIT);
	put_group("less", "less@x", "cn=d1" UNIT);
	for (int i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof name, "d%d", i);
		(void)snprintf(next, sizeof next, i < 15 ? "cn=d%d" UNIT : "a", i + 1);
		put_group(name, "", next);
	}
	for (int i = 0; i < RECORD_TARGETS_MAX; i++)
		len += (size_t)snprintf(members + len, sizeof members - len, "m%04d@y;", i);
	put_group("large", "large@x", members);
	(void)snprintf(members + len, sizeof members - len, "a");
	put_group("larger", "larger@x", members);
	(void)spread();
	assert_non_null(strstr(w.made, "deep@x: a@x\n"));
	assert_non_null(strstr(w.made, "less@x: a@x\n"));
	assert_non_null(strstr(w.made, "large@x: m0000@y"));
	assert_non_null(strstr(w.made, "larger@x:\n"));
}

static void
one_more_in_depth_is_too_deep(void **state)
{
	char name[32], next[64];

	(void)state;
	put_user("a");
	put_group("deep", "deep@x", "cn=d0" UNIT);
	for (int i = 0; i < 17; i++) {
		(void)snprintf(name, sizeof name, "d%d", i);
		(void)snprintf(next, sizeof next, i < 16 ? "cn=d%d" UNIT : "a", i + 1);
		put_group(name, "", next);
	}
	assert_string_equal(spread(), "deep@x:\n");
}

static void
records_that_are_none_fail(void **state)
{
	struct run in = run_of(BYTES("\x03\xff")), out;
	struct groups *g = groups_new();

	(void)state;
	run_init(&out, -1);
	(void)groups_spread(g, &in, &out);
	assert_true(out.tail.has_failed);
	run_done(&out);
	groups_free(&g);
}

/* As the replica takes names (address.h). */
static void
a_name_that_is_anothers_when_folded_is_left_to_a_spreading(void **state)
{
	struct groups *g = groups_new();
	struct run records, out;
	size_t first;

	(void)state;
	put_user("weiss");
	first = w.records.len;
	put_user("wei\u00df");
	run_init(&records, -1);
	run_init(&out, -1);
	put_bytes(&records.tail, buf_bytes(&w.records));
	assert_false(groups_spread(g, &records, &out));
	assert_false(groups_note(g, bytes_sub(buf_bytes(&w.records), first, SIZE_MAX), BYTES_NONE));
	groups_free(&g);
	run_done(&records);
	run_done(&out);
}

static size_t reads;

static ssize_t
counted_pread(int fd, void *to, size_t count, off_t at)
{
	reads++;
	return pread(fd, to, count, at);
}

static void
a_member_of_very_many_groups_is_left_to_a_spreading_before_all_are_looked_at(void **state)
{
	const struct disk_ops *system = disk;
	struct disk_ops counting = *disk;
	struct groups *g = groups_new();
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct run records, out;
	struct buf made;
	char name[32];

	(void)state;
	run_init(&records, directory);
	run_init(&out, directory);
	buf_init(&made, 1 << 20);
	put_user("a");
	for (unsigned int i = 0; i < MANY_GROUPS; i++) {
		put_bytes(&records.tail, buf_bytes(&w.records));
		run_added(&records);
		buf_reset(&w.records);
		(void)snprintf(name, sizeof name, "g%u", i);
		put_group(name, "g@x", "a");
	}
	assert_true(groups_spread(g, &records, &out));
	buf_reset(&w.records);
	put_user("a");
	assert_true(groups_note(g, buf_bytes(&w.records), BYTES_NONE));
	counting.pread = counted_pread;
	disk = &counting;
	assert_false(groups_make_noted(g, &made));
	disk = system;
	assert_true(reads > 0 && reads <= READS_MAX);
	groups_free(&g);
	run_done(&records);
	run_done(&out);
	buf_done(&made);
	(void)close(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_entries_account_names_and_addresses),
		TEST(who_is_not_among_the_accounts_is_left_out_and_the_rest_stays),
		TEST(a_group_in_a_group_stands_by_its_address_or_by_its_members),
		TEST(a_group_too_large_has_no_targets),
		TEST(one_more_in_depth_is_too_deep),
		TEST(records_that_are_none_fail),
		TEST(a_member_of_very_many_groups_is_left_to_a_spreading_before_all_are_looked_at),
		TEST(a_name_that_is_anothers_when_folded_is_left_to_a_spreading),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
