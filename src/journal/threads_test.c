/* Many threads at one journal on a real disk; worth running under ThreadSanitizer, too. */
#include "journal/journal.h"

#include "base/memory.h"
#include "sys/disk.h"
#include "sys/time.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 16, RECORDS = 200, RECORD_OCTETS = 4300 };

static const struct journal_limits limits = { .segment_octets = 1 << 20, .octets_max = 4 << 20, .record_octets_max = 400 * 1024 };

static char path[64];
static int directory;
static struct journal *journal;
static atomic_uint applied[THREADS], settled_to[THREADS], replayed[THREADS];
static bool is_order_kept;

/* A burst of records, the last of which comes while a settle is about to fail. */
enum { CROWD = 64, BURSTS = 4 };

struct crowd {
	struct journal_entry entries[BURSTS * CROWD], last;
	uint8_t octets[8];
	atomic_uint told;
	bool ends_settle;
};

static struct crowd *crowd;

static int
replay(void *arg, struct bytes record, struct fault *f)
{
	uint32_t thread, number;

	(void)arg;
	(void)f;
	if (!take_u32(&record, &thread) || !take_u32(&record, &number) || thread >= THREADS)
		return -1;
	is_order_kept = is_order_kept && (replayed[thread] == 0 || number == replayed[thread] + 1);
	replayed[thread] = number;
	return 0;
}

static void
crowd_told(struct journal_entry *entry, const struct fault *f)
{
	(void)f;
	journal_applied(journal, entry);
	crowd->told++;
}

static void
append_to_crowd(struct journal_entry *entry)
{
	*entry = (struct journal_entry){ .pieces = { bytes_of(crowd->octets, sizeof crowd->octets) },
		.piece_count = 1,
		.done = crowd_told };
	assert_int_equal(journal_append(journal, entry, NULL), 0);
}

static int
settle(void *arg, struct fault *f)
{
	unsigned int now[THREADS];

	(void)arg;
	if (crowd && crowd->ends_settle) {
		append_to_crowd(&crowd->last);
		return fault_set(f, FAULT_TEMP, "settle");
	}
	for (size_t i = 0; i < THREADS; i++)
		now[i] = applied[i];
	if (disk->syncfs(directory) < 0)
		return fault_set(f, FAULT_TEMP, "syncfs");
	for (size_t i = 0; i < THREADS; i++)
		settled_to[i] = now[i];
	return 0;
}

static void
open_journal(struct journal_report *report)
{
	struct journal_owner owner = { replay, settle, NULL };
	struct fault f = { 0 };

	is_order_kept = true;
	if (journal_open(directory, &limits, &owner, &journal, report, &f) < 0)
		fail_msg("journal_open: %s", f.text);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof path, "/tmp/journal-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	assert_true(directory >= 0);
	for (size_t i = 0; i < THREADS; i++)
		applied[i] = settled_to[i] = replayed[i] = 0;
	return 0;
}

static bool
remove_name(void *arg, const char *name, unsigned char type)
{
	(void)arg;
	(void)type;
	(void)disk->unlinkat(directory, name, 0);
	return true;
}

static int
tear_down(void **state)
{
	(void)state;
	journal_close(&journal);
	(void)disk->list(directory, ".", remove_name, NULL);
	disk_close(&directory);
	return disk->unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static bool commits; /* by journal_commit */

/* Appends and waits, one record after the other. */
static void *
write_records(void *arg)
{
	uint32_t thread = (uint32_t)(uintptr_t)arg;
	uint8_t octets[RECORD_OCTETS] = { 0 };
	struct buf head;

	for (uint32_t number = 1; number <= RECORDS; number++) {
		struct journal_entry entry = { .pieces = { bytes_of(octets, 8),
						       bytes_of(octets + 8, sizeof octets - 8) },
			.piece_count = 2 };

		buf_init_fixed(&head, octets, 8);
		put_u32(&head, thread);
		put_u32(&head, number);
		if ((commits ? journal_commit : journal_append)(journal, &entry, NULL) < 0 || journal_wait(journal, &entry, NULL) < 0)
			return arg;
		applied[thread] = number;
		journal_applied(journal, &entry);
	}
	return NULL;
}

static void
write_from_all(void)
{
	pthread_t threads[THREADS];
	struct journal_stats stats;
	struct journal_report report;
	void *failed;
	int64_t began = time_now().mono_us;

	open_journal(&report);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_records, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	stats = journal_stats(journal);
	print_message("%d records in %lld ms, %llu syncs, %llu checkpoints\n", THREADS * RECORDS,
		(long long)(time_now().mono_us - began) / 1000, (unsigned long long)stats.syncs,
		(unsigned long long)stats.checkpoints);
	assert_int_equal(stats.records, THREADS * RECORDS);
	assert_int_equal(stats.failures, 0);
	assert_true(stats.syncs < stats.records / 2);
	assert_true(stats.checkpoints > 0);
	journal_close(&journal);
	open_journal(&report);
	assert_int_equal(report.records, 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(settled_to[i], RECORDS);
}

static void
many_threads_share_syncs_and_nothing_is_lost(void **state)
{
	(void)state;
	commits = false;
	write_from_all();
}

static void
many_who_may_write_themselves_share_syncs_too(void **state)
{
	(void)state;
	commits = true;
	write_from_all();
}

struct alone {
	struct journal_entry entry;
	pthread_t told_by;
};

static void
told(struct journal_entry *entry, const struct fault *f)
{
	struct alone *a = (void *)entry;

	assert_null(f);
	a->told_by = pthread_self();
}

static void
who_commits_alone_is_told_before_it_goes_on(void **state)
{
	struct journal_report report;

	(void)state;
	open_journal(&report);
	for (uint8_t i = 0; i < 100; i++) {
		struct alone a = { .entry = { .pieces = { BYTES("\0\0\0\0\0\0\0\1") }, .piece_count = 1, .done = told } };

		assert_int_equal(journal_commit(journal, &a.entry, NULL), 0);
		assert_true(pthread_equal(a.told_by, pthread_self()));
		journal_applied(journal, &a.entry);
	}
	assert_int_equal(journal_stats(journal).syncs, 100);
}

struct open_entry {
	struct journal_entry entry;
	uint8_t octets[8];
};

static void
never_applied(struct journal_entry *entry, const struct fault *f)
{
	(void)entry;
	assert_null(f);
}

static void
what_was_never_applied_is_replayed_in_order(void **state)
{
	static struct open_entry entries[500];
	struct journal_report report;
	struct buf b;

	(void)state;
	open_journal(&report);
	for (uint32_t i = 0; i < 500; i++) {
		buf_init_fixed(&b, entries[i].octets, 8);
		put_u32(&b, i % THREADS);
		put_u32(&b, i / THREADS + 1);
		entries[i].entry = (struct journal_entry){ .pieces = { buf_bytes(&b) },
			.piece_count = 1,
			.done = never_applied };
		assert_int_equal(journal_append(journal, &entries[i].entry, NULL), 0);
	}
	journal_close(&journal);
	open_journal(&report);
	assert_int_equal(report.records, 500);
	assert_true(is_order_kept);
}

/* The thread that commits waits for company of the record when it hears that the journal is dead: the record is answered all the same. */
static void
j7_who_stands_in_line_while_a_settle_fails_is_told(void **state)
{
	enum { ROUNDS = 20 };
	struct journal_report report;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		open_journal(&report);
		crowd = NEW(struct crowd);
		for (unsigned int i = 0; i < BURSTS * CROWD; i++) {
			append_to_crowd(&crowd->entries[i]);
			while ((i + 1) % CROWD == 0 && crowd->told <= i)
				(void)sched_yield();
		}
		crowd->ends_settle = true;
		assert_int_equal(journal_checkpoint(journal, NULL), -1);
		journal_close(&journal);
		assert_int_equal(crowd->told, BURSTS * CROWD + 1);
		memory_free(crowd);
		crowd = NULL;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_threads_share_syncs_and_nothing_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_who_may_write_themselves_share_syncs_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_commits_alone_is_told_before_it_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_never_applied_is_replayed_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(j7_who_stands_in_line_while_a_settle_fails_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
