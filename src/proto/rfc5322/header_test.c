#include "proto/rfc5322/header.h"

#include "proto/rfc5322/test_rows.h"

/* Fields as "name=value;" with line ends shown as "\n" or "\r\n". */
static void
put_fields(struct buf *out, struct bytes *in)
{
	struct bytes name, value, field;

	while (take_header_field(in, &name, &value, &field)) {
		put_bytes(out, name);
		put_char(out, '=');
		put_bytes(out, value);
		put_char(out, ';');
	}
}

static void
fields_are_taken_one_by_one(void **state)
{
	static const struct {
		const char *name, *input, *want, *rest;
	} rows[] = {
		{ "wire form", "A: 1\r\nB: 2\r\n\r\nbody", "A= 1;B= 2;", "\r\nbody" },
		{ "disk form", "A: 1\nB: 2\n\nbody", "A= 1;B= 2;", "\nbody" },
		{ "no empty line", "A: 1\r\n", "A= 1;", "" },
		{ "no line end", "A: 1", "A= 1;", "" },
		{ "nothing", "", "", "" },
		{ "no header", "\r\nbody", "", "\r\nbody" },
		{ "folded", "A: 1\r\n 2\r\n\t3\r\nB:4\r\n", "A= 1\r\n 2\r\n\t3;B=4;", "" },
		{ "line of spaces goes on", "A: 1\r\n \r\nB: 2\r\n", "A= 1\r\n ;B= 2;", "" },
		{ "space before colon", "A \t: 1\n", "A= 1;", "" },
		{ "colon in value", "A: b:c\n", "A= b:c;", "" },
		{ "empty value", "A:\nB:\n", "A=;B=;", "" },
		{ "no colon", "A: 1\nnonsense\nB: 2\n", "A= 1;=nonsense;B= 2;", "" },
		{ "no name", ": 1\nB: 2\n", "=: 1;B= 2;", "" },
		{ "space in name", "From me Mon Jan 1 00:00:00\nB: 2\n",
			"=From me Mon Jan 1 00:00:00;B= 2;", "" },
		{ "starts folded", " x: 1\nB: 2\n", "= x: 1;B= 2;", "" },
		{ "UTF-8 name", "\xc3\xa9: 1\n", "\xc3\xa9= 1;", "" },
		{ "lone CR is no line end", "A: 1\r2\r\n\r\n", "A= 1\r2;", "\r\n" },
		{ "lone CR at end", "A: 1\n\r", "A= 1;=\r;", "" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].input);

		buf_reset(&got);
		put_fields(&got, &in);
		assert_text(rows[i].name, &got, rows[i].want);
		assert_bytes(rows[i].name, in, bytes_text(rows[i].rest));
	}
	buf_done(&got);
}

static void
fields_together_are_the_header(void **state)
{
	struct bytes all = BYTES("A: 1\r\n 2\r\nnonsense\r\nB : x\r\n\r\nbody"), in = all;
	struct bytes name, value, field;
	struct buf got;

	(void)state;
	buf_init(&got, 100);
	while (take_header_field(&in, &name, &value, &field))
		put_bytes(&got, field);
	assert_bytes("header", buf_bytes(&got), bytes_between(all, in));
	buf_done(&got);
}

static void
values_are_unfolded_rfc5322_2_2_3(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "plain", " This is a test", "This is a test" },
		{ "RFC 5322 2.2.3", " This\r\n is a test", "This is a test" },
		{ "disk form", " This\n is a test\n", "This is a test" },
		{ "tab stays", " a\r\n\tb", "a\tb" },
		{ "both ends", " \t a \r\n ", "a" },
		{ "lone CR stays", " a\rb", "a\rb" },
		{ "empty", "", "" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		put_unfolded(&got, bytes_text(rows[i].input));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_taken_one_by_one),
		cmocka_unit_test(fields_together_are_the_header),
		cmocka_unit_test(values_are_unfolded_rfc5322_2_2_3),
	};

	return cmocka_run_group_tests_name("rfc5322/header", tests, NULL, NULL);
}
