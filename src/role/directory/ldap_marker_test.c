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

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_server_is_behind_when_it_lacks_what_any_replica_said) };

	return cmocka_run_group_tests_name("ldap_marker", tests, NULL, NULL);
}
