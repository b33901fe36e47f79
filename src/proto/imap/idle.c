/* IDLE (RFC 2177).  Most sessions of most servers are here, so what a command needs is given back: the tag
   is all that stays. */
#include "proto/imap/commands.h"

#include "base/memory.h"

#include <string.h>

enum imap_turn
imap_run_idle(struct imap_session *s, struct imap_command *c)
{
	s->idle_tag_len = c->tag.len;
	s->idle_tag = memory_new(c->tag.len);
	memcpy(s->idle_tag, c->tag.ptr, c->tag.len);
	imap_command_drop(s);
	imap_frame_reset(&s->frame);
	put_text(&s->out, "+ idling\r\n");
	s->stage = STAGE_IDLE;
	s->has_changed = true;
	return TURN_ON;
}

static enum imap_turn
end_idle(struct imap_session *s, bool is_done)
{
	struct bytes tag = bytes_of(s->idle_tag, s->idle_tag_len);
	struct imap_command *c = imap_command_new(s, tag, imap_command_find(BYTES("IDLE")));

	memory_free(s->idle_tag);
	s->idle_tag = NULL;
	/* The arena is empty: one command always fits. */
	return is_done ? imap_ok(c, NULL, "IDLE completed") : imap_bad(c, "Expected DONE");
}

enum imap_turn
imap_idle_stage(struct imap_session *s, struct bytes *in)
{
	if (s->mailbox && (s->has_changed || s->mailbox->sync.phase != SYNC_START)) {
		enum imap_turn turn;

		s->has_changed = false;
		turn = imap_sync(s, true, false);
		if (turn != TURN_DONE)
			return turn;
	}
	switch (imap_frame_take(&s->frame, in)) {
	case IMAP_FRAME_MORE:
		return TURN_INPUT;
	case IMAP_FRAME_LITERAL:
	case IMAP_FRAME_TOO_LONG:
		return end_idle(s, false);
	case IMAP_FRAME_DONE:
		break;
	}
	return end_idle(s, bytes_equal_nocase(imap_frame_octets(&s->frame), BYTES("DONE")));
}
