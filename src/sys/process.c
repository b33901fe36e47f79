#include "sys/process.h"

#include "sys/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* systemd hands its descriptors over from here on. */
#define ACTIVATED_FIRST 3

/* In the child: from here to exec only what is safe after fork. */
static void __attribute__((noreturn))
become_role(const char *const *argv, int control_fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What a terminal or a careless kill sends to all of us is for the parent to act on. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that took hold. */
	if (getppid() != parent)
		_exit(1);
	/* dup2 onto itself would leave close-on-exec set. */
	if (control_fd == PROCESS_CONTROL_FD)
		fcntl(control_fd, F_SETFD, 0);
	else if (dup2(control_fd, PROCESS_CONTROL_FD) == -1)
		_exit(1);
	close_range(PROCESS_CONTROL_FD + 1, ~0U, 0);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(1);
}

pid_t
process_start(const char *const *argv, int control_fd, struct fault *f)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0)
		become_role(argv, control_fd, parent);
	if (child == -1)
		return fault_errno(f, errno, "fork");
	return child;
}

pid_t
process_reap(int *status)
{
	pid_t pid;

	do {
		pid = waitpid(-1, status, WNOHANG);
	} while (pid == -1 && errno == EINTR);
	return pid > 0 ? pid : 0;
}

void
process_kill(pid_t pid, int signal)
{
	if (pid > 0)
		(void)kill(pid, signal);
}

pid_t
process_id(void)
{
	return getpid();
}

void
process_say(void *arg, struct bytes line)
{
	(void)arg;
	while (line.len > 0) {
		ssize_t done = write(STDERR_FILENO, line.ptr, line.len);

		if (done == -1 && errno != EINTR)
			return;
		if (done > 0)
			line = bytes_sub(line, (size_t)done, line.len);
	}
}

static int
write_id(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == -1)
		return -1;
	return write(fd, text, (size_t)len) == len ? 0 : -1;
}

int
process_lock(const char *path, struct fault *f)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd == -1)
		return fault_errno(f, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		int error = errno;

		close(fd);
		if (error == EWOULDBLOCK)
			return fault_set(f, FAULT_DENIED, "%s is held by another process", path);
		return fault_errno(f, error, "lock %s", path);
	}
	if (write_id(fd) == -1) {
		int error = errno;

		close(fd);
		return fault_errno(f, error, "write %s", path);
	}
	return fd;
}

void
process_unlock(int fd)
{
	/* The file stays: removing it would race with who opens it at this moment. */
	int ignored = ftruncate(fd, 0);
	(void)ignored;
	close(fd);
}

void
process_put_end(struct buf *b, int status)
{
	if (WIFSIGNALED(status))
		put_format(b, "signal %d", WTERMSIG(status));
	else
		put_format(b, "exit %d", WEXITSTATUS(status));
}

bool
process_is_root(void)
{
	return geteuid() == 0;
}

/* In the directory of the last name: `name` begins that in path. */
static int
open_parent(const char *path, const char **name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;

	*name = path + len;
	if (len >= (int)sizeof parent) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)snprintf(parent, sizeof parent, "%.*s", len, path);
	return open(len ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A place and no more; a link is followed only where root alone could have put it. */
static int
open_place(const char *path, bool *is_roots)
{
	const char *name;
	struct stat st;
	int parent = open_parent(path, &name), fd = -1;

	if (parent != -1 && fstat(parent, &st) == 0) {
		*is_roots = st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH));
		fd = openat(parent, *name ? name : ".", O_PATH | O_CLOEXEC | (*is_roots ? 0 : O_NOFOLLOW));
	}
	int error = errno;
	if (parent != -1)
		close(parent);
	errno = error;
	return fd;
}

/* Where others write, a link could be to anything, and a further name of a file could be that of any file. */
static int
give_place(int fd, bool is_roots, const struct passwd *account)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if (!is_roots && !S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_nlink != 1)) {
		errno = S_ISLNK(st.st_mode) ? ELOOP : EPERM;
		return -1;
	}
	return fchownat(fd, "", account->pw_uid, account->pw_gid, AT_EMPTY_PATH);
}

int
process_give(const char *path, const char *user, struct fault *f)
{
	const struct passwd *account = getpwnam(user);
	bool is_roots = false;

	if (!account)
		return fault_set(f, FAULT_PERM, "there is no user \"%s\" on this system", user);
	int fd = open_place(path, &is_roots);
	int result = fd == -1 ? -1 : give_place(fd, is_roots, account), error = errno;
	if (fd != -1)
		close(fd);
	return result == -1 ? fault_errno(f, error, "give %s to %s", path, user) : 0;
}

int
process_act_as(const char *user, struct fault *f)
{
	const struct passwd *account = user ? getpwnam(user) : NULL;
	uid_t id = account ? account->pw_uid : 0;
	gid_t group = account ? account->pw_gid : 0;

	if (getuid() != 0)
		return 0;
	if (user && !account)
		return fault_set(f, FAULT_PERM, "there is no user \"%s\" on this system", user);
	if (geteuid() == id)
		return 0;
	/* Root first: only root may change the rest. */
	if (seteuid(0) == -1 || setegid(group) == -1 || setgroups(1, &group) == -1 || seteuid(id) == -1)
		return fault_errno(f, errno, "act as %s", user ? user : "root");
	return 0;
}

int
process_find_user(struct bytes user, uid_t *uid, gid_t *gid, struct fault *f)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(user));
	const struct passwd *account = getpwnam(name);
	if (!account)
		return fault_set(f, FAULT_PERM, "there is no user \"%s\" on this system", name);
	*uid = account->pw_uid;
	*gid = account->pw_gid;
	return 0;
}

void
process_own_user(uid_t *uid, gid_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
}

bool
process_has_user(const char *user)
{
	return getpwnam(user) != NULL;
}

long
process_cores(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count > 0 ? count : 1;
}

static int
fill_and_seal(int fd, const uint8_t *octets, size_t count)
{
	while (count > 0) {
		ssize_t done = write(fd, octets, count);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		octets += done;
		count -= (size_t)done;
	}
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int
process_memory_file(const char *name, const void *octets, size_t count, struct fault *f)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return fault_errno(f, errno, "make a memory file");
	if (fill_and_seal(fd, octets, count) == 0)
		return fd;
	int error = errno;
	close(fd);
	return fault_errno(f, error, "fill a memory file");
}

int
process_read_memory_file(int fd, size_t max, struct buf *out, struct fault *f)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK))
		return fault_set(f, FAULT_DENIED, "no sealed memory file");
	return disk_read_descriptor(fd, max, out, f);
}

void
process_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof a.sun_path)
		return;
	memcpy(a.sun_path, path, len);
	/* "@name" is an abstract socket: its first octet is NUL. */
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

int
process_activated(void)
{
	const char *pid = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
	char *end;

	if (!pid || !count_text || strtol(pid, &end, 10) != getpid() || *end != '\0')
		return 0;
	long count = strtol(count_text, &end, 10);
	if (*end != '\0' || count < 0 || count > 1000)
		return 0;
	/* systemd makes them blocking (NonBlocking=, systemd.service(5)): accept would stop the
	   loop of a role. */
	for (int i = 0; i < count; i++) {
		(void)fcntl(ACTIVATED_FIRST + i, F_SETFD, FD_CLOEXEC);
		(void)fcntl(ACTIVATED_FIRST + i, F_SETFL,
			fcntl(ACTIVATED_FIRST + i, F_GETFL) | O_NONBLOCK);
	}
	return (int)count;
}

const char *
process_activated_name(int index)
{
	static char name[64];
	const char *at = getenv("LISTEN_FDNAMES");

	for (; at && index > 0; index--) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return "unknown";
	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ":"), at);
	return name;
}
