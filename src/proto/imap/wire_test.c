#include "proto/imap/wire.h"

#include "proto/imap/test_rows.h"

static const struct {
	const char *in, *want;
} rows[] = {
	{ "", "" },
	{ "a", "a" },
	{ "\n", "\r\n" },
	{ "\r\n", "\r\n" },
	{ "\r", "\r" },
	{ "a\nb\n", "a\r\nb\r\n" },
	{ "a\r\nb\nc\r\n\n", "a\r\nb\r\nc\r\n\r\n" },
	{ "a\rb\r\r\n\n\r", "a\rb\r\r\n\r\n\r" },
	{ "\n\n\n", "\r\n\r\n\r\n" },
};

static void
line_ends_become_crlf_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t piece = 1; piece < 12; piece++) {
			struct bytes in = bytes_text(rows[i].in), want = bytes_text(rows[i].want);
			struct imap_wire w;
			struct buf out;

			assert_int_equal(imap_wire_length(in), want.len);
			buf_init(&out, 100);
			imap_wire_start(&w, in);
			while (imap_wire_put(&w, &out, piece) > 0)
				;
			assert_octets(rows[i].in, buf_bytes(&out), want);
			buf_done(&out);
		}
}

static void
what_is_skipped_is_the_front_of_the_wire_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in), want = bytes_text(rows[i].want);

		for (size_t skip = 0; skip <= want.len + 2; skip++) {
			struct imap_wire w;
			struct buf out;

			buf_init(&out, 100);
			imap_wire_start(&w, in);
			imap_wire_skip(&w, skip);
			(void)imap_wire_put(&w, &out, 50);
			assert_octets(rows[i].in, buf_bytes(&out), bytes_sub(want, skip, want.len));
			buf_done(&out);
		}
	}
}

/* Longer than what is stepped over at once, with line ends of all kinds at every place of it. */
static void
a_long_text_is_skipped_as_a_short_one_is(void **state)
{
	static const char *const pieces[] = { "\n", "\r\n", "\r", "x", "\n\n\n", "a line\n" };
	struct buf in, want;
	struct imap_wire w;

	(void)state;
	buf_init(&in, 40000);
	buf_init(&want, 80000);
	for (unsigned int i = 0; i < 10000; i++)
		put_text(&in, pieces[i * 2654435761U % 4096 % COUNT_OF(pieces)]);
	imap_wire_start(&w, buf_bytes(&in));
	while (imap_wire_put(&w, &want, 1) > 0)
		;
	assert_int_equal(imap_wire_length(buf_bytes(&in)), want.len);
	for (size_t skip = 0; skip <= want.len; skip += 1 + skip % 7) {
		uint8_t octets[8];
		struct buf out;

		buf_init_fixed(&out, octets, sizeof octets);
		imap_wire_start(&w, buf_bytes(&in));
		imap_wire_skip(&w, skip / 3);
		imap_wire_skip(&w, skip - skip / 3);
		(void)imap_wire_put(&w, &out, sizeof octets);
		assert_octets("behind", buf_bytes(&out), bytes_sub(buf_bytes(&want), skip, sizeof octets));
	}
	buf_done(&in);
	buf_done(&want);
}

static void
no_nul_goes_out_rfc3501_4_3_1(void **state)
{
	const struct bytes in = BYTES("\0a\0\0\nb\0");

	(void)state;
	for (size_t piece = 1; piece < 10; piece++) {
		struct imap_wire w;
		struct buf out;

		assert_int_equal(imap_wire_length(in), 8);
		buf_init(&out, 100);
		imap_wire_start(&w, in);
		while (imap_wire_put(&w, &out, piece) > 0)
			;
		assert_octets("NUL", buf_bytes(&out), BYTES("?a??\r\nb?"));
		buf_done(&out);
	}
}

static void
slices_are_given_as_they_are(void **state)
{
	struct bytes in = BYTES("ab\ncd\r\nef\n");

	(void)state;
	assert_octets("first line", imap_wire_slice(in, 0, 4), BYTES("ab\n"));
	assert_octets("second", imap_wire_slice(in, 4, 4), BYTES("cd\r\n"));
	assert_octets("third", imap_wire_slice(in, 8, 4), BYTES("ef\n"));
	assert_octets("behind", imap_wire_slice(in, 12, 4), BYTES(""));
	assert_octets("clipped", imap_wire_slice(in, 8, 400), BYTES("ef\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends_become_crlf_in_pieces_of_any_size),
		cmocka_unit_test(what_is_skipped_is_the_front_of_the_wire_form),
		cmocka_unit_test(a_long_text_is_skipped_as_a_short_one_is),
		cmocka_unit_test(no_nul_goes_out_rfc3501_4_3_1),
		cmocka_unit_test(slices_are_given_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
