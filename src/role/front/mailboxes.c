/* The view file has room for records to come, so that it is seldom mapped again.  The summary file
   grows with every message: it is mapped beyond its end, and what lies there is only touched once
   the view says that it was written (V7).

   Mapping a large view costs more than all the rest of SELECT, and clients come back: what the last
   session left lingers for a while.  The store tells nothing of it meanwhile, so whoever comes next
   takes it only when the descriptors are of the same files, and none of them outgrew the mapping.

   A file that another program cut short leaves a mapping that is torn (disk_is_torn): it reads as zeros, which hurts
   nobody, but nothing of it may reach a client.
 */
#include "role/front/mailboxes.h"

#include "base/map.h"
#include "base/memory.h"
#include "sys/disk.h"

#include <errno.h>

enum { SUMMARIES_LEAST = 1024 * 1024, LINGERING_MAX = 16, LINGERING_US = 30 * 1000000 };

struct file {
	dev_t device;
	ino_t inode; /* no other file has it as long as this one is mapped */
	struct bytes octets;
};

struct mapping {
	struct view view;
	struct file head, summaries;
};

struct mailbox {
	uint64_t number;
	struct mapping *mapping;
	LIST_HEAD(, mailbox_user) users;
	TAILQ_ENTRY(mailbox) link; /* of those without users */
	int64_t left_us;
};

struct mailboxes {
	struct map *by_number;		 /* the store's number → struct mailbox */
	TAILQ_HEAD(, mailbox) lingering; /* the one that was left first, first */
	size_t lingering_count;
};

static void
unmap_file(const struct file *file)
{
	if (file->octets.ptr)
		(void)disk->unmap((void *)(uintptr_t)file->octets.ptr, file->octets.len);
}

static void
mapping_free(struct mapping **m)
{
	if (!*m)
		return;
	unmap_file(&(*m)->head);
	unmap_file(&(*m)->summaries);
	memory_free(*m);
	*m = NULL;
}

static int
map_file(int fd, size_t least, struct file *out, struct fault *f)
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
	*out = (struct file){ st.st_dev, st.st_ino, bytes_of(ptr, size) };
	return 0;
}

static struct mapping *
mapping_new(const int fds[2], struct fault *f)
{
	struct mapping *m = NEW(struct mapping);

	if (map_file(fds[0], 0, &m->head, f) == 0 &&
		map_file(fds[1], SUMMARIES_LEAST, &m->summaries, f) == 0 &&
		view_open(m->head.octets, m->summaries.octets, &m->view, f) == 0)
		return m;
	mapping_free(&m);
	return NULL;
}

static bool
is_torn(const struct mapping *m)
{
	return disk_is_torn(m->head.octets.ptr) || disk_is_torn(m->summaries.octets.ptr);
}

static bool
is_all_of(const struct file *file, int fd)
{
	struct stat st;

	return disk->fstat(fd, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode &&
	       (uint64_t)st.st_size <= file->octets.len;
}

static bool
is_current(const struct mapping *m, const int fds[2])
{
	return !is_torn(m) && is_all_of(&m->head, fds[0]) && is_all_of(&m->summaries, fds[1]);
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
mailbox_free(struct mailbox **mailbox)
{
	mapping_free(&(*mailbox)->mapping);
	memory_free(*mailbox);
	*mailbox = NULL;
}

/* The one that was left first. */
static void
end_lingering(struct mailboxes *all)
{
	struct mailbox *mailbox = TAILQ_FIRST(&all->lingering);

	TAILQ_REMOVE(&all->lingering, mailbox, link);
	all->lingering_count--;
	(void)map_remove_number(all->by_number, mailbox->number);
	mailbox_free(&mailbox);
}

static void
linger(struct mailboxes *all, struct mailbox *mailbox, int64_t now_us)
{
	mailbox->left_us = now_us;
	TAILQ_INSERT_TAIL(&all->lingering, mailbox, link);
	if (++all->lingering_count > LINGERING_MAX)
		end_lingering(all);
}

static struct mailbox *
mailbox_new(struct mailboxes *all, uint64_t number, const int fds[2], struct fault *f)
{
	struct mapping *mapping = mapping_new(fds, f);
	struct mailbox *mailbox;

	if (!mapping)
		return NULL;
	mailbox = NEW(struct mailbox);
	mailbox->number = number;
	mailbox->mapping = mapping;
	(void)map_put_number(all->by_number, number, mailbox);
	return mailbox;
}

/* Calls `what` of every user; each may leave meanwhile, and the last one's leaving frees the
 * mailbox. */
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

/* The mailbox of that number with a view that is current; NULL: there is none. */
static struct mailbox *
find(struct mailboxes *all, uint64_t number, const int fds[2])
{
	struct mailbox *mailbox = map_get_number(all->by_number, number);

	if (mailbox && !LIST_EMPTY(&mailbox->users) && is_torn(mailbox->mapping)) {
		(void)map_remove_number(all->by_number, number);
		tell(mailbox, tell_gone);
		return NULL;
	}
	if (!mailbox || !LIST_EMPTY(&mailbox->users))
		return mailbox;
	TAILQ_REMOVE(&all->lingering, mailbox, link);
	all->lingering_count--;
	if (is_current(mailbox->mapping, fds))
		return mailbox;
	(void)map_remove_number(all->by_number, number);
	mailbox_free(&mailbox);
	return NULL;
}

const struct view *
mailbox_join(struct front *front, uint64_t number, const int fds[2], struct mailbox_user *user,
	struct fault *f)
{
	struct mailbox *mailbox = find(front->mailboxes, number, fds);

	if (!mailbox)
		mailbox = mailbox_new(front->mailboxes, number, fds, f);
	close_both(fds);
	if (!mailbox)
		return NULL;
	user->mailbox = mailbox;
	LIST_INSERT_HEAD(&mailbox->users, user, link);
	return &mailbox->mapping->view;
}

bool
mailbox_is_torn(const struct mailbox_user *user)
{
	return user->mailbox && is_torn(user->mailbox->mapping);
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
	if (map_get_number(front->mailboxes->by_number, mailbox->number) == mailbox)
		linger(front->mailboxes, mailbox, loop_now(front->loop).mono_us);
	else
		mailbox_free(&mailbox);
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
	struct mailbox *mailbox = map_get_number(front->mailboxes->by_number, m->u.changed.mailbox);
	int fds[2] = { m->fd_count > 0 ? m->fds[0] : -1, m->fd_count > 1 ? m->fds[1] : -1 };

	if (mailbox && (m->u.changed.is_gone || is_torn(mailbox->mapping)))
		tell(mailbox, tell_gone);
	else if (mailbox && m->fd_count == 2)
		switch_view(mailbox, fds);
	else if (mailbox)
		tell(mailbox, tell_changed);
	close_both(fds);
}

void
mailboxes_sweep(struct front *front)
{
	struct mailboxes *all = front->mailboxes;
	int64_t now_us = loop_now(front->loop).mono_us;

	while (!TAILQ_EMPTY(&all->lingering) &&
		now_us - TAILQ_FIRST(&all->lingering)->left_us >= LINGERING_US)
		end_lingering(all);
}

void
mailboxes_forget(struct front *front)
{
	struct mailboxes *all = front->mailboxes;

	while (!TAILQ_EMPTY(&all->lingering))
		end_lingering(all);
	map_free(&all->by_number);
	all->by_number = map_new();
}

struct mailboxes *
mailboxes_new(void)
{
	struct mailboxes *all = NEW(struct mailboxes);

	all->by_number = map_new();
	TAILQ_INIT(&all->lingering);
	return all;
}
