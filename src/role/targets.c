#include "role/targets.h"

#include "sys/disk.h"
#include "sys/process.h"

bool
targets_attach(struct message *m, struct bytes list)
{
	struct fault f;
	int fd;

	if (list.len <= IPC_TARGETS_INLINE) {
		m->u.resolved.targets = list;
		return true;
	}
	fd = process_memory_file("targets", list.ptr, list.len, &f);
	if (fd < 0)
		return false;
	m->fds[m->fd_count++] = fd;
	return true;
}

bool
targets_take(const struct message *m, struct buf *space, struct bytes *list)
{
	struct fault f;
	int fd;
	bool is_whole;

	buf_init(space, SIZE_MAX);
	*list = m->u.resolved.targets;
	if (m->fd_count == 0)
		return true;
	fd = m->fds[0];
	is_whole = process_read_memory_file(fd, IPC_TARGETS_MAX, space, &f) == 0;
	disk_close(&fd);
	*list = buf_bytes(space);
	return is_whole;
}
