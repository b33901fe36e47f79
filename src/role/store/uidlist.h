/* dovecot-uidlist, version 3: which uid a message file has.  A head line, then a line for each message in the
   order of the uids; new lines go to the end.  Pure; reads what Dovecot wrote (version 1, too), and
   steps over lines that it can't read (a crash may leave a torn one). */
#ifndef STORE_UIDLIST_H
#define STORE_UIDLIST_H

#include "base/buf.h"

#define UIDLIST_GUID_OCTETS 16
#define UIDLIST_OCTETS_MAX ((size_t)1 << 30)
/* A list that is read has no larger uids, so that there are some to give: what goes beyond counts as damaged.  Nobody came that far by
   giving one to each message (RFC 3501 2.3.1.1). */
#define UIDLIST_UID_MAX (UINT32_MAX - ((uint32_t)1 << 24))

struct uidlist_head {
	uint32_t uid_validity;
	uint32_t uid_next; /* of the time when the head was written; lines may go beyond */
	uint8_t guid[UIDLIST_GUID_OCTETS];
	bool has_guid;
	uint32_t version; /* 1 or 3 */
};

struct uidlist_line {
	uint32_t uid;
	struct bytes extensions; /* what others put between uid and name; kept */
	struct bytes name; /* the base of the file's name */
};

/* False: no head that can be understood. */
bool take_uidlist_head(struct bytes *in, struct uidlist_head *head) __attribute__((warn_unused_result));
/* The next line that can be understood and has a uid above *last_uid, which becomes its uid; false at the end.
   *damaged counts the lines that were stepped over, an unfinished one at the end included. */
bool take_uidlist_line(struct bytes *in, uint32_t version, uint32_t *last_uid,
	struct uidlist_line *line, size_t *damaged) __attribute__((warn_unused_result));
void put_uidlist_head(struct buf *out, const struct uidlist_head *head);
void put_uidlist_line(struct buf *out, const struct uidlist_line *line);

#endif
