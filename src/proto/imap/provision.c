/* A new account gets Drafts, Sent, Junk, Trash and Archive, at the first moment when a session looks at its
   folders or names one of these.  New is an account that has nothing but INBOX and no subscription; having
   got its folders it is subscribed to INBOX too, so that who deletes them all is not taken for new again. */
#include "proto/imap/commands.h"

enum { ASK_LIST, LISTED, CREATE, CREATED, SUBSCRIBED, MARKED };

static bool
is_new_account(const struct imap_answer *a)
{
	for (size_t i = 0; i < a->folder_count; i++)
		if (!bytes_equal(a->folders[i].name, BYTES("INBOX")) ||
			(a->folders[i].attributes & IMAP_SUBSCRIBED))
			return false;
	return true;
}

static enum imap_turn
end(struct imap_session *s, struct imap_command *c, bool is_complete)
{
	s->is_provisioned = is_complete;
	c->has_folders = false;
	return TURN_DONE;
}

/* The phases of a folder's creation repeat for each: c->phase counts them. */
static enum imap_turn
next_folder(struct imap_session *s, struct imap_command *c)
{
	struct bytes name = imap_name_special(c->phase);

	if (name.len) {
		c->provision_phase = CREATED;
		return imap_ask_name(c, IMAP_ASK_CREATE, name);
	}
	c->phase = 0;
	c->provision_phase = MARKED;
	(void)s;
	return imap_ask_name(c, IMAP_ASK_SUBSCRIBE, BYTES("INBOX"));
}

static enum imap_turn
listed(struct imap_session *s, struct imap_command *c)
{
	if (c->answer.outcome != IMAP_OK)
		return end(s, c, false);
	if (is_new_account(&c->answer)) {
		c->provision_phase = CREATE;
		return TURN_ON;
	}
	(void)end(s, c, true);
	c->has_folders = true;
	return TURN_DONE;
}

enum imap_turn
imap_provision(struct imap_session *s, struct imap_command *c)
{
	switch (c->provision_phase) {
	case ASK_LIST:
		c->provision_phase = LISTED;
		return imap_ask_name(c, IMAP_ASK_LIST, BYTES_NONE);
	case LISTED:
		return listed(s, c);
	case CREATED:
		if (c->answer.outcome != IMAP_OK && c->answer.outcome != IMAP_EXISTS) {
			c->phase = 0;
			return end(s, c, false);
		}
		c->provision_phase = SUBSCRIBED;
		return imap_ask_name(c, IMAP_ASK_SUBSCRIBE, imap_name_special(c->phase++));
	case CREATE:
	case SUBSCRIBED:
		return next_folder(s, c);
	default:
		return end(s, c, true);
	}
}
