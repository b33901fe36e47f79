/* Every call on files, behind a table, so that tests can stand in for the disk: fail the nth
   call, cut the power at it.  All blocking: for roles that work on threads (store, queue), for
   start-up and for the CLI, never on the loop of front. */
#ifndef SYS_DISK_H
#define SYS_DISK_H

#include "base/buf.h"
#include "base/fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Results as the system calls': -1 and errno.  dir: an open directory or AT_FDCWD. */
struct disk_ops {
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *to, size_t count, off_t at);
	ssize_t (*pwrite)(int fd, const void *from, size_t count, off_t at);
	ssize_t (*pwritev)(int fd, const struct iovec *parts, int count, off_t at);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*syncfs)(int fd);
	int (*ftruncate)(int fd, off_t size);
	int (*fallocate)(int fd, int mode, off_t at, off_t count);
	int (*fstat)(int fd, struct stat *st);
	int (*fstatat)(int dir, const char *path, struct stat *st, int flags);
	int (*mkdirat)(int dir, const char *path, mode_t mode);
	int (*unlinkat)(int dir, const char *path, int flags);
	int (*renameat)(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags);
	int (*linkat)(int from_dir, const char *from, int to_dir, const char *to, int flags);
	int (*utimensat)(int dir, const char *path, const struct timespec times[2], int flags);
	/* Free octets for us on the file system of fd. */
	int (*free_space)(int fd, uint64_t *octets);
	/* Shared mapping of `count` octets from the start; NULL on error.  One that isn't writable
	   is populated at once.  A file that ends before what is touched ends nobody: disk_is_torn. */
	void *(*map)(int fd, size_t count, bool is_writable);
	int (*unmap)(void *ptr, size_t count);
	/* Names in a directory, "." and ".." left out; `each` returns false to stop. */
	int (*list)(int dir, const char *path, bool (*each)(void *arg, const char *name, unsigned char type),
		void *arg);
};

/* The table in force, normally the system's.  disk_use(NULL) brings the system's back. */
extern const struct disk_ops *disk;
void disk_use(const struct disk_ops *ops);
extern const struct disk_ops disk_system;

/* Reads a whole file of at most max octets into *out (appended), or a pipe until its writer ends; -1 with *f (FAULT_LIMIT when larger). */
int disk_read_file(const char *path, size_t max, struct buf *out, struct fault *f)
	__attribute__((warn_unused_result));
/* The same for an open file, from its start. */
int disk_read_descriptor(int fd, size_t max, struct buf *out, struct fault *f)
	__attribute__((warn_unused_result));
/* Reads exactly count octets at offset `at`; -1 and errno (ENODATA when the file ends before). */
int disk_read_all(int fd, void *to, size_t count, off_t at) __attribute__((warn_unused_result));
/* Writes all of it at offset `at`; -1 and errno. */
int disk_write_all(int fd, struct bytes from, off_t at) __attribute__((warn_unused_result));
/* Replaces a file as a whole: temporary name, write, fsync, rename, fsync of the directory.
   After 0 a crash leaves the new content; before, the old or the new, never a mixture.  One writer
   at a time: the temporary name is .NAME.new. */
int disk_replace_file(int dir, const char *name, struct bytes content, mode_t mode, struct fault *f)
	__attribute__((warn_unused_result));
/* The same with a content that `write` writes to that descriptor; -1 and errno when it can't.  file: NULL, or takes after 0 the open
   file, to be read from, whatever becomes of its name. */
int disk_replace_file_by(int dir, const char *name, int (*write)(void *arg, int fd), void *arg, mode_t mode, int *file, struct fault *f)
	__attribute__((warn_unused_result));
/* mkdir -p with mode for what is missing; -1 with errno and *f. */
int disk_make_path(const char *path, mode_t mode, struct fault *f) __attribute__((warn_unused_result));
/* What disk->map gave is zeros all over by now and the file's no more: something was touched behind the file's end, where
   another program has put it meanwhile, or the disk could not read it. */
bool disk_is_torn(const void *mapping);
/* Closes *fd unless it is -1, and sets it to -1. */
void disk_close(int *fd);

#endif
