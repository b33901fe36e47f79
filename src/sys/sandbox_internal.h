#ifndef SYS_SANDBOX_INTERNAL_H
#define SYS_SANDBOX_INTERNAL_H

#include "sys/sandbox.h"

/* The version of Landlock that the kernel has, 0: none. */
int landlock_abi(void);
/* Leaves only the profile's paths, and no TCP unless may_connect; needs no_new_privs.  False when
   it is not in force. */
bool landlock_enter(const struct sandbox_profile *profile, int abi);
/* Leaves only the system calls that such a profile needs; the others return EPERM. */
bool seccomp_enter(const struct sandbox_profile *profile);

#endif
