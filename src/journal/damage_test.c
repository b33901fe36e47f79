/* Files that a replay finds and did not expect. */
#include "journal/journal.h"

#include "base/memory.h"
#include "journal/format.h"
#include "journal/test_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
put_file(const char *name, struct bytes content)
{
	int fd = disk->openat(AT_FDCWD, name, O_CREAT | O_RDWR, 0600);

	assert_true(fd >= 0);
	assert_int_equal(disk_write_all(fd, content, 0), 0);
	assert_int_equal(disk->close(fd), 0);
}

static void
j9_files_of_others_and_of_newer_versions_are_refused_and_left_alone(void **state)
{
	static uint8_t foreign[SEGMENT], newer[SEGMENT];
	struct segment_head head = { .sequence = 1, .octets = SEGMENT };
	const struct bytes rows[] = { bytes_of(foreign, SEGMENT), bytes_of(newer, SEGMENT), BYTES("short"),
		bytes_of(foreign, 0) };

	(void)state;
	memset(foreign, 'x', sizeof foreign);
	format_put_head(newer, &head);
	newer[8] = newer[2048 + 8] = FORMAT_VERSION + 1;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = world_new(11);
		struct fault f;
		uint64_t calls;

		put_file("segment-0", rows[i]);
		put_file("segment-1.new", BYTES(""));
		calls = disk_fault_calls(w->disk);
		assert_int_equal(open_journal(w, &f), -1);
		assert_int_equal(f.kind, FAULT_PERM);
		assert_int_equal(disk_fault_calls(w->disk), calls);
		world_free(w);
	}
}

static bool
exists(const char *path)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0;
}

/* Leaves a log of the ids 0 .. count - 1, a batch for each, in one segment or more. */
static void
leave_log(struct world *w, unsigned int count)
{
	must_open(w);
	for (unsigned int id = 0; id < count; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	disk_fault_cut(w->disk, 1);
	crash(w);
}

/* Where the record of the id stands: file and offset. */
static bool
find_record(unsigned int id, char path[64], uint64_t *at)
{
	static uint8_t content[SEGMENT];
	uint8_t body[16];

	memset(body, (int)id, sizeof body);
	for (int n = 0; n < 10; n++) {
		int fd;

		(void)snprintf(path, 64, "segment-%d", n);
		fd = disk->openat(AT_FDCWD, path, O_RDONLY, 0);
		if (fd < 0)
			continue;
		assert_int_equal(disk_read_all(fd, content, SEGMENT, 0), 0);
		disk_close(&fd);
		for (size_t i = FORMAT_PAGE; i + 64 < SEGMENT; i += 8) {
			size_t in = i + FORMAT_RECORD_HEAD;

			if (memcmp(content + i, "MJR1", 4) == 0 && memcmp(content + in, &id, 4) == 0 &&
				memcmp(content + in + 4, body, sizeof body) == 0) {
				*at = i;
				return true;
			}
		}
	}
	return false;
}

static void
a_flipped_bit_before_the_last_batch_costs_one_record_and_is_told(void **state)
{
	(void)state;
	/* In the magic, the length, the checksums, the batch, the record. */
	static const uint64_t places[] = { 0, 9, 13, 25, 41, 60 };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct world *w = world_new(12);
		char path[64];
		uint64_t at = 0;

		leave_log(w, 6);
		assert_true(find_record(3, path, &at));
		disk_fault_flip(w->disk, path, at + places[i], 3);
		must_open(w);
		assert_int_equal(w->report.damaged_records, 1);
		assert_int_equal(w->report.records, 5);
		assert_int_equal(w->report.missing_segments, 0);
		assert_false(w->report.has_torn_tail);
		for (unsigned int id = 0; id < 6; id++)
			assert_int_equal(w->is_applied[id], id != 3);
		assert_true(exists("damaged-1"));
		assert_int_equal(append_and_wait(w, 10), 0);
		world_free(w);
	}
}

static void
a_flipped_bit_in_the_last_batch_ends_the_log_there(void **state)
{
	struct world *w = world_new(13);
	char path[64];
	uint64_t at = 0;

	(void)state;
	leave_log(w, 6);
	assert_true(find_record(5, path, &at));
	disk_fault_flip(w->disk, path, at + 60, 0);
	must_open(w);
	assert_true(w->report.has_torn_tail);
	assert_int_equal(w->report.damaged_records, 0);
	assert_int_equal(w->report.records, 5);
	world_free(w);
}

static void
a_flipped_bit_in_a_segment_head_costs_nothing(void **state)
{
	struct world *w = world_new(14);
	char path[64];
	uint64_t at = 0;

	(void)state;
	leave_log(w, 6);
	assert_true(find_record(3, path, &at));
	disk_fault_flip(w->disk, path, 8, 0);
	must_open(w);
	assert_int_equal(w->report.records, 6);
	assert_int_equal(w->report.damaged_records, 0);
	world_free(w);
}

static void
a_missing_segment_is_told_and_the_others_are_replayed(void **state)
{
	struct world *w = world_new(15);
	struct work *held = work_new(w, 0);
	char path[64];
	uint64_t at = 0;
	unsigned int lost = 0;

	(void)state;
	must_open(w);
	w->was_appended[0] = true;
	/* Never applied, so that no checkpoint ends. */
	assert_int_equal(journal_append(w->journal, &held->entry, NULL), 0);
	assert_int_equal(journal_wait(w->journal, &held->entry, NULL), 0);
	for (unsigned int id = 1; id < 20; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	disk_fault_cut(w->disk, 1);
	crash(w);
	memory_free(held);
	assert_true(find_record(10, path, &at));
	assert_int_equal(disk->unlinkat(AT_FDCWD, path, 0), 0);
	must_open(w);
	assert_int_equal(w->report.missing_segments, 1);
	for (unsigned int id = 0; id < 20; id++)
		lost += !w->is_applied[id];
	assert_in_range(lost, 1, 7);
	assert_true(w->is_applied[0] && w->is_applied[19]);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(j9_files_of_others_and_of_newer_versions_are_refused_and_left_alone),
		cmocka_unit_test(a_flipped_bit_before_the_last_batch_costs_one_record_and_is_told),
		cmocka_unit_test(a_flipped_bit_in_the_last_batch_ends_the_log_there),
		cmocka_unit_test(a_flipped_bit_in_a_segment_head_costs_nothing),
		cmocka_unit_test(a_missing_segment_is_told_and_the_others_are_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
