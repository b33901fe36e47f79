#include "role/store/index.h"

#include "journal/crc.h"
#include "role/store/failure.h"
#include "role/store/files.h"
#include "role/store/uids.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

/* A mailbox of few messages fits in two times four pages. */
enum { CAPACITY_FIRST = 256, SUMMARY_FIRST = 65536, SUMMARY_HEAD = 8, SUMMARY_STAMP = 8 };
#define COMPACT_EXPUNGED 1000
#define VIEW_NEW INDEX_VIEW ".new"

static void
state_load(const struct view_head *head, struct index_state *s)
{
	_Static_assert(sizeof *s <= sizeof head->store_private, "the state fits");
	memcpy(s, head->store_private, sizeof *s);
}

static void
state_store(struct view_head *head, const struct index_state *s)
{
	memcpy(head->store_private, s, sizeof *s);
}

static int64_t
mtime_ns(const struct mailbox *m, const char *directory)
{
	struct stat st;

	if (disk->fstatat(m->directory, directory, &st, 0) != 0)
		return 0;
	return st.st_mtim.tv_sec * (int64_t)1000000000 + st.st_mtim.tv_nsec;
}

static void *
map_view(int fd, size_t *octets, bool is_writable)
{
	struct stat st;
	void *mapping;

	if (disk->fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size < VIEW_HEAD_OCTETS || st.st_size > (off_t)view_octets(UINT32_MAX)) {
		errno = EINVAL;
		return NULL;
	}
	*octets = (size_t)st.st_size;
	mapping = disk->map(fd, *octets, is_writable);
	return mapping;
}

bool
index_map_old(const struct mailbox *m, struct view *v, void **mapping, size_t *octets)
{
	int fd = files_open(m->directory, INDEX_VIEW, O_RDONLY);
	struct index_state s;

	if (fd < 0)
		return false;
	*mapping = map_view(fd, octets, false);
	disk_close(&fd);
	if (!*mapping)
		return false;
	if (view_open(bytes_of(*mapping, *octets), BYTES_NONE, v, NULL) == 0) {
		state_load(v->head, &s);
		if (memcmp(s.guid, m->guid, sizeof s.guid) == 0)
			return true;
	}
	(void)disk->unmap(*mapping, *octets);
	return false;
}

/* What is there and is no file of ours gives way. */
static int
open_summary_file(struct mailbox *m)
{
	int fd = files_open_known(m->directory, INDEX_SUMMARY, O_RDWR | O_CREAT, &m->summary_is);

	if (fd >= 0 || (errno != ELOOP && errno != EINVAL))
		return fd;
	(void)disk->unlinkat(m->directory, INDEX_SUMMARY, 0);
	return files_open_known(m->directory, INDEX_SUMMARY, O_RDWR | O_CREAT, &m->summary_is);
}

/* Without the file (or with one that is no good) all summaries are lost. */
int
index_open_summaries(struct mailbox *m)
{
	struct stat st;

	disk_close(&m->summary_file);
	m->summary_file = open_summary_file(m);
	if (m->summary_file < 0 || disk->fstat(m->summary_file, &st) != 0)
		return -1;
	m->summary_octets = (uint64_t)st.st_size;
	if (m->summary_octets < SUMMARY_FIRST) {
		if (disk->ftruncate(m->summary_file, SUMMARY_FIRST) != 0)
			return -1;
		m->summary_octets = SUMMARY_FIRST;
	}
	return 0;
}

/* The file of summaries begins with the generation of the view that knows where they stand: in a copy that was brought back
   they may stand elsewhere. */
static bool
has_stamp(const struct mailbox *m, uint64_t generation)
{
	uint64_t stamp;

	return disk_read_all(m->summary_file, &stamp, sizeof stamp, 0) == 0 && stamp == generation;
}

/* Without it all is made anew. */
static void
put_stamp(const struct mailbox *m, uint64_t generation)
{
	if (disk_write_all(m->summary_file, bytes_of(&generation, sizeof generation), 0) != 0)
		(void)failure_report("write summaries", m->account->path, errno);
}

/* Is the uid list the one that the view knows? */
static bool
is_of_list(const struct index_state *s, const struct stat *list)
{
	return s->uidlist_inode == list->st_ino && s->uidlist_octets == (uint64_t)list->st_size;
}

/* Does the view fit what else is in the directory? */
static bool
is_in_order(const struct mailbox *m, const struct view_head *head, struct index_state *s)
{
	struct stat st;

	state_load(head, s);
	return s->is_closed && s->epoch == m->account->engine->epoch
		&& head->uid_validity == m->uid_validity && memcmp(s->guid, m->guid, sizeof s->guid) == 0
		&& disk->fstat(m->uidlist, &st) == 0 && is_of_list(s, &st) && s->summary_end <= m->summary_octets
		&& has_stamp(m, head->generation);
}

static void
take_state(struct mailbox *m, struct index_state *s)
{
	m->summary_end = s->summary_end;
	m->recent_from = (uint32_t)s->recent_from;
	m->uidlist_octets = m->uidlist_reserved = s->uidlist_octets;
	m->needs_scan = s->new_mtime_ns == 0 || s->cur_mtime_ns == 0
		|| s->new_mtime_ns != mtime_ns(m, "new") || s->cur_mtime_ns != mtime_ns(m, "cur");
	s->is_closed = 0;
	state_store(m->view.head, s);
	m->uid_next = atomic_load(&m->view.head->uid_next);
}

int
index_open(struct mailbox *m)
{
	struct index_state s;
	struct fault f;
	void *mapping;

	if (index_open_summaries(m) != 0)
		return -1;
	m->view_file = files_open_known(m->directory, INDEX_VIEW, O_RDWR, &m->view_is);
	if (m->view_file < 0)
		return -1;
	mapping = map_view(m->view_file, &m->view_mapped, true);
	if (mapping && view_writer_open(&m->view, mapping, m->view_mapped, &f) == 0
		&& is_in_order(m, m->view.head, &s)) {
		take_state(m, &s);
		return 0;
	}
	if (mapping)
		(void)disk->unmap(mapping, m->view_mapped);
	m->view = (struct view_writer){ 0 };
	disk_close(&m->view_file);
	return -1;
}

bool
index_is_sound(const struct mailbox *m)
{
	struct stat view, summaries;

	return files_in_place(m->directory, INDEX_VIEW, &m->view_is, &view) && (uint64_t)view.st_size >= m->view_mapped
		&& files_in_place(m->directory, INDEX_SUMMARY, &m->summary_is, &summaries)
		&& (uint64_t)summaries.st_size >= m->summary_octets
		&& has_stamp(m, m->view.generation) && view_is_ours(&m->view);
}

/* Blocks for all of it, so that no store to the mapping finds the disk full (that would be a signal). */
static int
extend(int fd, size_t octets)
{
	if (disk->fallocate(fd, 0, 0, (off_t)octets) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return -1;
	return disk->ftruncate(fd, (off_t)octets);
}

/* Replaces what m has mapped by the file, and supersedes it. */
static void
switch_to(struct mailbox *m, int fd, const struct view_writer *view, size_t octets)
{
	if (m->view.head) {
		view_supersede(&m->view);
		(void)disk->unmap(m->view.head, m->view_mapped);
		disk_close(&m->view_file);
	}
	m->view_file = fd;
	m->view = *view;
	m->view_mapped = octets;
	m->has_grown = true;
	mailbox_changed(m);
}

int
index_create(struct mailbox *m, uint32_t capacity)
{
	size_t octets = view_octets(capacity < CAPACITY_FIRST ? CAPACITY_FIRST : capacity);
	struct index_state s = { .epoch = m->account->engine->epoch };
	struct file_identity is;
	struct view_writer view;
	int fd;
	void *mapping;

	(void)disk->unlinkat(m->directory, VIEW_NEW, 0);
	fd = files_open_known(m->directory, VIEW_NEW, O_RDWR | O_CREAT | O_EXCL, &is);
	if (fd < 0)
		return -1;
	octets = (octets + 4095) / 4096 * 4096;
	mapping = extend(fd, octets) == 0 ? disk->map(fd, octets, true) : NULL;
	if (!mapping || disk->renameat(m->directory, VIEW_NEW, m->directory, INDEX_VIEW, 0) != 0) {
		int error = errno;

		if (mapping)
			(void)disk->unmap(mapping, octets);
		disk_close(&fd);
		(void)disk->unlinkat(m->directory, VIEW_NEW, 0);
		errno = error;
		return -1;
	}
	memcpy(s.guid, m->guid, sizeof s.guid);
	view_create(&view, mapping, octets, m->uid_validity,
		(uint64_t)time_now().wall_us);
	state_store(view.head, &s);
	switch_to(m, fd, &view, octets);
	m->view_is = is;
	return 0;
}

/* What an earlier generation left behind the end must not come back, in a copy of this one, where a summary stands by then. */
void
index_take_summaries(struct mailbox *m, uint64_t end)
{
	m->summary_end = end;
	if (disk->ftruncate(m->summary_file, (off_t)end) != 0 || disk->ftruncate(m->summary_file, (off_t)m->summary_octets) != 0)
		(void)failure_report("cut summaries", m->account->path, errno);
	else
		put_stamp(m, m->view.generation);
}

/* mtimes are coarse: what was touched a moment ago may be touched once more without a trace. */
static int64_t
settled_mtime_ns(const struct mailbox *m, const char *directory, int64_t now_ns)
{
	int64_t mtime = mtime_ns(m, directory);

	return m->needs_scan || now_ns - mtime < 100000000 ? 0 : mtime;
}

void
index_close(struct mailbox *m, bool is_clean)
{
	struct index_state s = { 0 };
	int64_t now_ns = time_now().wall_us * 1000;
	struct stat st;

	if (m->view.head && is_clean && index_is_sound(m) && disk->fstat(m->uidlist, &st) == 0) {
		memcpy(s.guid, m->guid, sizeof s.guid);
		s.epoch = m->account->engine->epoch;
		s.uidlist_inode = st.st_ino;
		s.uidlist_octets = (uint64_t)st.st_size;
		s.summary_end = m->summary_end;
		s.recent_from = m->recent_from;
		s.new_mtime_ns = settled_mtime_ns(m, "new", now_ns);
		s.cur_mtime_ns = settled_mtime_ns(m, "cur", now_ns);
		s.is_closed = 1;
		view_raise_uid_next(&m->view, m->uid_next);
		state_store(m->view.head, &s);
	}
	if (m->view.head)
		(void)disk->unmap(m->view.head, m->view_mapped);
	m->view = (struct view_writer){ 0 };
	disk_close(&m->view_file);
	disk_close(&m->summary_file);
}

static int
grow(struct mailbox *m, uint64_t records)
{
	size_t octets;
	void *mapping;

	if (records > UINT32_MAX / 2) {
		errno = EFBIG;
		return -1;
	}
	octets = (view_octets((uint32_t)records) + 4095) / 4096 * 4096;
	if (extend(m->view_file, octets) != 0)
		return -1;
	mapping = disk->map(m->view_file, octets, true);
	if (!mapping)
		return -1;
	(void)disk->unmap(m->view.head, m->view_mapped);
	view_writer_move(&m->view, mapping, octets);
	m->view_mapped = octets;
	m->has_grown = true;
	mailbox_changed(m);
	return 0;
}

int
index_reserve(struct mailbox *m, uint32_t records)
{
	uint64_t needed = (uint64_t)atomic_load(&m->view.head->record_count) + m->appending + records;

	if (needed <= m->view.capacity)
		return 0;
	return grow(m, needed > 2 * (uint64_t)m->view.capacity ? needed : 2 * (uint64_t)m->view.capacity);
}

/* Of the message's number, too: another's summary of the same length may come to stand where its own stood. */
static uint32_t
checksum(const uint8_t object_id[16], struct bytes summary)
{
	return crc32c(crc32c(0, bytes_of(object_id, 16)), summary);
}

/* A summary stands behind its length and checksum. */
bool
index_put_summary(struct mailbox *m, const uint8_t object_id[16], struct bytes summary, uint64_t *at)
{
	uint8_t space[SUMMARY_HEAD];
	struct buf head;
	uint64_t end, octets = m->summary_octets;
	struct iovec parts[2];

	if (m->summary_end < SUMMARY_STAMP)
		m->summary_end = SUMMARY_STAMP;
	end = m->summary_end + SUMMARY_HEAD + summary.len;
	while (octets < end)
		octets *= 2;
	if (octets != m->summary_octets) {
		if (disk->ftruncate(m->summary_file, (off_t)octets) != 0)
			return false;
		m->summary_octets = octets;
		m->has_grown = true;
	}
	buf_init_fixed(&head, space, sizeof space);
	put_u32(&head, (uint32_t)summary.len);
	put_u32(&head, checksum(object_id, summary));
	parts[0] = (struct iovec){ space, sizeof space };
	parts[1] = (struct iovec){ (void *)(uintptr_t)summary.ptr, summary.len };
	if (disk->pwritev(m->summary_file, parts, 2, (off_t)m->summary_end)
		!= (ssize_t)(SUMMARY_HEAD + summary.len))
		return false;
	*at = m->summary_end + SUMMARY_HEAD;
	m->summary_end = end;
	return true;
}

bool
index_has_summary(const struct mailbox *m, const uint8_t object_id[16], uint64_t at, uint32_t len)
{
	uint8_t space[SUMMARY_HEAD + 65536];
	struct bytes head;
	uint32_t said, sum;

	if (len == 0 || len > 65536 || at < SUMMARY_STAMP + SUMMARY_HEAD || at > m->summary_octets
		|| len > m->summary_octets - at)
		return false;
	if (disk_read_all(m->summary_file, space, SUMMARY_HEAD + len, (off_t)(at - SUMMARY_HEAD)) != 0)
		return false;
	head = bytes_of(space, SUMMARY_HEAD);
	return take_u32(&head, &said) && take_u32(&head, &sum) && said == len
		&& sum == checksum(object_id, bytes_of(space + SUMMARY_HEAD, len));
}

void
index_compact(struct mailbox *m)
{
	const struct view_head *head = m->view.head;
	uint32_t expunged = atomic_load(&head->expunged), count = atomic_load(&head->record_count);
	struct view_writer old = m->view;
	size_t octets = m->view_mapped;
	int fd = m->view_file;

	if (expunged <= COMPACT_EXPUNGED || expunged <= count / 4)
		return;
	m->view = (struct view_writer){ 0 };
	m->view_file = -1;
	if (index_create(m, (count - expunged + m->appending) * 2) != 0) {
		(void)failure_report("make a smaller view", m->account->path, errno);
		m->view = old;
		m->view_file = fd;
		return;
	}
	put_stamp(m, m->view.generation);
	view_compact(&m->view, &old);
	view_supersede(&old);
	(void)disk->unmap(old.head, octets);
	disk_close(&fd);
	m->lag_first = 0;
	m->lag_end = atomic_load(&m->view.head->record_count);
}

/* Can it be the head of a view of so many octets? */
static bool
is_plausible(const struct view_head *h, uint64_t octets)
{
	uint32_t count = atomic_load(&h->record_count);

	return h->magic == VIEW_MAGIC && h->version == VIEW_VERSION && view_octets(count) <= octets
		&& (uint64_t)atomic_load(&h->messages) + atomic_load(&h->expunged) == count;
}

static bool
peek(const struct engine_account *a, int directory, struct view_head *head)
{
	int fd = files_open(directory, INDEX_VIEW, O_RDONLY);
	struct stat view, list;
	struct index_state s;
	bool is_read = fd >= 0 && disk->fstat(fd, &view) == 0 && disk_read_all(fd, head, sizeof *head, 0) == 0
		&& disk->fstatat(directory, UIDS_FILE, &list, AT_SYMLINK_NOFOLLOW) == 0;

	disk_close(&fd);
	if (!is_read || !is_plausible(head, (uint64_t)view.st_size))
		return false;
	state_load(head, &s);
	return s.is_closed && s.epoch == a->engine->epoch && is_of_list(&s, &list);
}

bool
index_peek(const struct engine_account *a, struct bytes name, uint64_t *octets, uint64_t *messages)
{
	int directory = way_open_folder(&a->way, name, NULL);
	struct view_head head;
	bool is_believed;

	is_believed = directory >= 0 && peek(a, directory, &head);
	disk_close(&directory);
	if (!is_believed)
		return false;
	*octets = atomic_load(&head.size_total);
	*messages = atomic_load(&head.messages);
	return true;
}

int
index_descriptors(const struct mailbox *m, int fds[2])
{
	fds[0] = files_open(m->directory, INDEX_VIEW, O_RDONLY);
	if (fds[0] < 0)
		return -1;
	fds[1] = files_open(m->directory, INDEX_SUMMARY, O_RDONLY);
	if (fds[1] >= 0)
		return 0;
	disk_close(&fds[0]);
	return -1;
}
