#include "role/store/aside.h"

#include "base/event.h"
#include "role/store/file_systems.h"

#include <errno.h>

#define DIRECTORY "lost"
#define WHERE ".where"

enum { PATH_ROOM = MAILDIR_NAME_MAX + 64, TEXT_MAX = 8192 };

/* -1 and *f. */
static int
open_lost(struct engine *e, struct fault *f)
{
	int lost = -1;

	if ((disk->mkdirat(e->state_directory, DIRECTORY, 0700) != 0 && errno != EEXIST) || file_systems_note(e, e->state_directory, ".") != 0
		|| (lost = disk->openat(e->state_directory, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) < 0)
		return fault_errno(f, errno, "make the directory for mail of refused mailboxes");
	if (way_make_parts(&(struct way){ .directory = lost }, f) == 0) {
		if (file_systems_note_folder(e, lost) == 0)
			return lost;
		(void)fault_errno(f, errno, "open the file system of mail of refused mailboxes");
	}
	disk_close(&lost);
	return -1;
}

struct offline *
aside_open(struct engine *e, const char *path, const struct record *mailbox, struct fault *f)
{
	int lost = open_lost(e, f);

	return lost < 0 ? NULL : offline_new_aside(lost, path, mailbox->name, mailbox->guid.ptr);
}

static void
put_path(char path[PATH_ROOM], const char *directory, struct bytes base)
{
	struct buf out;

	buf_init_fixed(&out, path, PATH_ROOM);
	put_text(&out, directory);
	put_bytes(&out, base);
	put_text(&out, WHERE);
	put_char(&out, '\0');
	if (out.has_failed)
		path[0] = '\0';
}

/* -1 and errno. */
static int
write_where(const struct offline *m, const struct offline_message *x, const char *path)
{
	int fd = files_open(m->directory, path, O_WRONLY | O_CREAT | O_TRUNC), result;
	struct buf text;

	if (fd < 0)
		return -1;
	buf_init(&text, TEXT_MAX);
	put_text(&text, "tmp/");
	put_bytes(&text, x->base);
	put_format(&text, " of %s in %s\n", m->name, m->path);
	result = disk_write_all(fd, buf_bytes(&text), 0);
	buf_done(&text);
	disk_close(&fd);
	return result;
}

int
aside_tell(const struct offline *m, struct fault *f)
{
	char path[PATH_ROOM];

	for (size_t i = 0; i < m->count; i++) {
		const struct offline_message *x = m->messages[i];
		struct buf name;

		if (!x->is_promised || x->is_expunged)
			continue;
		put_path(path, "", x->base);
		if (x->has_file) {
			buf_init_fixed(&name, path, sizeof path);
			offline_put_path(&name, x, x->state);
		} else if (write_where(m, x, path) != 0) {
			return fault_errno(f, errno, "write %s", path);
		}
		event(NULL, EV_STORE_LOST, STR("file", path), INT("uid", x->uid));
	}
	return 0;
}

bool
aside_is_named(int state_directory, const char *name)
{
	char path[PATH_ROOM];
	struct stat st;

	put_path(path, DIRECTORY "/", bytes_text(name));
	return disk->fstatat(state_directory, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
