#include "sys/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t space[8];
static struct buf line;

/* Standard input is a pipe with that in it. */
static void
type(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	buf_init_fixed(&line, space, sizeof space);
}

static void
a_line_is_read_and_no_more(void **state)
{
	struct fault f;

	(void)state;
	type("one\ntwo\r\n\nend");
	assert_false(terminal_is_input());
	assert_int_equal(terminal_read_secret("", &line, &f), 0);
	assert_true(bytes_equal(buf_bytes(&line), BYTES("one")));
	buf_reset(&line);
	assert_int_equal(terminal_read_secret("", &line, &f), 0);
	assert_true(bytes_equal(buf_bytes(&line), BYTES("two")));
	buf_reset(&line);
	assert_int_equal(terminal_read_secret("", &line, &f), 0);
	assert_int_equal(line.len, 0);
	assert_int_equal(terminal_read_secret("", &line, &f), 0);
	assert_true(bytes_equal(buf_bytes(&line), BYTES("end")));
	assert_int_equal(terminal_read_secret("", &line, &f), -1);
	assert_int_equal(f.kind, FAULT_PERM);
}

static void
a_line_too_long_is_refused(void **state)
{
	struct fault f;

	(void)state;
	type("123456789\n");
	assert_int_equal(terminal_read_secret("", &line, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read_and_no_more),
		cmocka_unit_test(a_line_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
