/* Whether records that count together find room (J10).  Counted as if each began a page: what is written with others takes less, and
   as records are put one behind the other, what takes less ends no later.  Of each segment three pages are not counted: its head, the one
   that is kept for a checkpoint record (J8), and one that such a record may take before or among them. */
#include "journal/journal_internal.h"

enum { PAGES_NOT_COUNTED = 3 };

static bool
fits(const struct journal *j, const struct journal_entry *first, uint64_t left, size_t segments)
{
	const struct journal_entry *entry = first;

	for (uint64_t i = 0; i <= first->followers; i++, entry = entry->next) {
		uint64_t room = format_page_up(format_record_room(entry->payload_octets));

		if (room > left) {
			if (segments-- == 0)
				return false;
			left = j->limits.segment_octets - PAGES_NOT_COUNTED * FORMAT_PAGE;
		}
		left -= room;
	}
	return true;
}

/* All but the one that the next checkpoint begins. */
bool
group_may_ever_fit(const struct journal *j, const struct journal_entry *first)
{
	return fits(j, first, 0, j->slots_wanted - 1);
}

bool
group_has_room(const struct journal *j, const struct journal_entry *first)
{
	bool is_epoch_begin = j->is_checkpointing && j->epoch_first == 0;
	size_t free = slots_count(&j->slots, SLOT_FREE);
	uint64_t end = j->limits.segment_octets - (j->is_checkpointing ? 2u : 1u) * FORMAT_PAGE;
	uint64_t left = j->current && !is_epoch_begin && j->at < end ? end - j->at : 0;

	if (free > 1)
		return fits(j, first, left, free - 1);
	return fits(j, first, left, is_epoch_begin ? free : 0);
}

bool
group_is_hopeless(const struct journal *j)
{
	if (!j->first || j->first->followers == 0 || j->checkpoint_entry || group_has_room(j, j->first))
		return false;
	return !j->is_checkpointing && !j->is_refill_wanted && !journal_has_what_to_free(j);
}
