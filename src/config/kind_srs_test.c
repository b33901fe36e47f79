#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
the_key_goes_to_the_directory_and_to_nobody_else(void **state)
{
	static const char text[] = "srs file:/etc/mermoz/srs.secret a.example \"the key\";\n";
	struct config *c = NULL;
	struct fault f;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(config_read_slice(bytes_text(text), &c, &f), 0);
	assert_true(bytes_equal(c->srs_domain, BYTES("a.example")) && bytes_equal(c->srs_secret_key, BYTES("the key")));
	config_put_slice(c, ROLE_DIRECTORY, &out);
	assert_true(bytes_find(buf_bytes(&out), bytes_text(text)) < out.len);
	buf_reset(&out);
	config_put_slice(c, ROLE_FRONT, &out);
	assert_true(bytes_find(buf_bytes(&out), BYTES("srs")) == out.len);
	buf_reset(&out);
	config_put_text(c, true, &out);
	assert_true(bytes_find(buf_bytes(&out), BYTES("the key")) == out.len);
	assert_true(bytes_find(buf_bytes(&out), BYTES("srs file:/etc/mermoz/srs.secret a.example;\n")) < out.len);
	buf_done(&out);
	config_free(&c);
}

static void
what_is_no_key_file_is_told_and_not_shown(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "srs hunter2;", "a file of its own" },
		{ "srs file:relative;", "a full path is needed" },
		{ "srs file:/a a..example;", "srs a..example: " },
		{ "srs file:/a; srs file:/b;", "set already" },
		{ "srs;", "is written: srs file:FILE [DOMAIN]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = NULL;
		struct fault f;

		assert_int_equal(config_read_slice(bytes_text(rows[i].text), &c, &f), -1);
		if (!strstr(f.text, rows[i].want) || strstr(f.text, "hunter2"))
			fail_msg("%s: %s", rows[i].text, f.text);
	}
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
