/* Names in a Maildir: of message files, of folders.  Pure.
   https://cr.yp.to/proto/maildir.html, Maildir++ (Courier), sizes as Dovecot writes them. */
#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

#include "base/buf.h"

/* The longest name of a file or directory. */
#define MAILDIR_NAME_MAX 255
#define MAILDIR_KEYWORDS_MAX 26 /* the letters a to z */

/* How a message's file is named beside its base: bits 0-4 the system flags (enum view_flag), then
   these, then the keyword letters from bit MAILDIR_LETTERS_AT on. */
#define MAILDIR_IN_NEW 32u /* in new/, without flags */
#define MAILDIR_BARE 64u /* in cur/, but without ":2," */
#define MAILDIR_PASSED 128u /* the letter P, which IMAP has no flag for */
#define MAILDIR_LETTERS_AT 8

struct maildir_name {
	struct bytes base; /* up to the colon */
	uint64_t state;
	bool is_canonical; /* maildir_put_path gives the same name */
};

/* Takes a file's name in new/ or cur/ apart.  False: no message (it begins with a dot, holds control
   characters, is too long). */
bool maildir_parse_name(struct bytes name, bool is_in_new, struct maildir_name *out)
	__attribute__((warn_unused_result));
/* "new/BASE" or "cur/BASE:2,FLAGS". */
void maildir_put_path(struct buf *out, struct bytes base, uint64_t state);
/* The state that says these flags and letters (bit n: letter 'a' + n), starting from how the file is named
   now: what has no flags stays in new/. */
uint64_t maildir_state(uint64_t now, uint32_t flags, uint64_t letters);
static inline uint64_t
maildir_letters(uint64_t state)
{
	return state >> MAILDIR_LETTERS_AT;
}

/* What makes a name unique. */
struct maildir_stamp {
	int64_t wall_us;
	int64_t process;
	uint64_t number; /* of this process, counted */
	struct bytes host;
};

/* "1700000000.M123456P77Q5.mail,S=1234,W=1270"; octets: of the file, size: RFC822.SIZE; 0: left
   out. */
void maildir_put_base(struct buf *out, const struct maildir_stamp *stamp, uint64_t octets, uint64_t size);
/* Did a process of ours on this host make the name (by maildir_put_base)? */
bool maildir_is_ours(struct bytes base, struct bytes host);
/* The value of ",S=" or ",W=" in a base; 0 when there is none. */
uint64_t maildir_base_number(struct bytes base, char letter);
/* The seconds a base begins with; 0 when it does not. */
int64_t maildir_base_seconds(struct bytes base);
/* Sixteen octets that stay with the message as long as its base does. */
void maildir_object_id(struct bytes base, uint8_t out[16]);

/* May a mailbox have this name (modified UTF-7, "." between levels)?  INBOX is one. */
bool maildir_is_folder_name(struct bytes name);
/* "." for INBOX, else ".A.B", with a NUL. */
void maildir_put_folder(struct buf *out, struct bytes name);
/* The name of the mailbox in that directory of the account; false when it can't be one. */
bool maildir_parse_folder(struct bytes directory, struct bytes *name);

#endif
