/* Mailboxes from being opened to being let go.

   A mailbox is open (in its account's map), or gone (deleted, renamed or forgotten, but still pinned), or not in
   memory.  It is kept open while something pins it: a request, a session that selected it.  What is idle is
   closed when too many are open (unpinned.h), which writes down in its view that nothing is to
   be looked for when it is opened again. */
#include "role/store/mailbox.h"

#include "base/event.h"
#include "role/store/aside.h"
#include "role/store/failure.h"
#include "role/store/file_systems.h"
#include "role/store/files.h"
#include "role/store/index.h"
#include "role/store/names.h"
#include "role/store/scan.h"
#include "role/store/uids.h"
#include "role/store/unpinned.h"
#include "role/store/usage.h"
#include "role/store/watch.h"
#include "sys/time.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { STALE_TMP_S = 36 * 3600, PATH_OCTETS_MAX = 4096 };

int
account_open(struct engine_account *a, bool is_made, enum ipc_outcome *outcome)
{
	struct fault f;

	if (a->way.directory >= 0)
		return 0;
	if (way_open(a->engine->mailboxes, a->path, is_made, &a->way, &f) != 0) {
		*outcome = errno == ENOENT && !is_made ? IPC_ABSENT : failure_report_fault(a->path, &f);
		return -1;
	}
	if (file_systems_note(a->engine, a->way.directory, ".") == 0)
		return 0;
	*outcome = failure_report("open the account's file system", a->path, errno);
	disk_close(&a->way.directory);
	return -1;
}

int
mailbox_make(struct engine_account *a, struct bytes name, struct fault *f)
{
	char space[MAILDIR_NAME_MAX + 2];
	struct buf path;
	int fd, mark, result;

	buf_init_fixed(&path, space, sizeof space);
	maildir_put_folder(&path, name);
	if (disk->mkdirat(a->way.directory, space, 0700) != 0 && errno != EEXIST)
		return fault_errno(f, errno, "make folder %s", space);
	fd = way_open_folder(&a->way, name, f);
	if (fd < 0)
		return -1;
	mark = files_open(fd, "maildirfolder", O_WRONLY | O_CREAT);
	result = mark < 0 ? fault_errno(f, errno, "make folder %s", space)
			  : way_make_parts(&(struct way){ fd, a->way.may_follow }, f);
	disk_close(&mark);
	disk_close(&fd);
	return result;
}

struct sweep {
	struct mailbox *m;
	int64_t now_s;
};

static bool
is_old(const struct sweep *s, const char *path)
{
	struct stat st;

	return disk->fstatat(s->m->directory, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && s->now_s - st.st_mtim.tv_sec > STALE_TMP_S;
}

/* What a crash left in tmp/: ours at once, but for what recovery could not bring further; others' when it is old (the page on Maildir: 36 hours). */
static bool
sweep_one(void *arg, const char *name, unsigned char type)
{
	struct sweep *s = arg;
	const struct engine *e = s->m->account->engine;
	char path[MAILDIR_NAME_MAX + 8] = "tmp/";
	size_t len = strlen(name);
	bool is_left;

	(void)type;
	if (len > MAILDIR_NAME_MAX)
		return true;
	memcpy(path + 4, name, len + 1);
	is_left = maildir_is_ours(bytes_of(name, len), bytes_text(e->hostname)) || is_old(s, path);
	if (is_left && !aside_is_named(e->state_directory, name))
		(void)disk->unlinkat(s->m->directory, path, 0);
	return true;
}

static void
read_keywords(struct mailbox *m)
{
	uint8_t space[KEYWORDS_FILE_OCTETS_MAX];
	int fd = files_open(m->directory, "dovecot-keywords", O_RDONLY);
	ssize_t got = fd < 0 ? -1 : disk->pread(fd, space, sizeof space, 0);

	keywords_parse(bytes_of(space, got > 0 ? (size_t)got : 0), &m->keywords);
	disk_close(&fd);
}

/* Which letter stands for which keyword of the view. */
static void
match_keywords(struct mailbox *m)
{
	memset(m->letters_of, 0, sizeof m->letters_of);
	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		int number = view_keyword_number(m->view.head, keywords_name(&m->keywords, i));

		if (m->keywords.lens[i] && number >= 0)
			m->letters_of[number] |= (uint64_t)1 << i;
	}
	view_set_full_of_keywords(&m->view, keywords_are_full(&m->keywords));
}

static int
open_parts(struct mailbox *m, struct fault *f)
{
	const struct way way = { m->directory, m->account->way.may_follow };
	struct sweep sweep = { m, time_now().wall_us / 1000000 };
	bool is_same;

	if (way_make_parts(&way, f) != 0)
		return -1;
	if (file_systems_note_folder(m->account->engine, m->directory) != 0)
		return fault_errno(f, errno, "open the mailbox's file systems");
	if (uids_open(m) != 0)
		return fault_errno(f, errno, "open the list of uids");
	(void)disk->list(m->directory, "tmp", sweep_one, &sweep);
	read_keywords(m);
	watch_add(m);
	is_same = index_open(m) == 0;
	if (!is_same && scan_rebuild(m) != 0)
		return fault_errno(f, errno, "make the index");
	usage_opened(m, is_same);
	match_keywords(m);
	return 0;
}

static void
release(struct mailbox *m)
{
	watch_remove(m);
	disk_close(&m->uidlist);
	disk_close(&m->directory);
	disk_close(&m->view_file);
	disk_close(&m->summary_file);
	memory_free(m->watchers);
	memory_free(m);
}

/* -1, errno and *f. */
static int
open_directory(struct mailbox *m, struct fault *f)
{
	struct stat st;

	m->directory = way_open_folder(&m->account->way, bytes_text(m->name), f);
	if (m->directory < 0)
		return -1;
	if (disk->fstat(m->directory, &st) != 0)
		return fault_errno(f, errno, "look at the folder");
	m->device = st.st_dev;
	m->inode = st.st_ino;
	return 0;
}

static struct mailbox *
new_mailbox(struct engine_account *a, struct bytes name)
{
	struct mailbox *m = NEW(struct mailbox);

	m->account = a;
	memcpy(m->name, name.ptr, name.len);
	m->number = atomic_fetch_add(&a->engine->next_mailbox, 1) + 1;
	m->directory = m->uidlist = m->view_file = m->summary_file = -1;
	m->watch_new = m->watch_cur = -1;
	return m;
}

/* Is the directory that is open still the one of that name? */
static bool
is_in_place(const struct mailbox *m)
{
	char path[PATH_OCTETS_MAX];
	struct stat st;
	struct buf b;

	buf_init_fixed(&b, path, sizeof path);
	put_format(&b, "%s/", m->account->path);
	maildir_put_folder(&b, bytes_text(m->name));
	return b.has_failed || (disk->fstatat(AT_FDCWD, path, &st, 0) == 0 && st.st_ino == m->inode && st.st_dev == m->device);
}

int
mailbox_open(struct engine_account *a, struct bytes name, struct mailbox **out, enum ipc_outcome *outcome)
{
	struct mailbox *m = map_get(a->mailboxes, name);
	struct fault f = { 0 };

	if (m && !is_in_place(m)) {
		/* Its directory was removed or replaced, say by a copy that was brought back: what is open is gone. */
		event(NULL, EV_MAILBOX_REPLACED, STR("account", a->path), TEXT("mailbox", name));
		mailbox_forget(m);
		disk_close(&a->way.directory);
		m = NULL;
	}
	if (m) {
		if (mailbox_make_sound(m, outcome) != 0)
			return -1;
		*out = mailbox_pin(m);
		return 0;
	}
	if (!maildir_is_folder_name(name)) {
		*outcome = IPC_ABSENT;
		return -1;
	}
	if (account_open(a, bytes_equal(name, BYTES("INBOX")), outcome) != 0)
		return -1;
	m = new_mailbox(a, name);
	if (open_directory(m, &f) != 0 || open_parts(m, &f) != 0) {
		*outcome = errno == ENOENT && m->directory < 0 ? IPC_ABSENT : failure_of(&f, "open mailbox", a->path, errno);
		index_close(m, false);
		release(m);
		return -1;
	}
	(void)map_put(a->mailboxes, name, m);
	m->pins = 1;
	*out = m;
	return 0;
}

/* Pins are sessions that selected it and, as a rule, requests. */
static bool
has_requests(const struct mailbox *m)
{
	uint32_t pins = m->is_notify_queued;

	for (size_t i = 0; i < m->watcher_count; i++)
		pins += m->watchers[i].sessions;
	return m->pins > pins;
}

/* Sessions are told that this mailbox is gone, since what they had mapped is not what they told their clients; it goes on
   under another number. */
static void
end_number(struct mailbox *m)
{
	struct message gone = { .type = MESSAGE_CHANGED };

	gone.u.changed.mailbox = m->number;
	gone.u.changed.is_gone = true;
	for (size_t i = 0; i < m->watcher_count; i++)
		outlet_send(m->watchers[i].outlet, m->watchers[i].outlet_epoch, &gone);
	watch_remove(m);
	m->number = atomic_fetch_add(&m->account->engine->next_mailbox, 1) + 1;
	watch_add(m);
}

int
mailbox_make_sound(struct mailbox *m, enum ipc_outcome *outcome)
{
	bool has_uids = uids_are_sound(m);

	if (has_uids && index_is_sound(m))
		return 0;
	*outcome = IPC_LATER;
	if (has_requests(m)) /* which count on what they prepared */
		return -1;
	event(NULL, EV_MAILBOX_WRITTEN, STR("path", m->account->path), STR("mailbox", m->name));
	if (has_uids)
		names_settle(m);
	end_number(m);
	disk_close(&m->uidlist);
	if (uids_open(m) != 0 || index_open_summaries(m) != 0 || scan_rebuild(m) != 0) {
		*outcome = failure_report("make index anew", m->account->path, errno);
		return -1;
	}
	match_keywords(m);
	return 0;
}

struct mailbox *
mailbox_pin(struct mailbox *m)
{
	if (m->pins++ == 0 && !m->is_gone)
		unpinned_remove(m);
	return m;
}

void
mailbox_unpin(struct mailbox **m)
{
	struct mailbox *was = *m;

	*m = NULL;
	if (!was)
		return;
	assert(was->pins > 0);
	if (--was->pins > 0)
		return;
	if (was->is_gone) {
		index_close(was, false);
		release(was);
	} else {
		unpinned_add(was);
	}
}

static void
take_out(struct mailbox *m)
{
	if (map_get(m->account->mailboxes, bytes_text(m->name)) == m)
		(void)map_remove(m->account->mailboxes, bytes_text(m->name));
	if (m->pins == 0)
		unpinned_remove(m);
	m->is_gone = true;
}

void
mailbox_forget(struct mailbox *m)
{
	assert(!m->is_gone);
	usage_forget(m->account);
	mailbox_changed(m);
	take_out(m);
	if (m->pins == 0) {
		mailbox_pin(m);
		mailbox_unpin(&m);
	}
}

void
mailbox_rename(struct mailbox *m, struct bytes name)
{
	struct mailbox *was = map_get(m->account->mailboxes, name);

	if (was) /* another program removed its folder */
		mailbox_forget(was);
	(void)map_remove(m->account->mailboxes, bytes_text(m->name));
	memset(m->name, 0, sizeof m->name);
	memcpy(m->name, name.ptr, name.len);
	(void)map_put(m->account->mailboxes, name, m);
}

static void
close_mailbox(struct mailbox *m)
{
	names_settle(m);
	watch_drain(m);
	usage_closing(m);
	index_close(m, true);
	take_out(m);
	release(m);
}

void
mailbox_close(struct mailbox **m)
{
	struct mailbox *was = *m;
	bool is_last = was->pins == 1 && !was->is_gone;

	mailbox_unpin(m);
	if (is_last)
		close_mailbox(was);
}

/* Any mailbox that nothing pins, or NULL. */
static struct mailbox *
find_idle(struct engine_account *a)
{
	struct bytes name;
	size_t at = 0;
	void *value;

	while (map_next(a->mailboxes, &at, &name, &value))
		if (((struct mailbox *)value)->pins == 0)
			return value;
	return NULL;
}

void
account_close_mailbox(struct mailbox *m)
{
	struct engine_account *a = m->account;

	close_mailbox(m);
	account_rest(a);
}

void
account_rest(struct engine_account *a)
{
	if (map_count(a->mailboxes) == 0 && a->started == 0)
		disk_close(&a->way.directory);
}

void
account_close_idle(struct engine_account *a)
{
	struct mailbox *m;

	while ((m = find_idle(a)))
		account_close_mailbox(m);
}

static struct mailbox_watcher *
find_watcher(struct mailbox *m, const struct engine_outlet *o, uint64_t epoch)
{
	for (size_t i = 0; i < m->watcher_count; i++)
		if (m->watchers[i].outlet == o && m->watchers[i].outlet_epoch == epoch)
			return &m->watchers[i];
	return NULL;
}

void
mailbox_add_watcher(struct mailbox *m, struct engine_outlet *o, uint64_t epoch)
{
	struct mailbox_watcher *w = find_watcher(m, o, epoch);

	if (!w) {
		m->watchers = memory_resize(m->watchers, m->watcher_count + 1, sizeof *m->watchers);
		w = &m->watchers[m->watcher_count++];
		*w = (struct mailbox_watcher){ .outlet = o, .outlet_epoch = epoch };
	}
	w->sessions++;
}

void
mailbox_remove_watcher(struct mailbox *m, struct engine_outlet *o, uint64_t epoch)
{
	struct mailbox_watcher *w = find_watcher(m, o, epoch);

	if (w && --w->sessions == 0)
		*w = m->watchers[--m->watcher_count];
}

static void
notify(struct job *job)
{
	struct mailbox *m = (void *)((uint8_t *)job - offsetof(struct mailbox, notify_job));
	struct message changed = { .type = MESSAGE_CHANGED };

	m->is_notify_queued = false;
	changed.u.changed.mailbox = m->number;
	changed.u.changed.is_gone = m->is_gone;
	if (m->has_grown && !m->is_gone && index_descriptors(m, changed.fds) == 0)
		changed.fd_count = 2;
	m->has_grown = false;
	for (size_t i = 0; i < m->watcher_count; i++)
		outlet_send(m->watchers[i].outlet, m->watchers[i].outlet_epoch, &changed);
	for (size_t i = 0; i < changed.fd_count; i++)
		disk_close(&changed.fds[i]);
	mailbox_unpin(&m);
}

void
mailbox_changed(struct mailbox *m)
{
	if (m->is_notify_queued || m->watcher_count == 0)
		return;
	m->is_notify_queued = true;
	(void)mailbox_pin(m);
	m->notify_job.run = notify;
	pool_add(m->account->engine->pool, &m->account->strand, &m->notify_job);
}

uint64_t
mailbox_next_modseq(const struct mailbox *m)
{
	return atomic_load(&m->view.head->highest_modseq) + 1;
}

uint32_t
mailbox_from(const struct mailbox *m, uint32_t uid)
{
	const struct view v = { .head = m->view.head, .records = m->view.records };

	return view_find(&v, view_writer_count(&m->view), uid);
}

bool
mailbox_next(const struct mailbox *m, uint32_t *index, uint32_t last)
{
	uint32_t count = view_writer_count(&m->view);

	for (; *index < count && m->view.records[*index].uid <= last; ++*index)
		if (!(atomic_load(&m->view.records[*index].flags) & VIEW_EXPUNGED))
			return true;
	return false;
}

bool
mailbox_find(const struct mailbox *m, uint32_t uid, uint32_t *index)
{
	*index = mailbox_from(m, uid);
	return mailbox_next(m, index, uid);
}
