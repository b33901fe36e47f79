/* Sorting in turns: a stable merge sort from the bottom up that can stop after any comparison. */
#ifndef IMAP_MERGE_H
#define IMAP_MERGE_H

#include "base/arena.h"

struct imap_merge {
	uint32_t *from, *to; /* runs of `width` in order, and the ones that are made of them */
	size_t count, width;
	size_t low, left, right, put; /* the two runs that are merged now, and how far */
};

/* The numbers 0 to count - 1 in this order.  False: the arena is full. */
bool imap_merge_start(struct imap_merge *m, size_t count, struct arena *a) __attribute__((warn_unused_result));
/* Goes on for `most` comparisons at most.  True: merge.from is in order.  compare: as that of qsort, of two numbers. */
bool imap_merge_step(struct imap_merge *m, int (*compare)(const void *arg, uint32_t a, uint32_t b), const void *arg,
	size_t most);

#endif
