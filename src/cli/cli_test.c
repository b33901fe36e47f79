#include "cli/cli.h"

#include "cli/json.h"
#include "cli/test_support.h"

#include <string.h>

enum { ARGUMENTS_MAX = 8 };

static const struct {
	const char *given[ARGUMENTS_MAX]; /* behind the command's name */
	int operands;
	const char *path;
	bool is_all;
	const char *first; /* operand */
} rows[] = {
	{ { NULL }, 0, NULL, false, NULL },
	{ { "-c", "f" }, 0, "f", false, NULL },
	{ { "--all", "-c", "f" }, 0, "f", true, NULL },
	{ { "a", "--all", "b" }, 2, NULL, true, "a" },
	{ { "--", "--all" }, 1, NULL, false, "--all" },
	{ { "-" }, 1, NULL, false, "-" },
	{ { "-c" }, -1, NULL, false, NULL },
	{ { "--al" }, -1, NULL, false, NULL },
	{ { "-x" }, -1, NULL, false, NULL },
};

static void
options_are_taken_and_operands_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *argv[ARGUMENTS_MAX + 2] = { (char *)"config" };
		int argc = 1;
		const char *path = NULL;
		bool is_all = false;
		const struct cli_option options[] = { { "-c", &path, NULL }, { "--all", NULL, &is_all }, { 0 } };

		while (rows[i].given[argc - 1]) {
			argv[argc] = (char *)rows[i].given[argc - 1];
			argc++;
		}
		assert_int_equal(cli_take_options(argc, argv, options), rows[i].operands);
		if (rows[i].operands < 0)
			continue;
		assert_int_equal(is_all, rows[i].is_all);
		assert_int_equal(path != NULL, rows[i].path != NULL);
		if (path)
			assert_string_equal(path, rows[i].path);
		if (rows[i].first)
			assert_string_equal(argv[1], rows[i].first);
	}
}

static const struct {
	const char *given[4];
	int code;
} calls[] = {
	{ { "mermoz" }, CLI_MISUSED },
	{ { "mermoz", "--help" }, CLI_GOOD },
	{ { "mermoz", "--version" }, CLI_GOOD },
	{ { "mermoz", "help", "check" }, CLI_GOOD },
	{ { "mermoz", "serve", "--help" }, CLI_GOOD },
	{ { "mermoz", "check", "--help" }, CLI_GOOD },
	{ { "mermoz", "chekc" }, CLI_MISUSED },
	{ { "mermoz", "check", "-c" }, CLI_MISUSED },
	{ { "mermoz", "check", "file" }, CLI_MISUSED },
	{ { "mermoz", "check", "-c", "/nowhere" }, CLI_FAILED },
	{ { "mermoz", "config", "-c", "/nowhere" }, CLI_FAILED },
	{ { "mermoz", "events" }, CLI_GOOD },
	{ { "mermoz", "events", "--json" }, CLI_GOOD },
	{ { "mermoz", "directives" }, CLI_GOOD },
};

static void
the_exit_code_says_what_happened(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++) {
		char *argv[5] = { NULL };
		int argc = 0;

		while (argc < 4 && calls[i].given[argc]) {
			argv[argc] = (char *)calls[i].given[argc];
			argc++;
		}
		assert_int_equal(cli_main(argc, argv), calls[i].code);
	}
}

static void
what_strangers_wrote_commands_no_terminal(void **state)
{
	static const struct {
		struct bytes in;
		const char *visible, *json;
	} texts[] = {
		{ BYTES_INIT("a\"b\\"), "a\"b\\", "\"a\\\"b\\\\\"" },
		{ BYTES_INIT("\x1b[2J\x7f\r"), "\\x1b[2J\\x7f\\x0d", "\"\\u001b[2J\\u007f\\u000d\"" },
		{ BYTES_INIT("m\xc3\xbcller"), "m\xc3\xbcller", "\"m\xc3\xbcller\"" },
		{ BYTES_INIT("\xc2\x9b" "2J\xc2\xa0"), "\\xc2\\x9b" "2J\xc2\xa0", "\"\\u009b2J\xc2\xa0\"" },
		{ BYTES_INIT("\x9b" "2J\xc2"), "\\x9b" "2J\\xc2", "\"\\u009b2J\\u00c2\"" },
		{ BYTES_INIT("\xe2\x80\xaex\xe2\x81\xa6"), "\\xe2\\x80\\xaex\\xe2\\x81\\xa6", "\"\\u202ex\\u2066\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		char space[100] = "";
		struct buf out;

		buf_init_fixed(&out, space, sizeof space - 1);
		cli_put_visible(&out, texts[i].in);
		assert_string_equal(space, texts[i].visible);
		memset(space, 0, sizeof space);
		buf_init_fixed(&out, space, sizeof space - 1);
		json_put_text(&out, texts[i].in);
		assert_string_equal(space, texts[i].json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_taken_and_operands_stay),
		cmocka_unit_test(what_strangers_wrote_commands_no_terminal),
		cmocka_unit_test(the_exit_code_says_what_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
