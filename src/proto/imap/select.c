/* SELECT, EXAMINE, and leaving the mailbox. */
#include "proto/imap/commands.h"

static void
put_code(struct buf *out, const char *name, uint32_t number, const char *text)
{
	put_text(out, "* OK [");
	put_text(out, name);
	put_char(out, ' ');
	put_number(out, number);
	put_text(out, text);
}

/* RFC 3501 6.3.1: the number of the first message without \Seen. */
static void
put_first_unseen(struct imap_session *s)
{
	const struct imap_mailbox *m = s->mailbox;
	uint32_t at = atomic_load_explicit(&m->view->head->first_unseen, memory_order_relaxed);

	if (atomic_load_explicit(&m->view->head->unseen, memory_order_relaxed) == 0)
		return;
	while (at < m->known && (view_flags(&m->view->records[at]) & (VIEW_SEEN | VIEW_EXPUNGED)))
		at++;
	if (at < m->known)
		put_code(&s->out, "UNSEEN", imap_mailbox_number(m, at), "] First message that is not seen\r\n");
}

static void
put_selected(struct imap_session *s)
{
	const struct imap_mailbox *m = s->mailbox;
	const struct view_head *head = m->view->head;

	imap_put_mailbox_flags(&s->out, m);
	imap_put_numbered(&s->out, imap_mailbox_exists(m), "EXISTS");
	imap_put_recent(s);
	put_first_unseen(s);
	put_code(&s->out, "UIDVALIDITY", head->uid_validity, "] UIDs are valid\r\n");
	put_code(&s->out, "UIDNEXT", atomic_load_explicit(&head->uid_next, memory_order_relaxed),
		"] Next UID\r\n");
}

enum { LEAVE, ASK, ANSWERED };

static enum imap_turn
leave_old(struct imap_session *s, struct imap_command *c)
{
	c->phase = ASK;
	if (!s->mailbox)
		return TURN_ON;
	imap_session_leave_mailbox(s);
	c->ask = (struct imap_ask){ .kind = IMAP_ASK_DESELECT };
	return TURN_TELL;
}

static enum imap_turn
selected(struct imap_session *s, struct imap_command *c, bool is_read_only)
{
	if (c->answer.outcome != IMAP_OK || !c->answer.view)
		return imap_refuse(c, c->answer.outcome);
	s->mailbox = imap_mailbox_new(c->answer.view, c->answer.recent_from, is_read_only);
	s->state = STATE_SELECTED;
	put_selected(s);
	if (is_read_only)
		return imap_ok(c, "[READ-ONLY]", "EXAMINE completed");
	return imap_ok(c, "[READ-WRITE]", "SELECT completed");
}

/* RFC 3501 6.3.1: the mailbox that was selected is left first, also if this one can't be. */
static enum imap_turn
run(struct imap_session *s, struct imap_command *c, bool is_read_only)
{
	const struct imap_name_args *args = c->args;

	if (c->phase == LEAVE)
		return leave_old(s, c);
	if (c->phase == ANSWERED)
		return selected(s, c, is_read_only);
	if (!imap_name_is_valid(args->name))
		return imap_refuse(c, IMAP_ABSENT);
	c->phase = ANSWERED;
	(void)imap_ask_name(c, IMAP_ASK_SELECT, args->name);
	c->ask.is_read_only = is_read_only;
	return TURN_ASK;
}

enum imap_turn
imap_run_select(struct imap_session *s, struct imap_command *c)
{
	return run(s, c, false);
}

enum imap_turn
imap_run_examine(struct imap_session *s, struct imap_command *c)
{
	return run(s, c, true);
}

enum imap_turn
imap_run_unselect(struct imap_session *s, struct imap_command *c)
{
	if (c->phase++ > 0)
		return imap_ok(c, NULL, "UNSELECT completed");
	imap_session_leave_mailbox(s);
	c->ask = (struct imap_ask){ .kind = IMAP_ASK_DESELECT };
	return TURN_TELL;
}

enum { CLOSE_EXPUNGE, CLOSE_EXPUNGED, CLOSE_LEFT };

/* RFC 3501 6.4.2: what is \Deleted goes, and no EXPUNGE is sent. */
enum imap_turn
imap_run_close(struct imap_session *s, struct imap_command *c)
{
	static const struct imap_range all = { 1, UINT32_MAX };

	if (c->phase == CLOSE_LEFT)
		return imap_ok(c, NULL, "CLOSE completed");
	if (c->phase == CLOSE_EXPUNGE && !s->mailbox->is_read_only &&
		atomic_load_explicit(&s->mailbox->view->head->deleted, memory_order_acquire) != 0) {
		c->phase = CLOSE_EXPUNGED;
		c->ask = (struct imap_ask){ .kind = IMAP_ASK_EXPUNGE, .uids = &all, .uid_ranges = 1 };
		return TURN_ASK;
	}
	if (c->phase == CLOSE_EXPUNGED && c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome);
	c->phase = CLOSE_LEFT;
	imap_session_leave_mailbox(s);
	c->ask = (struct imap_ask){ .kind = IMAP_ASK_DESELECT };
	return TURN_TELL;
}
