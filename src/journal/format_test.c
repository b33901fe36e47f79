#include "journal/format.h"

#include "base/memory.h"
#include "journal/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEGMENT = 64 * 1024 };

static uint8_t segment[SEGMENT];
static const struct segment_head head = { .sequence = 7, .salt = 0x1234567890abcdef, .needed = 5, .previous = 6, .last_batch = 41, .octets = SEGMENT };

static void
rfc3720_b4_crc32c_test_vectors(void **state)
{
	uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof ones);
	for (uint8_t i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(crc32c(0, bytes_of(zeros, 32)), 0x8a9136aa);
	assert_int_equal(crc32c(0, bytes_of(ones, 32)), 0x62a8ab43);
	assert_int_equal(crc32c(0, bytes_of(up, 32)), 0x46dd794e);
	assert_int_equal(crc32c(0, bytes_of(down, 32)), 0x113fdb5c);
	assert_int_equal(crc32c(0, BYTES("123456789")), 0xe3069283);
	for (size_t cut = 0; cut <= 32; cut++) {
		uint32_t before = crc32c(0, bytes_of(up, cut));

		assert_int_equal(crc32c(before, bytes_of(up + cut, 32 - cut)), 0x46dd794e);
	}
}

static void
a_head_is_read_as_it_was_written(void **state)
{
	uint8_t page[FORMAT_PAGE] = { 0 };
	struct segment_head got;

	(void)state;
	assert_int_equal(format_read_head(bytes_of(page, sizeof page), &got), HEAD_EMPTY);
	format_put_head(page, &head);
	assert_int_equal(format_read_head(bytes_of(page, sizeof page), &got), HEAD_GOOD);
	assert_memory_equal(&got, &head, sizeof got);
	assert_int_equal(format_read_head(bytes_of(page, sizeof page - 1), &got), HEAD_FOREIGN);
}

static void
one_good_copy_of_a_head_is_enough_and_none_is_damage(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 64 * 8; bit++) {
		uint8_t page[FORMAT_PAGE];
		struct segment_head got;
		enum head_state both;

		format_put_head(page, &head);
		page[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(format_read_head(bytes_of(page, sizeof page), &got), HEAD_GOOD);
		page[2048 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		both = format_read_head(bytes_of(page, sizeof page), &got);
		assert_true(both != HEAD_GOOD && both != HEAD_EMPTY);
	}
}

static void
a_head_that_was_only_begun_on_an_empty_page_is_empty(void **state)
{
	(void)state;
	for (size_t octets = 1; octets < 64; octets++) {
		uint8_t whole[FORMAT_PAGE], page[FORMAT_PAGE] = { 0 };
		struct segment_head got;

		format_put_head(whole, &head);
		memcpy(page, whole, octets);
		if (format_read_head(bytes_of(page, sizeof page), &got) != HEAD_EMPTY)
			/* What follows the last octet that isn't zero was zero anyway. */
			assert_memory_equal(&got, &head, sizeof got);
	}
}

static size_t
put_record(size_t at, uint64_t batch, bool is_last, struct bytes record)
{
	format_put_record_head(segment + at, &head,
		&(struct record_head){ .kind = KIND_RECORD,
			.is_last = is_last,
			.octets = (uint32_t)record.len,
			.payload_crc = crc32c(0, record),
			.batch = batch,
			.at = at });
	if (record.len)
		memcpy(segment + at + FORMAT_RECORD_HEAD, record.ptr, record.len);
	at += (size_t)format_record_room(record.len);
	return is_last ? (size_t)format_page_up(at) : at;
}

/* Batches 42 (a, bb), 43 (an empty record), 44 (ccc, dddd). */
static void
make_segment(void)
{
	size_t at = FORMAT_PAGE;

	memset(segment, 0, sizeof segment);
	format_put_head(segment, &head);
	at = put_record(at, 42, false, BYTES("a"));
	at = put_record(at, 42, true, BYTES("bb"));
	at = put_record(at, 43, true, BYTES(""));
	at = put_record(at, 44, false, BYTES("ccc"));
	(void)put_record(at, 44, true, BYTES("dddd"));
}

/* What a reader finds, as text: the records with a "," behind each, "!" for damage, "~" for a torn end. */
static void
read_all(uint64_t last_batch, struct buf *out)
{
	struct segment_reader r;
	struct record_head record_head;
	struct bytes record;

	buf_reset(out);
	reader_init(&r, bytes_of(segment, sizeof segment), &head, last_batch);
	for (;;)
		switch (reader_next(&r, &record_head, &record)) {
		case READER_RECORD:
			put_bytes(out, record);
			put_char(out, ',');
			break;
		case READER_DAMAGE:
			put_char(out, '!');
			break;
		case READER_TORN:
			put_char(out, '~');
			return;
		case READER_END:
			return;
		}
}

static void
assert_reads(uint64_t last_batch, const char *want)
{
	uint8_t memory[100];
	struct buf out;

	buf_init_fixed(&out, memory, sizeof memory);
	read_all(last_batch, &out);
	put_u8(&out, 0);
	assert_string_equal((const char *)memory, want);
}

static void
a_segment_is_read_in_order_and_to_the_batch_that_counts(void **state)
{
	(void)state;
	make_segment();
	assert_reads(UINT64_MAX, "a,bb,,ccc,dddd,");
	assert_reads(44, "a,bb,,ccc,dddd,");
	assert_reads(43, "a,bb,,");
	assert_reads(41, "");
	/* The next segment says that there was a batch 45. */
	assert_reads(45, "a,bb,,ccc,dddd,!");
}

static void
what_is_broken_is_torn_at_the_end_and_damage_before(void **state)
{
	const size_t second = FORMAT_PAGE + 56, third = 2 * FORMAT_PAGE, fourth = 3 * FORMAT_PAGE, fifth = fourth + 56;
	const struct {
		size_t octet;
		const char *at_end, *in_the_middle;
	} rows[] = {
		{ FORMAT_PAGE, "!bb,,ccc,dddd,", "!bb,,ccc,dddd," },
		{ FORMAT_PAGE + FORMAT_RECORD_HEAD, "!bb,,ccc,dddd,", "!bb,,ccc,dddd," },
		{ second + 10, "a,!,ccc,dddd,", "a,!,ccc,dddd," },
		{ second + FORMAT_RECORD_HEAD, "a,!,ccc,dddd,", "a,!,ccc,dddd," },
		{ third, "a,bb,!ccc,dddd,", "a,bb,!ccc,dddd," },
		{ fourth, "a,bb,,~", "a,bb,,!dddd," },
		{ fourth + FORMAT_RECORD_HEAD, "a,bb,,~", "a,bb,,!dddd," },
		{ fifth, "a,bb,,ccc,~", "a,bb,,ccc,!" },
		{ fifth + FORMAT_RECORD_HEAD, "a,bb,,ccc,~", "a,bb,,ccc,!" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		make_segment();
		segment[rows[i].octet] ^= 1;
		assert_reads(UINT64_MAX, rows[i].at_end);
		assert_reads(44, rows[i].in_the_middle);
	}
}

static void
j3_a_record_of_another_life_place_or_segment_is_not_read(void **state)
{
	struct segment_reader r;
	struct record_head record_head;
	struct bytes record;
	struct segment_head other = head;

	(void)state;
	make_segment();
	other.salt++;
	reader_init(&r, bytes_of(segment, sizeof segment), &other, UINT64_MAX);
	assert_int_equal(reader_next(&r, &record_head, &record), READER_END);
	other = head;
	other.sequence++;
	reader_init(&r, bytes_of(segment, sizeof segment), &other, UINT64_MAX);
	assert_int_equal(reader_next(&r, &record_head, &record), READER_END);
	memmove(segment + FORMAT_PAGE, segment + 2 * FORMAT_PAGE, FORMAT_PAGE);
	memset(segment + 2 * FORMAT_PAGE, 0, 2 * FORMAT_PAGE);
	assert_reads(UINT64_MAX, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3720_b4_crc32c_test_vectors),
		cmocka_unit_test(a_head_is_read_as_it_was_written),
		cmocka_unit_test(one_good_copy_of_a_head_is_enough_and_none_is_damage),
		cmocka_unit_test(a_head_that_was_only_begun_on_an_empty_page_is_empty),
		cmocka_unit_test(a_segment_is_read_in_order_and_to_the_batch_that_counts),
		cmocka_unit_test(what_is_broken_is_torn_at_the_end_and_damage_before),
		cmocka_unit_test(j3_a_record_of_another_life_place_or_segment_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
