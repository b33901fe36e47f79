#include "journal/journal.h"

#include "base/memory.h"
#include "journal/format.h"
#include "sys/disk_fault.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SEGMENT = 32 * 1024, RECORD_MAX = 5000, IDS_MAX = 400 };

static const struct journal_limits limits = { .segment_octets = SEGMENT, .octets_max = 2 * SEGMENT, .record_octets_max = RECORD_MAX };

/* What the owner of the journal knows, and what the outside world was told. */
struct world {
	struct disk_fault *disk;
	int root;
	struct journal *journal;
	struct journal_report report;
	pthread_mutex_t lock;
	bool was_appended[IDS_MAX], was_told_ok[IDS_MAX], was_told_failed[IDS_MAX];
	bool is_applied[IDS_MAX]; /* in memory: lost by a crash */
	bool is_settled[IDS_MAX];
	unsigned int replayed[IDS_MAX * 2];
	size_t replayed_count;
	unsigned int last_ok;
	bool fails_settle;
};

/* A record of the test: an id and a body whose length and octets follow from it. */
struct work {
	struct journal_entry entry;
	struct world *world;
	unsigned int id;
	bool is_finished;
	uint8_t head[4], body[RECORD_MAX];
};

static size_t
body_octets(unsigned int id)
{
	return id % 7 == 0 ? 4900 : (id * 37) % 700;
}

static struct work *
work_new(struct world *w, unsigned int id)
{
	struct work *work = NEW(struct work);
	size_t len = body_octets(id);

	work->world = w;
	work->id = id;
	memcpy(work->head, &id, 4);
	memset(work->body, (int)(id & 0xff), len);
	work->entry.pieces[0] = bytes_of(work->head, 4);
	work->entry.pieces[1] = bytes_of(work->body, len / 2);
	work->entry.pieces[2] = bytes_of(work->body + len / 2, len - len / 2);
	work->entry.piece_count = 3;
	return work;
}

static int
replay(void *arg, struct bytes record, struct fault *f)
{
	struct world *w = arg;
	unsigned int id;

	(void)f;
	assert_true(record.len >= 4);
	memcpy(&id, record.ptr, 4);
	assert_true(id < IDS_MAX);
	assert_int_equal(record.len, 4 + body_octets(id));
	for (size_t i = 4; i < record.len; i++)
		assert_int_equal(record.ptr[i], id & 0xff);
	w->replayed[w->replayed_count++] = id;
	w->is_applied[id] = true;
	return 0;
}

static int
settle(void *arg, struct fault *f)
{
	struct world *w = arg;
	bool applied[IDS_MAX];

	(void)pthread_mutex_lock(&w->lock);
	memcpy(applied, w->is_applied, sizeof applied);
	(void)pthread_mutex_unlock(&w->lock);
	if (w->fails_settle || disk->syncfs(w->root) < 0)
		return fault_errno(f, EIO, "settle");
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < IDS_MAX; i++)
		w->is_settled[i] |= applied[i];
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

static int
open_journal(struct world *w, struct fault *f)
{
	struct journal_owner owner = { replay, settle, w };

	w->replayed_count = 0;
	w->root = disk_fault_root(w->disk);
	return journal_open(w->root, &limits, &owner, &w->journal, &w->report, f);
}

static void
must_open(struct world *w)
{
	struct fault f = { 0 };

	if (open_journal(w, &f) < 0)
		fail_msg("journal_open: %s", f.text);
}

/* Until the spare segments are made, so that the next call on the disk is the journal's. */
static void
wait_for_quiet(struct world *w)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	while (journal_stats(w->journal).free_segments < 2 * 2 + 3 - 1)
		(void)nanosleep(&pause, NULL);
}

static struct world *
world_new(uint64_t seed)
{
	struct world *w = NEW(struct world);

	(void)pthread_mutex_init(&w->lock, NULL);
	w->disk = disk_fault_new(seed);
	return w;
}

static void
world_free(struct world *w)
{
	journal_close(&w->journal);
	disk_fault_free(&w->disk);
	(void)pthread_mutex_destroy(&w->lock);
	memory_free(w);
}

static void
finished(struct journal_entry *entry, const struct fault *f)
{
	struct work *work = (struct work *)entry;
	struct world *w = work->world;

	(void)pthread_mutex_lock(&w->lock);
	if (f) {
		assert_int_equal(f->kind, FAULT_TEMP);
		w->was_told_failed[work->id] = true;
	} else {
		assert_true(work->id >= w->last_ok);
		w->last_ok = work->id;
		w->was_told_ok[work->id] = w->is_applied[work->id] = true;
	}
	(void)pthread_mutex_unlock(&w->lock);
	journal_applied(w->journal, entry);
	memory_free(work);
}

/* Appends the ids without waiting; those that are refused count as failed. */
static void
append(struct world *w, unsigned int first, unsigned int count)
{
	for (unsigned int id = first; id < first + count; id++) {
		struct work *work = work_new(w, id);
		struct fault f;

		work->entry.done = finished;
		w->was_appended[id] = true;
		if (journal_append(w->journal, &work->entry, &f) == 0)
			continue;
		assert_int_equal(f.kind, FAULT_TEMP);
		w->was_told_failed[id] = true;
		memory_free(work);
	}
}

/* Appends one and waits until it is durable. */
static int
append_and_wait(struct world *w, unsigned int id)
{
	struct work *work = work_new(w, id);
	struct fault f;
	int result = journal_append(w->journal, &work->entry, &f);

	w->was_appended[id] = true;
	if (result == 0) {
		result = journal_wait(w->journal, &work->entry, &f);
		(void)pthread_mutex_lock(&w->lock);
		w->is_applied[id] = w->was_told_ok[id] = result == 0;
		(void)pthread_mutex_unlock(&w->lock);
		journal_applied(w->journal, &work->entry);
	}
	w->was_told_failed[id] = result < 0;
	memory_free(work);
	return result;
}

/* Groups and single ones, with a checkpoint between. */
static void
run_workload(struct world *w, unsigned int first)
{
	struct fault f;

	append(w, first, 12);
	(void)append_and_wait(w, first + 12);
	(void)append_and_wait(w, first + 13);
	if (journal_checkpoint(w->journal, &f) < 0)
		assert_int_equal(f.kind, FAULT_TEMP);
	append(w, first + 14, 30);
	(void)append_and_wait(w, first + 44);
	append(w, first + 45, 5);
}
enum { WORKLOAD = 50 };

static void
crash(struct world *w)
{
	journal_close(&w->journal);
	disk_fault_crash(w->disk);
	memcpy(w->is_applied, w->is_settled, sizeof w->is_applied);
}

/* J1, J2, J5: what was told safe is there, what is there was appended, in order. */
static void
check_replay(struct world *w)
{
	unsigned int last = 0;

	for (size_t i = 0; i < w->replayed_count; i++) {
		unsigned int id = w->replayed[i];

		assert_true(w->was_appended[id]);
		assert_true(i == 0 || id > last);
		last = id;
	}
	for (unsigned int id = 0; id < IDS_MAX; id++)
		if (w->was_told_ok[id] && !w->is_applied[id])
			fail_msg("record %u was told to be safe and is lost", id);
	assert_int_equal(w->report.damaged_records, 0);
	assert_int_equal(w->report.missing_segments, 0);
}

static uint64_t
count_calls_of_workload(void)
{
	struct world *w = world_new(1);
	uint64_t calls;

	must_open(w);
	run_workload(w, 0);
	journal_close(&w->journal);
	calls = disk_fault_calls(w->disk);
	world_free(w);
	return calls;
}

static void
j1_j2_j5_whenever_the_power_goes_what_was_answered_is_replayed_in_order(void **state)
{
	uint64_t calls = count_calls_of_workload();

	(void)state;
	for (uint64_t cut = 1; cut <= calls + 4; cut++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct world *w = world_new(cut * 10 + seed);

			disk_fault_cut(w->disk, cut);
			if (open_journal(w, NULL) == 0)
				run_workload(w, 0);
			crash(w);
			must_open(w);
			check_replay(w);
			world_free(w);
		}
}

static void
j3_crash_after_crash_nothing_old_is_taken_for_new(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = world_new(seed);
		uint64_t cut = 30 + seed * 7 % 50;

		for (unsigned int life = 0; life < 6; life++) {
			disk_fault_cut(w->disk, cut + life * 3);
			if (open_journal(w, NULL) == 0)
				run_workload(w, life * WORKLOAD);
			crash(w);
		}
		must_open(w);
		check_replay(w);
		world_free(w);
	}
}

static void
j1_j6_j7_whichever_call_fails_the_answers_are_true_and_the_log_goes_on(void **state)
{
	uint64_t calls = count_calls_of_workload();

	(void)state;
	for (uint64_t nth = 1; nth <= calls; nth++) {
		struct world *w = world_new(nth);
		unsigned int last_ok = 0;

		disk_fault_fail(w->disk, nth, 1 + nth % 3, nth % 2 ? EIO : ENOSPC);
		if (open_journal(w, NULL) < 0) {
			disk_fault_fail(w->disk, 0, 0, 0);
			must_open(w);
		}
		run_workload(w, 0);
		disk_fault_fail(w->disk, 0, 0, 0);
		/* A settle that failed ends it until it is opened anew. */
		for (unsigned int id = WORKLOAD; id < WORKLOAD + 10; id++)
			if (append_and_wait(w, id) == 0)
				last_ok = id;
		disk_fault_cut(w->disk, 1);
		crash(w);
		must_open(w);
		check_replay(w);
		for (size_t i = 0; i < w->replayed_count; i++)
			if (w->replayed[i] < last_ok && w->was_told_failed[w->replayed[i]])
				fail_msg("call %llu: record %u failed, and came back", (unsigned long long)nth,
					w->replayed[i]);
		assert_int_equal(append_and_wait(w, WORKLOAD + 20), 0);
		world_free(w);
	}
}

static void
j7_after_a_failed_sync_only_its_batch_has_failed(void **state)
{
	struct world *w = world_new(7);

	(void)state;
	must_open(w);
	assert_int_equal(append_and_wait(w, 1), 0);
	wait_for_quiet(w);
	disk_fault_fail(w->disk, 2, 1, EIO); /* write, then the sync */
	assert_int_equal(append_and_wait(w, 2), -1);
	assert_int_equal(append_and_wait(w, 3), 0);
	assert_int_equal(journal_stats(w->journal).failures, 1);
	disk_fault_cut(w->disk, 1);
	crash(w);
	must_open(w);
	assert_int_equal(w->replayed_count, 2);
	assert_int_equal(w->replayed[0], 1);
	assert_int_equal(w->replayed[1], 3);
	world_free(w);
}

static void
j7_while_every_write_fails_it_refuses_and_then_goes_on(void **state)
{
	struct world *w = world_new(8);
	struct fault f;
	unsigned int id = 1;

	(void)state;
	must_open(w);
	disk_fault_fail(w->disk, 1, UINT64_MAX, EIO);
	while (id < 20)
		assert_int_equal(append_and_wait(w, id++), -1);
	assert_int_equal(journal_ready(w->journal, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	disk_fault_fail(w->disk, 0, 0, 0);
	while (id < 300 && append_and_wait(w, id) < 0) {
		struct timespec pause = { .tv_nsec = 1000000 };

		(void)nanosleep(&pause, NULL);
		id++;
	}
	assert_true(id < 300);
	assert_int_equal(journal_ready(w->journal, &f), 0);
	disk_fault_cut(w->disk, 1);
	crash(w);
	must_open(w);
	check_replay(w);
	world_free(w);
}

static void
j7_after_a_failed_settle_everything_is_refused_until_it_is_opened_anew(void **state)
{
	struct world *w = world_new(9);
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(append_and_wait(w, 1), 0);
	w->fails_settle = true;
	assert_int_equal(journal_checkpoint(w->journal, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	assert_int_equal(append_and_wait(w, 2), -1);
	assert_int_equal(journal_ready(w->journal, &f), -1);
	w->fails_settle = false;
	assert_int_equal(journal_checkpoint(w->journal, &f), -1);
	journal_close(&w->journal);
	must_open(w);
	assert_int_equal(w->replayed_count, 1);
	assert_int_equal(w->replayed[0], 1);
	assert_int_equal(append_and_wait(w, 3), 0);
	world_free(w);
}

static void
j8_a_full_disk_fails_the_opening_and_nothing_later(void **state)
{
	struct world *w = world_new(10);
	struct fault f;

	(void)state;
	disk_fault_set_room(w->disk, 2 * SEGMENT);
	assert_int_equal(open_journal(w, &f), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	disk_fault_set_room(w->disk, 3 * SEGMENT);
	must_open(w);
	for (unsigned int id = 0; id < 200; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	append(w, 200, 150);
	assert_int_equal(append_and_wait(w, 350), 0);
	for (unsigned int id = 0; id <= 350; id++)
		assert_true(w->was_told_ok[id]);
	assert_true(journal_stats(w->journal).checkpoints > 5);
	world_free(w);
}

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

static void
what_is_larger_than_allowed_is_refused_at_once(void **state)
{
	struct world *w = world_new(16);
	static uint8_t large[RECORD_MAX + 1];
	struct journal_entry entry = { .pieces = { bytes_of(large, sizeof large) }, .piece_count = 1 };
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(journal_append(w->journal, &entry, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	entry.pieces[0].len--;
	assert_int_equal(journal_append(w->journal, &entry, &f), 0);
	assert_int_equal(journal_wait(w->journal, &entry, &f), 0);
	journal_applied(w->journal, &entry);
	disk_fault_cut(w->disk, 1);
	world_free(w);
}

static void
j5_a_checkpoint_waits_until_everything_is_applied(void **state)
{
	struct world *w = world_new(17);
	struct work *work = work_new(w, 1);
	struct fault f;

	(void)state;
	must_open(w);
	assert_int_equal(journal_append(w->journal, &work->entry, &f), 0);
	assert_int_equal(journal_wait(w->journal, &work->entry, &f), 0);
	/* 2 is applied and 1 isn't: no checkpoint may end, however much comes. */
	for (unsigned int id = 2; id < 30; id++)
		assert_int_equal(append_and_wait(w, id), 0);
	assert_int_equal(journal_stats(w->journal).checkpoints, 0);
	w->is_applied[1] = true;
	journal_applied(w->journal, &work->entry);
	assert_int_equal(journal_checkpoint(w->journal, &f), 0);
	assert_true(w->is_settled[1]);
	assert_int_equal(journal_stats(w->journal).log_octets, 0);
	memory_free(work);
	world_free(w);
}

static void
a_log_that_was_closed_has_nothing_to_replay(void **state)
{
	struct world *w = world_new(18);

	(void)state;
	must_open(w);
	run_workload(w, 0);
	journal_close(&w->journal);
	must_open(w);
	assert_int_equal(w->report.records, 0);
	for (unsigned int id = 0; id < WORKLOAD; id++)
		assert_true(w->is_settled[id]);
	world_free(w);
}

static void
what_waits_together_is_synced_together(void **state)
{
	struct world *w = world_new(19);
	struct journal_stats stats;

	(void)state;
	must_open(w);
	append(w, 0, 50);
	assert_int_equal(append_and_wait(w, 50), 0);
	stats = journal_stats(w->journal);
	assert_int_equal(stats.records, 51);
	assert_true(stats.syncs < 40);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(j1_j2_j5_whenever_the_power_goes_what_was_answered_is_replayed_in_order),
		cmocka_unit_test(j3_crash_after_crash_nothing_old_is_taken_for_new),
		cmocka_unit_test(j1_j6_j7_whichever_call_fails_the_answers_are_true_and_the_log_goes_on),
		cmocka_unit_test(j7_after_a_failed_sync_only_its_batch_has_failed),
		cmocka_unit_test(j7_while_every_write_fails_it_refuses_and_then_goes_on),
		cmocka_unit_test(j7_after_a_failed_settle_everything_is_refused_until_it_is_opened_anew),
		cmocka_unit_test(j8_a_full_disk_fails_the_opening_and_nothing_later),
		cmocka_unit_test(j9_files_of_others_and_of_newer_versions_are_refused_and_left_alone),
		cmocka_unit_test(a_flipped_bit_before_the_last_batch_costs_one_record_and_is_told),
		cmocka_unit_test(a_flipped_bit_in_the_last_batch_ends_the_log_there),
		cmocka_unit_test(a_flipped_bit_in_a_segment_head_costs_nothing),
		cmocka_unit_test(a_missing_segment_is_told_and_the_others_are_replayed),
		cmocka_unit_test(what_is_larger_than_allowed_is_refused_at_once),
		cmocka_unit_test(j5_a_checkpoint_waits_until_everything_is_applied),
		cmocka_unit_test(a_log_that_was_closed_has_nothing_to_replay),
		cmocka_unit_test(what_waits_together_is_synced_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
