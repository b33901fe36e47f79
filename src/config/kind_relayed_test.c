#include "config/route.h"

#include "config/test_support.h"

static void
whom_mail_is_relayed_for_reads_and_prints_as_it_was(void **state)
{
	static const char text[] = "relay_for a.example known;\nrelay_for b.example any;\n";
	struct config *c = read_good(text);

	(void)state;
	assert_int_equal(c->relayed_count, 2);
	assert_false(config_find_relayed(c, BYTES("A.example"))->takes_any);
	assert_true(config_find_relayed(c, BYTES("B.example"))->takes_any);
	assert_null(config_find_relayed(c, BYTES("x.a.example")));
	assert_true(is_told(c, ROLE_DIRECTORY, text));
	config_free(&c);
}

static void
what_is_none_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "relay_for a.example;", "is written: relay_for DOMAIN known|any" },
		{ "relay_for a.example all;", "\"known\" (the addresses that the directory has) or \"any\"" },
		{ "relay_for * any;", "relay_for *: " },
		{ "relay_for .example any;", "relay_for .example: " },
		{ "relay_for x@a.example any;", "relay_for x@a.example: " },
		{ "relay_for a.example any; relay_for A.example known;", "it is there already" },
	};

	(void)state;
	CHECK_REFUSED(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_mail_is_relayed_for_reads_and_prints_as_it_was),
		cmocka_unit_test(what_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
