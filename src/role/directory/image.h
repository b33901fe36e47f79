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
#include "role/directory/run.h"

#define IMAGE_OCTETS_MAX RUN_OCTETS_MAX
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

/* Takes a record from the front.  False: there is none, or not all of it; *in is as it was. */
bool image_take_record(struct bytes *in, const struct image_visitor *visitor, void *arg) __attribute__((warn_unused_result));
/* Each record in order.  False: the rest is no record. */
bool image_visit(struct bytes records, const struct image_visitor *visitor, void *arg);
bool image_visit_run(const struct run *records, const struct image_visitor *visitor, void *arg);

/* Appends what stands before these records in a snapshot.  origin: where they were read, so that another source's snapshot is none of ours; marker:
   what the source said of its state at that time, or empty. */
void image_put_snapshot_head(struct buf *out, struct bytes origin, struct bytes marker, const struct run *records);
/* Where the records begin in a whole snapshot of that origin, whose marker is appended; 0: it is none. */
size_t image_find_records(const struct run *snapshot, struct bytes origin, struct buf *marker) __attribute__((warn_unused_result));

#endif
