#include "config/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
whom_mail_is_relayed_for_reads_and_prints_as_it_was(void **state)
{
	static const char text[] = "relay_for a.example known;\nrelay_for B.example any;\n";
	struct config *c = NULL;
	struct fault f;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(config_read_slice(bytes_text(text), &c, &f), 0);
	assert_int_equal(c->relayed_count, 2);
	assert_false(config_find_relayed(c, BYTES("A.example"))->takes_any);
	assert_true(config_find_relayed(c, BYTES("b.example"))->takes_any);
	assert_null(config_find_relayed(c, BYTES("x.a.example")));
	config_put_slice(c, ROLE_DIRECTORY, &out);
	assert_true(bytes_find(buf_bytes(&out), bytes_text(text)) < out.len);
	buf_done(&out);
	config_free(&c);
}

static void
what_is_none_is_told(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "relay_for a.example;", "is written: relay_for DOMAIN known|any" },
		{ "relay_for a.example all;", "\"known\" (the addresses that the directory has) or \"any\"" },
		{ "relay_for * any;", "relay_for *: " },
		{ "relay_for .example any;", "relay_for .example: " },
		{ "relay_for x@a.example any;", "relay_for x@a.example: " },
		{ "relay_for a.example any; relay_for A.example known;", "it is there already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = NULL;
		struct fault f;

		if (config_read_slice(bytes_text(rows[i].text), &c, &f) != -1)
			fail_msg("%s was taken", rows[i].text);
		if (!strstr(f.text, rows[i].want))
			fail_msg("%s: %s", rows[i].text, f.text);
	}
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
