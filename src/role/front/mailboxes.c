/* The view file has room for records to come, so that it is seldom mapped again.  The summary file grows
   with every message: it is mapped beyond its end, and what lies there is only touched once the view
   says that it was written (V7). */
#include "role/front/mailboxes.h"

#include "base/map.h"
#include "base/memory.h"
#include "sys/disk.h"

#include <errno.h>

enum { SUMMARIES_LEAST = 1024 * 1024 };

struct mapping {
	struct view view;
	struct bytes head, summaries; /* what to unmap */
};

struct mailbox {
	uint64_t number;
	struct mapping *mapping;
	LIST_HEAD(, mailbox_user) users;
};

static void
mapping_free(struct mapping **m)
{
	if (!*m)
		return;
	if ((*m)->head.ptr)
		(void)disk->unmap((void *)(uintptr_t)(*m)->head.ptr, (*m)->head.len);
	if ((*m)->summaries.ptr)
		(void)disk->unmap((void *)(uintptr_t)(*m)->summaries.ptr, (*m)->summaries.len);
	memory_free(*m);
	*m = NULL;
}

static int
map_file(int fd, size_t least, struct bytes *out, struct fault *f)
{
	struct stat st;
	void *ptr;
	size_t size;

	if (disk->fstat(fd, &st) != 0)
		return fault_errno(f, errno, "a mailbox's view");
	size = (size_t)st.st_size > least / 2 ? (size_t)st.st_size * (least ? 2 : 1) : least;
	ptr = disk->map(fd, size, false);
	if (!ptr)
		return fault_errno(f, errno, "a mailbox's view of %zu octets", size);
	*out = bytes_of(ptr, size);
	return 0;
}

static struct mapping *
mapping_new(const int fds[2], struct fault *f)
{
	struct mapping *m = NEW(struct mapping);

	if (map_file(fds[0], 0, &m->head, f) == 0 &&
		map_file(fds[1], SUMMARIES_LEAST, &m->summaries, f) == 0 &&
		view_open(m->head, m->summaries, &m->view, f) == 0)
		return m;
	mapping_free(&m);
	return NULL;
}

static void
close_both(const int fds[2])
{
	for (int i = 0; i < 2; i++) {
		int fd = fds[i];

		disk_close(&fd);
	}
}

static void
join(struct mailbox *mailbox, struct mailbox_user *user)
{
	user->mailbox = mailbox;
	LIST_INSERT_HEAD(&mailbox->users, user, link);
}

const struct view *
mailbox_join(struct front *front, uint64_t number, const int fds[2], struct mailbox_user *user,
	struct fault *f)
{
	struct mailbox *mailbox = map_get_number(front->mailboxes, number);

	if (!mailbox) {
		struct mapping *mapping = mapping_new(fds, f);

		close_both(fds);
		if (!mapping)
			return NULL;
		mailbox = NEW(struct mailbox);
		mailbox->number = number;
		mailbox->mapping = mapping;
		(void)map_put_number(front->mailboxes, number, mailbox);
	} else {
		close_both(fds);
	}
	join(mailbox, user);
	return &mailbox->mapping->view;
}

const struct view *
mailbox_view(const struct mailbox_user *user)
{
	return user->mailbox ? &user->mailbox->mapping->view : NULL;
}

void
mailbox_leave(struct front *front, struct mailbox_user *user)
{
	struct mailbox *mailbox = user->mailbox;

	if (!mailbox)
		return;
	user->mailbox = NULL;
	LIST_REMOVE(user, link);
	if (!LIST_EMPTY(&mailbox->users))
		return;
	if (map_get_number(front->mailboxes, mailbox->number) == mailbox)
		(void)map_remove_number(front->mailboxes, mailbox->number);
	mapping_free(&mailbox->mapping);
	memory_free(mailbox);
}

/* Calls `what` of every user; each may leave meanwhile, and the last one's leaving frees the mailbox. */
static void
tell(struct mailbox *mailbox, void (*what)(struct mailbox_user *u))
{
	struct mailbox_user *u, *next;

	for (u = LIST_FIRST(&mailbox->users); u; u = next) {
		next = LIST_NEXT(u, link);
		what(u);
	}
}

static void
tell_changed(struct mailbox_user *u)
{
	u->changed(u);
}

static void
tell_gone(struct mailbox_user *u)
{
	u->gone(u);
}

static void
switch_view(struct mailbox *mailbox, const int fds[2])
{
	struct fault f;
	struct mapping *fresh = mapping_new(fds, &f), *old = mailbox->mapping;
	struct mailbox_user *u;

	if (!fresh) {
		event(NULL, EV_STORE_FAILED, STR("reason", f.text));
		tell(mailbox, tell_gone);
		return;
	}
	mailbox->mapping = fresh;
	LIST_FOREACH (u, &mailbox->users, link)
		u->new_view(u, &fresh->view);
	mapping_free(&old);
	tell(mailbox, tell_changed);
}

void
mailboxes_changed(struct front *front, const struct message *m)
{
	struct mailbox *mailbox = map_get_number(front->mailboxes, m->u.changed.mailbox);
	int fds[2] = { m->fd_count > 0 ? m->fds[0] : -1, m->fd_count > 1 ? m->fds[1] : -1 };

	if (mailbox && m->u.changed.is_gone)
		tell(mailbox, tell_gone);
	else if (mailbox && m->fd_count == 2)
		switch_view(mailbox, fds);
	else if (mailbox)
		tell(mailbox, tell_changed);
	close_both(fds);
}

void
mailboxes_forget(struct front *front)
{
	map_free(&front->mailboxes);
	front->mailboxes = map_new();
}
