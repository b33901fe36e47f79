/* Sorting in place.  glibc's qsort takes as much memory again as what it sorts, which for arrays of megabytes is a peak of its own. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

#define SORT_ITEM_OCTETS_MAX 64

/* As qsort, of items of at most SORT_ITEM_OCTETS_MAX octets; n log n compares at worst.  Equal items end in any order. */
void sort_in_place(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));

#endif
