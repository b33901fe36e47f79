#include "role/queue/tls_files.h"

#include "base/event.h"
#include "base/memory.h"
#include "sys/disk.h"
#include "sys/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

enum { NAME_ROOM = 24, PATH_ROOM = 4096 };

struct tls_files {
	int directory;
	struct pool *pool;
	struct strand strand;
	_Atomic uint32_t writes; /* that are not done */
	_Atomic bool has_failed;
};

/* A file to be written or, without octets, removed. */
struct writing {
	struct job job;
	struct tls_files *files;
	char name[NAME_ROOM];
	struct buf octets;
};

static void
write_file(struct job *job)
{
	struct writing *w = (struct writing *)job;
	struct tls_files *files = w->files;
	struct fault f;

	if (w->octets.len > 0)
		tls_image_seal(&w->octets);
	if (w->octets.len == 0) {
		(void)disk->unlinkat(files->directory, w->name, 0);
	} else if (disk_replace_file(files->directory, w->name, buf_bytes(&w->octets), 0600, &f) != 0) {
		event(NULL, EV_QUEUE_FAILED, STR("what", "counts of TLS"), STR("file", w->name), STR("why", f.text));
		files->has_failed = true;
	}
	buf_done(&w->octets);
	memory_free(w);
	atomic_fetch_sub(&files->writes, 1);
}

static struct writing *
new_writing(struct tls_files *files, int64_t number)
{
	struct writing *w = NEW(struct writing);

	w->job.run = write_file;
	w->files = files;
	(void)snprintf(w->name, sizeof w->name, "%lld", (long long)number);
	buf_init(&w->octets, TLS_IMAGE_OCTETS_MAX);
	return w;
}

static void
start(struct tls_files *files, struct writing *w)
{
	atomic_fetch_add(&files->writes, 1);
	pool_add(files->pool, &files->strand, &w->job);
}

bool
tls_files_write(struct tls_files *files, const struct tls_period *p)
{
	struct writing *w;

	if (atomic_load(&files->writes) >= TLS_FILES_WRITES_MAX)
		return false;
	w = new_writing(files, p->number);
	tls_period_put(&w->octets, p);
	start(files, w);
	return true;
}

void
tls_files_remove(struct tls_files *files, int64_t number)
{
	start(files, new_writing(files, number));
}

bool
tls_files_have_failed(struct tls_files *files)
{
	return atomic_exchange(&files->has_failed, false);
}

struct reading {
	struct tls_files *files;
	void (*each)(void *arg, struct tls_period *p);
	void *arg;
};

static struct tls_period *
read_period(int directory, const char *name)
{
	struct bytes digits = bytes_text(name);
	struct tls_period *p = NULL;
	uint64_t number;
	struct buf file;
	struct fault f;
	int fd;

	if (!take_number(&digits, INT64_MAX / 2, &number) || digits.len > 0)
		return NULL;
	fd = disk->openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	buf_init(&file, TLS_IMAGE_OCTETS_MAX + 1);
	if (fd != -1 && disk_read_descriptor(fd, TLS_IMAGE_OCTETS_MAX, &file, &f) == 0)
		p = tls_period_take(buf_bytes(&file), (int64_t)number);
	disk_close(&fd);
	buf_done(&file);
	return p;
}

static bool
read_one(void *arg, const char *name, unsigned char type)
{
	const struct reading *r = arg;
	struct tls_period *p = read_period(r->files->directory, name);

	(void)type;
	if (p) {
		r->each(r->arg, p);
		return true;
	}
	/* A leading dot: a writing that a crash cut short. */
	if (name[0] != '.')
		event(NULL, EV_QUEUE_FAILED, STR("what", "counts of TLS"), STR("file", name), STR("why", "it is damaged, and removed"));
	(void)disk->unlinkat(r->files->directory, name, 0);
	return true;
}

/* The directory's own name is to be there after a crash, too. */
static int
sync_name(const char *directory, struct fault *f)
{
	char parent[PATH_ROOM];
	int fd, result, error;

	(void)snprintf(parent, sizeof parent, "%.*s", (int)bytes_find_last_char(bytes_text(directory), '/') + 1, directory);
	fd = disk->openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	result = fd == -1 ? -1 : disk->fsync(fd);
	error = errno;
	disk_close(&fd);
	return result == 0 ? 0 : fault_errno(f, error, "sync %s", parent);
}

int
tls_files_open(const char *directory, void (*each)(void *arg, struct tls_period *p), void *arg, struct tls_files **out, struct fault *f)
{
	struct tls_files *files;
	int fd;

	if (disk_make_path(directory, 0700, f) != 0 || sync_name(directory, f) != 0)
		return -1;
	fd = disk->openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd == -1)
		return fault_errno(f, errno, "open %s", directory);
	files = NEW(struct tls_files);
	files->directory = fd;
	files->pool = pool_new(1);
	*out = files;
	if (disk->list(fd, ".", read_one, &(struct reading){ files, each, arg }) == 0)
		return 0;
	(void)fault_errno(f, errno, "list %s", directory);
	tls_files_close(out);
	return -1;
}

void
tls_files_close(struct tls_files **files)
{
	if (!*files)
		return;
	pool_free(&(*files)->pool);
	disk_close(&(*files)->directory);
	memory_free(*files);
	*files = NULL;
}
