#include "role/relay/route.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "10 a.example, 20 b.example" */
static void
put_records(struct buf *out, const char *text)
{
	struct bytes rest = bytes_text(text);

	while (rest.len) {
		struct bytes entry = bytes_trim(take_until(&rest, ','));
		uint64_t preference;

		assert_true(take_number(&entry, 65535, &preference));
		take_spaces(&entry);
		put_u16(out, (uint16_t)preference);
		put_u16(out, (uint16_t)entry.len);
		put_bytes(out, entry);
	}
}

static enum route_verdict
find(const char *text, uint64_t seed, struct route *out)
{
	enum route_verdict verdict;
	struct buf records;

	buf_init(&records, 32768);
	put_records(&records, text);
	verdict = route_by_mx(buf_bytes(&records), BYTES("mail.us.example"), seed, out);
	buf_done(&records);
	return verdict;
}

static void
rfc5321_5_1_hosts_are_ordered_and_we_are_none_of_them(void **state)
{
	static const struct {
		const char *records;
		enum route_verdict verdict;
		const char *want;
	} rows[] = {
		{ "20 b.example, 10 A.example., 30 c.example", ROUTE_FOUND, "a.example b.example c.example " },
		{ "10 a.example, 20 mail.US.example., 20 b.example, 30 c.example", ROUTE_FOUND, "a.example " },
		{ "10 mail.us.example, 20 b.example", ROUTE_LOOP, "" },
		{ "20 mail.us.example, 5 a.example, 10 mail.us.example, 15 b.example", ROUTE_FOUND, "a.example " },
		{ "0 .", ROUTE_NULL, "" },
		{ "0 ", ROUTE_NULL, "" },
		/* RFC 7505 3: beside others it means nothing. */
		{ "0 ., 10 a.example", ROUTE_FOUND, "a.example " },
		{ "0 ., 10 .", ROUTE_BAD, "" },
		{ "10 a b.example, 20 \x01.example, 30 .x", ROUTE_BAD, "" },
		{ "10 a/b.example, 20 ok_1.example", ROUTE_FOUND, "ok_1.example " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route route;
		char got[500] = "";

		assert_int_equal(find(rows[i].records, 1, &route), rows[i].verdict);
		for (size_t h = 0; h < route.count; h++) {
			strncat(got, route.hosts[h].name, 100);
			strncat(got, " ", 2);
		}
		assert_string_equal(got, rows[i].want);
	}
}

static void
rfc5321_5_1_hosts_of_one_preference_are_shuffled(void **state)
{
	bool was_first[3] = { false };
	struct route route;

	(void)state;
	for (uint64_t seed = 1; seed < 100; seed++) {
		assert_int_equal(find("10 a.x, 10 b.x, 10 c.x, 20 d.x", seed * 0x9E3779B97F4A7C15ULL, &route), ROUTE_FOUND);
		assert_int_equal(route.count, 4);
		assert_string_equal(route.hosts[3].name, "d.x");
		was_first[route.hosts[0].name[0] - 'a'] = true;
	}
	assert_true(was_first[0] && was_first[1] && was_first[2]);
}

static void
of_too_many_hosts_the_best_are_kept(void **state)
{
	char text[3000] = "";
	struct route route;

	(void)state;
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d h%d.x", i ? ", " : "", 100 - i, 100 - i);
	assert_int_equal(find(text, 7, &route), ROUTE_FOUND);
	assert_int_equal(route.count, ROUTE_HOSTS_MAX);
	for (size_t i = 0; i < ROUTE_HOSTS_MAX; i++)
		assert_int_equal(route.hosts[i].preference, 61 + i);
}

static void
records_that_end_too_early_are_left_out(void **state)
{
	struct route route;

	(void)state;
	assert_int_equal(route_by_mx(BYTES("\x0a\0\x05\0ab"), BYTES("us"), 1, &route), ROUTE_BAD);
	assert_int_equal(route_by_mx(BYTES("\x0a\0\x01\0a\x0a"), BYTES("us"), 1, &route), ROUTE_FOUND);
	assert_int_equal(route.count, 1);
}

static void
one_host_may_be_ourselves(void **state)
{
	struct route route;

	(void)state;
	assert_int_equal(route_to(BYTES("Relay.example."), BYTES("us.example"), &route), ROUTE_FOUND);
	assert_string_equal(route.hosts[0].name, "relay.example");
	assert_int_equal(route_to(BYTES("US.example"), BYTES("us.example"), &route), ROUTE_LOOP);
	assert_int_equal(route_to(BYTES(""), BYTES("us.example"), &route), ROUTE_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_5_1_hosts_are_ordered_and_we_are_none_of_them),
		cmocka_unit_test(rfc5321_5_1_hosts_of_one_preference_are_shuffled),
		cmocka_unit_test(of_too_many_hosts_the_best_are_kept),
		cmocka_unit_test(records_that_end_too_early_are_left_out),
		cmocka_unit_test(one_host_may_be_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
