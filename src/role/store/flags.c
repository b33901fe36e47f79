#include "role/store/handlers.h"

#include "role/store/mailbox.h"
#include "role/store/names.h"

static struct bytes
ranges_octets(struct request *r, const struct ipc_ranges *ranges)
{
	struct buf out;
	uint8_t *space = arena_take(r->arena, ranges->count * 8 + 1);

	if (!space)
		return BYTES_NONE;
	buf_init_fixed(&out, space, ranges->count * 8 + 1);
	for (size_t i = 0; i < ranges->count; i++)
		record_put_range(&out, ranges->at[i].first, ranges->at[i].last);
	return buf_bytes(&out);
}

/* The flags and keywords a message gets. */
static void
apply(enum ipc_flags_mode mode, uint32_t *flags, uint64_t *keywords, uint32_t by_flags, uint64_t by_keywords)
{
	switch (mode) {
	case FLAGS_REPLACE:
		*flags = by_flags;
		*keywords = by_keywords;
		break;
	case FLAGS_ADD:
		*flags |= by_flags;
		*keywords |= by_keywords;
		break;
	case FLAGS_REMOVE:
		*flags &= ~by_flags;
		*keywords &= ~by_keywords;
		break;
	}
}

/* The modseq that it got; 0: it is as it was. */
static uint64_t
set_one(struct mailbox *m, uint32_t index, const struct ipc_set_flags *s, uint64_t by_keywords, uint64_t modseq)
{
	struct view_record *v = &m->view.records[index];
	uint32_t flags = atomic_load(&v->flags), flags_before = flags;
	uint64_t keywords = atomic_load(&v->keywords), keywords_before = keywords;

	apply(s->mode, &flags, &keywords, s->flags & VIEW_SYSTEM_FLAGS, by_keywords);
	if (flags == flags_before && keywords == keywords_before)
		return 0;
	modseq += view_modseq(v) > s->told;
	view_set_flags(&m->view, index, flags, keywords, modseq);
	names_lag(m, index);
	return modseq;
}

static void
finish(struct request *r, enum ipc_outcome outcome)
{
	struct message reply = request_reply(r, IPC_OK);
	const struct ipc_set_flags *s = &r->m.u.set_flags;
	struct mailbox *m = r->mailbox;
	uint64_t modseq = mailbox_next_modseq(m), keywords, given, last = 0;

	if (outcome != IPC_OK) {
		request_answer(r, outcome);
		return;
	}
	(void)mailbox_take_keywords(m, s->keywords, &keywords);
	for (size_t i = 0; i < s->uids.count; i++)
		for (uint32_t at = mailbox_from(m, s->uids.at[i].first);
			mailbox_next(m, &at, s->uids.at[i].last); at++)
			if ((given = set_one(m, at, s, keywords, modseq)) > last)
				last = given;
	if (last) {
		view_commit(&m->view, last);
		mailbox_changed(m);
	}
	reply.u.flags_set.modseq = last ? modseq : 0;
	request_send(r, &reply);
	request_done(r);
}

void
handle_set_flags(struct request *r)
{
	const struct ipc_set_flags *s = &r->m.u.set_flags;

	if (!handle_selected(r))
		return;
	if (r->session->is_read_only || s->mode > FLAGS_REMOVE) {
		request_answer(r, IPC_INVALID);
		return;
	}
	if (s->mode != FLAGS_REMOVE && !mailbox_has_room_for(r->mailbox, s->keywords)) {
		request_answer(r, IPC_LIMIT);
		return;
	}
	put_record(request_log(r, r->mailbox),
		&(struct record){
			.kind = RECORD_FLAGS,
			.mode = s->mode,
			.flags = s->flags & VIEW_SYSTEM_FLAGS,
			.keywords = s->keywords,
			.uids = ranges_octets(r, &s->uids),
		});
	request_commit(r, finish);
}
