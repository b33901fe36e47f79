#include "role/store/files.h"

#include "sys/disk.h"

#include <errno.h>

int
files_open(int directory, const char *name, int flags)
{
	int fd = disk->openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (disk->fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	disk_close(&fd);
	errno = EINVAL;
	return -1;
}

bool
files_in_place(int directory, const char *name, int fd, struct stat *st)
{
	struct stat open;

	return disk->fstat(fd, &open) == 0 && disk->fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) == 0
		&& open.st_ino == st->st_ino && open.st_dev == st->st_dev;
}
