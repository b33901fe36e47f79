#include "role/control_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define END { FIELD_END, NULL, BYTES_NONE, 0 }

static void
values_come_back_as_they_were(void **state)
{
	static const char *const values[] = { "", "a", "a b", "tab\there", "line\nend", "back\\slash", "\\0a", "=", "a=b", "é", "\xff\xfe", "\x7f", "\xc2" };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		uint8_t text[256], space[256];
		struct buf out, values_space;
		struct bytes in;
		struct control_line line;

		buf_init_fixed(&out, text, sizeof text);
		buf_init_fixed(&values_space, space, sizeof space);
		control_line_put(&out, "step", (const struct event_field[]){ STR("value", values[i]), INT("number", -7), END });
		in = buf_bytes(&out);
		assert_int_equal(bytes_find_char(in, '\n'), in.len - 1);
		assert_true(control_line_take(&in, &values_space, &line));
		assert_int_equal(in.len, 0);
		assert_true(bytes_equal(line.word, BYTES("step")));
		assert_true(bytes_equal(control_line_get(&line, "value"), bytes_text(values[i])));
		assert_true(bytes_equal(control_line_get(&line, "number"), BYTES("-7")));
		assert_int_equal(control_line_get(&line, "other").len, 0);
	}
}

static void
a_secret_is_never_put_into_a_line(void **state)
{
	uint8_t text[64];
	struct buf out;

	(void)state;
	buf_init_fixed(&out, text, sizeof text);
	control_line_put(&out, "step", (const struct event_field[]){ { FIELD_SECRET, "password", BYTES("azerty"), 0 }, END });
	assert_true(bytes_equal(buf_bytes(&out), BYTES("step\tpassword=***\n")));
}

static void
what_is_no_line_is_not_taken(void **state)
{
	static const char *const rows[] = { "", "step", "step\ta=b", "\n", "Step\n", "step \n", "step\t\n", "step\ta\n", "step\t=b\n", "step\tA=b\n",
		"step\ta=\\0\n", "step\ta=\\zz\n", "step\ta=\x01\n", "step\ta=\r\n", "step\ta=\xff\n",
		"step\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\ta=1\n" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t space[64];
		struct buf values;
		struct bytes in = bytes_text(rows[i]);
		struct control_line line;

		buf_init_fixed(&values, space, sizeof space);
		assert_false(control_line_take(&in, &values, &line));
		assert_int_equal(in.len, strlen(rows[i]));
		assert_int_equal(values.len, 0);
	}
}

static void
a_line_that_does_not_fit_is_not_there_at_all(void **state)
{
	uint8_t text[16], space[4];
	struct buf out, values;
	struct bytes in = BYTES("step\ta=12345\n");
	struct control_line line;

	(void)state;
	buf_init_fixed(&out, text, sizeof text);
	control_line_put(&out, "one", (const struct event_field[]){ STR("a", "1"), END });
	control_line_put(&out, "two", (const struct event_field[]){ STR("a", "12345678"), END });
	assert_true(out.has_failed);
	assert_true(bytes_equal(buf_bytes(&out), BYTES("one\ta=1\n")));
	buf_init_fixed(&values, space, sizeof space);
	assert_false(control_line_take(&in, &values, &line));
	assert_false(values.has_failed);
}

struct answer_row {
	const char *in, *answer, *left; /* answer: NULL, not whole */
};

static void
an_answer_is_a_line_or_lines_up_to_an_empty_one(void **state)
{
	static const struct answer_row rows[] = {
		{ "", NULL, "" },
		{ "o", NULL, "o" },
		{ "ok\n", "ok", "" },
		{ "ok a=1\nok\n", "ok a=1", "ok\n" },
		{ "\n", "", "" },
		{ "lines", NULL, "lines" },
		{ "lines\n", NULL, "lines\n" },
		{ "lines\n\n", "", "" },
		{ "lines\na\tb=c\n", NULL, "lines\na\tb=c\n" },
		{ "lines\na\tb=c\nd\n\nok\n", "a\tb=c\nd\n", "ok\n" },
		{ "lines \n\n", "lines ", "\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].in), answer;

		assert_int_equal(control_take_answer(&in, &answer), rows[i].answer != NULL);
		assert_true(bytes_equal(in, bytes_text(rows[i].left)));
		if (rows[i].answer)
			assert_true(bytes_equal(answer, bytes_text(rows[i].answer)));
	}
}

static void
an_answer_is_whole_however_it_is_cut(void **state)
{
	static const char *const texts[] = { "lines\na\tb=c\nd\n\n", "lines\n\n", "error none\n" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (size_t len = 0; len < strlen(texts[i]); len++) {
			struct bytes in = bytes_of(texts[i], len), answer;

			assert_false(control_take_answer(&in, &answer));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_they_were),
		cmocka_unit_test(a_secret_is_never_put_into_a_line),
		cmocka_unit_test(what_is_no_line_is_not_taken),
		cmocka_unit_test(a_line_that_does_not_fit_is_not_there_at_all),
		cmocka_unit_test(an_answer_is_a_line_or_lines_up_to_an_empty_one),
		cmocka_unit_test(an_answer_is_whole_however_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
