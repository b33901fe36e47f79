#include "role/store/files.h"

#include "sys/disk.h"

#include <errno.h>

enum { PIECE_OCTETS = 65536 };

int
files_open_known(int directory, const char *name, int flags, struct file_identity *is)
{
	int fd = disk->openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;

	*is = (struct file_identity){ 0 };
	if (fd < 0)
		return -1;
	if (disk->fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*is = (struct file_identity){ st.st_dev, st.st_ino };
		return fd;
	}
	disk_close(&fd);
	errno = EINVAL;
	return -1;
}

int
files_open(int directory, const char *name, int flags)
{
	struct file_identity ignored;

	return files_open_known(directory, name, flags, &ignored);
}

bool
files_in_place(int directory, const char *name, const struct file_identity *is, struct stat *st)
{
	return disk->fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) == 0 && is->inode == st->st_ino && is->device == st->st_dev;
}

bool
files_take_no_link(int error)
{
	return error == EXDEV || error == EMLINK || error == EPERM;
}

/* -1 and errno. */
static int
copy_octets(int from, int to)
{
	uint8_t piece[PIECE_OCTETS];
	off_t at = 0;
	ssize_t got;

	while ((got = disk->pread(from, piece, sizeof piece, at)) > 0) {
		if (disk_write_all(to, bytes_of(piece, (size_t)got), at) != 0)
			return -1;
		at += got;
	}
	return got < 0 ? -1 : disk->fdatasync(to);
}

static int
copy_time(int from, int to_directory, const char *to)
{
	struct stat st;

	if (disk->fstat(from, &st) != 0)
		return -1;
	return disk->utimensat(to_directory, to, (struct timespec[]){ st.st_mtim, st.st_mtim }, 0);
}

int
files_copy(int from_directory, const char *from, int to_directory, const char *to)
{
	int in = files_open(from_directory, from, O_RDONLY);
	int out = in < 0 ? -1 : files_open(to_directory, to, O_WRONLY | O_CREAT | O_EXCL);
	int result = out < 0 ? -1 : copy_octets(in, out), error;

	if (result == 0)
		result = copy_time(in, to_directory, to);
	error = errno;
	if (out >= 0 && result != 0)
		(void)disk->unlinkat(to_directory, to, 0);
	disk_close(&in);
	disk_close(&out);
	errno = error;
	return result;
}
