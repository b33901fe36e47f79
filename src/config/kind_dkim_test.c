#include "config/config.h"

#include "config/test_support.h"

static void
the_key_goes_to_the_queue_alone_and_its_domain_to_fronts(void **state)
{
	static const char text[] = "dkim a.example s1 file:/etc/mermoz/dkim.pem \"the key\";\ndkim a.example x.s2 file:/k2 \"\";\n";
	struct config *c = read_good(text);

	(void)state;
	assert_int_equal(c->dkim_count, 2);
	assert_true(bytes_equal(c->dkim[0].domain, BYTES("a.example")) && bytes_equal(c->dkim[0].secret_key_pem, BYTES("the key")));
	assert_true(is_told(c, ROLE_QUEUE, text));
	assert_false(is_told(c, ROLE_FRONT, "the key"));
	assert_true(is_told(c, ROLE_FRONT, "dkim a.example s1 file:/etc/mermoz/dkim.pem;\ndkim a.example x.s2 file:/k2;\n"));
	assert_false(is_told(c, ROLE_RELAY, "dkim"));
	assert_false(is_shown(c, "the key"));
	assert_true(is_shown(c, "dkim a.example s1 file:/etc/mermoz/dkim.pem;\n"));
	config_free(&c);
}

static void
what_names_no_key_is_told_and_not_shown(void **state)
{
	static const struct refused_row rows[] = {
		{ "dkim a.example s hunter2;", "a file of its own" },
		{ "dkim a.example s file:relative;", "a full path is needed" },
		{ "dkim a..example s file:/a;", "dkim a..example: " },
		{ "dkim bücher.example s file:/a;", "dkim " }, /* RFC 6376 3.5: A-labels */
		{ "dkim a.example \"\" file:/a;", "a selector is needed" },
		{ "dkim a.example s. file:/a;", "a selector is needed" },
		{ "dkim a.example s..t file:/a;", "a selector has letters" },
		{ "dkim a.example -s file:/a;", "a selector has letters" },
		{ "dkim a.example \"s;b\" file:/a;", "a selector has letters" },
		{ "dkim a.example s file:/a; dkim A.EXAMPLE S file:/b;", "it is there already" },
		{ "dkim a.example a file:/a; dkim b.example x file:/a; dkim a.example b file:/a; dkim a.example c file:/a; dkim a.example d file:/a; "
		  "dkim A.example e file:/a;", "4 selectors at most" },
		{ "dkim a.example s;", "is written: dkim DOMAIN SELECTOR file:FILE" },
	};

	(void)state;
	CHECK_REFUSED_WITHOUT(rows, "hunter2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_goes_to_the_queue_alone_and_its_domain_to_fronts),
		cmocka_unit_test(what_names_no_key_is_told_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
