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

int
snapshot_open(int directory, const char *name, struct fault *f)
{
	int fd = disk->openat(directory, name, O_RDONLY | O_CLOEXEC, 0), error = errno;

	if (fd >= 0)
		return fd;
	(void)fault_errno(f, error, "%s", name);
	errno = error;
	return -1;
}

enum snapshot_result
snapshot_read_descriptor(int fd, struct bytes origin, struct buf *text, struct bytes *marker, struct bytes *records,
	struct fault *f)
{
	buf_init(text, IMAGE_OCTETS_MAX + 65536);
	if (disk_read_descriptor(fd, IMAGE_OCTETS_MAX, text, f) != 0)
		return SNAPSHOT_UNUSABLE;
	if (image_take_snapshot(buf_bytes(text), origin, marker, records))
		return SNAPSHOT_READ;
	(void)fault_set(f, FAULT_PERM, "it is damaged, or of another source or version");
	return SNAPSHOT_UNUSABLE;
}

enum snapshot_result
snapshot_read(int directory, struct bytes origin, struct buf *text, struct bytes *records, struct fault *f)
{
	int fd = snapshot_open(directory, SNAPSHOT_NAME, f);
	enum snapshot_result result;
	struct bytes marker;

	if (fd < 0) {
		result = errno == ENOENT ? SNAPSHOT_ABSENT : SNAPSHOT_UNUSABLE;
		buf_init(text, 0);
		return result;
	}
	result = snapshot_read_descriptor(fd, origin, text, &marker, records, f);
	disk_close(&fd);
	return result;
}

int
snapshot_write(int directory, const char *name, struct bytes origin, struct bytes marker, struct bytes records, struct fault *f)
{
	struct buf head;
	int result = -1;

	buf_init(&head, IMAGE_TEXT_MAX * 4);
	image_put_snapshot_head(&head, origin, marker, records);
	if (head.has_failed || records.len > IMAGE_OCTETS_MAX)
		(void)fault_set(f, FAULT_LIMIT, "it is too large");
	else
		result = disk_replace_file_parts(directory, name, (struct bytes[]){ buf_bytes(&head), records }, 2, 0600, f);
	buf_done(&head);
	return result == 0 ? snapshot_open(directory, name, f) : -1;
}
