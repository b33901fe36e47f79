#include "role/store/folders.h"

#include "role/store/failure.h"

#include <errno.h>

enum { TREE_DEPTH = 3 };

struct removal {
	int directory;
	const char *name;
	int depth;
};

static bool remove_entry(void *arg, const char *name, unsigned char type);

/* Removes a directory and what is in it; what can't be removed stays. */
static void
remove_tree(int directory, const char *name, int depth)
{
	struct removal x = { .depth = depth };

	if (depth > TREE_DEPTH)
		return;
	x.directory = disk->openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (x.directory >= 0)
		(void)disk->list(x.directory, ".", remove_entry, &x);
	disk_close(&x.directory);
	(void)disk->unlinkat(directory, name, AT_REMOVEDIR);
}

static bool
remove_entry(void *arg, const char *name, unsigned char type)
{
	const struct removal *x = arg;

	(void)type;
	if (disk->unlinkat(x->directory, name, 0) != 0 && (errno == EISDIR || errno == EPERM))
		remove_tree(x->directory, name, x->depth + 1);
	return true;
}

void
folders_remove_tree(int directory, const char *name)
{
	remove_tree(directory, name, 0);
}

int
folders_remove(int account, struct bytes name, struct engine *e)
{
	char path[MAILDIR_NAME_MAX + 2], away[64];
	struct buf out;

	buf_init_fixed(&out, path, sizeof path);
	maildir_put_folder(&out, name);
	buf_init_fixed(&out, away, sizeof away);
	put_text(&out, FOLDERS_DELETED_PREFIX);
	put_number(&out, (uint64_t)e->process);
	put_char(&out, '.');
	put_number(&out, atomic_fetch_add(&e->next_file, 1));
	put_char(&out, '\0');
	remove_tree(account, away, 0); /* what an earlier process of that number began to remove */
	if (disk->renameat(account, path, account, away, 0) != 0) {
		int error = errno;

		(void)failure_report("remove folder", path, error);
		errno = error;
		return -1;
	}
	remove_tree(account, away, 0);
	return 0;
}
