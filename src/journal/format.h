/* What a segment looks like on disk, and how one is read.  Pure: no I/O.

   A segment is a file of a fixed size, made of pages of 4096 octets.  Everything is little-endian.

   Page 0: the head, twice (at 0 and at 2048, so that one bad sector loses nothing):
      0  u64  magic "MRMZJRN\n"          the first 16 octets are the same in every version to come
      8  u32  version (1)
     12  u32  CRC-32C of octets 0-11 and 16-63
     16  u64  sequence: which segment of the log this is; grows, is never used twice
     24  u64  salt: random, new whenever the file is begun again; every record head is summed with it
     32  u64  needed: the oldest segment that a replay must read
     40  u64  previous: the sequence of the segment before this one
     48  u64  last batch: the last one of the segment before that counts
     56  u64  octets of the segment
   A page of zeros: a file that was prepared and not used yet.

   From page 1 on: batches.  What one write and one sync made durable is a batch; it begins on a page,
   its records follow one another at multiples of 8, the rest of its last page is zero.

   Record head, 48 octets, then the record:
      0  u32  magic "MJR1"
      4  u8   kind (1 record, 2 checkpoint: u64 needed)
      5  u8   1: the last of its batch
      6  u16  0
      8  u32  octets of the record
     12  u32  CRC-32C of the record
     16  u64  sequence of the segment
     24  u64  batch: one more than the one before
     32  u64  where in the segment this head stands
     40  u32  CRC-32C of the segment's salt and octets 0-39
     44  u32  0 */
#ifndef JOURNAL_FORMAT_H
#define JOURNAL_FORMAT_H

#include "base/buf.h"

enum {
	FORMAT_PAGE = 4096,
	FORMAT_RECORD_HEAD = 48,
	FORMAT_VERSION = 1,
};

#define FORMAT_SEGMENT_MAX (1u << 30)

struct segment_head {
	uint64_t sequence, salt, needed, previous, last_batch, octets;
};

enum head_state {
	HEAD_GOOD,
	HEAD_EMPTY, /* all zero: prepared, never used */
	HEAD_DAMAGED, /* ours, but neither copy is whole */
	HEAD_OTHER_VERSION,
	HEAD_FOREIGN,
};

/* Fills page 0. */
void format_put_head(uint8_t page[static FORMAT_PAGE], const struct segment_head *head);
/* Reads page 0 (fewer octets than a page count as foreign).  *head is set when HEAD_GOOD. */
enum head_state format_read_head(struct bytes page, struct segment_head *head);

enum record_kind { KIND_RECORD = 1, KIND_CHECKPOINT = 2 };

struct record_head {
	enum record_kind kind;
	bool is_last;
	uint32_t octets, payload_crc;
	uint64_t batch, at;
};

/* What stands before a record in the segment. */
void format_put_record_head(uint8_t out[static FORMAT_RECORD_HEAD], const struct segment_head *segment,
	const struct record_head *record);
/* Room that a record takes, its padding to 8 included. */
uint64_t format_record_room(uint64_t octets);
uint64_t format_page_up(uint64_t octets);

/* Reads one segment from front to back. */
struct segment_reader {
	struct bytes octets; /* the whole file */
	struct segment_head head;
	uint64_t last_batch; /* the last that counts; UINT64_MAX: not known, this is the end of the log */
	size_t at;
	uint64_t batch; /* of the record read last */
	bool is_in_batch; /* the next record belongs to the same batch */
	uint64_t proven; /* batches before this one are known to have been safe */
	bool is_at_end;
};

enum reader_step {
	READER_RECORD,
	READER_DAMAGE, /* something that was safe is lost here; reading goes on behind it */
	READER_TORN, /* a batch that never was whole: the end of the log */
	READER_END,
};

/* Ready to read the segment of this head; octets is borrowed as long as it reads. */
void reader_init(struct segment_reader *r, struct bytes octets, const struct segment_head *head,
	uint64_t last_batch);
/* The next thing in the segment; READER_RECORD sets *head and *record (a view of the octets).  After
   READER_TORN and READER_END there is nothing more. */
enum reader_step reader_next(struct segment_reader *r, struct record_head *head, struct bytes *record);

#endif
