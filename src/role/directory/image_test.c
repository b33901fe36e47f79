#include "role/directory/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What a visit met, as text. */
struct seen {
	char text[1024];
	struct buf out;
};

static void
see_user(void *arg, const struct user_record *r)
{
	struct seen *s = arg;

	put_format(&s->out, "user %.*s %.*s %.*s %d", BYTES_ARG(r->address), BYTES_ARG(r->name), BYTES_ARG(r->secret_password),
		r->is_enabled);
	for (size_t i = 0; i < r->attribute_count; i++)
		put_format(&s->out, " %.*s=%.*s", BYTES_ARG(r->attributes[i].name), BYTES_ARG(r->attributes[i].value));
	put_format(&s->out, " (%.*s) %.*s [%.*s %.*s]", BYTES_ARG(r->entry), BYTES_ARG(r->account_name), BYTES_ARG(r->password_stamp), BYTES_ARG(r->edit_stamp));
	for (size_t i = 0; i < r->forward_count; i++)
		put_format(&s->out, " >%.*s", BYTES_ARG(r->forwards[i]));
	put_char(&s->out, '\n');
}

static void
see_alias(void *arg, const struct alias_record *r)
{
	struct seen *s = arg;

	put_format(&s->out, "alias %d %.*s %.*s", r->rank, BYTES_ARG(r->entry), BYTES_ARG(r->address));
	for (size_t i = 0; i < r->target_count; i++)
		put_format(&s->out, " %.*s", BYTES_ARG(r->targets[i]));
	put_char(&s->out, '\n');
}

static void
see_group(void *arg, const struct group_record *r)
{
	struct bytes members = r->members, member;
	struct seen *s = arg;

	put_format(&s->out, "group %.*s %.*s", BYTES_ARG(r->address), BYTES_ARG(r->entry));
	while (image_take_member(&members, &member))
		put_format(&s->out, " %.*s", BYTES_ARG(member));
	put_char(&s->out, '\n');
}

static const struct image_visitor visitor = { see_user, see_alias, see_group };

static void
put_some(struct buf *records)
{
	static const struct record_attribute attributes[] = { { BYTES_INIT("uid"), BYTES_INIT("y") },
		{ BYTES_INIT("home"), BYTES_INIT("") } };
	static const struct bytes targets[] = { BYTES_INIT("y@a.iut"), BYTES_INIT("z@b.iut") };

	image_put_user(records, &(struct user_record){ BYTES("y@a.iut"), BYTES("Y"), BYTES("{PLAIN}x"), BYTES("20260101"), BYTES("20260102"), true, attributes, 2, BYTES("uid=y"), targets,
					2, BYTES("y") });
	image_put_alias(records, &(struct alias_record){ BYTES("all@a.iut"), targets, 2, ALIAS_FURTHER, BYTES("cn=all") });
	image_put_group(records, &(struct group_record){ BYTES("g@a.iut"), BYTES("cn=g"), BYTES("\1\0y\3\0uid") });
	image_put_user(records, &(struct user_record){ .address = BYTES("z@a.iut") });
}

static const char some[] = "user y@a.iut Y {PLAIN}x 1 uid=y home= (uid=y) y [20260101 20260102] >y@a.iut >z@b.iut\nalias 2 cn=all all@a.iut y@a.iut z@b.iut\ngroup g@a.iut cn=g y uid\nuser z@a.iut   0 ()  [ ]\n";

static void
what_was_put_is_visited_in_order(void **state)
{
	struct seen s;
	struct buf records;

	(void)state;
	buf_init(&records, 4096);
	buf_init_fixed(&s.out, s.text, sizeof s.text);
	put_some(&records);
	assert_true(image_visit(buf_bytes(&records), &visitor, &s));
	assert_true(bytes_equal(buf_bytes(&s.out), bytes_text(some)));
	buf_done(&records);
}

static void
a_text_that_is_too_long_makes_the_buffer_fail(void **state)
{
	static uint8_t text[UINT16_MAX + 1];
	struct buf records;

	(void)state;
	buf_init(&records, 1 << 20);
	image_put_user(&records, &(struct user_record){ .address = bytes_of(text, sizeof text) });
	assert_true(records.has_failed);
	buf_done(&records);
}

static void
make_snapshot(struct buf *out)
{
	struct buf records;
	struct run run;

	buf_init(&records, 4096);
	buf_init(out, 8192);
	put_some(&records);
	run = run_of(buf_bytes(&records));
	image_put_snapshot_head(out, BYTES("ldap://one"), BYTES("csn=7"), &run);
	put_bytes(out, buf_bytes(&records));
	buf_done(&records);
}

/* The marker has to be csn=7; the records, or none. */
static struct bytes
find_records(struct bytes snapshot, const char *origin)
{
	const struct run run = run_of(snapshot);
	char space[16];
	struct buf marker;
	size_t begin;

	buf_init_fixed(&marker, space, sizeof space);
	begin = image_find_records(&run, bytes_text(origin), &marker);
	assert_true(bytes_equal(buf_bytes(&marker), bytes_text(begin ? "csn=7" : "")));
	return begin ? bytes_sub(snapshot, begin, SIZE_MAX) : BYTES_NONE;
}

static void
a_snapshot_gives_back_what_was_put(void **state)
{
	struct buf snapshot;
	struct seen s;

	(void)state;
	make_snapshot(&snapshot);
	buf_init_fixed(&s.out, s.text, sizeof s.text);
	assert_true(image_visit(find_records(buf_bytes(&snapshot), "ldap://one"), &visitor, &s));
	assert_true(bytes_equal(buf_bytes(&s.out), bytes_text(some)));
	buf_done(&snapshot);
}

static void
a_snapshot_of_another_origin_is_none_of_ours(void **state)
{
	struct buf snapshot;

	(void)state;
	make_snapshot(&snapshot);
	assert_int_equal(find_records(buf_bytes(&snapshot), "ldap://two").len, 0);
	buf_done(&snapshot);
}

static void
every_cut_and_every_flipped_bit_of_a_snapshot_is_noticed(void **state)
{
	struct buf snapshot;

	(void)state;
	make_snapshot(&snapshot);
	for (size_t len = 0; len < snapshot.len; len++)
		assert_int_equal(find_records(bytes_of(snapshot.ptr, len), "ldap://one").len, 0);
	for (size_t bit = 0; bit < snapshot.len * 8; bit++) {
		snapshot.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(find_records(buf_bytes(&snapshot), "ldap://one").len, 0);
		snapshot.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_done(&snapshot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_visited_in_order),
		cmocka_unit_test(a_text_that_is_too_long_makes_the_buffer_fail),
		cmocka_unit_test(a_snapshot_gives_back_what_was_put),
		cmocka_unit_test(a_snapshot_of_another_origin_is_none_of_ours),
		cmocka_unit_test(every_cut_and_every_flipped_bit_of_a_snapshot_is_noticed),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
