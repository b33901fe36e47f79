/* Child processes and the descriptors they are handed. */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include "base/buf.h"
#include "base/fault.h"

#include <sys/types.h>

/* Where a role finds its control channel. */
#define PROCESS_CONTROL_FD 3

/* Starts ourselves again (/proc/self/exe) with the arguments (argv[0] first, NULL last); control_fd
   becomes PROCESS_CONTROL_FD, every other descriptor but 0-2 is closed.  The child dies with us
   (PR_SET_PDEATHSIG) and ignores SIGINT, SIGTERM and SIGHUP, which are ours to act on.  -1 with *f. */
pid_t process_start(const char *const *argv, int control_fd, struct fault *f)
	__attribute__((warn_unused_result));
/* An ended child, or 0 when there is none now; *status as of wait(2). */
pid_t process_reap(int *status);
/* "exit 1", "signal 9". */
void process_put_end(struct buf *b, int status);
void process_kill(pid_t pid, int signal);
pid_t process_id(void);
/* Writes the octets to standard error in one go: `write` of event_sink. */
void process_say(void *arg, struct bytes line);
/* Takes the lock file at path (made when missing) until this process ends, and writes our process id
   into it.  The descriptor; -1 with *f, FAULT_DENIED when another process holds it. */
int process_lock(const char *path, struct fault *f) __attribute__((warn_unused_result));
/* Empties the file and gives it free. */
void process_unlock(int fd);
bool process_is_root(void);
/* Gives path to that user of the system and its group, which needs root; -1 with *f.  In a directory that others than root may
   write to, neither a link nor a file that has another name is given away. */
int process_give(const char *path, const char *user, struct fault *f)
	__attribute__((warn_unused_result));
/* From now on root opens and makes files as that user of the system; NULL: as root again.  Nothing for who is not root.  -1 with *f. */
int process_act_as(const char *user, struct fault *f) __attribute__((warn_unused_result));
/* The numbers of that user of the system and its group; -1 with *f: there is none. */
int process_find_user(struct bytes user, uid_t *uid, gid_t *gid, struct fault *f) __attribute__((warn_unused_result));
/* Our own. */
void process_own_user(uid_t *uid, gid_t *gid);
/* Is there a user of that name on this system? */
bool process_has_user(const char *user);
long process_cores(void);
/* An anonymous file holding the octets, read-only for who gets it (sealed); -1 with *f. */
int process_memory_file(const char *name, const void *octets, size_t count, struct fault *f)
	__attribute__((warn_unused_result));
/* Appends what such a file holds.  -1 with *f: it is larger than max, or another kind of file: who reads a pipe can be kept waiting, and what is not sealed
   can change.  The descriptor stays the caller's. */
int process_read_memory_file(int fd, size_t max, struct buf *out, struct fault *f) __attribute__((warn_unused_result));
/* systemd: sends "READY=1" and the like to $NOTIFY_SOCKET; nothing when there is none. */
void process_notify(const char *state);
/* systemd socket activation: how many descriptors from 3 on were handed to us, 0 when none, made
   close-on-exec and non-blocking; their names (LISTEN_FDNAMES) by index. */
int process_activated(void);
const char *process_activated_name(int index);

#endif
