/* The commit thread: takes what waits, writes it with one call, syncs once, tells everybody.  While it
   syncs, others gather; when nobody waits, the next one is written at once, unless many came of late (gather.h).
   Who appends alone, and may wait for the disk, does the same without it, which spares two changes of thread. */
#include "journal/journal_internal.h"

#include "journal/crc.h"
#include "sys/disk.h"
#include "sys/random.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { BATCH_OCTETS_MAX = 8 * 1024 * 1024, PARTS_OF_RECORD = JOURNAL_PIECES_MAX + 2, NANOSECONDS = 1000000000 };

static uint8_t zeros[FORMAT_PAGE];

/* What is written with one call. */
struct batch {
	struct journal_entry *first, *last;
	size_t count;
	uint64_t octets; /* with heads and padding of records, not of the page */
	bool is_new_segment; /* not on disk yet: page 0 goes with the batch */
	struct slot *slot;
	uint64_t at, number;
	uint64_t needed; /* what a checkpoint record says */
	uint8_t page[FORMAT_PAGE], checkpoint[8];
};

/* Takes a free slot as the next segment; its head is not written yet.  Called with the lock. */
static void
take_slot(struct journal *j, struct slot *slot)
{
	slot->head = (struct segment_head){ .sequence = ++j->sequence,
		.salt = random_number(),
		.needed = j->needed,
		.previous = j->good_sequence,
		.last_batch = j->last_batch,
		.octets = slot->octets };
	slot->state = SLOT_LIVE;
	slot->used = 0;
	slot->is_begun = false;
	j->current = slot;
	j->at = FORMAT_PAGE;
}

/* The page kept at the end is the checkpoint record's (J8). */
static uint64_t
room_left(const struct journal *j, bool is_checkpoint)
{
	uint64_t end = j->current->octets - (is_checkpoint ? 0 : FORMAT_PAGE);

	return end > j->at ? end - j->at : 0;
}

static bool
has_room(const struct journal *j, const struct journal_entry *entry)
{
	uint64_t room = format_page_up(format_record_room(entry->payload_octets));

	return j->current && room <= room_left(j, entry->kind == KIND_CHECKPOINT);
}

/* Is there a segment for the entry, with the lock held?  False: wait for a checkpoint. */
static bool
have_segment(struct journal *j, const struct journal_entry *entry, bool *is_new)
{
	bool is_epoch_begin = j->is_checkpointing && j->epoch_first == 0;
	bool may_begin = entry->followers == 0 || group_has_room(j, entry); /* J10 */
	struct slot *slot;

	*is_new = false;
	if (may_begin && !is_epoch_begin && has_room(j, entry))
		return true;
	slot = slots_find_free(&j->slots);
	if (may_begin && slot && (is_epoch_begin || slots_count(&j->slots, SLOT_FREE) > 1)) {
		take_slot(j, slot);
		*is_new = true;
		return true;
	}
	if (!j->is_checkpointing && journal_has_what_to_free(j)) {
		j->is_checkpoint_wanted = true;
		(void)pthread_cond_signal(&j->chores);
	}
	return false;
}

static void
take_entry(struct journal *j, struct batch *b, struct journal_entry *entry)
{
	entry->next = NULL;
	entry->state = ENTRY_WRITING;
	entry->epoch = j->epoch;
	if (entry->kind == KIND_RECORD && !entry->is_applied)
		j->unapplied[j->epoch & 1]++;
	if (b->last)
		b->last->next = entry;
	else
		b->first = entry;
	b->last = entry;
	b->count++;
	b->octets += format_record_room(entry->payload_octets);
	if (entry->followers)
		j->followers_due = entry->followers;
	else if (entry->kind == KIND_RECORD && j->followers_due > 0 && --j->followers_due == 0)
		(void)pthread_cond_signal(&j->chores); /* a checkpoint may begin */
}

struct journal_entry *
journal_unlink_first(struct journal *j)
{
	struct journal_entry *entry = j->first;

	j->first = entry->next;
	if (!j->first)
		j->last = NULL;
	j->waiting--;
	return entry;
}

static bool
has_work(const struct journal *j)
{
	return j->first || j->checkpoint_entry;
}

/* Moves what waits, as much as one call takes, from the line into the batch.  Lock held. */
static bool
take_batch(struct journal *j, struct batch *b)
{
	struct journal_entry *head = j->checkpoint_entry ? j->checkpoint_entry : j->first;
	uint64_t room;

	b->first = b->last = NULL;
	b->count = 0;
	b->octets = 0;
	if (!head || !have_segment(j, head, &b->is_new_segment))
		return false;
	if (j->checkpoint_entry) {
		take_entry(j, b, j->checkpoint_entry);
		j->checkpoint_entry = NULL;
	}
	room = room_left(j, false);
	room = room < BATCH_OCTETS_MAX ? room : BATCH_OCTETS_MAX;
	while (j->first && (b->count + 1) * PARTS_OF_RECORD + 2 <= PARTS_MAX &&
		(b->count == 0 || (b->octets + format_record_room(j->first->payload_octets) <= room && j->first->followers == 0)))
		take_entry(j, b, journal_unlink_first(j));
	b->slot = j->current;
	b->at = j->at;
	b->number = j->last_batch + 1;
	b->needed = j->epoch_first ? j->epoch_first : b->slot->head.sequence;
	return true;
}

static void
add_part(struct journal *j, int *count, const void *ptr, size_t len)
{
	if (len)
		j->parts[(*count)++] = (struct iovec){ .iov_base = (void *)(uintptr_t)ptr, .iov_len = len };
}

static void
prepare_checkpoint(struct batch *b, struct journal_entry *entry)
{
	struct buf out;

	buf_init_fixed(&out, b->checkpoint, sizeof b->checkpoint);
	put_u64(&out, b->needed);
	entry->pieces[0] = buf_bytes(&out);
	entry->payload_crc = crc32c(0, entry->pieces[0]);
}

static int
put_parts(struct journal *j, struct batch *b)
{
	uint64_t at = b->at;
	size_t index = 0;
	int count = 0;

	if (b->is_new_segment) {
		format_put_head(b->page, &b->slot->head);
		add_part(j, &count, b->page, sizeof b->page);
	}
	for (struct journal_entry *entry = b->first; entry; entry = entry->next) {
		uint64_t room = format_record_room(entry->payload_octets);

		if (entry->kind == KIND_CHECKPOINT)
			prepare_checkpoint(b, entry);
		format_put_record_head(j->heads[index], &b->slot->head,
			&(struct record_head){ .kind = (enum record_kind)entry->kind,
				.is_last = !entry->next,
				.octets = entry->payload_octets,
				.payload_crc = entry->payload_crc,
				.batch = b->number,
				.at = at });
		add_part(j, &count, j->heads[index++], FORMAT_RECORD_HEAD);
		for (uint32_t i = 0; i < entry->piece_count; i++)
			add_part(j, &count, entry->pieces[i].ptr, entry->pieces[i].len);
		add_part(j, &count, zeros, (size_t)(room - FORMAT_RECORD_HEAD - entry->payload_octets));
		at += room;
	}
	add_part(j, &count, zeros, (size_t)(format_page_up(at) - at));
	return count;
}

static void
drop_written(struct iovec **parts, int *count, size_t written)
{
	while (*count && written >= (*parts)->iov_len) {
		written -= (*parts)->iov_len;
		(*parts)++;
		(*count)--;
	}
	if (*count) {
		(*parts)->iov_base = (uint8_t *)(*parts)->iov_base + written;
		(*parts)->iov_len -= written;
	}
}

static int
write_parts(int fd, struct iovec *parts, int count, uint64_t at)
{
	while (count > 0) {
		ssize_t written = disk->pwritev(fd, parts, count, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return -1;
		at += (uint64_t)written;
		drop_written(&parts, &count, (size_t)written);
	}
	return 0;
}

/* Without the lock. */
static bool
write_batch(struct journal *j, struct batch *b, struct fault *f)
{
	int count = put_parts(j, b);

	if (write_parts(b->slot->fd, j->parts, count, b->is_new_segment ? 0 : b->at) < 0) {
		(void)fault_errno(f, errno, "write to the journal");
		return false;
	}
	if (disk->fdatasync(b->slot->fd) < 0) {
		(void)fault_errno(f, errno, "sync the journal");
		return false;
	}
	return true;
}

/* Writes the head of the next segment alone, which says that what failed doesn't count (J6).  With the
   lock held, but for the write. */
static bool
mend(struct journal *j)
{
	struct slot *slot = slots_find_free(&j->slots);
	struct segment_head head;
	struct fault f = { 0 };
	int result;

	if (!slot)
		return false;
	take_slot(j, slot);
	head = slot->head;
	(void)pthread_mutex_unlock(&j->lock);
	result = slot_begin(slot, &head, &f);
	(void)pthread_mutex_lock(&j->lock);
	if (result < 0) {
		slot->state = SLOT_BAD;
		j->current = NULL;
		j->failure = f;
		return false;
	}
	slot->is_begun = true;
	j->good_sequence = slot->head.sequence;
	if (j->epoch_first == 0)
		j->epoch_first = slot->head.sequence;
	return true;
}

static void
note_success(struct journal *j, const struct batch *b)
{
	b->slot->is_begun = true;
	j->good_sequence = b->slot->head.sequence;
	if (j->epoch_first == 0 && b->first->epoch == j->epoch)
		j->epoch_first = b->slot->head.sequence;
	if (b->first->kind == KIND_CHECKPOINT)
		j->needed = b->needed; /* as the next segment's head has to say, too (J5) */
	j->last_batch = b->number;
	j->at = b->at + format_page_up(b->octets);
	j->stats.syncs++;
	for (const struct journal_entry *entry = b->first; entry; entry = entry->next)
		if (entry->kind == KIND_RECORD) {
			j->stats.records++;
			j->stats.octets += entry->payload_octets;
			b->slot->used += format_record_room(entry->payload_octets);
		}
	if (journal_log_octets(j) >= j->limits.octets_max && !j->is_checkpointing) {
		j->is_checkpoint_wanted = true;
		(void)pthread_cond_signal(&j->chores);
	}
}

static void
note_failure(struct journal *j, const struct batch *b, const struct fault *f)
{
	j->stats.failures++;
	j->failure = *f;
	b->slot->state = SLOT_BAD;
	j->current = NULL;
	j->is_refusing = !mend(j);
	j->is_refill_wanted = true;
	(void)pthread_cond_signal(&j->chores);
}

/* Tells those who have done; returns the others, who wait in journal_wait.  Without the lock. */
static struct journal_entry *
tell(struct journal_entry *list, const struct fault *f)
{
	struct journal_entry *waiting = NULL;

	while (list) {
		struct journal_entry *next = list->next;

		if (list->done) {
			list->done(list, f);
		} else {
			list->next = waiting;
			waiting = list;
		}
		list = next;
	}
	return waiting;
}

/* The rest of a group that is begun. */
static void
take_followers(struct journal *j, struct batch *b)
{
	while (j->followers_due > 0)
		take_entry(j, b, journal_unlink_first(j));
}

/* A group for which there is no room and will be none. */
static struct journal_entry *
take_group(struct journal *j)
{
	struct batch b = { .first = NULL };

	take_entry(j, &b, journal_unlink_first(j));
	take_followers(j, &b);
	return b.first;
}

/* Takes the whole line, counted as taken from it, so that journal_applied finds it so. */
static struct journal_entry *
take_all(struct journal *j)
{
	struct batch b = { .first = NULL };

	if (j->checkpoint_entry)
		take_entry(j, &b, j->checkpoint_entry);
	j->checkpoint_entry = NULL;
	while (j->first)
		take_entry(j, &b, journal_unlink_first(j));
	return b.first;
}

/* Tells the outcome with the lock open; it is held before and after. */
static void
finish(struct journal *j, struct journal_entry *list, const struct fault *f)
{
	struct fault copy = f ? *f : (struct fault){ 0 };

	(void)pthread_mutex_unlock(&j->lock);
	list = tell(list, f ? &copy : NULL);
	(void)pthread_mutex_lock(&j->lock);
	while (list) {
		struct journal_entry *next = list->next;

		/* From here on it is its waiter's. */
		list->state = f ? ENTRY_FAILED : ENTRY_DURABLE;
		list = next;
	}
	(void)pthread_cond_broadcast(&j->changed);
}

static void
commit(struct journal *j, struct batch *b)
{
	struct fault f = { 0 };
	bool is_good;

	j->is_writing = true;
	(void)pthread_mutex_unlock(&j->lock);
	is_good = write_batch(j, b, &f);
	(void)pthread_mutex_lock(&j->lock);
	if (is_good) {
		note_success(j, b);
	} else {
		note_failure(j, b, &f);
		take_followers(j, b);
	}
	finish(j, b->first, is_good ? NULL : &f);
	j->is_writing = false;
	(void)pthread_cond_broadcast(&j->changed);
}

/* Is it worth the wait? */
static bool
has_too_few(const struct journal *j)
{
	return j->waiting < j->gather.wanted && !j->checkpoint_entry && !j->is_refusing && !j->is_dead && !j->is_ending;
}

/* Moves *until on by half of GATHER_US and waits, with the lock open, until then at most; true: it is then, and still too few stand in line. */
static bool
wait_half(struct journal *j, struct timespec *until)
{
	int result = 0;

	until->tv_nsec += GATHER_US / 2 * 1000L;
	until->tv_sec += until->tv_nsec / NANOSECONDS;
	until->tv_nsec %= NANOSECONDS;
	while (result == 0 && has_too_few(j))
		result = pthread_cond_clockwait(&j->work, &j->lock, CLOCK_MONOTONIC, until);
	return result != 0;
}

/* Waits for those who are worth it, GATHER_US at most; true: nobody came in the second half of that, so all who come at once are here.
   What isn't an append doesn't wait. */
static bool
gather(struct journal *j)
{
	struct timespec until;
	uint32_t came;
	bool is_vain;

	if (!j->first || !has_too_few(j))
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	j->is_gathering = true;
	is_vain = wait_half(j, &until);
	came = j->waiting;
	is_vain = is_vain && wait_half(j, &until) && j->waiting == came;
	j->is_gathering = false;
	return is_vain;
}

/* False: nothing can be done until there is work. */
static bool
commit_next(struct journal *j)
{
	bool is_late = gather(j);
	struct batch b;

	/* What became so while it gathered woke it then, and will not again: who stands in line has to be told. */
	if (j->is_refusing || j->is_dead)
		return has_work(j);
	if (!take_batch(j, &b))
		return false;
	commit(j, &b);
	gather_learn(&j->gather, (uint32_t)b.count, is_late);
	return true;
}

/* Is there something that only the commit thread does, or that came meanwhile? */
static bool
is_wanted(const struct journal *j)
{
	return has_work(j) || j->is_mend_wanted || j->is_ending;
}

bool
journal_write_alone(struct journal *j)
{
	struct batch b;

	if (take_batch(j, &b)) {
		commit(j, &b);
		gather_learn(&j->gather, (uint32_t)b.count, false);
	}
	return is_wanted(j);
}

static void
try_to_mend(struct journal *j)
{
	j->is_mend_wanted = false;
	if (j->is_refusing && !j->is_dead)
		j->is_refusing = !mend(j);
}

void *
journal_commit_thread(void *arg)
{
	struct journal *j = arg;

	(void)pthread_mutex_lock(&j->lock);
	for (;;) {
		if (j->is_writing)
			(void)pthread_cond_wait(&j->work, &j->lock);
		else if (j->is_mend_wanted)
			try_to_mend(j);
		else if ((j->is_refusing || j->is_dead) && has_work(j))
			finish(j, take_all(j), &j->failure);
		else if (group_is_hopeless(j))
			finish(j, take_group(j), &(struct fault){ .kind = FAULT_TEMP, .text = "too few segments" });
		else if (commit_next(j))
			continue;
		else if (j->is_ending)
			break;
		else
			(void)pthread_cond_wait(&j->work, &j->lock);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return NULL;
}
