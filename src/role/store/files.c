#include "role/store/files.h"

#include "sys/disk.h"

#include <errno.h>

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
