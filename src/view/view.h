/* The view of a mailbox: one file of fixed-size records, written by the store alone, mapped
   read-only by fronts.  This file is the format and what both sides may do with it.

   File: header page(s) (VIEW_HEAD_OCTETS), then records in the order of their uids.  Summaries stand in
   a second file, one after the other.

   Invariants (asserted and tested by number):
   V1  Records [0, record_count) are complete; record_count grows by a release store after the
       record is whole.
   V2  uids grow strictly from record to record; none is 0 and all are below uid_next.
   V3  flags, keywords and modseq are single aligned atomic stores. The modseq of a change is stored
       after its flags, and highest_modseq of the header after both (release): who reads
       highest_modseq first (acquire) sees all changes up to it.  A view that is opened has none above
       VIEW_MODSEQ_MAX.
   V4  An expunge is the flag VIEW_EXPUNGED with a new modseq; it is never taken back, and the
       record stays until the next generation.
   V5  A generation never changes its head's size, uid_validity or the uid of a record.  When
       is_superseded is set, nothing in this file changes any more; the next generation holds
       the same messages without the expunged.
   V6  messages, unseen, deleted and size_total count the records that are not expunged.
   V7  [summary_at, summary_at + summary_len) of a record lies within the summary file before the
       record says so; summary_len 0: none yet.
   A reader trusts none of this with its life: view_open and the accessors bound everything by
   the mapping's length. */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include "base/bytes.h"
#include "base/fault.h"

#include <stdatomic.h>

#define VIEW_MAGIC 0x315749565a4d524d /* "MRMZVIW1" */
#define VIEW_VERSION 1
#define VIEW_HEAD_OCTETS 8192
#define VIEW_KEYWORDS_MAX 64
#define VIEW_KEYWORD_OCTETS_MAX 63
/* A modseq has 63 bits (RFC 7162 3.1); a view that is opened leaves room for those to come. */
#define VIEW_MODSEQ_MAX ((uint64_t)1 << 62)

enum view_flag {
	VIEW_SEEN = 1,
	VIEW_ANSWERED = 2,
	VIEW_FLAGGED = 4,
	VIEW_DELETED = 8,
	VIEW_DRAFT = 16,
	VIEW_SYSTEM_FLAGS = 31,
	VIEW_EXPUNGED = 32, /* V4 */
};

struct view_record {
	uint32_t uid;
	_Atomic uint32_t flags;
	_Atomic uint64_t keywords; /* bit n: keyword n of the head */
	_Atomic uint64_t modseq;
	int64_t date_s; /* the internal date, UTC */
	int64_t save_date_s;
	_Atomic uint64_t size; /* RFC822.SIZE: every line end counted as two; 0: not known yet */
	_Atomic uint64_t summary_at;
	_Atomic uint32_t summary_len; /* stored after summary_at (release) */
	uint32_t name_len; /* of the file's name without flags, in the list of names (the store's) */
	uint64_t name_at;
	uint8_t object_id[16];
	uint64_t store_private; /* the store's: how the file is named now */
};
_Static_assert(sizeof(struct view_record) == 96, "a record is 96 octets");

struct view_head {
	uint64_t magic;
	uint32_t version;
	uint32_t uid_validity;
	uint64_t generation; /* grows; V5 */
	_Atomic uint32_t uid_next;
	_Atomic uint32_t record_count;
	_Atomic uint64_t highest_modseq;
	_Atomic uint32_t messages;
	_Atomic uint32_t unseen;
	_Atomic uint32_t deleted;
	_Atomic uint32_t expunged; /* records with VIEW_EXPUNGED */
	_Atomic uint64_t size_total;
	_Atomic uint32_t first_unseen; /* a record index; every message before it is seen */
	_Atomic uint32_t is_superseded;
	_Atomic uint32_t keyword_count;
	uint32_t store_private[81]; /* the store's own */
	_Atomic uint32_t is_full_of_keywords; /* another one can't be kept */
	uint8_t reserved[252];
	/* Names, each up to VIEW_KEYWORD_OCTETS_MAX octets and a NUL; those below keyword_count never change. */
	char keywords[VIEW_KEYWORDS_MAX][VIEW_KEYWORD_OCTETS_MAX + 1];
};
_Static_assert(sizeof(struct view_head) <= VIEW_HEAD_OCTETS, "the head fits");

/* What a reader has mapped.  Plain value; whoever mapped it unmaps it. */
struct view {
	const struct view_head *head;
	const struct view_record *records;
	uint32_t capacity; /* records that the mapping has room for */
	struct bytes summaries;
};

/* Checks a mapping (page-aligned) and makes a view of it.  -1: not a view, or not of this version. */
int view_open(struct bytes mapping, struct bytes summaries, struct view *v, struct fault *f)
	__attribute__((warn_unused_result));
/* Records to look at now: record_count, acquired, bounded by the mapping. */
uint32_t view_count(const struct view *v);
uint32_t view_flags(const struct view_record *r);
uint64_t view_modseq(const struct view_record *r);
/* The summary, or the empty view when there is none (yet, or not within the mapping). */
struct bytes view_summary(const struct view *v, const struct view_record *r);
/* The index of the first record in [0, count) with a uid of at least `uid`; count when there is none. */
uint32_t view_find(const struct view *v, uint32_t count, uint32_t uid);
uint32_t view_keyword_count(const struct view *v);
/* The name of keyword n (n < view_keyword_count). */
struct bytes view_keyword(const struct view *v, uint32_t n);

#endif
