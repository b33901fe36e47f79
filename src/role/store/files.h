/* Files in a Maildir that other programs may write to, too: what stands there under a name need not be a file of ours. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

/* Opens a regular file and nothing else: a link would lead out of the mailbox, a fifo would keep its thread for good.
   flags: O_RDONLY, O_RDWR, … as of openat; what it makes is for its owner alone.  -1 and errno (ELOOP, or EINVAL: it is
   no regular file). */
int files_open(int directory, const char *name, int flags) __attribute__((warn_unused_result));

/* Which file it is.  No other has the same while it is open. */
struct file_identity {
	dev_t device;
	ino_t inode;
};

/* As files_open; *is says which file it is, and is none when it fails. */
int files_open_known(int directory, const char *name, int flags, struct file_identity *is) __attribute__((warn_unused_result));
/* Is it the file that has this name?  *st is what it is like now. */
bool files_in_place(int directory, const char *name, const struct file_identity *is, struct stat *st) __attribute__((warn_unused_result));

/* Does a link that failed with this errno say that the file must be copied: to another file system, too many of them, a file that is not ours
   (fs.protected_hardlinks)? */
bool files_take_no_link(int error);
/* Copies a file and its time to a new one: its octets are on the disk, its name need not be.  -1 and errno: there is none. */
int files_copy(int from_directory, const char *from, int to_directory, const char *to) __attribute__((warn_unused_result));

#endif
