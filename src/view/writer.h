/* The one writer of a view: the store's side of view.h, on a writable mapping.  Pure memory: who maps,
   grows and syncs the file is somebody else.  Not locked: one thread at a time; readers need nothing. */
#ifndef VIEW_WRITER_H
#define VIEW_WRITER_H

#include "view/view.h"

/* What the store has mapped.  Plain value. */
struct view_writer {
	struct view_head *head;
	struct view_record *records;
	uint32_t capacity; /* records that the mapping has room for */
	/* What the head said when we wrote it last; generation 0: another program wrote it. */
	uint64_t generation, highest_modseq;
	uint32_t record_count;
};

/* A record as it is appended. */
struct view_entry {
	uint32_t uid;
	uint32_t flags;
	uint64_t keywords;
	uint64_t modseq;
	int64_t date_s, save_date_s;
	uint64_t size;
	uint64_t summary_at;
	uint32_t summary_len;
	uint32_t name_len;
	uint64_t name_at;
	uint64_t store_private;
	uint8_t object_id[16];
};

/* Octets of a file with room for so many records. */
size_t view_octets(uint32_t capacity);
/* Makes an empty view in a zeroed mapping of `octets` octets (view_octets of 0 or more records). */
void view_create(struct view_writer *w, void *mapping, size_t octets, uint32_t uid_validity,
	uint64_t generation);
/* Takes over a mapping that was written before.  -1: not a view, or it breaks an invariant (*f names it);
   then it is to be made anew. */
int view_writer_open(struct view_writer *w, void *mapping, size_t octets, struct fault *f)
	__attribute__((warn_unused_result));
/* Is what is mapped still what was written through *w?  Not when another program wrote the file, or cut it short
   (disk_is_torn: zeros).  Then nothing below changes it any more, so that it does not come to look like ours again. */
bool view_is_ours(const struct view_writer *w);
/* record_count, bounded by the mapping. */
uint32_t view_writer_count(const struct view_writer *w);
/* The same file in another (longer) mapping. */
void view_writer_move(struct view_writer *w, void *mapping, size_t octets);
/* Publishes a record behind the last one (V1, V2) and moves uid_next behind it; its index.  The caller
   made sure of the capacity; *e's modseq is seen with view_commit.  UINT32_MAX: it is not ours any more. */
uint32_t view_append(struct view_writer *w, const struct view_entry *e);
/* Sets flags (without VIEW_EXPUNGED) and keywords of a record that is not expunged. */
void view_set_flags(struct view_writer *w, uint32_t index, uint32_t flags, uint64_t keywords,
	uint64_t modseq);
/* V4; nothing when it is expunged already. */
void view_expunge(struct view_writer *w, uint32_t index, uint64_t modseq);
/* V7: the summary stands in its file already.  size: RFC822.SIZE, 0 leaves it. */
void view_set_summary(struct view_writer *w, uint32_t index, uint64_t at, uint32_t len, uint64_t size);
/* Ends a change: what was stored with that modseq may be seen now (V3). */
void view_commit(struct view_writer *w, uint64_t modseq);
/* uid_next grows to `uid`, for uids that were used up without a record. */
void view_raise_uid_next(struct view_writer *w, uint32_t uid);
/* The number of the keyword, added when it is new (names that differ in case are one); -1: no room, or
   the name is empty or longer than VIEW_KEYWORD_OCTETS_MAX. */
int view_add_keyword(struct view_writer *w, struct bytes name);
/* Whether there can be others than those that are known: file names have letters for less than a view has room for. */
void view_set_full_of_keywords(struct view_writer *w, bool is_full);
/* As view_add_keyword, but -1 when there is none. */
int view_keyword_number(const struct view_head *head, struct bytes name);
/* Fills the new, empty view `to` (which has room) with what is not expunged in `from`, records as they are,
   and the keywords, uid_next and highest_modseq.  `from` is left as it was. */
void view_compact(struct view_writer *to, struct view_writer *from);
/* V5: this file is done with. */
void view_supersede(struct view_writer *w);
/* Checks V2, V3, V6 over all records.  -1: *f names the first that is broken. */
int view_check(const struct view_writer *w, struct fault *f) __attribute__((warn_unused_result));

#endif
