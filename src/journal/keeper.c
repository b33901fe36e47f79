/* The keeper thread: checkpoints, and enough prepared segments.

   A checkpoint begins a new epoch: from then on batches go to a new segment.  When every record of the
   older epochs is applied, settle makes their effects durable; then a checkpoint record in the new
   epoch says that older segments are not needed; when that is safe, they are free (J5).  Appends go
   on throughout. */
#include "journal/journal_internal.h"

#include "sys/disk.h"

static void
fail_checkpoint(struct journal *j, const struct fault *why)
{
	j->checkpoint_fault = *why;
	if (j->checkpoint_fault.kind == FAULT_NONE)
		j->checkpoint_fault.kind = FAULT_TEMP;
}

/* A settle that failed may have lost what it should have synced; only a replay can bring it back (J7). */
static void
die(struct journal *j, const struct fault *why)
{
	j->is_dead = true;
	j->failure = *why;
	fail_checkpoint(j, why);
	(void)pthread_cond_broadcast(&j->work);
}

static bool
settle(struct journal *j)
{
	struct fault f = { .kind = FAULT_TEMP };
	int result;

	(void)pthread_mutex_unlock(&j->lock);
	result = j->owner.settle(j->owner.arg, &f);
	(void)pthread_mutex_lock(&j->lock);
	if (result < 0)
		die(j, &f);
	return result == 0;
}

static void
free_segments(struct journal *j)
{
	j->needed = j->epoch_first;
	for (size_t i = 0; i < j->slots.count; i++) {
		struct slot *slot = &j->slots.at[i];

		/* One of this epoch that failed may hold records that were safe before. */
		if (slot->state == SLOT_BAD && (slot->head.sequence < j->needed || !slot->is_begun))
			slots_remove(&j->slots, i);
		else if (slot->state == SLOT_LIVE && slot->head.sequence < j->needed)
			slot->state = SLOT_FREE;
	}
	j->is_refill_wanted = true;
	(void)pthread_cond_broadcast(&j->work);
}

/* No replay goes through a file whose head never was safe. */
static void
remove_failed(struct journal *j)
{
	for (size_t i = 0; i < j->slots.count; i++)
		if (j->slots.at[i].state == SLOT_BAD && !j->slots.at[i].is_begun)
			slots_remove(&j->slots, i);
}

static void
end_refill(struct journal *j)
{
	j->is_refill_wanted = false;
	(void)pthread_cond_broadcast(&j->work); /* a group may wait for what there won't be */
}

/* One at a time, the lock open while the file is made.  A full disk is tried again after the next
   checkpoint; the log goes on with the slots that there are (J8). */
static void
refill(struct journal *j)
{
	size_t usable = slots_count(&j->slots, SLOT_FREE) + slots_count(&j->slots, SLOT_LIVE);
	uint32_t number = j->slots.next_number;
	int fd;

	remove_failed(j);
	if (usable >= j->slots_wanted || !slots_has_room(&j->slots)) {
		end_refill(j);
		return;
	}
	j->slots.next_number++;
	(void)pthread_mutex_unlock(&j->lock);
	fd = slot_prepare(j->slots.directory, number, j->slots.segment_octets, NULL);
	(void)pthread_mutex_lock(&j->lock);
	if (fd < 0) {
		end_refill(j);
		return;
	}
	slots_adopt(&j->slots, number, fd);
	(void)pthread_cond_broadcast(&j->work);
}

/* Until every record of the older epochs is applied; false when the journal closes before. */
static bool
wait_for_applied(struct journal *j, uint64_t epoch)
{
	while (j->unapplied[epoch & 1] > 0 && !j->is_closing) {
		if (j->is_refill_wanted)
			refill(j);
		else
			(void)pthread_cond_wait(&j->chores, &j->lock);
	}
	return j->unapplied[epoch & 1] == 0;
}

/* The slot kept for this checkpoint went to a segment that had failed, and there is no other (J8). */
static bool
is_starved(const struct journal *j)
{
	return j->checkpoint_entry && j->epoch_first == 0 && !j->is_writing && !j->is_refusing && !j->is_dead &&
		slots_count(&j->slots, SLOT_FREE) == 0;
}

static bool
write_checkpoint(struct journal *j)
{
	struct journal_entry entry = { .kind = KIND_CHECKPOINT,
		.state = ENTRY_QUEUED,
		.piece_count = 1,
		.payload_octets = sizeof(uint64_t) };

	j->checkpoint_entry = &entry;
	j->is_refill_wanted = true;
	(void)pthread_cond_signal(&j->work);
	while (entry.state != ENTRY_DURABLE && entry.state != ENTRY_FAILED) {
		if (j->is_refill_wanted) {
			refill(j);
		} else if (is_starved(j)) {
			(void)fault_set(&j->failure, FAULT_TEMP, "no room for another segment");
			j->is_refusing = true;
			(void)pthread_cond_broadcast(&j->work);
		} else {
			(void)pthread_cond_wait(&j->changed, &j->lock);
		}
	}
	if (entry.state == ENTRY_FAILED)
		fail_checkpoint(j, &j->failure);
	return entry.state == ENTRY_DURABLE;
}

bool
journal_has_what_to_free(const struct journal *j)
{
	return journal_log_octets(j) > 0 || j->is_writing || slots_count(&j->slots, SLOT_BAD) > 0;
}

static void
checkpoint(struct journal *j)
{
	uint64_t old_epoch = j->epoch;

	j->is_checkpoint_wanted = false;
	j->checkpoint_fault = (struct fault){ 0 };
	j->checkpoints_begun++;
	if (j->is_dead) {
		fail_checkpoint(j, &j->failure);
	} else if (journal_has_what_to_free(j)) {
		j->is_checkpointing = true;
		j->epoch++;
		j->epoch_first = 0;
		if (!wait_for_applied(j, old_epoch))
			fail_checkpoint(j, &j->failure);
		else if (settle(j) && write_checkpoint(j)) {
			free_segments(j);
			j->stats.checkpoints++;
		}
		j->is_checkpointing = false;
	}
	j->checkpoints_ended = j->checkpoints_begun;
	(void)pthread_cond_broadcast(&j->changed);
	(void)pthread_cond_broadcast(&j->work); /* who waited for it may have to want another */
}

void *
journal_keeper_thread(void *arg)
{
	struct journal *j = arg;

	(void)pthread_mutex_lock(&j->lock);
	while (!j->is_closing) {
		if (j->is_checkpoint_wanted && j->followers_due == 0)
			checkpoint(j);
		else if (j->is_refill_wanted)
			refill(j);
		else
			(void)pthread_cond_wait(&j->chores, &j->lock);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return NULL;
}

int
journal_checkpoint(struct journal *j, struct fault *f)
{
	uint64_t target;
	int result = 0;

	(void)pthread_mutex_lock(&j->lock);
	target = j->checkpoints_begun + 1;
	j->is_checkpoint_wanted = true;
	(void)pthread_cond_signal(&j->chores);
	while (j->checkpoints_ended < target && !j->is_closing)
		(void)pthread_cond_wait(&j->changed, &j->lock);
	if (j->checkpoints_ended < target)
		result = fault_set(f, FAULT_TEMP, "the journal closes");
	else if (j->checkpoint_fault.kind != FAULT_NONE)
		result = fault_set(f, FAULT_TEMP, "checkpoint: %s", j->checkpoint_fault.text);
	(void)pthread_mutex_unlock(&j->lock);
	return result;
}
