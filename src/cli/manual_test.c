#include "cli/manual.h"

#include "cli/test_support.h"
#include "sys/disk.h"

#include <stdlib.h>
#include <string.h>

/* MERMOZ_SOURCE is the source folder; MERMOZ_UPDATE=1 in the environment writes the file anew. */
static void
check_file(const char *name, void (*put)(struct buf *))
{
	struct buf wanted, found;
	struct fault f = { 0 };

	buf_init(&wanted, 1 << 20);
	buf_init(&found, 1 << 20);
	put(&wanted);
	assert_false(wanted.has_failed);
	if (getenv("MERMOZ_UPDATE"))
		assert_int_equal(disk_replace_file(AT_FDCWD, name, buf_bytes(&wanted), 0644, &f), 0);
	if (disk_read_file(name, 1 << 20, &found, &f))
		fail_msg("%s", f.text);
	put_char(&wanted, '\0');
	put_char(&found, '\0');
	if (strcmp((const char *)wanted.ptr, (const char *)found.ptr) != 0)
		fail_msg("%s is not what the program says: make it with `mermoz directives` or `mermoz help --man`", name);
	buf_done(&wanted);
	buf_done(&found);
}

static void
the_manual_page_is_what_directives_def_says(void **state)
{
	(void)state;
	check_file(MERMOZ_SOURCE "/doc/mermoz.conf.5", manual_put_page);
}

static void
the_page_of_the_commands_is_what_their_help_says(void **state)
{
	(void)state;
	check_file(MERMOZ_SOURCE "/doc/mermoz.1", manual_put_commands);
}

static void
the_limits_are_what_directives_def_says(void **state)
{
	(void)state;
	check_file(MERMOZ_SOURCE "/doc/limits.md", manual_put_limits);
}

static void
the_list_names_blocks_and_directives(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	manual_put_list(&out);
	put_char(&out, '\0');
	assert_non_null(strstr((const char *)out.ptr, "listen SERVICE ADDRESS[:PORT] | SERVICE unix:PATH [mode MODE] [user NAME] [group NAME];\n"));
	assert_non_null(strstr((const char *)out.ptr, "limits {\n    message_size SIZE;\n"));
	assert_non_null(strstr((const char *)out.ptr, "Default: 50M. Range: 64K to 1G. RFC 1870"));
	buf_done(&out);
}

static void
a_line_that_begins_with_a_dot_is_text(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	manual_put_roff(&out, BYTES("...\n'a'.\n-\\"));
	assert_true(bytes_equal(buf_bytes(&out), BYTES("\\&...\n\\&'a'.\n\\-\\e")));
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_page_is_what_directives_def_says),
		cmocka_unit_test(the_page_of_the_commands_is_what_their_help_says),
		cmocka_unit_test(the_limits_are_what_directives_def_says),
		cmocka_unit_test(the_list_names_blocks_and_directives),
		cmocka_unit_test(a_line_that_begins_with_a_dot_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
