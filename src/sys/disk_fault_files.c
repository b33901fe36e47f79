#include "sys/disk_fault_internal.h"

#include <errno.h>
#include <string.h>

void
fault_set_size(struct fault_node *node, uint64_t size)
{
	if (size < node->size)
		memset(node->live + size, 0, node->size - size);
	node->size = size;
	fault_touch(node);
	fault_note_size(node);
}

static ssize_t
fault_pread(int fd, void *to, size_t count, off_t at)
{
	struct fault_node *node;
	uint64_t from = (uint64_t)at;

	fault_lock();
	node = fault_node_of(fd);
	if (fault_one->is_cut || !node || !node->live)
		return fault_done(-1, fault_one->is_cut ? EIO : EBADF);
	if (from >= node->size)
		count = 0;
	else if (count > node->size - from)
		count = (size_t)(node->size - from);
	if (count)
		memcpy(to, node->live + from, count);
	(void)fault_done(0, 0);
	return (ssize_t)count;
}

static uint64_t
room_taken(void)
{
	uint64_t taken = 0;

	for (const struct fault_node *node = fault_one->nodes; node; node = node->next)
		taken += node->size;
	return taken;
}

static bool
has_room(const struct fault_node *node, uint64_t size)
{
	return size <= node->size || size - node->size + room_taken() <= fault_one->room;
}

static void
put_octets(struct fault_node *node, const void *from, size_t count, uint64_t at)
{
	if (count == 0)
		return;
	memcpy(node->live + at, from, count);
	fault_note_write(node, at, count);
	if (at + count > node->size)
		fault_set_size(node, at + count);
	fault_touch(node);
}

static int
check_write(const struct fault_node *node, uint64_t end)
{
	if (!node || !node->live)
		return EBADF;
	if (end > FAULT_FILE_MAX)
		return EFBIG;
	return has_room(node, end) ? 0 : ENOSPC;
}

static void
put_parts(struct fault_node *node, const struct iovec *parts, int count, uint64_t to, uint64_t most)
{
	for (int i = 0; i < count && most > 0; i++) {
		size_t len = parts[i].iov_len < most ? parts[i].iov_len : (size_t)most;

		put_octets(node, parts[i].iov_base, len, to);
		to += len;
		most -= len;
	}
}

/* A call that fails, or loses power, may have done a part. */
static ssize_t
fault_pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	struct fault_node *node;
	uint64_t total = 0;
	int failure, error;

	fault_lock();
	failure = fault_count_call();
	node = fault_node_of(fd);
	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	error = check_write(node, (uint64_t)at + total);
	if (error || (fault_one->is_cut && !fault_one->is_cutting))
		return fault_done(-1, error ? error : EIO);
	put_parts(node, parts, count, (uint64_t)at, failure ? fault_chance(fault_one, total + 1) : total);
	(void)fault_done(failure ? -1 : 0, failure);
	return failure ? -1 : (ssize_t)total;
}

static ssize_t
fault_pwrite(int fd, const void *from, size_t count, off_t at)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)from, .iov_len = count };

	return fault_pwritev(fd, &part, 1, at);
}

static int
fault_fsync(int fd)
{
	struct fault_node *node;
	int error;

	fault_lock();
	error = fault_count_call();
	node = fault_node_of(fd);
	fault_one->syncs++;
	if (!node)
		return fault_done(-1, EBADF);
	if (error && !fault_one->is_cut)
		fault_lose_part(fault_one, node);
	if (error)
		return fault_done(-1, error);
	fault_sync_node(node);
	return fault_done(0, 0);
}

static int
fault_syncfs(int fd)
{
	const struct fault_node *of;
	int error;

	fault_lock();
	error = fault_count_call();
	fault_one->syncs++;
	of = fault_node_of(fd);
	if (!of)
		return fault_done(-1, EBADF);
	for (struct fault_node *node = fault_one->nodes; node; node = node->next) {
		if (node->device != of->device)
			continue;
		if (!error)
			fault_sync_node(node);
		else if (!fault_one->is_cut)
			fault_lose_part(fault_one, node);
	}
	return fault_done(error ? -1 : 0, error);
}

static int
resize(int fd, uint64_t size, bool may_shrink)
{
	struct fault_node *node;
	int error;

	fault_lock();
	error = fault_count_call();
	node = fault_node_of(fd);
	if (!node || !node->live)
		return fault_done(-1, EBADF);
	if (!error && size > FAULT_FILE_MAX)
		error = EFBIG;
	if (!error && !has_room(node, size))
		error = ENOSPC;
	if (error)
		return fault_done(-1, error);
	if (size > node->size || (may_shrink && size < node->size))
		fault_set_size(node, size);
	return fault_done(0, 0);
}

static int
fault_ftruncate(int fd, off_t size)
{
	return resize(fd, (uint64_t)size, true);
}

static int
fault_fallocate(int fd, int mode, off_t at, off_t count)
{
	if (mode != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return resize(fd, (uint64_t)at + (uint64_t)count, false);
}

void
fault_put_stat(const struct fault_node *node, struct stat *st)
{
	*st = (struct stat){ .st_dev = node->device,
		.st_ino = node->number,
		.st_mode = node->mode,
		.st_nlink = 1,
		.st_size = (off_t)node->size,
		.st_blocks = (blkcnt_t)((node->size + 511) / 512),
		.st_blksize = 4096,
		.st_mtim = node->changed,
		.st_ctim = node->changed,
		.st_atim = node->changed };
}

static int
fault_fstat(int fd, struct stat *st)
{
	struct fault_node *node;

	fault_lock();
	node = fault_node_of(fd);
	if (fault_one->is_cut || !node)
		return fault_done(-1, fault_one->is_cut ? EIO : EBADF);
	fault_put_stat(node, st);
	return fault_done(0, 0);
}

static int
fault_free_space(int fd, uint64_t *octets)
{
	uint64_t taken;

	fault_lock();
	if (!fault_node_of(fd))
		return fault_done(-1, EBADF);
	taken = room_taken();
	*octets = taken < fault_one->room ? fault_one->room - taken : 0;
	return fault_done(0, 0);
}

static void *
fault_map(int fd, size_t count, bool is_writable)
{
	struct fault_node *node;

	fault_lock();
	node = fault_node_of(fd);
	if (fault_one->is_cut || !node || !node->live || count > FAULT_FILE_MAX) {
		(void)fault_done(-1, EINVAL);
		return NULL;
	}
	node->is_mapped |= is_writable;
	(void)fault_done(0, 0);
	return node->live;
}

static int
fault_unmap(void *ptr, size_t count)
{
	(void)ptr;
	(void)count;
	return 0;
}

void
fault_put_file_ops(struct disk_ops *ops)
{
	ops->pread = fault_pread;
	ops->pwrite = fault_pwrite;
	ops->pwritev = fault_pwritev;
	ops->fdatasync = fault_fsync;
	ops->fsync = fault_fsync;
	ops->syncfs = fault_syncfs;
	ops->ftruncate = fault_ftruncate;
	ops->fallocate = fault_fallocate;
	ops->fstat = fault_fstat;
	ops->free_space = fault_free_space;
	ops->map = fault_map;
	ops->unmap = fault_unmap;
}
