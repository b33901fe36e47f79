#include "sys/disk_record.h"

#include "base/memory.h"
#include "sys/disk_fault_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum kind {
	OPEN, CLOSE, WRITE, FDATASYNC, FSYNC, SYNCFS, TRUNCATE, ALLOCATE, MAKE_DIRECTORY, UNLINK, RENAME, LINK, SET_TIMES, MAP, CONTENT, UNMAP, NOTE
};

struct call {
	enum kind kind;
	bool is_change;
	int fd, other; /* descriptors as they were; of MAP, CONTENT and UNMAP the mapping's number in `other`; of NOTE the note */
	int result; /* of OPEN */
	int flags;
	mode_t mode;
	off_t at, count;
	char *name, *to;
	uint8_t *data; /* count octets */
	struct timespec times[2];
};

struct mapping {
	void *ptr; /* NULL: gone */
	size_t count;
	uint8_t *seen; /* what was written down of it */
};

struct disk_record {
	const struct disk_ops *under;
	pthread_mutex_t lock;
	struct call *calls;
	size_t count, size, changes;
	struct mapping *mappings;
	size_t mapping_count;
};

static struct disk_record *one;
static struct disk_ops record_ops;

static void
begin(void)
{
	(void)pthread_mutex_lock(&one->lock);
}

/* Keeps errno. */
static void
end(void)
{
	int error = errno;

	(void)pthread_mutex_unlock(&one->lock);
	errno = error;
}

static char *
copy_name(const char *name)
{
	size_t len = strlen(name) + 1;
	char *copy = memory_new(len);

	memcpy(copy, name, len);
	return copy;
}

static uint8_t *
copy_octets(const void *from, size_t count)
{
	uint8_t *copy = memory_new(count ? count : 1);

	if (count)
		memcpy(copy, from, count);
	return copy;
}

static struct call *
add(enum kind kind, bool is_change)
{
	struct call *c;

	if (one->count == one->size) {
		one->size = one->size ? 2 * one->size : 256;
		one->calls = memory_resize(one->calls, one->size, sizeof one->calls[0]);
	}
	c = &one->calls[one->count++];
	*c = (struct call){ .kind = kind, .is_change = is_change };
	one->changes += is_change;
	return c;
}

/* What the mappings hold is a part of what is synced. */
static void
see_mappings(void)
{
	for (size_t i = 0; i < one->mapping_count; i++) {
		struct mapping *m = &one->mappings[i];
		struct call *c;

		if (!m->ptr || memcmp(m->seen, m->ptr, m->count) == 0)
			continue;
		memcpy(m->seen, m->ptr, m->count);
		c = add(CONTENT, false);
		c->other = (int)i;
		c->count = (off_t)m->count;
		c->data = copy_octets(m->ptr, m->count);
	}
}

static int
record_openat(int dir, const char *path, int flags, mode_t mode)
{
	int fd;

	begin();
	fd = one->under->openat(dir, path, flags, mode);
	if (fd >= 0) {
		struct call *c = add(OPEN, (flags & (O_CREAT | O_TRUNC)) != 0);

		c->fd = dir;
		c->name = copy_name(path);
		c->flags = flags;
		c->mode = mode;
		c->result = fd;
	}
	end();
	return fd;
}

static int
record_close(int fd)
{
	int result;

	begin();
	result = one->under->close(fd);
	if (result == 0)
		add(CLOSE, false)->fd = fd;
	end();
	return result;
}

static void
add_write(int fd, const void *from, size_t count, off_t at)
{
	struct call *c = add(WRITE, true);

	c->fd = fd;
	c->at = at;
	c->count = (off_t)count;
	c->data = copy_octets(from, count);
}

static ssize_t
record_pwrite(int fd, const void *from, size_t count, off_t at)
{
	ssize_t done;

	begin();
	done = one->under->pwrite(fd, from, count, at);
	if (done > 0)
		add_write(fd, from, (size_t)done, at);
	end();
	return done;
}

/* One call of which a power cut may leave any part. */
static ssize_t
record_pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	struct buf all;
	ssize_t done;

	begin();
	done = one->under->pwritev(fd, parts, count, at);
	buf_init(&all, SIZE_MAX);
	for (int i = 0; i < count; i++)
		put_bytes(&all, bytes_of(parts[i].iov_base, parts[i].iov_len));
	if (done > 0)
		add_write(fd, all.ptr, (size_t)done, at);
	buf_done(&all);
	end();
	return done;
}

static int
sync_with(int (*sync)(int fd), enum kind kind, int fd)
{
	int result;

	begin();
	see_mappings();
	result = sync(fd);
	if (result == 0)
		add(kind, true)->fd = fd;
	end();
	return result;
}

static int
record_fdatasync(int fd)
{
	return sync_with(one->under->fdatasync, FDATASYNC, fd);
}

static int
record_fsync(int fd)
{
	return sync_with(one->under->fsync, FSYNC, fd);
}

static int
record_syncfs(int fd)
{
	return sync_with(one->under->syncfs, SYNCFS, fd);
}

static int
record_ftruncate(int fd, off_t size)
{
	int result;

	begin();
	result = one->under->ftruncate(fd, size);
	if (result == 0) {
		struct call *c = add(TRUNCATE, true);

		c->fd = fd;
		c->at = size;
	}
	end();
	return result;
}

static int
record_fallocate(int fd, int mode, off_t at, off_t count)
{
	int result;

	begin();
	result = one->under->fallocate(fd, mode, at, count);
	if (result == 0) {
		struct call *c = add(ALLOCATE, true);

		c->fd = fd;
		c->flags = mode;
		c->at = at;
		c->count = count;
	}
	end();
	return result;
}

static int
record_mkdirat(int dir, const char *path, mode_t mode)
{
	int result;

	begin();
	result = one->under->mkdirat(dir, path, mode);
	if (result == 0) {
		struct call *c = add(MAKE_DIRECTORY, true);

		c->fd = dir;
		c->name = copy_name(path);
		c->mode = mode;
	}
	end();
	return result;
}

static int
record_unlinkat(int dir, const char *path, int flags)
{
	int result;

	begin();
	result = one->under->unlinkat(dir, path, flags);
	if (result == 0) {
		struct call *c = add(UNLINK, true);

		c->fd = dir;
		c->name = copy_name(path);
		c->flags = flags;
	}
	end();
	return result;
}

static void
add_two_names(enum kind kind, int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	struct call *c = add(kind, true);

	c->fd = from_dir;
	c->other = to_dir;
	c->name = copy_name(from);
	c->to = copy_name(to);
	c->flags = flags;
}

static int
record_renameat(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	int result;

	begin();
	result = one->under->renameat(from_dir, from, to_dir, to, flags);
	if (result == 0)
		add_two_names(RENAME, from_dir, from, to_dir, to, (int)flags);
	end();
	return result;
}

static int
record_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	int result;

	begin();
	result = one->under->linkat(from_dir, from, to_dir, to, flags);
	if (result == 0)
		add_two_names(LINK, from_dir, from, to_dir, to, flags);
	end();
	return result;
}

static int
record_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
	int result;

	begin();
	result = one->under->utimensat(dir, path, times, flags);
	if (result == 0) {
		struct call *c = add(SET_TIMES, true);

		c->fd = dir;
		c->name = copy_name(path);
		c->flags = flags;
		memcpy(c->times, times, sizeof c->times);
	}
	end();
	return result;
}

static void *
record_map(int fd, size_t count, bool is_writable)
{
	void *ptr;

	begin();
	ptr = one->under->map(fd, count, is_writable);
	if (ptr && is_writable) {
		struct call *c = add(MAP, false);

		one->mappings = memory_resize(one->mappings, one->mapping_count + 1, sizeof one->mappings[0]);
		one->mappings[one->mapping_count] = (struct mapping){ ptr, count, copy_octets(ptr, count) };
		c->fd = fd;
		c->other = (int)one->mapping_count++;
		c->count = (off_t)count;
	}
	end();
	return ptr;
}

static int
record_unmap(void *ptr, size_t count)
{
	int result;

	begin();
	see_mappings();
	result = one->under->unmap(ptr, count);
	for (size_t i = 0; i < one->mapping_count; i++)
		if (one->mappings[i].ptr == ptr) {
			one->mappings[i].ptr = NULL;
			add(UNMAP, false)->other = (int)i;
		}
	end();
	return result;
}

struct disk_record *
disk_record_new(void)
{
	assert(!one);
	one = NEW(struct disk_record);
	(void)pthread_mutex_init(&one->lock, NULL);
	one->under = disk;
	record_ops = *disk;
	record_ops.openat = record_openat;
	record_ops.close = record_close;
	record_ops.pwrite = record_pwrite;
	record_ops.pwritev = record_pwritev;
	record_ops.fdatasync = record_fdatasync;
	record_ops.fsync = record_fsync;
	record_ops.syncfs = record_syncfs;
	record_ops.ftruncate = record_ftruncate;
	record_ops.fallocate = record_fallocate;
	record_ops.mkdirat = record_mkdirat;
	record_ops.unlinkat = record_unlinkat;
	record_ops.renameat = record_renameat;
	record_ops.linkat = record_linkat;
	record_ops.utimensat = record_utimensat;
	record_ops.map = record_map;
	record_ops.unmap = record_unmap;
	disk_use(&record_ops);
	return one;
}

void
disk_record_stop(struct disk_record *r)
{
	assert(r == one);
	disk_use(r->under);
	one = NULL;
}

void
disk_record_free(struct disk_record **at)
{
	struct disk_record *r = *at;

	*at = NULL;
	assert(r != one);
	for (size_t i = 0; i < r->count; i++) {
		memory_free(r->calls[i].name);
		memory_free(r->calls[i].to);
		memory_free(r->calls[i].data);
	}
	for (size_t i = 0; i < r->mapping_count; i++)
		memory_free(r->mappings[i].seen);
	memory_free(r->mappings);
	memory_free(r->calls);
	(void)pthread_mutex_destroy(&r->lock);
	memory_free(r);
}

void
disk_record_note(struct disk_record *r, int number)
{
	assert(r == one);
	begin();
	add(NOTE, false)->other = number;
	end();
}

size_t
disk_record_calls(const struct disk_record *r)
{
	return r->changes;
}

/* ---- again */

struct replay {
	int fds[FAULT_FDS_MAX]; /* of a descriptor as it was */
	void **mappings;
};

static int
now(const struct replay *p, int fd)
{
	return fd == AT_FDCWD ? fd : p->fds[fd - FAULT_FD_FIRST];
}

static int
change_name(const struct replay *p, const struct call *c)
{
	if (c->kind == MAKE_DIRECTORY)
		return disk->mkdirat(now(p, c->fd), c->name, c->mode);
	if (c->kind == UNLINK)
		return disk->unlinkat(now(p, c->fd), c->name, c->flags);
	if (c->kind == RENAME)
		return disk->renameat(now(p, c->fd), c->name, now(p, c->other), c->to, (unsigned int)c->flags);
	if (c->kind == LINK)
		return disk->linkat(now(p, c->fd), c->name, now(p, c->other), c->to, c->flags);
	return disk->utimensat(now(p, c->fd), c->name, c->times, c->flags);
}

static int
use_mapping(struct replay *p, const struct call *c)
{
	if (c->kind == MAP)
		p->mappings[c->other] = disk->map(now(p, c->fd), (size_t)c->count, true);
	else if (c->kind == CONTENT)
		memcpy(p->mappings[c->other], c->data, (size_t)c->count);
	return 0;
}

static int
do_again(struct replay *p, const struct call *c)
{
	switch (c->kind) {
	case OPEN:
		p->fds[c->result - FAULT_FD_FIRST] = disk->openat(now(p, c->fd), c->name, c->flags, c->mode);
		return p->fds[c->result - FAULT_FD_FIRST] < 0 ? -1 : 0;
	case CLOSE:
		return disk->close(now(p, c->fd));
	case WRITE:
		return disk->pwrite(now(p, c->fd), c->data, (size_t)c->count, c->at) == c->count ? 0 : -1;
	case FDATASYNC:
		return disk->fdatasync(now(p, c->fd));
	case FSYNC:
		return disk->fsync(now(p, c->fd));
	case SYNCFS:
		return disk->syncfs(now(p, c->fd));
	case TRUNCATE:
		return disk->ftruncate(now(p, c->fd), c->at);
	case ALLOCATE:
		return disk->fallocate(now(p, c->fd), c->flags, c->at, c->count);
	case MAKE_DIRECTORY:
	case UNLINK:
	case RENAME:
	case LINK:
	case SET_TIMES:
		return change_name(p, c);
	case MAP:
	case CONTENT:
	case UNMAP:
	case NOTE:
		return use_mapping(p, c);
	}
	return -1;
}

void
disk_record_replay(const struct disk_record *r, size_t calls, void (*noted)(void *arg, int number), void *arg)
{
	struct replay *p = NEW(struct replay);
	size_t changes = 0;

	p->mappings = memory_new_array(r->mapping_count + 1, sizeof p->mappings[0]);
	for (size_t i = 0; i < r->count; i++) {
		const struct call *c = &r->calls[i];

		if (c->is_change && changes++ == calls)
			break;
		if (c->kind == NOTE)
			noted(arg, c->other);
		else
			assert(do_again(p, c) == 0);
	}
	memory_free(p->mappings);
	memory_free(p);
}
