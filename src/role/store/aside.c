#include "role/store/aside.h"

#include "base/event.h"

#include <errno.h>
#include <string.h>

#define DIRECTORY "lost"
#define WHERE ".where"

enum { FILE_ROOM = MAILDIR_NAME_MAX + sizeof WHERE, TEXT_MAX = 8192 };

struct kept {
	struct kept *next;
	uint8_t guid[RECORD_GUID_OCTETS];
	uint32_t uid;
	char file[FILE_ROOM];
	size_t path_len;
	uint8_t path[];
};

struct aside {
	int state_directory;
	struct kept *kept;
};

struct aside *
aside_new(int state_directory)
{
	struct aside *a = NEW(struct aside);

	a->state_directory = state_directory;
	return a;
}

/* -1 and *f. */
static int
write_file(int state, const char *name, struct bytes content, struct fault *f)
{
	int lost = -1, result = 0;

	if ((disk->mkdirat(state, DIRECTORY, 0700) != 0 && errno != EEXIST) || disk->fsync(state) != 0
		|| (lost = disk->openat(state, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) < 0)
		result = fault_errno(f, errno, "make the directory for mail of refused mailboxes");
	else
		result = disk_replace_file(lost, name, content, 0600, f);
	disk_close(&lost);
	return result;
}

static void
put_where(struct buf *out, const struct record *mailbox, const struct record *message)
{
	put_text(out, "tmp/");
	put_bytes(out, message->base);
	put_text(out, " of ");
	put_bytes(out, mailbox->name);
	put_text(out, " in ");
	put_bytes(out, mailbox->path);
	put_text(out, "\n");
}

static void
remember(struct aside *a, const struct record *mailbox, const struct record *message, const char *file)
{
	struct kept *k = memory_new(sizeof *k + mailbox->path.len);

	*k = (struct kept){ .next = a->kept, .uid = message->uid, .path_len = mailbox->path.len };
	memcpy(k->guid, mailbox->guid.ptr, sizeof k->guid);
	memcpy(k->file, file, strlen(file) + 1);
	memcpy(k->path, mailbox->path.ptr, mailbox->path.len);
	a->kept = k;
}

int
aside_keep(struct aside *a, const struct record *mailbox, const struct record *message, struct fault *f)
{
	char file[FILE_ROOM];
	struct buf name, where;
	int result;

	buf_init_fixed(&name, file, sizeof file);
	put_bytes(&name, message->base);
	if (!message->has_body)
		put_text(&name, WHERE);
	put_char(&name, '\0');
	if (name.has_failed || bytes_find_char(message->base, '/') < message->base.len)
		return fault_set(f, FAULT_SYNTAX, "a record's file can't be");
	buf_init(&where, TEXT_MAX);
	put_where(&where, mailbox, message);
	result = write_file(a->state_directory, file, message->has_body ? message->body : buf_bytes(&where), f);
	buf_done(&where);
	if (result == 0)
		remember(a, mailbox, message, file);
	return result;
}

static void
put_path(char path[FILE_ROOM + sizeof DIRECTORY], const char *file, const char *end)
{
	struct buf out;

	buf_init_fixed(&out, path, FILE_ROOM + sizeof DIRECTORY);
	put_format(&out, DIRECTORY "/%s%s", file, end);
	put_char(&out, '\0');
	if (out.has_failed)
		path[0] = '\0';
}

void
aside_forget(struct aside *a, const struct record *mailbox)
{
	char path[FILE_ROOM + sizeof DIRECTORY];
	struct kept **at = &a->kept;

	while (*at) {
		struct kept *k = *at;

		if (!bytes_equal(bytes_of(k->guid, sizeof k->guid), mailbox->guid)
			|| !bytes_equal(bytes_of(k->path, k->path_len), mailbox->path)) {
			at = &k->next;
			continue;
		}
		put_path(path, k->file, "");
		(void)disk->unlinkat(a->state_directory, path, 0);
		*at = k->next;
		memory_free(k);
	}
}

uint64_t
aside_tell(const struct aside *a)
{
	uint64_t count = 0;

	for (const struct kept *k = a->kept; k; k = k->next, count++)
		event(NULL, EV_STORE_LOST, STR("file", k->file), INT("uid", k->uid));
	return count;
}

void
aside_free(struct aside **a)
{
	struct aside *was = *a;
	struct kept *k;

	*a = NULL;
	while ((k = was->kept)) {
		was->kept = k->next;
		memory_free(k);
	}
	memory_free(was);
}

bool
aside_is_named(int state_directory, const char *name)
{
	char path[FILE_ROOM + sizeof DIRECTORY];
	struct stat st;

	put_path(path, name, WHERE);
	return disk->fstatat(state_directory, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
