#include "proto/auth/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 8 };

static const struct {
	const char *in;
	const char *lines[4];
	const char *left;
	bool is_long;
} framing[] = {
	{ "", { NULL }, "", false },
	{ "AB", { NULL }, "AB", false },
	{ "AB\n", { "AB" }, "", false },
	{ "\n\nA\n", { "", "", "A" }, "", false },
	/* CR is an octet like others */
	{ "A\r\nB\r", { "A\r" }, "B\r", false },
	/* the limit counts the LF */
	{ "1234567\nA", { "1234567" }, "A", false },
	{ "A\n12345678\n", { "A" }, "12345678\n", true },
	{ "123456789", { NULL }, "123456789", true },
};

static void
frame(const char *text, const char *const *lines, const char *left, bool is_long, size_t cut)
{
	struct bytes all = bytes_text(text), in = bytes_sub(all, 0, cut), line;
	size_t seen = 0;

	for (;;) {
		enum auth_line kind = auth_take_line(&in, MAX, &line);
		size_t at = (size_t)(in.ptr - all.ptr);

		if (kind == AUTH_LINE_WHOLE) {
			assert_true(seen < 4 && lines[seen] && bytes_equal(line, bytes_text(lines[seen])));
			seen++;
		} else if (kind == AUTH_LINE_LONG) {
			assert_true(is_long);
			in = bytes_sub(all, at, all.len);
			break;
		} else {
			assert_true(in.len < MAX);
			if (at + in.len == all.len)
				break;
			in = bytes_sub(all, at, in.len + 1);
		}
	}
	assert_true(seen == 4 || !lines[seen]);
	assert_true(bytes_equal(in, bytes_text(left)));
}

static void
lines_are_framed_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
		for (size_t cut = 0; cut <= bytes_text(framing[i].in).len; cut++)
			frame(framing[i].in, framing[i].lines, framing[i].left, framing[i].is_long, cut);
}

static void
fields_are_what_stands_between_tabs(void **state)
{
	static const struct {
		struct bytes line;
		const char *want[4];
	} rows[] = {
		{ BYTES_INIT(""), { "" } },
		{ BYTES_INIT("A"), { "A" } },
		{ BYTES_INIT("A\t"), { "A", "" } },
		{ BYTES_INIT("\tB\t\t"), { "", "B", "", "" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes line = rows[i].line, field;
		size_t count = 0;

		while (auth_take_field(&line, &field)) {
			assert_true(count < 4 && rows[i].want[count]);
			assert_true(bytes_equal(field, bytes_text(rows[i].want[count++])));
		}
		assert_true(count == 4 || !rows[i].want[count]);
	}
}

static void
an_id_is_a_number_of_32_bits(void **state)
{
	static const struct {
		struct bytes line;
		bool is_good;
		uint32_t want;
	} rows[] = {
		{ BYTES_INIT("0"), true, 0 },
		{ BYTES_INIT("4294967295\tx"), true, UINT32_MAX },
		{ BYTES_INIT("4294967296"), false, 0 },
		{ BYTES_INIT("-1"), false, 0 },
		{ BYTES_INIT("1x"), false, 0 },
		{ BYTES_INIT("\t1"), false, 0 },
		{ BYTES_INIT(""), false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes line = rows[i].line;
		uint32_t id = 0;

		assert_int_equal(auth_take_id(&line, &id), rows[i].is_good);
		if (rows[i].is_good)
			assert_int_equal(id, rows[i].want);
		else
			assert_true(bytes_equal(line, rows[i].line));
	}
}

static void
escapes_come_back_as_they_went(void **state)
{
	struct arena *arena = arena_new("test", 65536, ARENA_PLAIN);
	struct bytes back;
	uint8_t all[256];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	buf_init(&out, 65536);
	auth_put_escaped(&out, bytes_of(all, sizeof all));
	assert_int_equal(out.len, sizeof all + 5);
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.ptr[i] && out.ptr[i] != '\t' && out.ptr[i] != '\n' && out.ptr[i] != '\r');
	assert_true(auth_unescape(buf_bytes(&out), arena, &back));
	assert_true(bytes_equal(back, bytes_of(all, sizeof all)));
	assert_true(auth_unescape(BYTES("a\001xb\0011t"), arena, &back));
	assert_true(bytes_equal(back, BYTES("axb\001t")));
	assert_false(auth_unescape(BYTES("a\001"), arena, &back));
	buf_done(&out);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_framed_the_same_at_every_split),
		cmocka_unit_test(fields_are_what_stands_between_tabs),
		cmocka_unit_test(an_id_is_a_number_of_32_bits),
		cmocka_unit_test(escapes_come_back_as_they_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
