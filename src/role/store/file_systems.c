#include "role/store/file_systems.h"

#include <errno.h>
#include <string.h>

/* Open as long as the engine is: what is synced is what was written to, wherever the name leads later. */
struct file_system {
	int directory;
	dev_t device;
};

/* tmp/ is where new/ and cur/ are: files are renamed from one to the other. */
static const char *const parts[] = { ".", "new", "cur" };
enum { PARTS = sizeof parts / sizeof *parts };

/* Lock held. */
static bool
is_noted(const struct engine *e, dev_t device)
{
	for (size_t i = 0; i < e->file_system_count; i++)
		if (e->file_systems[i].device == device)
			return true;
	return false;
}

/* Takes *fd over, unless another thread was faster. */
static void
add(struct engine *e, int *fd, dev_t device)
{
	pthread_mutex_lock(&e->lock);
	if (!is_noted(e, device)) {
		e->file_systems = memory_resize(e->file_systems, e->file_system_count + 1, sizeof *e->file_systems);
		e->file_systems[e->file_system_count++] = (struct file_system){ *fd, device };
		*fd = -1;
	}
	pthread_mutex_unlock(&e->lock);
	disk_close(fd);
}

void
file_systems_init(struct engine *e)
{
	(void)pthread_mutex_init(&e->sync_lock, NULL);
}

int
file_systems_note(struct engine *e, int directory, const char *name)
{
	struct stat st;
	bool is_known;
	int fd;

	if (disk->fstatat(directory, name, &st, 0) != 0)
		return -1;
	pthread_mutex_lock(&e->lock);
	is_known = is_noted(e, st.st_dev);
	pthread_mutex_unlock(&e->lock);
	if (is_known)
		return 0;
	fd = disk->openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	add(e, &fd, st.st_dev);
	return 0;
}

int
file_systems_note_folder(struct engine *e, int folder)
{
	for (size_t i = 0; i < PARTS; i++)
		if (file_systems_note(e, folder, parts[i]) != 0)
			return -1;
	return 0;
}

/* One descriptor tells of an error once: who asks meanwhile waits, to hear of it too.  sync_lock held. */
static int
sync_all(struct engine *e, const struct file_system *all, size_t count, struct fault *f)
{
	if (e->has_sync_failed)
		return fault_set(f, FAULT_TEMP, "mail could not be synced before");
	for (size_t i = 0; i < count; i++)
		if (disk->syncfs(all[i].directory) != 0) {
			e->has_sync_failed = true;
			return fault_errno(f, errno, "sync mail");
		}
	return 0;
}

int
file_systems_sync(struct engine *e, struct fault *f)
{
	struct file_system *all;
	size_t count;
	int result;

	pthread_mutex_lock(&e->lock);
	count = e->file_system_count;
	all = memory_new_array(count + 1, sizeof *all);
	if (count)
		memcpy(all, e->file_systems, count * sizeof *all);
	pthread_mutex_unlock(&e->lock);
	pthread_mutex_lock(&e->sync_lock);
	result = sync_all(e, all, count, f);
	pthread_mutex_unlock(&e->sync_lock);
	memory_free(all);
	return result;
}

void
file_systems_done(struct engine *e)
{
	for (size_t i = 0; i < e->file_system_count; i++)
		disk_close(&e->file_systems[i].directory);
	memory_free(e->file_systems);
	(void)pthread_mutex_destroy(&e->sync_lock);
}

int
file_systems_sync_folder(int folder)
{
	dev_t last = 0;

	for (size_t i = 0; i < PARTS; i++) {
		struct stat st;
		int fd = disk->openat(folder, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		int result = fd < 0 ? -1 : disk->fstat(fd, &st);

		if (result == 0 && (i == 0 || st.st_dev != last))
			result = disk->syncfs(fd);
		disk_close(&fd);
		if (result != 0)
			return -1;
		last = st.st_dev;
	}
	return 0;
}
