/* Sequence sets: "2,4:7,9,12:*" (RFC 3501 9), and sets of numbers in general. */
#ifndef IMAP_SEQUENCE_H
#define IMAP_SEQUENCE_H

#include "base/arena.h"
#include "proto/imap/session.h"

/* Ranges in an arena.  As taken from a command 0 stands for "*". */
struct imap_set {
	struct imap_range *ranges;
	size_t count;
};

/* sequence-set = (seq-number / seq-range) *("," sequence-set) */
bool take_imap_set(struct bytes *in, struct arena *a, struct imap_set *set);
/* Puts `star` for "*", the lower number of a range first, the ranges in order, and joins those that touch.
   star 0 (an empty mailbox): what names "*" is dropped. */
void imap_set_settle(struct imap_set *set, uint32_t star);
/* Of a settled set. */
bool imap_set_has(const struct imap_set *set, uint32_t number);
/* Adds a number above all that are in it; growing in the arena.  False when the arena is full. */
bool imap_set_add(struct imap_set *set, struct arena *a, size_t *size, uint32_t number);
void put_imap_set(struct buf *out, const struct imap_range *ranges, size_t count);

#endif
