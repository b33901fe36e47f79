/* Socket files.

   A listening socket leaves its file behind when its process is killed, and the next one finds it.  Whether such a
   file is stale is asked by connecting to it.  The file may lie in a directory of another user (Postfix's private/),
   who could put another file in its place between two calls of ours; so owner and mode are set through a
   descriptor of the file that was seen to be a socket, never by its name. */
#include "sys/net.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAME_MAX_OCTETS = 64, BACKLOG = 128 };

static int
unix_address(const char *path, struct net_address *out, struct fault *f)
{
	struct sockaddr_un *a = (struct sockaddr_un *)&out->storage;
	size_t len = strlen(path);

	memset(out, 0, sizeof *out);
	if (len == 0 || len >= sizeof a->sun_path)
		return fault_set(f, FAULT_LIMIT, "the socket path %.100s… is longer than %zu octets",
			path, sizeof a->sun_path - 1);
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, len + 1);
	out->len = sizeof *a;
	return 0;
}

static int
connect_to(const struct net_address *a, int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)&a->storage, a->len) == 0)
		return fd;
	int error = errno;
	net_close(fd);
	errno = error;
	return -1;
}

int
net_connect_unix(const char *path, struct fault *f)
{
	struct net_address a;

	if (unix_address(path, &a, f) == -1)
		return -1;
	int fd = connect_to(&a, 0);
	return fd != -1 ? fd : fault_errno(f, errno, "connect to %s", path);
}

static int
close_with(int fd, int error)
{
	net_close(fd);
	errno = error;
	return -1;
}

/* mode: of the file from its first moment on. */
static int
bind_at(const struct net_address *a, mode_t mode)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	(void)fchmod(fd, mode);
	if (bind(fd, (const struct sockaddr *)&a->storage, a->len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	return close_with(fd, errno);
}

int
net_listen_unix(const char *path, mode_t mode, struct fault *f)
{
	struct net_address a;
	struct stat st;

	if (unix_address(path, &a, f) == -1)
		return -1;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	int fd = bind_at(&a, mode);
	if (fd == -1)
		return fault_errno(f, errno, "listen on %s", path);
	if (chmod(path, mode) == 0)
		return fd;
	int error = errno;
	net_close(fd);
	return fault_errno(f, error, "chmod %s", path);
}

/* Makes the way free, when what stands there is a socket that nobody listens on. */
static int
remove_stale(const char *path, const struct net_address *a, struct fault *f)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : fault_errno(f, errno, "look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return fault_set(f, FAULT_PERM, "%s is there and is no socket", path);
	int fd = connect_to(a, SOCK_NONBLOCK);
	/* EAGAIN: somebody listens, and is behind with it. */
	if (fd != -1 || errno == EAGAIN) {
		net_close(fd);
		return fault_set(f, FAULT_PERM, "another process listens on %s", path);
	}
	if (errno != ECONNREFUSED)
		return fault_errno(f, errno, "find out who listens on %s", path);
	return unlink(path) == 0 || errno == ENOENT ? 0 : fault_errno(f, errno, "remove the old %s", path);
}

static int
find_user(struct bytes name, struct net_unix_access *out, struct fault *f)
{
	char text[NAME_MAX_OCTETS];

	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(name));
	const struct passwd *account = getpwnam(text);
	if (!account)
		return fault_set(f, FAULT_PERM, "there is no user \"%s\" on this system", text);
	out->user = account->pw_uid;
	return 0;
}

static int
find_group(struct bytes name, struct net_unix_access *out, struct fault *f)
{
	char text[NAME_MAX_OCTETS];

	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(name));
	const struct group *group = getgrnam(text);
	if (!group)
		return fault_set(f, FAULT_PERM, "there is no group \"%s\" on this system", text);
	out->group = group->gr_gid;
	return 0;
}

int
net_unix_access_of(struct bytes user, struct bytes group, mode_t mode, struct net_unix_access *out, struct fault *f)
{
	*out = (struct net_unix_access){ .user = geteuid(), .group = getegid(), .mode = mode };
	if (user.len > 0 && find_user(user, out, f) == -1)
		return -1;
	return group.len > 0 ? find_group(group, out, f) : 0;
}

bool
net_unix_access_equal(const struct net_unix_access *a, const struct net_unix_access *b)
{
	return a->user == b->user && a->group == b->group && a->mode == b->mode;
}

static int
set_access(int file, const struct net_unix_access *access)
{
	char name[64];
	struct stat st;

	if (fstat(file, &st) == -1)
		return -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return -1;
	}
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", file);
	/* Closed to all while it changes hands. */
	if (chmod(name, 0) == -1 || fchownat(file, "", access->user, access->group, AT_EMPTY_PATH) == -1)
		return -1;
	return chmod(name, access->mode);
}

int
net_set_unix_access(const char *path, const struct net_unix_access *access, struct fault *f)
{
	int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (file == -1)
		return fault_errno(f, errno, "open %s", path);
	int result = set_access(file, access), error = errno;
	net_close(file);
	return result == 0 ? 0 : fault_errno(f, error, "set owner and mode of %s", path);
}

int
net_listen_unix_for(const char *path, const struct net_unix_access *access, struct fault *f)
{
	struct net_address a;

	if (unix_address(path, &a, f) == -1 || remove_stale(path, &a, f) == -1)
		return -1;
	int fd = bind_at(&a, 0);
	if (fd == -1)
		return fault_errno(f, errno, "listen on %s", path);
	if (net_set_unix_access(path, access, f) == 0)
		return fd;
	net_close(fd);
	(void)unlink(path);
	return -1;
}

bool
net_peer_user(int fd, uint32_t *uid)
{
	struct ucred who;
	socklen_t len = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 || len != sizeof who || who.uid == (uid_t)-1)
		return false;
	*uid = who.uid;
	return true;
}

union control {
	struct cmsghdr align;
	uint8_t space[CMSG_SPACE(sizeof(int))];
};

ssize_t
net_write_with(int fd, struct bytes from, int descriptor)
{
	union control control = { .space = { 0 } };
	struct iovec part = { (void *)(uintptr_t)from.ptr, from.len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t done;

	if (descriptor == -1)
		return net_write(fd, from);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(&control.align), &descriptor, sizeof descriptor);
	do {
		done = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (done == -1 && errno == EINTR);
	return done;
}

/* The kernel gives no more than there is room for: one. */
ssize_t
net_read_with(int fd, void *to, size_t count, int *descriptor)
{
	union control control = { .space = { 0 } };
	struct iovec part = { to, count };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	const struct cmsghdr *first;
	ssize_t got;

	*descriptor = -1;
	do {
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (got == -1 && errno == EINTR);
	first = got == -1 ? NULL : CMSG_FIRSTHDR(&message);
	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS && first->cmsg_len == CMSG_LEN(sizeof *descriptor))
		memcpy(descriptor, CMSG_DATA(first), sizeof *descriptor);
	return got;
}
