#include "config/config.h"

#include "config/test_support.h"

static void
only_the_relay_is_told_the_password_and_nobody_is_shown_it(void **state)
{
	static const char text[] = "outgoing_login smtp.a.example tim@a.example file:/s/relay.secret \"\" azerty;\n"
		"outgoing_login smtp.a.example bob file:/s/bob.secret bob@x.example qsdfgh;\n";
	struct config *c = read_good(text);
	const struct config_login *login = config_login_for(c, BYTES("SMTP.a.example"), BYTES("x@x.example")), *of_bob = config_login_for(c, BYTES("smtp.a.example"), BYTES("Bob@x.example"));

	(void)state;
	assert_true(login && bytes_equal(login->name, BYTES("tim@a.example")) && bytes_equal(login->secret_password, BYTES("azerty")));
	assert_null(config_login_for(c, BYTES("a.example"), BYTES("bob@x.example")));
	assert_true(of_bob && bytes_equal(of_bob->name, BYTES("bob")) && bytes_equal(of_bob->secret_password, BYTES("qsdfgh")));
	assert_ptr_equal(config_login_for(c, BYTES("smtp.a.example"), BYTES_NONE), login);
	assert_true(is_told(c, ROLE_RELAY, text));
	assert_false(is_told(c, ROLE_FRONT, "azerty"));
	assert_true(is_told(c, ROLE_QUEUE, "outgoing_login smtp.a.example bob file:/s/bob.secret bob@x.example;\n"));
	assert_false(is_told(c, ROLE_QUEUE, "azerty"));
	assert_true(is_shown(c, "outgoing_login smtp.a.example tim@a.example file:/s/relay.secret;\noutgoing_login smtp.a.example bob file:/s/bob.secret bob@x.example;\n"));
	assert_false(is_shown(c, "azerty"));
	config_free(&c);
}

static void
a_relay_host_may_be_named_by_its_address(void **state)
{
	struct config *c = read_good("outgoing_login 192.0.2.1 tim file:/s/a;\noutgoing_login [2001:DB8:0::1] tom file:/s/b;\noutgoing_login [smtp.a.example] tam file:/s/c;\n");
	const struct config_login *v4 = config_login_for(c, BYTES("192.0.2.1"), BYTES_NONE), *v6 = config_login_for(c, BYTES("2001:db8::1"), BYTES_NONE);

	(void)state;
	assert_true(v4 && bytes_equal(v4->name, BYTES("tim")));
	assert_true(v6 && bytes_equal(v6->name, BYTES("tom")));
	assert_non_null(config_login_for(c, BYTES("smtp.a.example"), BYTES_NONE));
	assert_null(config_login_for(c, BYTES("192.0.2.10"), BYTES_NONE));
	assert_true(is_told(c, ROLE_QUEUE, "outgoing_login 192.0.2.1 tim file:/s/a;\noutgoing_login 2001:DB8:0::1 tom"));
	config_free(&c);
}

static void
what_is_no_log_in_is_told(void **state)
{
	static const struct refused_row rows[] = {
		{ "outgoing_login smtp.a.example tim;", "is written: outgoing_login HOST NAME file:FILE" },
		{ "outgoing_login smtp.a.example tim azerty;", "the password stands in a file of its own" },
		{ "outgoing_login \"a b\" tim file:/s;", "outgoing_login \"a b\": " },
		{ "outgoing_login 192.0.2.1:587 tim file:/s;", "the host stands here without its port" },
		{ "outgoing_login [smtp.a.example]:587 tim file:/s;", "the host stands here without its port" },
		{ "outgoing_login 2001:db8::1 tim file:/s; outgoing_login 2001:db8:0::1 tom file:/s;", "it is there already" },
		{ "outgoing_login smtp.a.example \"\" file:/s;", "a name is needed" },
		{ "outgoing_login smtp.a.example tim file:s;", "a full path" },
		{ "outgoing_login smtp.a.example tim file:/s x@b.example; outgoing_login SMTP.a.example tom file:/s X@b.example;", "it is there already" },
		{ "outgoing_login smtp.a.example tim file:/s b.example;", "outgoing_login smtp.a.example: " },
		{ "outgoing_login smtp.a.example tim file:/s; outgoing_login SMTP.a.example tom file:/s;", "it is there already" },
	};

	(void)state;
	CHECK_REFUSED_WITHOUT(rows, "azerty");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_relay_is_told_the_password_and_nobody_is_shown_it),
		cmocka_unit_test(a_relay_host_may_be_named_by_its_address),
		cmocka_unit_test(what_is_no_log_in_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
