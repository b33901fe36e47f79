#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
it_grows_to_its_cap_and_not_beyond(void **state)
{
	(void)state;
	for (size_t max = 0; max < 600; max += 7) {
		struct buf b;

		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			put_char(&b, (uint8_t)i);
		assert_false(b.has_failed);
		assert_int_equal(b.len, max);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(b.ptr[i], i & 0xff);
		put_char(&b, 'x');
		assert_true(b.has_failed);
		assert_int_equal(b.len, max);
		buf_done(&b);
	}
}

static void
an_error_sticks_until_reset(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	put_text(&b, "abc");
	put_text(&b, "de");
	assert_true(b.has_failed);
	put_char(&b, 'd'); /* would fit */
	assert_int_equal(b.len, 3);
	assert_null(buf_room(&b, 0));
	buf_reset(&b);
	put_text(&b, "defg");
	assert_false(b.has_failed);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("defg")));
	put_text(&b, "");
	assert_false(b.has_failed);
	buf_done_secret(&b);
}

static void
fixed_memory_is_never_outgrown(void **state)
{
	uint8_t memory[5] = "....";
	struct buf b;

	(void)state;
	buf_init_fixed(&b, memory, 4);
	put_text(&b, "ab");
	put_text(&b, "cde");
	assert_true(b.has_failed);
	put_text(&b, "cd");
	assert_memory_equal(memory, "ab..", 4);
}

static void
dropping_leaves_the_rest(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_drop(&b, 0);
	put_text(&b, "abcdef");
	buf_drop(&b, 2);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("cdef")));
	buf_drop(&b, 4);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void
room_is_written_and_told(void **state)
{
	struct buf b;
	uint8_t *room;

	(void)state;
	buf_init(&b, 10);
	room = buf_room(&b, 10);
	assert_non_null(room);
	memcpy(room, "abc", 3);
	buf_added(&b, 3);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("abc")));
	assert_null(buf_room(&b, 8));
	assert_true(b.has_failed);
	buf_done(&b);
}

static void
numbers_and_formats_print(void **state)
{
	uint8_t memory[4];
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	put_number(&b, 0);
	put_char(&b, ' ');
	put_number(&b, UINT64_MAX);
	put_format(&b, " %s=%03d", "x", 7);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("0 18446744073709551615 x=007")));
	buf_done(&b);
	/* Exactly full: the NUL of vsnprintf needs no room. */
	buf_init(&b, 3);
	put_format(&b, "%d", 123);
	assert_false(b.has_failed);
	put_format(&b, "%s", "");
	assert_false(b.has_failed);
	put_format(&b, "4");
	assert_true(b.has_failed);
	buf_done(&b);
	/* What does not fit leaves what stood before it. */
	buf_init_fixed(&b, memory, sizeof memory);
	put_format(&b, "%s", "ab");
	put_format(&b, "%s", "cde");
	assert_true(b.has_failed);
	b.has_failed = false;
	put_format(&b, "%s", "cd");
	assert_true(bytes_equal(buf_bytes(&b), BYTES("abcd")));
}

static void
little_endian_round_trip(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x80, 0xff, 0x1234, 0xffff, 0x12345678, 0xffffffff, 0x123456789abcdef0, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct buf b;
		struct bytes in;
		uint8_t u8 = 0;
		uint16_t u16 = 0;
		uint32_t u32 = 0;
		uint64_t u64 = 0;

		buf_init(&b, 15);
		put_u8(&b, (uint8_t)values[i]);
		put_u16(&b, (uint16_t)values[i]);
		put_u32(&b, (uint32_t)values[i]);
		put_u64(&b, values[i]);
		in = buf_bytes(&b);
		assert_true(take_u8(&in, &u8) && take_u16(&in, &u16) && take_u32(&in, &u32) && take_u64(&in, &u64));
		assert_int_equal(u8, (uint8_t)values[i]);
		assert_int_equal(u16, (uint16_t)values[i]);
		assert_int_equal(u32, (uint32_t)values[i]);
		assert_true(u64 == values[i]);
		for (size_t len = 0; len < 8; len++) {
			struct bytes few = bytes_sub(buf_bytes(&b), 0, len), before = few;

			assert_false(take_u64(&few, &u64));
			assert_int_equal(few.len, before.len);
			assert_int_equal(take_u32(&few, &u32), len >= 4);
		}
		buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_to_its_cap_and_not_beyond),
		cmocka_unit_test(an_error_sticks_until_reset),
		cmocka_unit_test(fixed_memory_is_never_outgrown),
		cmocka_unit_test(dropping_leaves_the_rest),
		cmocka_unit_test(room_is_written_and_told),
		cmocka_unit_test(numbers_and_formats_print),
		cmocka_unit_test(little_endian_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
