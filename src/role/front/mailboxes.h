/* Mailboxes that sessions of this front have open: each view is mapped once for all of them. */
#ifndef FRONT_MAILBOXES_H
#define FRONT_MAILBOXES_H

#include "role/front/front_internal.h"
#include "view/view.h"

struct mailbox;

/* A session that has a mailbox open; embedded in its client. */
struct mailbox_user {
	LIST_ENTRY(mailbox_user) link;
	struct mailbox *mailbox; /* NULL: none */
	void (*changed)(struct mailbox_user *u);
	/* The old view stays mapped until this returns. */
	void (*new_view)(struct mailbox_user *u, const struct view *view);
	void (*gone)(struct mailbox_user *u);
};

/* No mailbox is open; owned by the front for its life. */
struct mailboxes *mailboxes_new(void);
/* Joins mailbox `number`; fds: its view and its summaries (taken over; not needed when it is mapped
   already).  NULL with *f when they can't be mapped. The view lives until the user leaves, or new_view. */
const struct view *mailbox_join(struct front *front, uint64_t number, const int fds[2],
	struct mailbox_user *user, struct fault *f);
/* The view of the mailbox that the user has open now; NULL: none. */
const struct view *mailbox_view(const struct mailbox_user *user);
/* The view of the mailbox that the user has open was cut short by another program: what was read of it is wrong. */
bool mailbox_is_torn(const struct mailbox_user *user);
/* What the last one leaves stays mapped for a while.  Nothing when it has none open. */
void mailbox_leave(struct front *front, struct mailbox_user *user);
/* CHANGED arrived; its descriptors are taken over. */
void mailboxes_changed(struct front *front, const struct message *m);
/* Unmaps what nobody came back to.  Called now and then. */
void mailboxes_sweep(struct front *front);
/* The store went away: what it numbered means nothing any more.  Users still have to leave. */
void mailboxes_forget(struct front *front);

#endif
