#include "role/store/offline.h"

#include "role/store/arrive.h"
#include "role/store/failure.h"
#include "role/store/file_systems.h"
#include "role/store/files.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

enum { PATH_ROOM = MAILDIR_NAME_MAX + 64, OFFLINE_ARENA_MAX = 1 << 30 };

/* What stands in tmp/ under the name of a message was synced before it was logged; what recovery makes, not yet. */
#define SCRATCH "tmp/recovered"

void
offline_put_path(struct buf *out, const struct offline_message *x, uint64_t state)
{
	maildir_put_path(out, x->base, state);
	put_char(out, '\0');
}

static void
path_of(char path[PATH_ROOM], const struct offline_message *x, uint64_t state)
{
	struct buf out;

	buf_init_fixed(&out, path, PATH_ROOM);
	offline_put_path(&out, x, state);
}

/* -1 and *f: the mailbox's trouble, or the disk's. */
static int
refuse(int error, struct fault *f, const char *what, const char *name)
{
	(void)fault_errno(f, error, "%s %s", what, name);
	if (f && failure_is_refusal(error))
		f->kind = FAULT_DENIED;
	return -1;
}

/* Appends at most max octets of the file, for which there is room, none when there is none.  -1 and *f; FAULT_DENIED: is_refusal. */
static int
read_file(int directory, const char *name, size_t max, struct buf *text, struct fault *f)
{
	int fd = files_open(directory, name, O_RDONLY), result = -1;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && disk->fstat(fd, &st) == 0) {
		size_t size = (uint64_t)st.st_size < max ? (size_t)st.st_size : max;

		result = size ? disk_read_all(fd, buf_room(text, size), size, 0) : 0;
		if (result == 0)
			buf_added(text, size);
	}
	if (result != 0)
		result = refuse(errno, f, "read", name);
	disk_close(&fd);
	return result;
}

static int
guid_fault(int error, struct fault *f)
{
	(void)fault_errno(f, error, "read dovecot-uidlist");
	if (error == ENOENT || error == ENOTDIR || failure_is_refusal(error))
		f->kind = FAULT_PERM;
	return -1;
}

int
offline_guid(const struct way *account, struct bytes name, uint8_t guid[RECORD_GUID_OCTETS], struct fault *f)
{
	int directory = way_open_folder(account, name, NULL);
	uint8_t space[256];
	struct uidlist_head head;
	struct bytes text;
	ssize_t got;
	int fd = directory < 0 ? -1 : files_open(directory, "dovecot-uidlist", O_RDONLY);

	got = fd < 0 ? -1 : disk->pread(fd, space, sizeof space, 0);
	if (got < 0)
		(void)guid_fault(errno, f);
	disk_close(&fd);
	disk_close(&directory);
	if (got < 0)
		return -1;
	text = bytes_of(space, (size_t)got);
	if (!take_uidlist_head(&text, &head) || !head.has_guid)
		return guid_fault(ENOENT, f);
	memcpy(guid, head.guid, sizeof head.guid);
	return 0;
}

size_t
offline_from(const struct offline *m, uint32_t uid)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->messages[middle]->uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct offline_message *
offline_find(const struct offline *m, uint32_t uid)
{
	size_t place = offline_from(m, uid);

	return place < m->count && m->messages[place]->uid == uid ? m->messages[place] : NULL;
}

struct offline_message *
offline_find_base(const struct offline *m, struct bytes base)
{
	return map_get(m->by_base, base);
}

/* Uids mostly come in order: the place is looked for from the end. */
static struct offline_message *
insert(struct offline *m, uint32_t uid, struct bytes base, struct bytes extensions)
{
	struct offline_message *x = arena_take(m->arena, sizeof *x);
	const struct listed *e;
	size_t at = m->count;

	if (!x || !arena_copy(m->arena, base, &x->base) || !arena_copy(m->arena, extensions, &x->extensions))
		return NULL;
	x->mailbox = m;
	x->uid = uid;
	if (m->count == m->room) {
		m->room = m->room ? m->room * 2 : 64;
		m->messages = memory_resize(m->messages, m->room, sizeof(struct offline_message *));
	}
	for (; at > 0 && m->messages[at - 1]->uid > uid; at--)
		m->messages[at] = m->messages[at - 1];
	m->messages[at] = x;
	m->count++;
	(void)map_put(m->by_base, base, x);
	e = listing_find(&m->files, base);
	x->has_file = e != NULL;
	x->state = x->wanted = e ? e->state : 0;
	if (uid >= m->uid_next)
		m->uid_next = uid + 1;
	return x;
}

struct offline_message *
offline_add(struct offline *m, uint32_t uid, struct bytes base)
{
	struct offline_message *x = offline_find_base(m, base);

	if (x) {
		x->is_expunged = false;
		return x;
	}
	if (offline_find(m, uid)) /* somebody else gave it away meanwhile */
		uid = m->uid_next;
	m->has_new_uids = true;
	return insert(m, uid, base, BYTES_NONE);
}

uint64_t
offline_letters(struct offline *m, struct bytes names)
{
	uint64_t letters = 0;

	if (m->is_aside)
		return 0;
	while (names.len) {
		struct bytes name = take_until(&names, ' ');
		bool is_known = keywords_find(&m->keywords, name) >= 0;
		int letter = keywords_add(&m->keywords, name);

		if (letter < 0)
			continue;
		m->has_new_keywords |= !is_known;
		letters |= (uint64_t)1 << letter;
	}
	return letters;
}

/* A name in another form than ours becomes ours. */
static void
make_canonical(struct offline *m, struct listed *e)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	struct buf path;

	buf_init_fixed(&path, from, sizeof from);
	put_text(&path, e->is_in_new ? "new/" : "cur/");
	put_bytes(&path, listed_name(&m->files, e));
	put_char(&path, '\0');
	e->state = maildir_state(e->state, (uint32_t)e->state & VIEW_SYSTEM_FLAGS, maildir_letters(e->state));
	buf_init_fixed(&path, to, sizeof to);
	maildir_put_path(&path, listed_base(&m->files, e), e->state);
	put_char(&path, '\0');
	(void)disk->renameat(m->directory, from, m->directory, to, 0);
}

/* Of expunged messages, too: their files may outlive it when the power goes again. */
static int
write_uids(struct offline *m, struct fault *f)
{
	struct uidlist_head head = { .uid_validity = m->uid_validity, .uid_next = m->uid_next, .version = 3 };
	struct buf text;
	int result;

	memcpy(head.guid, m->guid, sizeof head.guid);
	buf_init(&text, UIDLIST_OCTETS_MAX);
	put_uidlist_head(&text, &head);
	for (size_t i = 0; i < m->count; i++)
		put_uidlist_line(&text,
			&(struct uidlist_line){
				.uid = m->messages[i]->uid,
				.extensions = m->messages[i]->extensions,
				.name = m->messages[i]->base,
			});
	result = disk_replace_file(m->directory, "dovecot-uidlist", buf_bytes(&text), 0600, f);
	m->has_new_uids = result != 0;
	buf_done(&text);
	return result;
}

/* The list is gone: what has files gets other uids than those that were told. */
static uint32_t
new_uid_validity(uint32_t last)
{
	uint32_t now = (uint32_t)(time_now().wall_us / 1000000);

	return now > last ? now : last + 1;
}

/* -1 and *f. */
static int
parse_uids(struct offline *m, struct bytes in, struct fault *f)
{
	struct uidlist_head head;
	struct uidlist_line line;
	size_t damaged = 0;
	uint32_t last = 0;

	m->has_new_uids = true;
	if (!take_uidlist_head(&in, &head)) {
		if (m->files.count)
			m->uid_validity = new_uid_validity(m->uid_validity);
		return 0;
	}
	if (head.has_guid && memcmp(head.guid, m->guid, sizeof m->guid) != 0)
		return fault_set(f, FAULT_PERM, "another mailbox is there");
	m->uid_validity = head.uid_validity;
	m->uid_next = head.uid_next;
	while (take_uidlist_line(&in, head.version, &last, &line, &damaged))
		if (!offline_find_base(m, line.name) && !insert(m, line.uid, line.name, line.extensions))
			return fault_set(f, FAULT_DENIED, "no memory for the list of uids");
	m->has_new_uids = !head.has_guid || damaged > 0;
	return 0;
}

/* What the uidlist says, if there is one; one that is not as it has to be is written anew before anything else is.  -1 and *f. */
static int
read_uids(struct offline *m, struct fault *f)
{
	struct buf text;
	int result;

	buf_init(&text, UIDLIST_OCTETS_MAX);
	result = read_file(m->directory, "dovecot-uidlist", UIDLIST_OCTETS_MAX, &text, f);
	if (result == 0)
		result = parse_uids(m, buf_bytes(&text), f);
	buf_done(&text);
	if (result != 0 || !m->has_new_uids || write_uids(m, f) == 0)
		return result;
	return refuse(errno, f, "write", "dovecot-uidlist");
}

/* -1 and *f. */
static int
open_directory(struct offline *m, struct bytes name, struct fault *f)
{
	char path[MAILDIR_NAME_MAX + 2];
	struct buf out;
	int mark;

	m->directory = way_open_folder(&m->account, name, f);
	if (m->directory >= 0 || errno != ENOENT)
		return m->directory < 0 ? -1 : 0;
	buf_init_fixed(&out, path, sizeof path);
	maildir_put_folder(&out, name);
	if (disk->mkdirat(m->account.directory, path, 0700) != 0)
		return errno == EEXIST ? fault_set(f, FAULT_TEMP, "%s leads nowhere: bring back what it leads to, or remove it", path)
				       : refuse(errno, f, "make folder", path);
	m->directory = way_open_folder(&m->account, name, f);
	if (m->directory < 0)
		return -1;
	mark = files_open(m->directory, "maildirfolder", O_WRONLY | O_CREAT);
	disk_close(&mark);
	return 0;
}

/* -1 and *f. */
static int
read_keywords(struct offline *m, struct fault *f)
{
	struct buf text;
	int result;

	buf_init(&text, KEYWORDS_FILE_OCTETS_MAX);
	result = read_file(m->directory, "dovecot-keywords", KEYWORDS_FILE_OCTETS_MAX, &text, f);
	keywords_parse(buf_bytes(&text), &m->keywords);
	buf_done(&text);
	return result;
}

static struct offline *
new_offline(int directory, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS])
{
	struct offline *m = NEW(struct offline);
	struct bytes copy;

	m->account.directory = -1;
	m->directory = directory;
	m->arena = arena_new("recovery", OFFLINE_ARENA_MAX, ARENA_PLAIN);
	m->by_base = map_new();
	m->uid_next = 1;
	memcpy(m->guid, guid, sizeof m->guid);
	memcpy(m->name, name.ptr, name.len);
	if (arena_copy(m->arena, bytes_of(path, strlen(path) + 1), &copy))
		m->path = (const char *)copy.ptr;
	return m;
}

/* Names in other forms than ours become ours.  -1 and *f. */
static int
read_files(struct offline *m, struct fault *f)
{
	if (listing_init(&m->files, m->directory) != 0)
		return refuse(errno, f, "list", m->name);
	for (size_t i = 0; i < m->files.count; i++)
		if (!m->files.entries[i].is_canonical)
			make_canonical(m, &m->files.entries[i]);
	return 0;
}

/* Names that are written to here: what is no file of ours would be in the way at each start.  -1 and *f. */
static int
clear(const struct offline *m, struct fault *f)
{
	static const char *const names[] = { ".dovecot-uidlist.new", ".dovecot-keywords.new", SCRATCH };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct stat st;

		if (disk->fstatat(m->directory, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode)
			|| disk->unlinkat(m->directory, names[i], S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) == 0)
			continue;
		if (errno == ENOTEMPTY || errno == EEXIST)
			return fault_set(f, FAULT_DENIED, "%s is in the way: remove it", names[i]);
		return refuse(errno, f, "remove", names[i]);
	}
	return 0;
}

struct offline *
offline_open(struct way account, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS],
	uint32_t uid_validity, struct fault *f)
{
	struct offline *m = new_offline(-1, path, name, guid);

	m->account = account;
	m->uid_validity = uid_validity;
	if (open_directory(m, name, f) == 0 && way_make_parts(&(struct way){ m->directory, account.may_follow }, f) == 0
		&& clear(m, f) == 0 && read_files(m, f) == 0 && read_keywords(m, f) == 0 && read_uids(m, f) == 0)
		return m;
	offline_drop(&m);
	return NULL;
}

struct offline *
offline_new_aside(int directory, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS])
{
	struct offline *m = new_offline(directory, path, name, guid);

	m->files.by_base = map_new();
	m->is_aside = true;
	return m;
}

void
offline_drop(struct offline **m)
{
	struct offline *was = *m;

	*m = NULL;
	listing_done(&was->files);
	map_free(&was->by_base);
	memory_free(was->messages);
	disk_close(&was->directory);
	disk_close(&was->account.directory);
	arena_free(&was->arena);
	memory_free(was);
}

int
offline_write(struct offline *m, struct offline_message *x, struct bytes body, int64_t date_s)
{
	char path[PATH_ROOM];
	struct timespec times[2] = { { date_s, 0 }, { date_s, 0 } };
	int fd, result;

	if (!x->has_file)
		x->state = x->wanted;
	path_of(path, x, x->state);
	fd = files_open(m->directory, path, O_WRONLY | O_CREAT);
	if (fd < 0)
		return -1;
	result = disk_write_all(fd, body, 0);
	if (result == 0)
		result = disk->ftruncate(fd, (off_t)body.len);
	disk_close(&fd);
	if (result == 0)
		result = disk->utimensat(m->directory, path, times, 0);
	x->has_file = result == 0;
	return result;
}

static int
fetch(struct offline *m, struct offline_message *x, const char *tmp)
{
	char path[PATH_ROOM];

	if (!x->has_file)
		x->state = x->wanted;
	path_of(path, x, x->state);
	if (disk->renameat(m->directory, tmp, m->directory, path, 0) != 0)
		return -1;
	x->has_file = true;
	return 0;
}

int
offline_link(struct offline *m, struct offline_message *x, int source_dir, const char *source)
{
	(void)disk->unlinkat(m->directory, SCRATCH, 0);
	if (disk->linkat(source_dir, source, m->directory, SCRATCH, 0) != 0 || fetch(m, x, SCRATCH) != 0)
		return -1;
	(void)disk->unlinkat(m->directory, SCRATCH, 0); /* rename leaves it when both are the same file */
	return 0;
}

int
offline_fetch_tmp(struct offline *m, struct offline_message *x)
{
	char tmp[PATH_ROOM];
	struct buf out;

	buf_init_fixed(&out, tmp, sizeof tmp);
	arrival_put_tmp(&out, x->base);
	return fetch(m, x, tmp);
}

int
offline_copy(struct offline *m, struct offline_message *x, int source_dir, const char *source)
{
	(void)disk->unlinkat(m->directory, SCRATCH, 0);
	if (files_copy(source_dir, source, m->directory, SCRATCH) != 0 || fetch(m, x, SCRATCH) != 0)
		return -1;
	return file_systems_sync_folder(m->directory);
}

static int
write_names(struct offline *m)
{
	char from[PATH_ROOM], to[PATH_ROOM];

	for (size_t i = 0; i < m->count; i++) {
		struct offline_message *x = m->messages[i];

		if (!x->has_file || x->is_expunged || x->state == x->wanted)
			continue;
		path_of(from, x, x->state);
		path_of(to, x, x->wanted);
		if (disk->renameat(m->directory, from, m->directory, to, 0) == 0)
			x->state = x->wanted;
		else if (failure_is_passing(errno))
			return -1;
		else if (errno != ENOENT)
			(void)failure_report("rename message", m->path, errno);
	}
	return 0;
}

static int
write_keywords(struct offline *m, struct fault *f)
{
	struct buf text;
	int result;

	buf_init(&text, KEYWORDS_FILE_OCTETS_MAX);
	keywords_put(&text, &m->keywords);
	result = disk_replace_file(m->directory, "dovecot-keywords", buf_bytes(&text), 0600, f);
	buf_done(&text);
	return result;
}

int
offline_write_down(struct offline *m, struct fault *f)
{
	if (write_names(m) != 0)
		return fault_errno(f, errno, "name messages in %s", m->path);
	if (m->is_aside)
		return 0;
	if (m->has_new_keywords && write_keywords(m, f) != 0)
		return -1;
	return m->has_new_uids ? write_uids(m, f) : 0;
}

int
offline_remove_expunged(struct offline *m, struct fault *f)
{
	char path[PATH_ROOM];

	for (size_t i = 0; i < m->count; i++) {
		if (!m->messages[i]->is_expunged || !m->messages[i]->has_file)
			continue;
		path_of(path, m->messages[i], m->messages[i]->state);
		if (disk->unlinkat(m->directory, path, 0) != 0 && errno != ENOENT)
			return fault_errno(f, errno, "remove %s in %s", path, m->path);
	}
	return 0;
}

void
offline_expunge_all(struct offline *m)
{
	for (size_t i = 0; i < m->count; i++)
		m->messages[i]->is_expunged = true;
}

bool
offline_is_empty(const struct offline *m)
{
	size_t i = 0;

	while (i < m->count && m->messages[i]->is_expunged)
		i++;
	return i == m->count;
}
