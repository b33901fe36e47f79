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

enum snapshot_result
snapshot_read(int directory, struct bytes origin, struct buf *text, struct bytes *records, struct fault *f)
{
	int fd = disk->openat(directory, SNAPSHOT_NAME, O_RDONLY | O_CLOEXEC, 0);
	enum snapshot_result result = SNAPSHOT_UNUSABLE;
	struct bytes marker;

	buf_init(text, IMAGE_OCTETS_MAX + 65536);
	if (fd < 0) {
		result = errno == ENOENT ? SNAPSHOT_ABSENT : SNAPSHOT_UNUSABLE;
		(void)fault_errno(f, errno, SNAPSHOT_NAME);
		return result;
	}
	if (disk_read_descriptor(fd, IMAGE_OCTETS_MAX, text, f) == 0) {
		if (image_take_snapshot(buf_bytes(text), origin, &marker, records))
			result = SNAPSHOT_READ;
		else
			(void)fault_set(f, FAULT_PERM, "it is damaged, or of another source or version");
	}
	disk_close(&fd);
	return result;
}
