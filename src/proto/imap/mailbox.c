#include "proto/imap/mailbox.h"

#include "base/memory.h"

#include <string.h>

void
imap_numbers_add(struct imap_numbers *n, uint32_t number)
{
	if (n->count == n->size) {
		n->size = n->size ? n->size * 2 : 16;
		n->at = memory_resize(n->at, n->size, sizeof *n->at);
	}
	n->at[n->count++] = number;
}

void
imap_numbers_done(struct imap_numbers *n)
{
	memory_free(n->at);
	*n = (struct imap_numbers){ 0 };
}

size_t
imap_numbers_below(const struct imap_numbers *n, uint32_t number)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n->at[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
imap_mailbox_learn(struct imap_mailbox *m, uint32_t count)
{
	bool has_expunged =
		atomic_load_explicit(&m->view->head->expunged, memory_order_acquire) != 0;

	for (uint32_t i = m->known; has_expunged && i < count; i++)
		if (view_flags(&m->view->records[i]) & VIEW_EXPUNGED)
			imap_numbers_add(&m->holes, i);
	if (count > m->known && m->view->records[count - 1].uid > m->known_uid)
		m->known_uid = m->view->records[count - 1].uid;
	if (count > m->known)
		m->known = count;
}

struct imap_mailbox *
imap_mailbox_new(const struct view *view, uint32_t recent_from, bool is_read_only)
{
	struct imap_mailbox *m = NEW(struct imap_mailbox);
	uint64_t horizon = atomic_load_explicit(&view->head->highest_modseq, memory_order_acquire);

	m->view = view;
	m->recent_from = recent_from;
	m->is_read_only = is_read_only;
	m->flags_modseq = horizon;
	m->expunges_modseq = horizon;
	m->told_keywords = view_keyword_count(view);
	imap_mailbox_learn(m, view_count(view));
	return m;
}

void
imap_mailbox_free(struct imap_mailbox **m)
{
	if (!*m)
		return;
	imap_numbers_done(&(*m)->holes);
	imap_numbers_done(&(*m)->ghosts);
	imap_numbers_done(&(*m)->sync.fresh);
	memory_free(*m);
	*m = NULL;
}

uint32_t
imap_mailbox_exists(const struct imap_mailbox *m)
{
	return m->known - (uint32_t)m->holes.count + (uint32_t)m->ghosts.count;
}

uint32_t
imap_mailbox_recent(const struct imap_mailbox *m)
{
	uint32_t first = view_find(m->view, m->known, m->recent_from);
	size_t holes = m->holes.count - imap_numbers_below(&m->holes, first);
	size_t ghosts = m->ghosts.count - imap_numbers_below(&m->ghosts, m->recent_from);

	return m->known - first - (uint32_t)holes + (uint32_t)ghosts;
}

/* How many numbers stand before record `index`. */
static uint32_t
numbers_before(const struct imap_mailbox *m, uint32_t index)
{
	return index - (uint32_t)imap_numbers_below(&m->holes, index) +
		(uint32_t)imap_numbers_below(&m->ghosts, m->view->records[index].uid);
}

uint32_t
imap_mailbox_number(const struct imap_mailbox *m, uint32_t index)
{
	return numbers_before(m, index) + 1;
}

static bool
is_hole(const struct imap_mailbox *m, uint32_t index)
{
	size_t at = imap_numbers_below(&m->holes, index);

	return at < m->holes.count && m->holes.at[at] == index;
}

/* The first record with `number` numbers before it or in it, by bisection: M1. */
uint32_t
imap_mailbox_uid(const struct imap_mailbox *m, uint32_t number)
{
	uint32_t low = 0, high = m->known, before;

	if (!m->holes.count && !m->ghosts.count)
		return m->view->records[number - 1].uid;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (numbers_before(m, middle) + !is_hole(m, middle) < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < m->known && numbers_before(m, low) < number)
		return m->view->records[low].uid;
	/* A ghost before that record: the ghosts are what the numbers hold beside records. */
	before = low - (uint32_t)imap_numbers_below(&m->holes, low) + 1;
	return number - before < m->ghosts.count ? m->ghosts.at[number - before] : m->known_uid;
}

static bool
resolve_numbers(const struct imap_mailbox *m, struct imap_set *set)
{
	uint32_t exists = imap_mailbox_exists(m);

	for (size_t i = 0; i < set->count; i++) {
		struct imap_range *range = &set->ranges[i];
		bool has_star = !range->first || !range->last;

		/* "5:*" with three messages means the last one, as with uids. */
		if (has_star && range->first > exists)
			range->first = exists;
		if (has_star && range->last > exists)
			range->last = exists;
		if (range->first > exists || range->last > exists)
			return false;
	}
	imap_set_settle(set, exists);
	for (size_t i = 0; i < set->count; i++) {
		set->ranges[i].first = imap_mailbox_uid(m, set->ranges[i].first);
		set->ranges[i].last = imap_mailbox_uid(m, set->ranges[i].last);
	}
	return true;
}

bool
imap_mailbox_resolve(const struct imap_mailbox *m, struct imap_set *set, bool is_uids)
{
	uint32_t exists = imap_mailbox_exists(m);

	if (!is_uids)
		return resolve_numbers(m, set);
	imap_set_settle(set, exists ? imap_mailbox_uid(m, exists) : 0);
	while (set->count && set->ranges[set->count - 1].first > m->known_uid)
		set->count--;
	if (set->count && set->ranges[set->count - 1].last > m->known_uid)
		set->ranges[set->count - 1].last = m->known_uid;
	return true;
}

bool
imap_mailbox_has_ghost(const struct imap_mailbox *m, const struct imap_set *uids)
{
	for (size_t i = 0; i < m->ghosts.count; i++)
		if (imap_set_has(uids, m->ghosts.at[i]))
			return true;
	return false;
}

void
imap_walk_start(struct imap_walk *w, const struct imap_set *uids)
{
	*w = (struct imap_walk){ .uids = uids };
}

void
imap_walk_back(struct imap_walk *w, uint32_t uid)
{
	w->next_uid = uid;
	w->is_placed = false;
	while (w->range > 0 && w->uids->ranges[w->range - 1].last >= uid)
		w->range--;
}

static void
place(struct imap_walk *w, const struct imap_mailbox *m)
{
	uint32_t first = w->uids->ranges[w->range].first;

	if (w->next_uid > first)
		first = w->next_uid > UINT32_MAX ? UINT32_MAX : (uint32_t)w->next_uid;
	w->epoch = m->epoch;
	w->index = view_find(m->view, m->known, first);
	w->hole = imap_numbers_below(&m->holes, w->index);
	w->ghost = imap_numbers_below(&m->ghosts, first);
	w->is_placed = true;
}

bool
imap_walk_next(struct imap_walk *w, const struct imap_mailbox *m, uint32_t *index, uint32_t *number)
{
	for (; w->range < w->uids->count; w->range++, w->is_placed = false) {
		uint32_t last = w->uids->ranges[w->range].last;

		if (w->next_uid > last)
			continue;
		if (!w->is_placed || w->epoch != m->epoch)
			place(w, m);
		for (; w->index < m->known && m->view->records[w->index].uid <= last; w->index++) {
			uint32_t uid = m->view->records[w->index].uid;

			if (w->hole < m->holes.count && m->holes.at[w->hole] == w->index) {
				w->hole++;
				continue;
			}
			while (w->ghost < m->ghosts.count && m->ghosts.at[w->ghost] < uid)
				w->ghost++;
			*index = w->index++;
			*number = *index + 1 - (uint32_t)w->hole + (uint32_t)w->ghost;
			w->next_uid = (uint64_t)uid + 1;
			return true;
		}
	}
	return false;
}
