/* Everything that a source holds, as one run of octets: what a thread read and hands to the loop, and what is kept on
   disk for a start without the source.

   snapshot = "mermoz directory 6" LF, SHA-256 of all that follows, u16 origin, u16 marker, records
   record   = u8 1 user | 2 alias | 3 group, then its texts, each u16 octets and the text; little-endian

   Groups stand only in what was read; what the loop and the disk get has aliases in their place (groups.h). */
#ifndef ROLE_DIRECTORY_IMAGE_H
#define ROLE_DIRECTORY_IMAGE_H

#include "base/buf.h"
#include "base/fault.h"
#include "role/directory/record.h"

#define IMAGE_OCTETS_MAX ((size_t)1 << 30)
/* Of an origin or a marker. */
#define IMAGE_TEXT_MAX 4096

/* Append a record; a text longer than 65535 octets makes the buffer fail. */
void image_put_user(struct buf *records, const struct user_record *record);
void image_put_alias(struct buf *records, const struct alias_record *record);
void image_put_group(struct buf *records, const struct group_record *record);
/* One of `members` of a group_record. */
void image_put_member(struct buf *members, struct bytes member);
bool image_take_member(struct bytes *members, struct bytes *member);

struct image_visitor {
	void (*user)(void *arg, const struct user_record *record);
	void (*alias)(void *arg, const struct alias_record *record); /* NULL: they are passed over */
	void (*group)(void *arg, const struct group_record *record); /* NULL: groups are no records */
};

/* Each record in order.  False: the rest is no record. */
bool image_visit(struct bytes records, const struct image_visitor *visitor, void *arg);

/* origin: where it was read, so that another source's snapshot is none of ours; marker: what the source said of its
   state at that time, or empty. */
void image_put_snapshot(struct buf *out, struct bytes origin, struct bytes marker, struct bytes records);
/* What stands before the records in it. */
void image_put_snapshot_head(struct buf *out, struct bytes origin, struct bytes marker, struct bytes records);
/* False: not a whole snapshot of that origin.  The views are into `in`. */
bool image_take_snapshot(struct bytes in, struct bytes origin, struct bytes *marker, struct bytes *records)
	__attribute__((warn_unused_result));

#endif
