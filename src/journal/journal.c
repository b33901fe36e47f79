/* The write-ahead log.

   The files `segment-N` of one directory are slots, each prepared (zeros, synced) before it is
   needed, and each in one of these states:

     free    zeros, or an old segment that no replay needs.  Overwritten when the next segment begins.
     live    a segment of the log: its head names the one before it.  The newest live one is written;
             the others wait for a checkpoint.
     bad     a write or a sync of it failed.  Never written again, removed by the checkpoint that settles what is in it.
     aside   `damaged-N`: a live segment in which a replay found damage.  The administrator's.

   A record goes: line (journal_append) -> batch (one write, one sync, commit.c) -> durable -> applied
   (journal_applied) -> settled (a checkpoint, keeper.c) -> its segment is free.

   The one guarantee: a record whose done said "durable" is replayed by the next journal_open, in the order
   of the numbers, unless a checkpoint came after it and settle had answered 0.

   What a crash leaves: live segments, the newest one perhaps with a torn batch (nobody was told it was
   safe), perhaps `segment-N.new`.  Who cleans: the next journal_open replays, settles, frees all
   segments and removes the unfinished files.  A record that was never answered may be replayed too.

   J1  done says "durable" only after an fdatasync returned 0 that began when the whole record was written.
   J2  What is replayed was appended, and is replayed in the order of the numbers.
   J3  A place in a segment is written once in each life of the file (a life: a new salt in its head).
       After opening, and after a failure, another segment is begun.  So no safe octet is ever rewritten,
       and nothing old is taken for new.
   J4  Batch n+1 is written only after batch n is safe.
   J5  A segment becomes free only when a checkpoint record (or a head) that does not need it is safe,
       which is written only after settle returned 0, which was called only after all its
       records were applied.
   J6  A batch that failed is never replayed once anything later is safe: the head of the next segment
       says which batch was the last that counts.
   J7  A sync that failed is never repeated and then believed, because the kernel may have dropped
       what it could not write.  Failed in a segment: the file is bad for good, the batch has failed, and
       the log goes on in another file.  Failed in settle: the journal refuses everything until it is opened
       anew, which replays all that was not settled.
   J8  Room is taken beforehand: at least three slots exist, one page of each segment is kept for a
       checkpoint record, and one free slot for the segment that a checkpoint begins.  A full disk
       can make appends wait for a checkpoint, but fails only journal_open.
   J9  A file of another version, or that isn't ours, is never written, renamed or removed.
   J10 The records of a group (journal_append_group) stand in the line side by side.  The first is written only when there is room
       for all, no checkpoint begins between the first and the last, and when one fails all behind it do.  So a group that is
       begun waits for nothing, and a checkpoint may wait until the whole of it is applied.

   What it can't tell: damage within the last batch of the log looks like a torn batch, and ends it. */
#include "journal/journal_internal.h"

#include "base/memory.h"
#include "journal/crc.h"
#include "sys/disk.h"
#include "sys/random.h"

#include <assert.h>
#include <string.h>

enum { SLOTS_LEAST = 3 };

static int
check_limits(const struct journal_limits *limits, struct fault *f)
{
	uint64_t record_room = format_page_up(format_record_room(limits->record_octets_max));

	if (limits->segment_octets % FORMAT_PAGE || limits->segment_octets > FORMAT_SEGMENT_MAX)
		return fault_set(f, FAULT_PERM, "journal segments must be pages, at most 1 GiB");
	if (limits->record_octets_max > UINT32_MAX || limits->segment_octets < 2 * record_room + 2 * FORMAT_PAGE)
		return fault_set(f, FAULT_PERM, "journal segments must hold the largest record twice");
	return 0;
}

static size_t
slots_wanted(const struct journal_limits *limits)
{
	uint64_t wanted = limits->octets_max / limits->segment_octets * 2 + SLOTS_LEAST;

	return wanted < SLOTS_MAX / 2 ? (size_t)wanted : SLOTS_MAX / 2;
}

uint64_t
journal_files_octets(uint64_t octets_max, uint64_t segment_octets)
{
	return slots_wanted(&(struct journal_limits){ .octets_max = octets_max, .segment_octets = segment_octets }) * segment_octets;
}

static int
have_least_slots(struct slots *s, struct fault *f)
{
	while (slots_count(s, SLOT_FREE) + slots_count(s, SLOT_LIVE) < SLOTS_LEAST) {
		int fd = slots_has_room(s) ? slot_prepare(s->directory, s->next_number, s->segment_octets, f) : -1;

		if (fd < 0)
			return -1;
		slots_adopt(s, s->next_number++, fd);
	}
	return 0;
}

/* Slots of another size belong to an earlier configuration. */
static void
drop_odd_sizes(struct slots *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].state == SLOT_FREE && s->at[i].octets != s->segment_octets)
			slots_remove(s, i);
}

static int
set_damaged_aside(struct slots *s, struct fault *f)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].is_damaged && slots_set_aside(s, i, f) < 0)
			return -1;
	return 0;
}

/* All that was replayed is settled, so the head of the new segment says that only it is needed (J5);
   until it is safe, the old segments are. */
static int
begin_log(struct journal *j, const struct replay_end *end, struct fault *f)
{
	struct segment_head head = { .sequence = end->sequence + 1,
		.salt = random_number(),
		.needed = end->sequence + 1,
		.previous = end->sequence,
		.last_batch = end->last_batch,
		.octets = j->limits.segment_octets };
	struct slot *slot = slots_find_free(&j->slots);

	if (slot_begin(slot, &head, f) < 0)
		return -1;
	for (size_t i = 0; i < j->slots.count; i++)
		if (j->slots.at[i].state == SLOT_LIVE && &j->slots.at[i] != slot)
			j->slots.at[i].state = SLOT_FREE;
	drop_odd_sizes(&j->slots);
	j->current = slot;
	j->at = FORMAT_PAGE;
	j->sequence = j->good_sequence = j->needed = j->epoch_first = head.sequence;
	j->last_batch = head.last_batch;
	return 0;
}

/* At least one slot is free: the live ones of a log can be all there are. */
static int
have_free_slot(struct slots *s, struct fault *f)
{
	int fd;

	drop_odd_sizes(s);
	if (slots_find_free(s))
		return 0;
	if (!slots_has_room(s))
		return fault_set(f, FAULT_TEMP, "too many journal files");
	fd = slot_prepare(s->directory, s->next_number, s->segment_octets, f);
	if (fd < 0)
		return -1;
	slots_adopt(s, s->next_number++, fd);
	return 0;
}

static int
recover(struct journal *j, struct journal_report *report, struct fault *f)
{
	struct replay_end end = { 0 };

	if (slots_load(&j->slots, f) < 0 || replay_all(&j->slots, &j->owner, report, &end, f) < 0)
		return -1;
	if (report->records && j->owner.settle(j->owner.arg, f) < 0)
		return -1;
	if (have_free_slot(&j->slots, f) < 0 || set_damaged_aside(&j->slots, f) < 0 || begin_log(j, &end, f) < 0)
		return -1;
	return have_least_slots(&j->slots, f);
}

static void
journal_free(struct journal **j)
{
	slots_close(&(*j)->slots);
	(void)pthread_cond_destroy(&(*j)->work);
	(void)pthread_cond_destroy(&(*j)->chores);
	(void)pthread_cond_destroy(&(*j)->changed);
	(void)pthread_mutex_destroy(&(*j)->lock);
	memory_free(*j);
	*j = NULL;
}

static int
start_threads(struct journal *j, struct fault *f)
{
	int error = pthread_create(&j->commit_thread, NULL, journal_commit_thread, j);

	if (error)
		return fault_errno(f, error, "start the journal's thread");
	error = pthread_create(&j->keeper_thread, NULL, journal_keeper_thread, j);
	if (!error)
		return 0;
	(void)pthread_mutex_lock(&j->lock);
	j->is_ending = true;
	(void)pthread_cond_broadcast(&j->work);
	(void)pthread_mutex_unlock(&j->lock);
	(void)pthread_join(j->commit_thread, NULL);
	return fault_errno(f, error, "start the journal's thread");
}

int
journal_open(int directory, const struct journal_limits *limits, const struct journal_owner *owner,
	struct journal **out, struct journal_report *report, struct fault *f)
{
	struct journal_report own_report;
	struct journal *j;

	if (check_limits(limits, f) < 0)
		return -1;
	j = NEW(struct journal);
	j->limits = *limits;
	j->owner = *owner;
	j->slots = (struct slots){ .directory = directory, .segment_octets = limits->segment_octets };
	j->slots_wanted = slots_wanted(limits);
	j->is_refill_wanted = true;
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->work, NULL);
	(void)pthread_cond_init(&j->chores, NULL);
	(void)pthread_cond_init(&j->changed, NULL);
	report = report ? report : &own_report;
	*report = (struct journal_report){ 0 };
	if (recover(j, report, f) < 0 || start_threads(j, f) < 0) {
		journal_free(&j);
		return -1;
	}
	*out = j;
	return 0;
}

void
journal_close(struct journal **j)
{
	struct journal *it = *j;
	struct fault ignored;

	if (!it)
		return;
	(void)pthread_mutex_lock(&it->lock);
	while (it->first || it->is_writing)
		(void)pthread_cond_wait(&it->changed, &it->lock);
	if (!it->is_dead && !it->is_refusing && it->unapplied[0] + it->unapplied[1] == 0) {
		(void)pthread_mutex_unlock(&it->lock);
		if (journal_checkpoint(it, &ignored) < 0)
			ignored.kind = FAULT_NONE; /* the next journal_open replays */
		(void)pthread_mutex_lock(&it->lock);
	}
	it->is_closing = true;
	(void)pthread_cond_broadcast(&it->chores);
	(void)pthread_mutex_unlock(&it->lock);
	(void)pthread_join(it->keeper_thread, NULL);
	(void)pthread_mutex_lock(&it->lock);
	it->is_ending = true;
	(void)pthread_cond_broadcast(&it->work);
	(void)pthread_mutex_unlock(&it->lock);
	(void)pthread_join(it->commit_thread, NULL);
	journal_free(j);
}

static int
prepare(const struct journal *j, struct journal_entry *entry, struct fault *f)
{
	uint64_t octets = 0;

	assert(entry->piece_count <= JOURNAL_PIECES_MAX);
	for (uint32_t i = 0; i < entry->piece_count; i++) {
		octets += entry->pieces[i].len;
		if (octets > j->limits.record_octets_max)
			return fault_set(f, FAULT_LIMIT, "record too large for the journal");
	}
	entry->payload_octets = (uint32_t)octets;
	entry->payload_crc = 0;
	for (uint32_t i = 0; i < entry->piece_count; i++)
		entry->payload_crc = crc32c(entry->payload_crc, entry->pieces[i]);
	entry->kind = KIND_RECORD;
	entry->state = ENTRY_QUEUED;
	entry->is_applied = false;
	entry->followers = 0;
	return 0;
}

/* With the lock held. */
static int
refuse(struct journal *j, struct fault *f)
{
	if (j->is_refusing && !j->is_dead) {
		j->is_mend_wanted = true;
		(void)pthread_cond_signal(&j->work);
		j->is_refill_wanted = true;
		(void)pthread_cond_signal(&j->chores);
	}
	return fault_set(f, FAULT_TEMP, "the journal refuses: %s", j->is_closing ? "it closes" : j->failure.text);
}

/* With the lock held; true: the commit thread is to be woken. */
static bool
stand_in_line(struct journal *j, struct journal_entry *first)
{
	bool is_waking = false;

	if (j->last)
		j->last->next = first;
	else
		j->first = first;
	for (struct journal_entry *entry = first; entry; entry = entry->next) {
		entry->number = ++j->next_number;
		j->last = entry;
		is_waking |= ++j->waiting == j->gather.wanted || !j->is_gathering;
	}
	/* Who writes looks at the line again when that is done. */
	return is_waking && !j->is_writing;
}

/* With the lock held: nobody writes, nobody waits, and nobody came of late whom to wait for. */
static bool
is_alone(const struct journal *j)
{
	return !j->is_writing && !j->first && !j->checkpoint_entry && j->gather.wanted == 0;
}

static int
append(struct journal *j, struct journal_entry *first, bool may_write, struct fault *f)
{
	bool is_waking = false;
	int result = 0;

	(void)pthread_mutex_lock(&j->lock);
	may_write = may_write && is_alone(j);
	if (j->is_dead || j->is_refusing || j->is_closing)
		result = refuse(j, f);
	else
		is_waking = stand_in_line(j, first);
	if (may_write && result == 0)
		is_waking = journal_write_alone(j);
	(void)pthread_mutex_unlock(&j->lock);
	/* Woken with the lock held it would only wait for that. */
	if (is_waking)
		(void)pthread_cond_signal(&j->work);
	return result;
}

static int
append_one(struct journal *j, struct journal_entry *entry, bool may_write, struct fault *f)
{
	entry->next = NULL;
	return prepare(j, entry, f) < 0 ? -1 : append(j, entry, may_write, f);
}

int
journal_append(struct journal *j, struct journal_entry *entry, struct fault *f)
{
	return append_one(j, entry, false, f);
}

int
journal_commit(struct journal *j, struct journal_entry *entry, struct fault *f)
{
	return append_one(j, entry, true, f);
}

int
journal_append_group(struct journal *j, struct journal_entry *first, struct fault *f)
{
	uint32_t followers = 0;

	for (struct journal_entry *entry = first; entry; entry = entry->next) {
		if (prepare(j, entry, f) < 0)
			return -1;
		followers += entry != first;
	}
	first->followers = followers;
	if (!group_may_ever_fit(j, first))
		return fault_set(f, FAULT_LIMIT, "more at once than the journal can hold");
	return append(j, first, false, f);
}

void
journal_applied(struct journal *j, struct journal_entry *entry)
{
	(void)pthread_mutex_lock(&j->lock);
	assert(!entry->is_applied);
	entry->is_applied = true;
	if (entry->state != ENTRY_QUEUED) {
		uint64_t *count = &j->unapplied[entry->epoch & 1];

		assert(*count > 0);
		if (--*count == 0 && j->is_checkpointing)
			(void)pthread_cond_signal(&j->chores);
	}
	(void)pthread_mutex_unlock(&j->lock);
}

int
journal_wait(struct journal *j, struct journal_entry *entry, struct fault *f)
{
	int result = 0;

	assert(!entry->done);
	(void)pthread_mutex_lock(&j->lock);
	while (entry->state != ENTRY_DURABLE && entry->state != ENTRY_FAILED)
		(void)pthread_cond_wait(&j->changed, &j->lock);
	if (entry->state == ENTRY_FAILED)
		result = fault_set(f, FAULT_TEMP, "%s", j->failure.text);
	(void)pthread_mutex_unlock(&j->lock);
	return result;
}

int
journal_ready(struct journal *j, struct fault *f)
{
	int result = 0;

	(void)pthread_mutex_lock(&j->lock);
	if (j->is_dead || j->is_refusing || j->is_closing)
		result = refuse(j, f);
	(void)pthread_mutex_unlock(&j->lock);
	return result;
}

uint64_t
journal_log_octets(const struct journal *j)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < j->slots.count; i++)
		if (j->slots.at[i].state == SLOT_LIVE || j->slots.at[i].state == SLOT_BAD)
			octets += j->slots.at[i].used;
	return octets;
}

struct journal_stats
journal_stats(struct journal *j)
{
	struct journal_stats stats;

	(void)pthread_mutex_lock(&j->lock);
	stats = j->stats;
	stats.free_segments = slots_count(&j->slots, SLOT_FREE);
	stats.log_octets = journal_log_octets(j);
	(void)pthread_mutex_unlock(&j->lock);
	return stats;
}
