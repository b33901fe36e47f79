#include "sys/disk.h"

#include "sys/mapped.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static int
system_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags | O_CLOEXEC, mode);
}

static int
system_renameat(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return renameat2(from_dir, from, to_dir, to, flags);
}

static int
system_free_space(int fd, uint64_t *octets)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) == -1)
		return -1;
	*octets = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

static bool
is_dot_name(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int
list_names(DIR *names, bool (*each)(void *arg, const char *name, unsigned char type), void *arg)
{
	struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(names);
		if (!entry)
			return errno ? -1 : 0;
		if (!is_dot_name(entry->d_name) && !each(arg, entry->d_name, entry->d_type))
			return 0;
	}
}

static int
system_list(int dir, const char *path, bool (*each)(void *arg, const char *name, unsigned char type),
	void *arg)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return -1;
	DIR *names = fdopendir(fd);
	if (!names) {
		close(fd);
		return -1;
	}
	int result = list_names(names, each, arg);
	int error = errno;
	closedir(names);
	errno = error;
	return result;
}

const struct disk_ops disk_system = {
	.openat = system_openat,
	.close = close,
	.pread = pread,
	.pwrite = pwrite,
	.pwritev = pwritev,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.syncfs = syncfs,
	.ftruncate = ftruncate,
	.fallocate = fallocate,
	.fstat = fstat,
	.fstatat = fstatat,
	.mkdirat = mkdirat,
	.unlinkat = unlinkat,
	.renameat = system_renameat,
	.linkat = linkat,
	.utimensat = utimensat,
	.free_space = system_free_space,
	.map = mapped_new,
	.unmap = mapped_free,
	.list = system_list,
};
