#include "role/directory/snapshot.h"

#include "role/roles.h"
#include "sys/disk.h"

#include <errno.h>

int
snapshot_directory(const struct config *c, struct fault *f)
{
	char path[ROLES_PATH_MAX];
	int directory;

	if (roles_path(c, ROLE_DIRECTORY, PLACE_STATE, path) != 0)
		return fault_set(f, FAULT_PERM, "the path of the state directory is too long");
	directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return directory < 0 ? fault_errno(f, errno, "%s", path) : directory;
}

/* *records takes the descriptor over. */
static enum snapshot_result
find_records(int fd, struct bytes origin, struct buf *marker, struct run *records, struct fault *f)
{
	size_t begin;

	run_init_file(records, fd, 0);
	begin = image_find_records(records, origin, marker);
	records->begin += begin;
	records->written -= begin;
	if (begin)
		return SNAPSHOT_READ;
	(void)fault_set(f, FAULT_PERM, "it is damaged, or of another source or version");
	run_done(records);
	run_init(records, -1);
	return SNAPSHOT_UNUSABLE;
}

enum snapshot_result
snapshot_read(int directory, const char *name, struct bytes origin, struct buf *marker, struct run *records, struct fault *f)
{
	int fd = disk->openat(directory, name, O_RDONLY | O_CLOEXEC, 0), error = errno;

	if (fd >= 0)
		return find_records(fd, origin, marker, records, f);
	run_init(records, -1);
	(void)fault_errno(f, error, "%s", name);
	return error == ENOENT ? SNAPSHOT_ABSENT : SNAPSHOT_UNUSABLE;
}

bool
snapshot_is_whole(const struct run *records, struct bytes origin)
{
	struct run file = *records;
	struct buf marker;
	size_t begin;

	if (records->begin == 0)
		return true;
	file.begin = 0;
	file.written += records->begin;
	buf_init(&marker, IMAGE_TEXT_MAX);
	begin = image_find_records(&file, origin, &marker);
	buf_done(&marker);
	return begin == records->begin;
}

struct writing {
	struct buf head;
	const struct run *records;
	off_t at;
	int fd, error;
};

/* After an error nothing more is written. */
static bool
write_part(void *arg, struct bytes *in)
{
	struct writing *w = arg;

	if (!w->error && disk_write_all(w->fd, *in, w->at) != 0)
		w->error = errno;
	w->at += (off_t)in->len;
	*in = BYTES_NONE;
	return true;
}

static int
write_all(void *arg, int fd)
{
	struct writing *w = arg;
	struct bytes head = buf_bytes(&w->head);

	w->fd = fd;
	(void)write_part(w, &head);
	if (!run_each(w->records, write_part, w) && !w->error)
		w->error = EIO;
	errno = w->error;
	return w->error ? -1 : 0;
}

static int
take_written(int fd, const char *name, size_t begin, struct run *records, struct fault *f)
{
	struct run written;

	run_init_file(&written, fd, begin);
	if (run_octets(&written) == run_octets(records)) {
		run_replace(records, &written);
		return 0;
	}
	run_done(&written);
	return fault_set(f, FAULT_TEMP, "%s is not as it was written", name);
}

int
snapshot_write(int directory, const char *name, struct bytes origin, struct bytes marker, struct run *records, struct fault *f)
{
	struct writing w = { .records = records };
	int result = -1, fd;

	buf_init(&w.head, IMAGE_TEXT_MAX * 4);
	image_put_snapshot_head(&w.head, origin, marker, records);
	if (w.head.has_failed || records->tail.has_failed)
		(void)fault_set(f, FAULT_LIMIT, "it is too large, or can't be read");
	else
		result = disk_replace_file_by(directory, name, write_all, &w, 0600, &fd, f);
	if (result == 0)
		result = take_written(fd, name, w.head.len, records, f);
	buf_done(&w.head);
	return result;
}
