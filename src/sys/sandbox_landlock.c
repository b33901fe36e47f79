/* Landlock by raw system calls: glibc has no wrappers, and the kernel's header of Debian 12 ends
   before most of what newer kernels offer, so the constants stand here.  What the kernel does not
   know is left out by its ABI number (Documentation/userspace-api/landlock.rst). */
#include "sys/sandbox_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULE_PATH_BENEATH 1
#define CREATE_RULESET_VERSION 1U

enum {
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_REFER = 1 << 13, /* ABI 2: rename and link from one directory to another */
	FS_TRUNCATE = 1 << 14, /* ABI 3 */
	FS_ALL_ABI_1 = (1 << 13) - 1,
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
	NET_ALL = (1 << 0) | (1 << 1), /* ABI 4: bind and connect of TCP */
	SCOPE_ALL = (1 << 0) | (1 << 1), /* ABI 6: abstract unix sockets, signals */
};

enum {
	ACCESS_READ = FS_READ_FILE | FS_READ_DIR,
	ACCESS_WRITE = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
		FS_REFER | FS_TRUNCATE,
	ACCESS_OF_FILES = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE,
};

struct ruleset {
	uint64_t fs; /* ABI 1 */
	uint64_t net; /* ABI 4 */
	uint64_t scope; /* ABI 6 */
};

struct path_rule {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t
known_access(int abi)
{
	return FS_ALL_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
		(abi >= 5 ? FS_IOCTL_DEV : 0);
}

static bool
add_path(int ruleset, const struct sandbox_path *path, uint64_t known)
{
	struct path_rule rule = { .parent_fd = open(path->path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.parent_fd == -1)
		return false;
	rule.access = (path->access & SANDBOX_READ ? ACCESS_READ : 0) |
		(path->access & SANDBOX_WRITE ? ACCESS_WRITE : 0);
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.access &= ACCESS_OF_FILES;
	rule.access &= known;
	long result = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return result == 0;
}

static bool
add_paths(int ruleset, const struct sandbox_profile *profile, uint64_t known)
{
	for (size_t i = 0; i < SANDBOX_PATHS_MAX && profile->paths[i].path; i++)
		if (!add_path(ruleset, &profile->paths[i], known))
			return false;
	return true;
}

bool
landlock_enter(const struct sandbox_profile *profile, int abi)
{
	struct ruleset handled = { .fs = known_access(abi) };
	size_t size = abi >= 6 ? sizeof handled : abi >= 4 ? 2 * sizeof handled.fs : sizeof handled.fs;

	if (abi == 0)
		return false;
	if (abi >= 4 && !profile->may_connect)
		handled.net = NET_ALL;
	if (abi >= 6)
		handled.scope = SCOPE_ALL;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
	if (ruleset == -1)
		return false;
	bool is_in_force = add_paths(ruleset, profile, handled.fs) &&
		syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return is_in_force;
}
