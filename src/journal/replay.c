/* Reading the log at the start.  Which segments count: from the newest one back along `previous` to the
   oldest that is needed.  What was tried and failed while the journal ran is not on that way (J6). */
#include "journal/journal_internal.h"

/* A segment in the log and how far it counts. */
struct link {
	uint64_t sequence;
	uint64_t last_batch; /* UINT64_MAX: to its end */
};

struct chain {
	struct link at[SLOTS_MAX]; /* the newest first */
	size_t count;
};

static struct slot *
newest_below(struct slots *s, uint64_t limit)
{
	struct slot *newest = NULL;

	for (size_t i = 0; i < s->count; i++) {
		struct slot *slot = &s->at[i];

		if (slot->state != SLOT_LIVE || slot->head.sequence == 0 || slot->head.sequence >= limit)
			continue;
		if (!newest || slot->head.sequence > newest->head.sequence)
			newest = slot;
	}
	return newest;
}

static int
read_needed(const struct slot *slot, uint64_t *needed, struct fault *f)
{
	struct buf all;
	struct segment_reader reader;
	struct record_head head;
	struct bytes record;
	enum reader_step step;
	uint64_t said;

	*needed = slot->head.needed;
	if (slot_read(slot, &all, f) < 0) {
		buf_done(&all);
		return -1;
	}
	reader_init(&reader, buf_bytes(&all), &slot->head, UINT64_MAX);
	while ((step = reader_next(&reader, &head, &record)) == READER_RECORD || step == READER_DAMAGE)
		if (step == READER_RECORD && head.kind == KIND_CHECKPOINT && take_u64(&record, &said) &&
			said > *needed && said <= slot->head.sequence)
			*needed = said;
	buf_done(&all);
	return 0;
}

static void
make_chain(struct slots *s, const struct slot *newest, uint64_t needed, struct chain *chain,
	struct journal_report *report)
{
	const struct slot *slot = newest;
	uint64_t last_batch = UINT64_MAX;

	while (slot && slot->head.sequence >= needed) {
		uint64_t previous = slot->head.previous;

		chain->at[chain->count++] = (struct link){ slot->head.sequence, last_batch };
		if (slot->head.sequence == needed || previous < needed)
			return;
		last_batch = slot->head.last_batch;
		slot = slots_find(s, previous);
		if (slot)
			continue;
		report->missing_segments++;
		last_batch = UINT64_MAX;
		slot = newest_below(s, previous);
	}
}

static int
replay_segment(struct slot *slot, uint64_t last_batch, const struct journal_owner *owner,
	struct journal_report *report, struct replay_end *end, struct fault *f)
{
	struct buf all;
	struct segment_reader reader;
	struct record_head head;
	struct bytes record;
	enum reader_step step = READER_END;
	int result = slot_read(slot, &all, f);

	if (result == 0)
		reader_init(&reader, buf_bytes(&all), &slot->head, last_batch);
	while (result == 0 && (step = reader_next(&reader, &head, &record)) <= READER_DAMAGE) {
		if (step == READER_DAMAGE) {
			report->damaged_records++;
			slot->is_damaged = true;
			continue;
		}
		end->last_batch = head.batch;
		if (head.kind != KIND_RECORD)
			continue;
		result = owner->replay(owner->arg, record, f);
		report->records++;
	}
	if (result == 0 && step == READER_TORN)
		report->has_torn_tail = true;
	buf_done(&all);
	return result;
}

int
replay_all(struct slots *s, const struct journal_owner *owner, struct journal_report *report,
	struct replay_end *end, struct fault *f)
{
	struct slot *newest = newest_below(s, UINT64_MAX);
	struct chain chain = { .count = 0 };
	uint64_t needed;

	for (size_t i = 0; i < s->count; i++)
		report->damaged_records += s->at[i].is_damaged;
	if (!newest)
		return 0;
	if (read_needed(newest, &needed, f) < 0)
		return -1;
	end->sequence = newest->head.sequence;
	end->last_batch = newest->head.last_batch;
	make_chain(s, newest, needed, &chain, report);
	while (chain.count-- > 0) {
		const struct link *link = &chain.at[chain.count];

		if (replay_segment(slots_find(s, link->sequence), link->last_batch, owner, report, end, f) < 0)
			return -1;
	}
	return 0;
}
