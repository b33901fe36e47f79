/* The system calls that a role may make.  Lists are by purpose; what is in none returns EPERM, and
   what the C library asks for only to fall back when it is not there returns ENOSYS.  No list has
   execve, fork, ptrace, kill, mount, or memory that can be both written and run. */
#include "sys/sandbox_internal.h"

#include <errno.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)

/* Time, memory, threads, signals to oneself. */
static const int runtime_calls[] = { CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(msync),
	CALL(mlock), CALL(mlock2), CALL(munlock), CALL(membarrier), CALL(futex), CALL(rseq),
	CALL(set_robust_list), CALL(get_robust_list), CALL(set_tid_address), CALL(gettid), CALL(getpid),
	CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(sched_yield),
	CALL(sched_getaffinity), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
	CALL(rt_sigtimedwait), CALL(sigaltstack), CALL(restart_syscall), CALL(exit), CALL(exit_group),
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
	CALL(gettimeofday), CALL(time), CALL(getrandom), CALL(getrlimit), CALL(getrusage), CALL(times),
	CALL(uname), CALL(sysinfo), CALL(getcwd), CALL(getcpu) };

/* Descriptors that one has already. */
static const int descriptor_calls[] = { CALL(read), CALL(write), CALL(readv), CALL(writev),
	CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev), CALL(preadv2), CALL(pwritev2),
	CALL(lseek), CALL(close), CALL(close_range), CALL(fstat), CALL(newfstatat), CALL(fcntl),
	CALL(flock), CALL(dup), CALL(dup2), CALL(dup3), CALL(pipe2), CALL(eventfd2), CALL(timerfd_create),
	CALL(timerfd_settime), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait),
	CALL(epoll_pwait), CALL(epoll_pwait2), CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6),
	CALL(ftruncate), CALL(fallocate), CALL(fdatasync), CALL(fsync), CALL(sync_file_range),
	CALL(fadvise64), CALL(readahead), CALL(sendfile), CALL(copy_file_range), CALL(splice),
	CALL(memfd_create), CALL(sendto), CALL(sendmsg), CALL(sendmmsg), CALL(recvfrom), CALL(recvmsg),
	CALL(recvmmsg), CALL(accept), CALL(accept4), CALL(getsockname), CALL(getpeername),
	CALL(getsockopt), CALL(setsockopt), CALL(shutdown) };

/* Files by name. */
static const int file_calls[] = { CALL(open), CALL(openat), CALL(stat), CALL(lstat), CALL(statx),
	CALL(access), CALL(faccessat), CALL(faccessat2), CALL(getdents64), CALL(mkdir), CALL(mkdirat),
	CALL(unlink), CALL(unlinkat), CALL(rmdir), CALL(rename), CALL(renameat), CALL(renameat2),
	CALL(link), CALL(linkat), CALL(readlink), CALL(readlinkat), CALL(utimensat), CALL(fchmod),
	CALL(fchmodat), CALL(fchown), CALL(fchownat), CALL(statfs), CALL(fstatfs), CALL(syncfs),
	CALL(truncate), CALL(umask), CALL(inotify_init1), CALL(inotify_add_watch),
	CALL(inotify_rm_watch) };

static const int connect_calls[] = { CALL(socket), CALL(connect), CALL(bind) };
static const int listen_unix_calls[] = { CALL(bind), CALL(listen) };

static const unsigned long ioctls[] = { FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS };

static const int prctls[] = { PR_SET_NAME, PR_GET_NAME,
	0x53564d41 /* PR_SET_VMA: malloc of newer C libraries names its memory */ };

static bool
allow_all(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		/* Negative numbers: this architecture has no such call. */
		if (calls[i] >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) != 0)
			return false;
	return true;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALLOW(ctx, calls) allow_all((ctx), (calls), COUNT(calls))

static bool
allow_when(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
}

static bool
allow_by_arguments(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < COUNT(ioctls); i++)
		if (!allow_when(ctx, CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, ioctls[i], 0)))
			return false;
	for (size_t i = 0; i < COUNT(prctls); i++)
		if (!allow_when(ctx, CALL(prctl), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)prctls[i], 0)))
			return false;
	return allow_when(ctx, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		allow_when(ctx, CALL(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		allow_when(ctx, CALL(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
		allow_when(ctx, CALL(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)) &&
		allow_when(ctx, CALL(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0));
}

/* clone3 keeps its flags in memory, where no filter sees them; the C library falls back to clone. */
static bool
hide(scmp_filter_ctx ctx)
{
	const int calls[] = { CALL(clone3), CALL(openat2), CALL(futex_waitv) };

	for (size_t i = 0; i < COUNT(calls); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), calls[i], 0) != 0)
			return false;
	return true;
}

static bool
allow_profile(scmp_filter_ctx ctx, const struct sandbox_profile *profile)
{
	return (!profile->may_open || ALLOW(ctx, file_calls)) &&
		(!profile->may_connect || ALLOW(ctx, connect_calls)) &&
		(!profile->may_listen_unix ||
			(ALLOW(ctx, listen_unix_calls) &&
				allow_when(ctx, CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0))));
}

void
sandbox_hide_rings(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx)
		return;
	if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), CALL(io_uring_setup), 0) == 0)
		(void)seccomp_load(ctx);
	seccomp_release(ctx);
}

bool
seccomp_enter(const struct sandbox_profile *profile)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (!ctx)
		return false;
	/* A binary tree rather than a list; older libraries don't have it, and need not. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	bool is_in_force = ALLOW(ctx, runtime_calls) && ALLOW(ctx, descriptor_calls) &&
		allow_by_arguments(ctx) && hide(ctx) && allow_profile(ctx, profile) &&
		seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return is_in_force;
}
