#include "role/directory/ldap_marker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CSN(time, replica) "contextCSN=20261129" time ".000000Z#000000#" replica "#000000 "

static void
a_server_is_behind_when_it_lacks_what_any_replica_said(void **state)
{
	static const struct {
		struct bytes now, held;
		bool is_behind;
	} rows[] = {
		{ BYTES_INIT(CSN("030000", "001")), BYTES_INIT(CSN("030000", "001")), false },
		{ BYTES_INIT(CSN("030001", "001")), BYTES_INIT(CSN("030000", "001")), false },
		{ BYTES_INIT(CSN("025959", "001")), BYTES_INIT(CSN("030000", "001")), true },
		{ BYTES_INIT(CSN("030000", "002") CSN("030000", "001")), BYTES_INIT(CSN("030000", "001") CSN("030000", "002")), false },
		{ BYTES_INIT(CSN("040000", "001") CSN("025959", "002")), BYTES_INIT(CSN("030000", "001") CSN("030000", "002")), true },
		{ BYTES_INIT(CSN("040000", "001")), BYTES_INIT(CSN("030000", "002")), true },
		{ BYTES_INIT(""), BYTES_INIT(CSN("030000", "001")), true },
		{ BYTES_INIT(CSN("030000", "001")), BYTES_INIT(""), false },
		{ BYTES_INIT("highestCommittedUSN=7 dnsHostName=b "), BYTES_INIT("highestCommittedUSN=9 dnsHostName=a "), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(ldap_marker_is_behind(rows[i].now, rows[i].held), rows[i].is_behind);
}

#define C(time, replica) "20261129" time ".000000Z#000000#" replica "#000000"

static void
of_each_replica_the_later_change_of_a_cookie_counts(void **state)
{
	static const struct {
		struct bytes marker, cookie, want;
	} rows[] = {
		{ BYTES_INIT(""), BYTES_INIT("rid=000,csn=" C("01", "001") ";" C("02", "002")), BYTES_INIT("rid=000,csn=" C("01", "001") ";" C("02", "002")) },
		{ BYTES_INIT(CSN("01", "001") CSN("02", "002")), BYTES_INIT("rid=001,sid=001,csn=" C("03", "001")),
			BYTES_INIT("rid=000,csn=" C("02", "002") ";" C("03", "001")) },
		{ BYTES_INIT(CSN("05", "001")), BYTES_INIT("rid=000,csn=" C("03", "001")), BYTES_INIT("rid=000,csn=" C("05", "001")) },
		{ BYTES_INIT(CSN("05", "001")), BYTES_INIT("rid=000"), BYTES_INIT("rid=000,csn=" C("05", "001")) },
		{ BYTES_INIT(CSN("05", "001")), BYTES_INIT("rid=000,csn=;;no csn;" "x#"), BYTES_INIT("rid=000,csn=" C("05", "001")) },
		{ BYTES_INIT(""), BYTES_INIT("\x30\x00opaque"), BYTES_INIT("") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf marker, got;

		buf_init(&marker, 4096);
		buf_init(&got, 4096);
		put_bytes(&marker, rows[i].marker);
		ldap_marker_add_cookie(&marker, rows[i].cookie);
		ldap_marker_put_cookie(&got, buf_bytes(&marker));
		assert_true(bytes_equal(buf_bytes(&got), rows[i].want));
		buf_done(&marker);
		buf_done(&got);
	}
}

static void
the_earliest_change_is_first_and_each_replica_has_its_own_clock(void **state)
{
	struct bytes marker = BYTES(CSN("05", "001") CSN("02", "002"));

	(void)state;
	assert_true(bytes_equal(ldap_marker_first(marker), BYTES(C("02", "002"))));
	assert_true(ldap_marker_has_csn(marker));
	assert_false(ldap_marker_has_csn(BYTES("highestCommittedUSN=7 ")));
	assert_true(ldap_marker_is_before(marker, BYTES(C("03", "002"))));
	assert_false(ldap_marker_is_before(marker, BYTES(C("03", "001"))));
	assert_true(ldap_marker_is_before(marker, BYTES(C("01", "003"))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_behind_when_it_lacks_what_any_replica_said),
		cmocka_unit_test(of_each_replica_the_later_change_of_a_cookie_counts),
		cmocka_unit_test(the_earliest_change_is_first_and_each_replica_has_its_own_clock),
	};

	return cmocka_run_group_tests_name("ldap_marker", tests, NULL, NULL);
}
