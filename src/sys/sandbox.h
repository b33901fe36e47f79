/* Gives up what a role does not need.  Each measure is best effort by kernel; what is really in
   force is reported, never assumed. */
#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

#include "base/bytes.h"
#include "base/fault.h"

#include <stdint.h>

#define SANDBOX_PATHS_MAX 16

enum sandbox_access { SANDBOX_READ = 1, SANDBOX_WRITE = 2 /* create, remove, rename too */ };

struct sandbox_path {
	const char *path; /* must exist when the sandbox is entered */
	unsigned int access;
};

/* What a role may still do; a row of the table in role/roles.c. */
struct sandbox_profile {
	const char *user; /* NULL or not root: stay who we are */
	const char *group;
	struct sandbox_path paths[SANDBOX_PATHS_MAX]; /* ends with path NULL; none: no file at all */
	bool may_open; /* open files below paths */
	bool may_connect; /* make sockets and connect */
	bool may_listen_unix; /* accept on descriptors it was handed is always allowed */
	uint64_t descriptors_max; /* RLIMIT_NOFILE; 0: leave */
	uint64_t memory_max; /* RLIMIT_AS, octets; 0: leave */
};

enum sandbox_measure {
	SANDBOX_USER, /* own uid and gid, no supplementary groups */
	SANDBOX_NO_NEW_PRIVILEGES,
	SANDBOX_NOT_DUMPABLE,
	SANDBOX_ROOT, /* empty root directory (only as root, only without paths) */
	SANDBOX_LANDLOCK,
	SANDBOX_SECCOMP,
	SANDBOX_LIMITS,
	SANDBOX_MEASURES
};

struct sandbox_report {
	bool is_in_force[SANDBOX_MEASURES];
	int landlock_abi; /* 0: not there */
};

/* Makes io_uring absent (ENOSYS) for good, as far as the kernel lets us: what is asked of a ring passes
   by seccomp, so that none may be there when the sandbox is entered, and libuv makes one for each loop
   where it can.  Call it before loop_new; sets no_new_privs. */
void sandbox_hide_rings(void);
/* Enters the sandbox for good, all threads made later included (call it before making any).  0; -1
   with *f when something that must not fail did (giving up root). */
int sandbox_enter(const struct sandbox_profile *profile, struct sandbox_report *report, struct fault *f)
	__attribute__((warn_unused_result));
const char *sandbox_measure_name(enum sandbox_measure measure);
/* What would be in force here and now, found out without entering: for `mermoz check`. */
void sandbox_probe(const struct sandbox_profile *profile, struct sandbox_report *report);

#endif
