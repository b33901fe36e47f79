/* Between the place for mailboxes (the fixed part of the template, or `homes`) and a Maildir there may be directories that
   others write to: homes.  Whoever owns one can put anything in the Maildir's place at any time: a link, a directory of his own
   full of links.  So the way is walked one name at a time, from descriptor to descriptor, and

   W1. a link is followed only where nobody but root and the store could have put it: in a directory that is kept, all those
       above it, from the place for mailboxes on, being kept too;
   W2. what a mailbox is made of (the account's directory, a folder's, tmp/, new/, cur/) is opened only when it is kept: what lies
       in it was put there by the store or by an administrator;
   W3. below a directory that is not kept, tmp/, new/ and cur/ are no links either, and no file system begins: its owner could have
       put links into what was given to the store later, and mounted one of his own that lies about owners.

   Kept: it belongs to root or to the store's user, and nobody else writes to it.  The store's own group may where W1 holds: who is in
   it is the administrator's word.  Below homes not even that, because the group's bits stand for access lists, too. */
#include "role/store/way.h"

#include "role/store/maildir.h"
#include "sys/disk.h"
#include "sys/process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool
is_kept(const struct stat *st, bool may_follow)
{
	uid_t user;
	gid_t group;

	process_own_user(&user, &group);
	if ((st->st_uid != 0 && st->st_uid != user) || (st->st_mode & S_IWOTH))
		return false;
	return !(st->st_mode & S_IWGRP) || (may_follow && (st->st_gid == 0 || st->st_gid == group));
}

/* W2. */
static int
check_kept(const struct stat *st, bool may_follow, const char *name, struct fault *f)
{
	if (is_kept(st, may_follow))
		return 0;
	errno = EPERM;
	return fault_set(f, FAULT_DENIED, "others than the store may write to it (owner %u, mode %o): chown -Rh STORE'S-USER %s; chmod -R go-w %s",
		(unsigned int)st->st_uid, (unsigned int)st->st_mode & 07777U, name, name);
}

/* What goes wrong where others write is their doing, unless the system has no more to give. */
static int
fail(bool may_follow, const char *what, const char *name, struct fault *f)
{
	int error = errno;

	(void)fault_errno(f, error, "%s %s", what, name);
	if (!may_follow && f && (error == ENOENT || error == EACCES || error == EPERM || error == ENOTCONN))
		f->kind = FAULT_DENIED;
	if (!may_follow && (error == ENOTDIR || error == ELOOP))
		(void)fault_set(f, FAULT_DENIED, "%s is no directory, or a link where others than the store may write", name);
	errno = error;
	return -1;
}

static int
open_directory(int at, const char *name, bool may_follow, int flags)
{
	return disk->openat(at, name, flags | O_DIRECTORY | O_CLOEXEC | (may_follow ? 0 : O_NOFOLLOW), 0);
}

/* The next name: *way becomes that directory, a descriptor of its place alone. */
static int
step(struct way *way, const char *name, bool is_made, struct stat *st, struct fault *f)
{
	dev_t device = st->st_dev;
	int next = open_directory(way->directory, name, way->may_follow, O_PATH);

	if (next < 0 && errno == ENOENT && is_made) {
		if (disk->mkdirat(way->directory, name, 0700) != 0 && errno != EEXIST)
			return fail(way->may_follow, "make", name, f);
		next = open_directory(way->directory, name, way->may_follow, O_PATH);
	}
	if (next < 0)
		return fail(way->may_follow, "open", name, f);
	disk_close(&way->directory);
	way->directory = next;
	if (disk->fstat(next, st) != 0) /* EACCES: somebody mounted a file system of his own there (FUSE), which a home lets him */
		return fail(way->may_follow && errno != EACCES, "look at", name, f);
	if (way->may_follow || st->st_dev == device)
		return 0;
	errno = EXDEV;
	return fault_set(f, FAULT_DENIED, "%s is where another file system begins, and others than the store may write there", name); /* W3 */
}

static int
open_root(const char *root, bool is_made, struct way *out, struct stat *st, struct fault *f)
{
	out->directory = open_directory(AT_FDCWD, root, true, O_PATH);
	if (out->directory < 0 && errno == ENOENT && is_made) {
		if (disk_make_path(root, 0700, f) != 0)
			return -1;
		out->directory = open_directory(AT_FDCWD, root, true, O_PATH);
	}
	if (out->directory < 0 || disk->fstat(out->directory, st) != 0)
		return fail(true, "open", root, f);
	out->may_follow = is_kept(st, true);
	return 0;
}

/* A name out of the rest of a path; false: there is none, or none that leads downwards. */
static bool
take_name(struct bytes *rest, char name[NAME_MAX + 1])
{
	struct bytes part = BYTES_NONE;

	while (part.len == 0 && rest->len)
		part = take_until(rest, '/');
	if (part.len == 0 || part.len > NAME_MAX || bytes_equal(part, BYTES(".")) || bytes_equal(part, BYTES("..")))
		return false;
	memcpy(name, part.ptr, part.len);
	name[part.len] = '\0';
	return true;
}

static struct bytes
without_end(struct bytes path)
{
	while (path.len && path.ptr[path.len - 1] == '/')
		path.len--;
	return path;
}

/* The last directory of the way is opened to be read; what leads to it may not be. */
static int
open_end(struct way *way, const struct stat *st, bool may_follow, const char *path, struct fault *f)
{
	int fd;

	if (check_kept(st, may_follow, path, f) != 0)
		return -1;
	fd = disk->openat(way->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fail(may_follow, "open", path, f);
	disk_close(&way->directory);
	*way = (struct way){ fd, may_follow };
	return 0;
}

static int
walk(struct way *way, struct bytes rest, const char *path, bool is_made, struct stat *st, struct fault *f)
{
	bool may_follow = way->may_follow;
	char name[NAME_MAX + 1];

	do {
		if (!take_name(&rest, name)) {
			errno = EINVAL;
			return fault_set(f, FAULT_DENIED, "%s is no path of a mailbox", path);
		}
		may_follow = way->may_follow;
		if (step(way, name, is_made, st, f) != 0)
			return -1;
		way->may_follow = may_follow && is_kept(st, true);
	} while (rest.len);
	return open_end(way, st, may_follow, path, f);
}

/* Which folder of an absolute path the store's user may not pass, or not write to, and what to do; *f is left as it is when
   the permissions don't tell. */
static void
explain_refusal(const char *path, struct fault *f)
{
	enum fault_kind kind = f->kind;
	struct bytes rest = bytes_text(path);
	char at[PATH_MAX] = "/", name[NAME_MAX + 1];
	struct stat st, next;
	size_t len = 0;
	uid_t user;
	gid_t group;

	process_own_user(&user, &group);
	if (rest.len + 2 > sizeof at || disk->fstatat(AT_FDCWD, at, &st, 0) != 0)
		return;
	while (take_name(&rest, name)) {
		char *end = at + len;

		len += (size_t)snprintf(end, sizeof at - len, "/%s", name);
		if (disk->fstatat(AT_FDCWD, at, &next, 0) == 0) {
			st = next;
			continue;
		}
		*end = '\0';
		if (errno == EACCES)
			(void)fault_set(f, kind,
				"user %u (the store's) may not pass %s (owner %u, mode %o): chmod o+x it, or setfacl -m u:%u:x, or name its owner in \"user store\"",
				(unsigned int)user, at, (unsigned int)st.st_uid, (unsigned int)st.st_mode & 07777U, (unsigned int)user);
		else if (errno == ENOENT)
			(void)fault_set(f, kind, "user %u (the store's) may not make %s in %s (owner %u, mode %o): make it and chown it to that user",
				(unsigned int)user, name, at, (unsigned int)st.st_uid, (unsigned int)st.st_mode & 07777U);
		return;
	}
}

int
way_open(const char *root, const char *path, bool is_made, struct way *out, struct fault *f)
{
	struct bytes base = without_end(bytes_text(root)), rest = without_end(bytes_text(path));
	struct stat st;
	int error;

	out->directory = -1;
	if (!take_text(&rest, base) || rest.len == 0 || rest.ptr[0] != '/') {
		errno = EXDEV;
		return fault_set(f, FAULT_DENIED, "%s does not lie below %s", path, root);
	}
	if (open_root(root, is_made, out, &st, f) == 0 && walk(out, rest, path, is_made, &st, f) == 0)
		return 0;
	error = errno;
	disk_close(&out->directory);
	if (error == EACCES && f)
		explain_refusal(path, f);
	errno = error;
	return -1;
}

int
way_open_folder(const struct way *account, struct bytes name, struct fault *f)
{
	char path[MAILDIR_NAME_MAX + 2];
	struct buf out;
	struct stat st;
	int fd;

	buf_init_fixed(&out, path, sizeof path);
	maildir_put_folder(&out, name);
	fd = open_directory(account->directory, path, account->may_follow, O_RDONLY);
	if (fd < 0)
		return fail(account->may_follow, "open", path, f);
	if (disk->fstat(fd, &st) == 0 && check_kept(&st, account->may_follow, path, f) == 0)
		return fd;
	int error = errno;
	disk_close(&fd);
	errno = error;
	return -1;
}

/* W2, W3 of tmp/, new/ or cur/ that was there. */
static int
check_part(const struct way *folder, const char *part, struct fault *f)
{
	struct stat st;

	if (disk->fstatat(folder->directory, part, &st, folder->may_follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return fail(folder->may_follow, "look at", part, f);
	if (S_ISDIR(st.st_mode))
		return check_kept(&st, folder->may_follow, part, f);
	errno = ENOTDIR;
	return fail(folder->may_follow, "open", part, f);
}

int
way_make_parts(const struct way *folder, struct fault *f)
{
	static const char *const parts[] = { "tmp", "new", "cur" };

	for (size_t i = 0; i < 3; i++) {
		if (disk->mkdirat(folder->directory, parts[i], 0700) == 0)
			continue;
		if (errno != EEXIST)
			return fail(folder->may_follow, "make", parts[i], f);
		if (check_part(folder, parts[i], f) != 0)
			return -1;
	}
	return 0;
}
