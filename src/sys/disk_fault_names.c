#include "sys/disk_fault_internal.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct fault_node *
look_up(const struct fault_node *dir, const char *name)
{
	return map_get(dir->names, bytes_text(name));
}

/* Walks to the directory that holds the last part of the path, which is copied to name. NULL: errno. */
static struct fault_node *
walk(int dir, const char *path, char name[256], int *error)
{
	struct fault_node *node = path[0] == '/' ? fault_one->root : fault_node_of(dir);
	struct bytes rest = bytes_text(path);

	*error = ENOENT;
	name[0] = '\0';
	while (rest.len) {
		struct bytes part = take_until(&rest, '/');

		if (part.len == 0 || bytes_equal(part, BYTES(".")))
			continue;
		if (name[0])
			node = node ? look_up(node, name) : NULL;
		if (!node || part.len > 255)
			return NULL;
		if (!S_ISDIR(node->mode)) {
			*error = ENOTDIR;
			return NULL;
		}
		memcpy(name, part.ptr, part.len);
		name[part.len] = '\0';
	}
	return node;
}

struct fault_node *
fault_find(int dir, const char *path, int *error)
{
	char name[256];
	struct fault_node *node = walk(dir, path, name, error);

	if (!node || !name[0])
		return node;
	if (!S_ISDIR(node->mode)) {
		*error = ENOTDIR;
		return NULL;
	}
	return look_up(node, name);
}

/* The name points to the node from now on, or (NULL) is gone. */
static struct fault_naming *
set_name(struct fault_node *dir, const char *name, struct fault_node *node)
{
	if (node)
		(void)map_put(dir->names, bytes_text(name), node);
	else
		(void)map_remove(dir->names, bytes_text(name));
	fault_touch(dir);
	return fault_note_name(dir, name, node);
}

static int
fault_openat(int dir, const char *path, int flags, mode_t mode)
{
	struct fault_node *parent, *node;
	char name[256];
	bool is_unnamed;
	int error = 0, fd;

	fault_lock();
	is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	if (is_unnamed || (flags & O_CREAT) || (flags & O_TRUNC))
		error = fault_count_call();
	else if (fault_one->is_cut)
		error = EIO;
	if (error)
		return fault_done(-1, error);
	parent = walk(dir, path, name, &error);
	if (!parent)
		return fault_done(-1, error);
	node = name[0] ? look_up(parent, name) : parent;
	if (node && (flags & O_CREAT) && (flags & O_EXCL))
		return fault_done(-1, EEXIST);
	if (!node && !(flags & O_CREAT))
		return fault_done(-1, ENOENT);
	if (node && (flags & O_DIRECTORY) && !S_ISDIR(node->mode))
		return fault_done(-1, ENOTDIR);
	if (is_unnamed) {
		node = fault_node_new(fault_one, S_IFREG | (mode & 07777), parent);
		fault_touch(node);
	} else if (!node) {
		node = fault_node_new(fault_one, S_IFREG | (mode & 07777), parent);
		fault_touch(node);
		(void)set_name(parent, name, node);
	} else if ((flags & O_TRUNC) && node->size) {
		fault_set_size(node, 0);
	}
	fd = fault_new_fd(node);
	return fault_done(fd, EMFILE);
}

static int
fault_close(int fd)
{
	fault_lock();
	if (!fault_node_of(fd) || fd == AT_FDCWD)
		return fault_done(-1, EBADF);
	fault_one->fds[fd - FAULT_FD_FIRST] = NULL;
	return fault_done(0, 0);
}

static int
fault_fstatat(int dir, const char *path, struct stat *st, int flags)
{
	struct fault_node *node;
	int error = EIO;

	(void)flags;
	fault_lock();
	node = fault_one->is_cut ? NULL : fault_find(dir, path, &error);
	if (!node)
		return fault_done(-1, error);
	fault_put_stat(node, st);
	return fault_done(0, 0);
}

static int
fault_mkdirat(int dir, const char *path, mode_t mode)
{
	struct fault_node *parent, *node;
	char name[256];
	int error;

	fault_lock();
	error = fault_count_call();
	if (error)
		return fault_done(-1, error);
	parent = walk(dir, path, name, &error);
	if (!parent)
		return fault_done(-1, error);
	if (!name[0] || look_up(parent, name))
		return fault_done(-1, EEXIST);
	node = fault_node_new(fault_one, S_IFDIR | (mode & 07777), parent);
	fault_touch(node);
	(void)set_name(parent, name, node);
	return fault_done(0, 0);
}

static int
fault_unlinkat(int dir, const char *path, int flags)
{
	struct fault_node *parent, *node;
	char name[256];
	int error;

	fault_lock();
	error = fault_count_call();
	if (error)
		return fault_done(-1, error);
	parent = walk(dir, path, name, &error);
	node = parent && name[0] ? look_up(parent, name) : NULL;
	if (!node)
		return fault_done(-1, error);
	if ((flags & AT_REMOVEDIR) && !S_ISDIR(node->mode))
		return fault_done(-1, ENOTDIR);
	if (!(flags & AT_REMOVEDIR) && S_ISDIR(node->mode))
		return fault_done(-1, EISDIR);
	if (S_ISDIR(node->mode) && map_count(node->names))
		return fault_done(-1, ENOTEMPTY);
	(void)set_name(parent, name, NULL);
	return fault_done(0, 0);
}

static int
fault_renameat(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	struct fault_node *source, *target, *node, *there;
	char from_name[256], to_name[256];
	struct fault_naming *added, *removed;
	int error;

	fault_lock();
	error = fault_count_call();
	if (error)
		return fault_done(-1, error);
	source = walk(from_dir, from, from_name, &error);
	node = source ? look_up(source, from_name) : NULL;
	target = walk(to_dir, to, to_name, &error);
	if (!node || !target)
		return fault_done(-1, ENOENT);
	if (node->device != target->device)
		return fault_done(-1, EXDEV);
	there = look_up(target, to_name);
	if (there && (flags & RENAME_NOREPLACE))
		return fault_done(-1, EEXIST);
	if (there == node)
		return fault_done(0, 0);
	if (there && S_ISDIR(there->mode) && map_count(there->names))
		return fault_done(-1, ENOTEMPTY);
	added = set_name(target, to_name, node);
	removed = set_name(source, from_name, NULL);
	added->partner = removed;
	removed->partner = added;
	return fault_done(0, 0);
}

static int
fault_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	struct fault_node *node, *target;
	char name[256];
	int error;

	(void)flags;
	fault_lock();
	error = fault_count_call();
	if (error)
		return fault_done(-1, error);
	node = fault_find(from_dir, from, &error);
	target = walk(to_dir, to, name, &error);
	if (!node || !target)
		return fault_done(-1, ENOENT);
	if (node->device != target->device)
		return fault_done(-1, EXDEV);
	if (look_up(target, name))
		return fault_done(-1, EEXIST);
	(void)set_name(target, name, node);
	return fault_done(0, 0);
}

static int
fault_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
	struct fault_node *node;
	int error;

	(void)flags;
	fault_lock();
	error = fault_count_call();
	if (error)
		return fault_done(-1, error);
	node = path ? fault_find(dir, path, &error) : fault_node_of(dir);
	if (!node)
		return fault_done(-1, ENOENT);
	if (times)
		node->changed = times[1];
	else
		fault_touch(node);
	return fault_done(0, 0);
}

/* The names first, so that `each` may call the disk. */
static int
fault_list(int dir, const char *path, bool (*each)(void *arg, const char *name, unsigned char type), void *arg)
{
	struct entry {
		char name[256];
		unsigned char type;
	} *entries;
	struct fault_node *node;
	struct bytes name;
	void *value;
	size_t at = 0, count = 0;
	int error = EIO;
	bool goes_on = true;

	fault_lock();
	node = fault_one->is_cut ? NULL : fault_find(dir, path, &error);
	if (!node || !S_ISDIR(node->mode))
		return fault_done(-1, node ? ENOTDIR : error);
	entries = memory_new_array(map_count(node->names), sizeof *entries);
	while (map_next(node->names, &at, &name, &value)) {
		memcpy(entries[count].name, name.ptr, name.len);
		entries[count++].type = S_ISDIR(((struct fault_node *)value)->mode) ? DT_DIR : DT_REG;
	}
	(void)fault_done(0, 0);
	for (size_t i = 0; i < count && goes_on; i++)
		goes_on = each(arg, entries[i].name, entries[i].type);
	memory_free(entries);
	return 0;
}

void
fault_put_name_ops(struct disk_ops *ops)
{
	ops->openat = fault_openat;
	ops->close = fault_close;
	ops->fstatat = fault_fstatat;
	ops->mkdirat = fault_mkdirat;
	ops->unlinkat = fault_unlinkat;
	ops->renameat = fault_renameat;
	ops->linkat = fault_linkat;
	ops->utimensat = fault_utimensat;
	ops->list = fault_list;
}
