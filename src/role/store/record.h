/* What the store writes to its journal.  A journal record is a run of entries: RECORD_MAILBOX says which
   mailbox the entries behind it are about.  Entries name mailboxes by their guid (a mailbox keeps it when
   it is renamed) and messages by uid and base, so that each can be done again, in order, whatever part of
   them was done before. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "ipc/ipc.h"

enum record_kind {
	RECORD_PART = 1, /* this journal record is one of several that count together */
	RECORD_MAILBOX, /* path, name, uid_validity, guid: made when there is no mailbox of that guid */
	RECORD_APPEND, /* uid, base, flags, keywords, date_s, body (or, without one, the synced file tmp/BASE) */
	RECORD_ADOPT, /* uid, base: somebody else put the file there */
	RECORD_COPY, /* uid, base, flags, keywords; source_guid, source_base: a link of that file */
	RECORD_FLAGS, /* mode, flags, keywords, uids */
	RECORD_EXPUNGE, /* uids */
	RECORD_DELETE, /* the mailbox */
	RECORD_RENAME, /* the mailbox, to new_name */
	RECORD_KINDS
};

#define RECORD_GUID_OCTETS 16

/* The members that the kind names are set, the others zero.  Everything is borrowed. */
struct record {
	enum record_kind kind;
	uint64_t group; /* PART */
	uint32_t index; /* in the group, from 0 */
	bool is_last;
	struct bytes path, name, guid;
	uint32_t uid_validity;
	uint32_t uid;
	struct bytes base, keywords;
	uint32_t flags;
	int64_t date_s;
	bool has_body;
	uint64_t body_octets; /* put_record: the body follows in pieces of the journal's */
	struct bytes body; /* take_record */
	struct bytes source_guid, source_base;
	enum ipc_flags_mode mode;
	struct bytes uids; /* pairs of u32, first and last: record_take_range */
	struct bytes new_name;
};

/* Appends the record as one entry. */
void put_record(struct buf *out, const struct record *r);
/* False at the end, or when what stands there is malformed (then *in is not empty). */
bool take_record(struct bytes *in, struct record *r) __attribute__((warn_unused_result));
/* Appends to and takes from the run of ranges that `uids` is; false at its end. */
void record_put_range(struct buf *uids, uint32_t first, uint32_t last);
bool record_take_range(struct bytes *uids, struct ipc_range *range);

#endif
