/* What becomes of the numbers when the view is replaced. */
#include "proto/imap/mailbox.h"

#include "base/memory.h"

/* a and b, both in order and without a common number. */
static struct imap_numbers
merge(const struct imap_numbers *a, const uint32_t *b, size_t b_count)
{
	struct imap_numbers out = { 0 };
	size_t i = 0, j = 0;

	out.size = a->count + b_count;
	if (out.size == 0)
		return out;
	out.at = memory_new_array(out.size, sizeof *out.at);
	while (i < a->count || j < b_count)
		if (j == b_count || (i < a->count && a->at[i] < b[j]))
			out.at[out.count++] = a->at[i++];
		else
			out.at[out.count++] = b[j++];
	return out;
}

void
imap_mailbox_settle_fresh(struct imap_mailbox *m)
{
	struct imap_numbers *fresh = &m->sync.fresh;
	struct imap_numbers holes;

	if (fresh->count > m->sync.fresh_left) {
		holes = merge(&m->holes, fresh->at + m->sync.fresh_left, fresh->count - m->sync.fresh_left);
		imap_numbers_done(&m->holes);
		m->holes = holes;
	}
	imap_numbers_done(fresh);
	m->sync.fresh_left = 0;
}

/* The uids of the client's messages in order: records that are no holes, and ghosts (M1). */
struct uid_walk {
	uint32_t index;
	size_t hole, ghost;
};

static bool
next_uid(struct uid_walk *w, const struct imap_mailbox *m, uint32_t *uid)
{
	bool has_record, has_ghost = w->ghost < m->ghosts.count;

	while (w->hole < m->holes.count && m->holes.at[w->hole] == w->index) {
		w->hole++;
		w->index++;
	}
	has_record = w->index < m->known;
	if (!has_record && !has_ghost)
		return false;
	if (has_ghost && (!has_record || m->ghosts.at[w->ghost] < m->view->records[w->index].uid))
		*uid = m->ghosts.at[w->ghost++];
	else
		*uid = m->view->records[w->index++].uid;
	return true;
}

void
imap_mailbox_new_view(struct imap_mailbox *m, const struct view *view)
{
	struct imap_numbers holes = { 0 }, ghosts = { 0 };
	struct uid_walk walk = { 0 };
	uint32_t index = 0, count = view_count(view), uid;

	imap_mailbox_settle_fresh(m);
	m->sync.phase = SYNC_START;
	while (next_uid(&walk, m, &uid)) {
		while (index < count && view->records[index].uid < uid)
			imap_numbers_add(&holes, index++);
		if (index < count && view->records[index].uid == uid)
			index++;
		else
			imap_numbers_add(&ghosts, uid);
	}
	while (index < count && view->records[index].uid <= m->known_uid)
		imap_numbers_add(&holes, index++);
	imap_numbers_done(&m->holes);
	imap_numbers_done(&m->ghosts);
	m->holes = holes;
	m->ghosts = ghosts;
	m->view = view;
	m->known = index;
	m->epoch++;
}
