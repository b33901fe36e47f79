/* The one place that asks for memory.  Running out of it ends the role: nothing acknowledged is
   lost by that (it is on disk), and no code path has to pretend that it can go on. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* size zeroed octets, owned by the caller (free with memory_free). */
void *memory_new(size_t size) __attribute__((malloc, returns_nonnull));
/* count objects of size octets, zeroed; the product may not overflow. */
void *memory_new_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks an array to count objects; new ones are not zeroed. */
void *memory_resize(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull));
void memory_free(void *ptr);
/* From now on what is large goes back to the system as soon as it is freed: for a role that needs much memory now and then. */
void memory_give_back_early(void);
/* Zeroes, in a way that the compiler may not leave out. */
void memory_wipe(void *ptr, size_t size);

#define NEW(type) ((type *)memory_new(sizeof(type)))

#endif
