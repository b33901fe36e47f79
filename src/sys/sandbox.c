/* The order matters: what needs root (limits, the empty root, the user) comes before root is given
   up; what needs names (the user, the paths) before the empty root; Landlock and seccomp, which
   need no rights, last. */
#include "sys/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

struct identity {
	uid_t uid;
	gid_t gid;
};

static int
find_identity(const struct sandbox_profile *profile, struct identity *out, struct fault *f)
{
	const struct passwd *user = getpwnam(profile->user);

	if (!user)
		return fault_set(f, FAULT_PERM, "there is no user \"%s\" on this system", profile->user);
	out->uid = user->pw_uid;
	out->gid = user->pw_gid;
	if (!profile->group)
		return 0;
	const struct group *group = getgrnam(profile->group);
	if (!group)
		return fault_set(f, FAULT_PERM, "there is no group \"%s\" on this system",
			profile->group);
	out->gid = group->gr_gid;
	return 0;
}

/* Changing the user clears the signal that ends us when the supervisor dies. */
static int
become(const struct identity *id, struct fault *f)
{
	int death_signal = 0;

	(void)prctl(PR_GET_PDEATHSIG, &death_signal);
	if (setgroups(1, &id->gid) == -1 || setresgid(id->gid, id->gid, id->gid) == -1 ||
		setresuid(id->uid, id->uid, id->uid) == -1)
		return fault_errno(f, errno, "give up root");
	if (id->uid != 0 && setuid(0) == 0)
		return fault_set(f, FAULT_PERM, "root can be taken back");
	(void)prctl(PR_SET_PDEATHSIG, death_signal);
	return 0;
}

/* A directory that was removed: nothing is in it and nothing can be made in it, by nobody. */
static bool
enter_empty_root(void)
{
	char path[] = "/tmp/mermoz-root-XXXXXX";

	if (!mkdtemp(path))
		return false;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_there = rmdir(path) == 0 && fd != -1 && fchdir(fd) == 0 && chroot(".") == 0;
	if (fd != -1)
		close(fd);
	return is_there;
}

static bool
limit(int resource, uint64_t most)
{
	struct rlimit l;

	if (most == 0)
		return true;
	if (getrlimit((__rlimit_resource_t)resource, &l) == -1)
		return false;
	struct rlimit wanted = { most, most };
	if (setrlimit((__rlimit_resource_t)resource, &wanted) == 0)
		return true;
	/* Root alone may go beyond the hard limit, and not everywhere. */
	l.rlim_cur = l.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &l) == 0;
}

static bool
set_limits(const struct sandbox_profile *profile)
{
	const struct rlimit no_core = { 0, 0 };
	bool has_core = setrlimit(RLIMIT_CORE, &no_core) == 0;
	bool has_descriptors = limit(RLIMIT_NOFILE, profile->descriptors_max);

	return limit(RLIMIT_AS, profile->memory_max) && has_core && has_descriptors;
}

int
sandbox_enter(const struct sandbox_profile *profile, struct sandbox_report *report, struct fault *f)
{
	bool is_root = geteuid() == 0, has_user = is_root && profile->user;
	struct identity id = { 0, 0 };

	*report = (struct sandbox_report){ .landlock_abi = landlock_abi() };
	if (has_user && find_identity(profile, &id, f) == -1)
		return -1;
	report->is_in_force[SANDBOX_LIMITS] = set_limits(profile);
	report->is_in_force[SANDBOX_NO_NEW_PRIVILEGES] = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	/* Before Landlock, which would not let us make the directory. */
	if (is_root && !profile->paths[0].path)
		report->is_in_force[SANDBOX_ROOT] = enter_empty_root();
	report->is_in_force[SANDBOX_LANDLOCK] = landlock_enter(profile, report->landlock_abi);
	if (has_user && become(&id, f) == -1)
		return -1;
	report->is_in_force[SANDBOX_USER] = has_user && id.uid != 0;
	report->is_in_force[SANDBOX_NOT_DUMPABLE] = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
	report->is_in_force[SANDBOX_SECCOMP] = seccomp_enter(profile);
	return 0;
}

const char *
sandbox_measure_name(enum sandbox_measure measure)
{
	static const char *const names[SANDBOX_MEASURES] = {
		[SANDBOX_USER] = "user",
		[SANDBOX_NO_NEW_PRIVILEGES] = "no_new_privileges",
		[SANDBOX_NOT_DUMPABLE] = "not_dumpable",
		[SANDBOX_ROOT] = "empty_root",
		[SANDBOX_LANDLOCK] = "landlock",
		[SANDBOX_SECCOMP] = "seccomp",
		[SANDBOX_LIMITS] = "limits",
	};

	return names[measure];
}

void
sandbox_probe(const struct sandbox_profile *profile, struct sandbox_report *report)
{
	bool is_root = geteuid() == 0;
	struct identity id = { 0, 0 };
	struct fault f;

	*report = (struct sandbox_report){ .landlock_abi = landlock_abi() };
	report->is_in_force[SANDBOX_USER] = is_root && profile->user && find_identity(profile, &id, &f) == 0 && id.uid != 0;
	report->is_in_force[SANDBOX_NO_NEW_PRIVILEGES] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != -1;
	report->is_in_force[SANDBOX_NOT_DUMPABLE] = prctl(PR_GET_DUMPABLE) != -1;
	report->is_in_force[SANDBOX_ROOT] = is_root && !profile->paths[0].path;
	report->is_in_force[SANDBOX_LANDLOCK] = report->landlock_abi > 0;
	report->is_in_force[SANDBOX_SECCOMP] = prctl(PR_GET_SECCOMP) != -1;
	report->is_in_force[SANDBOX_LIMITS] = true;
}
