#include "config/config.h"

#include "config/test_support.h"

static void
the_key_goes_to_the_directory_and_to_nobody_else(void **state)
{
	static const char text[] = "srs file:/etc/mermoz/srs.secret a.example \"the key\";\n";
	struct config *c = read_good(text);

	(void)state;
	assert_true(bytes_equal(c->srs_domain, BYTES("a.example")) && bytes_equal(c->srs_secret_key, BYTES("the key")));
	assert_true(is_told(c, ROLE_DIRECTORY, text));
	assert_false(is_told(c, ROLE_FRONT, "srs"));
	assert_false(is_shown(c, "the key"));
	assert_true(is_shown(c, "srs file:/etc/mermoz/srs.secret a.example;\n"));
	config_free(&c);
}

static void
what_is_no_key_file_is_told_and_not_shown(void **state)
{
	static const struct refused_row rows[] = {
		{ "srs hunter2;", "a file of its own" },
		{ "srs file:relative;", "a full path is needed" },
		{ "srs file:/a a..example;", "srs a..example: " },
		{ "srs file:/a; srs file:/b;", "set already" },
		{ "srs;", "is written: srs file:FILE [DOMAIN]" },
	};

	(void)state;
	CHECK_REFUSED_WITHOUT(rows, "hunter2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_goes_to_the_directory_and_to_nobody_else),
		cmocka_unit_test(what_is_no_key_file_is_told_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
