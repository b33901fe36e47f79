#include "journal/test_support.h"

#include "base/memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct journal_limits limits = { .segment_octets = SEGMENT, .octets_max = 2 * SEGMENT, .record_octets_max = RECORD_MAX };

static size_t
body_octets(unsigned int id)
{
	return id % 7 == 0 || id >= LARGE_FROM ? 4900 : (id * 37) % 700;
}

struct work *
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
	if (w->after_settle)
		w->after_settle(w);
	return 0;
}

int
open_journal(struct world *w, struct fault *f)
{
	struct journal_owner owner = { replay, settle, w };

	w->replayed_count = 0;
	w->root = disk_fault_root(w->disk);
	return journal_open(w->root, &limits, &owner, &w->journal, &w->report, f);
}

void
must_open(struct world *w)
{
	struct fault f = { 0 };

	if (open_journal(w, &f) < 0)
		fail_msg("journal_open: %s", f.text);
}

void
wait_for_quiet(struct world *w)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	while (journal_stats(w->journal).free_segments < 2 * 2 + 3 - 1)
		(void)nanosleep(&pause, NULL);
}

struct world *
world_new(uint64_t seed)
{
	struct world *w = NEW(struct world);

	(void)pthread_mutex_init(&w->lock, NULL);
	w->disk = disk_fault_new(seed);
	return w;
}

void
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

void
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

int
append_group(struct world *w, unsigned int first, unsigned int count, struct fault *f)
{
	struct work *group[IDS_MAX] = { NULL };
	int result;

	for (unsigned int i = 0; i < count; i++) {
		group[i] = work_new(w, first + i);
		group[i]->entry.done = finished;
		w->was_appended[first + i] = true;
		if (i > 0)
			group[i - 1]->entry.next = &group[i]->entry;
	}
	result = journal_append_group(w->journal, &group[0]->entry, f);
	for (unsigned int i = 0; i < count && result < 0; i++) {
		w->was_told_failed[first + i] = true;
		memory_free(group[i]);
	}
	return result;
}

void
append_held_group(struct world *w, unsigned int first, unsigned int count, struct held *held)
{
	struct fault f;

	*held = (struct held){ .count = count };
	for (unsigned int i = 0; i < count; i++) {
		held->at[i] = work_new(w, first + i);
		w->was_appended[first + i] = true;
		if (i > 0)
			held->at[i - 1]->entry.next = &held->at[i]->entry;
	}
	assert_int_equal(journal_append_group(w->journal, &held->at[0]->entry, &f), 0);
}

unsigned int
wait_for_held(struct world *w, struct held *held)
{
	unsigned int durable = 0;
	struct fault f;

	for (unsigned int i = 0; i < held->count; i++) {
		struct work *work = held->at[i];
		bool is_durable = journal_wait(w->journal, &work->entry, &f) == 0;

		w->was_told_failed[work->id] = !is_durable;
		durable += is_durable;
	}
	return durable;
}

void
let_go(struct world *w, struct held *held, bool is_applied)
{
	for (unsigned int i = 0; i < held->count; i++) {
		(void)pthread_mutex_lock(&w->lock);
		w->is_applied[held->at[i]->id] = w->was_told_ok[held->at[i]->id] = is_applied;
		(void)pthread_mutex_unlock(&w->lock);
		journal_applied(w->journal, &held->at[i]->entry);
		memory_free(held->at[i]);
	}
}

int
append_and_wait(struct world *w, unsigned int id)
{
	struct work *work = work_new(w, id);
	struct fault f;
	int result = journal_commit(w->journal, &work->entry, &f);

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

void
crash(struct world *w)
{
	journal_close(&w->journal);
	disk_fault_crash(w->disk);
	memcpy(w->is_applied, w->is_settled, sizeof w->is_applied);
}

void
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
