#include "role/directory/ldap_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
ms_adts_3_1_1_3_1_3_3_a_piece_says_where_it_begins_and_ends(void **state)
{
	static const struct {
		const char *description;
		bool is_one;
		struct ldap_range want;
	} rows[] = {
		{ "member;range=0-1499", true, { 0, 1499, false } },
		{ "Member;Range=1500-*", true, { 1500, 0, true } },
		{ "member;range=7-7", true, { 7, 7, false } },
		{ "member;range=0-*", true, { 0, 0, true } },
		{ "member", false, { 0 } },
		{ "member;lang-fr", false, { 0 } },
		{ "memberOf;range=0-*", false, { 0 } },
		{ "member;range=", false, { 0 } },
		{ "member;range=0", false, { 0 } },
		{ "member;range=0-", false, { 0 } },
		{ "member;range=-1", false, { 0 } },
		{ "member;range=5-4", false, { 0 } },
		{ "member;range=0-1x", false, { 0 } },
		{ "member;range=0-*x", false, { 0 } },
		{ "member;range=0-4294967295", false, { 0 } },
		{ "member;range=0-99999999999999999999", false, { 0 } },
		{ "", false, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ldap_range r = { 1, 2, false };
		bool is_one = ldap_range_parse(bytes_text(rows[i].description), BYTES("member"), &r);

		if (is_one != rows[i].is_one)
			print_error("row %zu: %s\n", i, rows[i].description);
		assert_int_equal(is_one, rows[i].is_one);
		assert_int_equal(r.first, is_one ? rows[i].want.first : 1);
		assert_int_equal(r.last, is_one ? rows[i].want.last : 2);
		assert_int_equal(r.is_end, is_one && rows[i].want.is_end);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ms_adts_3_1_1_3_1_3_3_a_piece_says_where_it_begins_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
