#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
only_the_relay_is_told_of_a_log_in_and_nobody_is_shown_the_password(void **state)
{
	const struct bytes slice = BYTES("outgoing_login smtp.a.example tim@a.example file:/s/relay.secret azerty;\n");
	const struct config_login *login;
	struct config *c = NULL;
	struct fault f;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(config_read_slice(slice, &c, &f), 0);
	login = config_login_for(c, BYTES("SMTP.a.example"));
	assert_true(login && bytes_equal(login->name, BYTES("tim@a.example")) && bytes_equal(login->secret_password, BYTES("azerty")));
	assert_null(config_login_for(c, BYTES("a.example")));
	config_put_slice(c, ROLE_RELAY, &out);
	assert_true(bytes_find(buf_bytes(&out), slice) < out.len);
	buf_reset(&out);
	config_put_slice(c, ROLE_FRONT, &out);
	assert_true(bytes_find(buf_bytes(&out), BYTES("azerty")) == out.len);
	config_put_text(c, true, &out);
	assert_true(bytes_find(buf_bytes(&out), BYTES("outgoing_login smtp.a.example tim@a.example file:/s/relay.secret;\n")) < out.len);
	assert_true(bytes_find(buf_bytes(&out), BYTES("azerty")) == out.len);
	buf_done(&out);
	config_free(&c);
}

static void
what_is_no_log_in_is_told(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "outgoing_login smtp.a.example tim;", "is written: outgoing_login HOST NAME file:FILE" },
		{ "outgoing_login smtp.a.example tim azerty;", "the password stands in a file of its own" },
		{ "outgoing_login \"a b\" tim file:/s;", "outgoing_login \"a b\": " },
		{ "outgoing_login smtp.a.example \"\" file:/s;", "a name is needed" },
		{ "outgoing_login smtp.a.example tim file:s;", "a full path" },
		{ "outgoing_login smtp.a.example tim file:/s; outgoing_login SMTP.a.example tom file:/s;", "it is there already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = NULL;
		struct fault f;

		assert_int_equal(config_read_slice(bytes_text(rows[i].text), &c, &f), -1);
		if (!strstr(f.text, rows[i].want))
			fail_msg("%s: %s", rows[i].text, f.text);
		assert_null(strstr(f.text, "azerty"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_relay_is_told_of_a_log_in_and_nobody_is_shown_the_password),
		cmocka_unit_test(what_is_no_log_in_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
