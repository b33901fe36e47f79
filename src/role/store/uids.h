/* The file dovecot-uidlist of an open mailbox.  On the strand. */
#ifndef STORE_UIDS_H
#define STORE_UIDS_H

#include "role/store/mailbox.h"

#define UIDS_FILE "dovecot-uidlist"

/* Opens the file, or makes one for a mailbox that has none: sets guid, uid_validity, is_logged.  -1 and
   errno. */
int uids_open(struct mailbox *m) __attribute__((warn_unused_result));
/* Is the file that is open still the one of that name, and ends where we wrote last? */
bool uids_are_sound(const struct mailbox *m) __attribute__((warn_unused_result));
/* The whole file; *head is its head and *lines what follows, views of *text.  -1 and errno. */
int uids_read(const struct mailbox *m, struct buf *text, struct uidlist_head *head,
	struct bytes *lines) __attribute__((warn_unused_result));
/* Room for `count` more lines.  -1 and errno. */
int uids_reserve(struct mailbox *m, uint32_t count) __attribute__((warn_unused_result));
/* Adds a line; *name_at is where its name stands in the file.  -1 and errno. */
int uids_append(struct mailbox *m, uint32_t uid, struct bytes base, uint64_t *name_at)
	__attribute__((warn_unused_result));
/* The base of the message's file, into out.  False: it can't be read, or what is there can't be one. */
bool uids_name(const struct mailbox *m, const struct view_record *r, struct buf *out)
	__attribute__((warn_unused_result));
/* Replaces the file by the lines given (of uidlist form), durably.  -1: reported. */
int uids_replace(struct mailbox *m, struct bytes lines) __attribute__((warn_unused_result));

#endif
