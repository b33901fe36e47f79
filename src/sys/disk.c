#include "sys/disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_OCTETS_MAX 4096

const struct disk_ops *disk = &disk_system;

void
disk_use(const struct disk_ops *ops)
{
	disk = ops ? ops : &disk_system;
}

void
disk_close(int *fd)
{
	if (*fd != -1)
		disk->close(*fd);
	*fd = -1;
}

/* Takes the memory for a large file at once. */
static void
reserve(int fd, size_t max, struct buf *out)
{
	struct stat st;

	if (disk->fstat(fd, &st) == 0 && st.st_size > 65536 && (uint64_t)st.st_size < max
		&& (uint64_t)st.st_size + 65536 <= out->max - out->len)
		(void)buf_room(out, (size_t)st.st_size + 65536);
}

/* What has no places (a pipe) is read as it comes. */
static ssize_t
read_next(int fd, void *to, size_t count, size_t at)
{
	ssize_t got = disk->pread(fd, to, count, (off_t)at);

	return got == -1 && errno == ESPIPE ? read(fd, to, count) : got;
}

/* Reads to the end of the file, whatever fstat says: files of /proc have no size. */
int
disk_read_descriptor(int fd, size_t max, struct buf *out, struct fault *f)
{
	size_t begin = out->len;

	reserve(fd, max, out);
	for (;;) {
		size_t done = out->len - begin;
		size_t count = max - done + 1 < 65536 ? max - done + 1 : 65536;
		uint8_t *to = buf_room(out, count);

		if (!to)
			return fault_set(f, FAULT_LIMIT, "larger than %zu octets", max);
		ssize_t got = read_next(fd, to, count, done);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return fault_errno(f, errno, "read");
		if (got == 0)
			return 0;
		if (done + (size_t)got > max)
			return fault_set(f, FAULT_LIMIT, "larger than %zu octets", max);
		buf_added(out, (size_t)got);
	}
}

int
disk_read_file(const char *path, size_t max, struct buf *out, struct fault *f)
{
	int fd = disk->openat(AT_FDCWD, path, O_RDONLY, 0);
	struct fault cause;

	if (fd == -1)
		return fault_errno(f, errno, "open %s", path);
	int result = disk_read_descriptor(fd, max, out, &cause);
	disk_close(&fd);
	if (result == -1)
		return fault_set(f, cause.kind, "%s: %.150s", path, cause.text);
	return 0;
}

int
disk_read_all(int fd, void *to, size_t count, off_t at)
{
	uint8_t *next = to;

	while (count > 0) {
		ssize_t got = disk->pread(fd, next, count, at);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ENODATA;
		if (got <= 0)
			return -1;
		next += got;
		at += got;
		count -= (size_t)got;
	}
	return 0;
}

int
disk_write_all(int fd, struct bytes from, off_t at)
{
	while (from.len > 0) {
		ssize_t done = disk->pwrite(fd, from.ptr, from.len, at);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return -1;
		from = bytes_sub(from, (size_t)done, from.len);
		at += done;
	}
	return 0;
}

/* The open file, or -1 and errno. */
static int
write_new_file(int dir, const char *name, int (*write)(void *arg, int fd), void *arg, mode_t mode)
{
	/* A link that somebody put there would have its file emptied. */
	int fd = disk->openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd == -1 || (write(arg, fd) == 0 && disk->fsync(fd) == 0))
		return fd;
	int error = errno;
	disk_close(&fd);
	errno = error;
	return -1;
}

static int
sync_directory(int dir)
{
	int fd = disk->openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd == -1)
		return -1;
	int result = disk->fsync(fd);
	int error = errno;
	disk_close(&fd);
	errno = error;
	return result;
}

/* "dir/.name.new" for "dir/name": in the same directory, which is the one to sync. */
static int
temporary_name(const char *name, char out[PATH_OCTETS_MAX])
{
	const char *slash = strrchr(name, '/');
	int dir_len = slash ? (int)(slash - name) + 1 : 0;
	int len = snprintf(out, PATH_OCTETS_MAX, "%.*s.%s.new", dir_len, name, name + dir_len);

	if (len < 0 || len >= PATH_OCTETS_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int
sync_directory_of(int dir, const char *name)
{
	char path[PATH_OCTETS_MAX];
	const char *slash = strrchr(name, '/');

	if (!slash)
		return sync_directory(dir);
	(void)snprintf(path, sizeof path, "%.*s", (int)(slash - name) + 1, name);
	int fd = disk->openat(dir, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -1)
		return -1;
	int result = sync_directory(fd);
	int error = errno;
	disk_close(&fd);
	errno = error;
	return result;
}

int
disk_replace_file_by(int dir, const char *name, int (*write)(void *arg, int fd), void *arg, mode_t mode, int *file, struct fault *f)
{
	char temporary[PATH_OCTETS_MAX];
	int fd = temporary_name(name, temporary) == 0 ? write_new_file(dir, temporary, write, arg, mode) : -1;

	if (fd == -1 || disk->renameat(dir, temporary, dir, name, 0) == -1) {
		int error = errno;
		(void)disk->unlinkat(dir, temporary, 0);
		disk_close(&fd);
		(void)fault_errno(f, error, "write %s", name);
		errno = error;
		return -1;
	}
	if (sync_directory_of(dir, name) == -1) {
		int error = errno;
		disk_close(&fd);
		(void)fault_errno(f, error, "sync the directory of %s", name);
		errno = error;
		return -1;
	}
	if (file)
		*file = fd;
	else
		disk_close(&fd);
	return 0;
}

static int
write_content(void *arg, int fd)
{
	return disk_write_all(fd, *(const struct bytes *)arg, 0);
}

int
disk_replace_file(int dir, const char *name, struct bytes content, mode_t mode, struct fault *f)
{
	return disk_replace_file_by(dir, name, write_content, &content, mode, NULL, f);
}

static int
make_directory(const char *path, mode_t mode, struct fault *f)
{
	struct stat st;

	if (disk->mkdirat(AT_FDCWD, path, mode) == 0)
		return 0;
	int error = errno;
	if (disk->fstatat(AT_FDCWD, path, &st, 0) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		error = ENOTDIR;
	}
	(void)fault_errno(f, error, "make the directory %s", path);
	errno = error;
	return -1;
}

int
disk_make_path(const char *path, mode_t mode, struct fault *f)
{
	char part[PATH_OCTETS_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof part)
		return fault_set(f, FAULT_LIMIT, "a path of %zu octets", len);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (make_directory(part, mode, f) == -1)
			return -1;
	}
	return 0;
}
