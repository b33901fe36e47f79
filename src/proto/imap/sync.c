/* What changed in the selected mailbox since the client was told last.

   Changes are found by modseq (view.h, V3): the horizon is read first, then every record with a later modseq
   than the last horizon is told.  What changes meanwhile may be told now and once more in the next round,
   which does no harm; an expunge is told once, because the record becomes a hole (mailbox.h, M2).

   RFC 3501 7.4.1: EXPUNGE is held back while FETCH, STORE or SEARCH run.  So there are two horizons: one for flags, one for
   expunges.  The last message goes first, so that the numbers of those that are still to tell stay what they
   are. */
#include "proto/imap/session_internal.h"

bool
imap_is_output_high(const struct imap_session *s)
{
	return s->out.len - s->out_at >= IMAP_OUTPUT_HIGH;
}

static bool
is_hole(const struct imap_mailbox *m, uint32_t index, size_t *hole)
{
	while (*hole < m->holes.count && m->holes.at[*hole] < index)
		++*hole;
	return *hole < m->holes.count && m->holes.at[*hole] == index;
}

static void
find_expunges(struct imap_mailbox *m)
{
	struct imap_sync *sync = &m->sync;
	size_t hole = 0;

	for (uint32_t i = 0; sync->horizon != m->expunges_modseq && i < m->known; i++) {
		const struct view_record *r = &m->view->records[i];

		if (view_modseq(r) > m->expunges_modseq && (view_flags(r) & VIEW_EXPUNGED) &&
			!is_hole(m, i, &hole))
			imap_numbers_add(&sync->fresh, i);
	}
	sync->fresh_left = sync->fresh.count;
}

/* The last of what is expunged: a ghost or a record.  0: nothing is left. */
static uint32_t
next_expunge(struct imap_mailbox *m)
{
	struct imap_sync *sync = &m->sync;
	uint32_t index = sync->fresh_left ? sync->fresh.at[sync->fresh_left - 1] : 0, number;
	uint32_t ghost = m->ghosts.count ? m->ghosts.at[m->ghosts.count - 1] : 0;

	if (!sync->fresh_left && !m->ghosts.count)
		return 0;
	if (sync->fresh_left && m->view->records[index].uid > ghost) {
		sync->fresh_left--;
		return imap_mailbox_number(m, index);
	}
	m->ghosts.count--;
	index = view_find(m->view, m->known, ghost);
	number = index - (uint32_t)imap_numbers_below(&m->holes, index) + (uint32_t)m->ghosts.count + 1;
	return number;
}

static enum imap_turn
tell_expunges(struct imap_session *s)
{
	uint32_t number;

	while (!imap_is_output_high(s)) {
		number = next_expunge(s->mailbox);
		if (number == 0) {
			imap_mailbox_settle_fresh(s->mailbox);
			s->mailbox->expunges_modseq = s->mailbox->sync.horizon;
			return TURN_DONE;
		}
		imap_put_numbered(&s->out, number, "EXPUNGE");
	}
	return TURN_FLUSH;
}

void
imap_put_recent(struct imap_session *s)
{
	const struct imap_mailbox *m = s->mailbox;
	uint32_t recent = imap_mailbox_recent(m);

	imap_put_numbered(&s->out, recent, "RECENT");
	if (recent > 0 && !m->is_read_only)
		s->told = m->view->records[m->known - 1].uid + 1;
}

static void
tell_exists(struct imap_session *s)
{
	struct imap_mailbox *m = s->mailbox;
	uint32_t before = imap_mailbox_exists(m);

	m->sync.flags_end = m->known;
	imap_mailbox_learn(m, view_count(m->view));
	if (imap_mailbox_exists(m) == before)
		return;
	imap_put_numbered(&s->out, imap_mailbox_exists(m), "EXISTS");
	imap_put_recent(s);
}

static void
tell_flags_of(struct imap_session *s, uint32_t index, bool wants_uids)
{
	const struct view_record *r = &s->mailbox->view->records[index];
	struct buf *out = &s->out;

	put_text(out, "* ");
	put_number(out, imap_mailbox_number(s->mailbox, index));
	put_text(out, " FETCH (");
	if (wants_uids) {
		put_text(out, "UID ");
		put_number(out, r->uid);
		put_char(out, ' ');
	}
	put_text(out, "FLAGS ");
	imap_put_flags(out, s->mailbox, view_flags(r), atomic_load_explicit(&r->keywords, memory_order_relaxed),
		imap_mailbox_is_recent(s->mailbox, r->uid));
	put_text(out, ")\r\n");
}

static enum imap_turn
tell_flags(struct imap_session *s, bool wants_uids)
{
	struct imap_mailbox *m = s->mailbox;
	struct imap_sync *sync = &m->sync;
	size_t hole = 0;

	for (; sync->horizon != m->flags_modseq && sync->index < sync->flags_end; sync->index++) {
		const struct view_record *r = &m->view->records[sync->index];
		uint64_t modseq = view_modseq(r);

		if (modseq <= m->flags_modseq || (view_flags(r) & VIEW_EXPUNGED) ||
			is_hole(m, sync->index, &hole) || (s->command && imap_own_has(s->command, modseq)))
			continue;
		if (imap_is_output_high(s))
			return TURN_FLUSH;
		tell_flags_of(s, sync->index, wants_uids);
	}
	m->flags_modseq = sync->horizon;
	return TURN_DONE;
}

static void
begin(struct imap_session *s, bool may_expunge)
{
	struct imap_mailbox *m = s->mailbox;
	const struct view_head *head = m->view->head;

	m->sync.horizon = atomic_load_explicit(&head->highest_modseq, memory_order_acquire);
	m->sync.index = 0;
	imap_put_new_keywords(s);
	if (may_expunge)
		find_expunges(m);
	m->sync.phase = may_expunge ? SYNC_EXPUNGES : SYNC_EXISTS;
}

enum imap_turn
imap_sync(struct imap_session *s, bool may_expunge, bool wants_uids)
{
	struct imap_sync *sync = &s->mailbox->sync;
	enum imap_turn turn = TURN_DONE;

	if (sync->phase == SYNC_START)
		begin(s, may_expunge);
	if (sync->phase == SYNC_EXPUNGES) {
		if (tell_expunges(s) == TURN_FLUSH)
			return TURN_FLUSH;
		sync->phase = SYNC_EXISTS;
	}
	if (sync->phase == SYNC_EXISTS) {
		tell_exists(s);
		sync->phase = SYNC_FLAGS;
	}
	turn = tell_flags(s, wants_uids);
	if (turn == TURN_DONE)
		sync->phase = SYNC_START;
	return turn;
}
