#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_OCTETS = 1024 };

static void __attribute__((noreturn))
out_of_memory(size_t size)
{
	(void)fprintf(stderr, "mermoz: out of memory (%zu octets asked for)\n", size);
	_Exit(71); /* EX_OSERR */
}

void *
memory_new(size_t size)
{
	return memory_new_array(1, size);
}

/* Up to glibc 2.40 calloc passes by the thread's cache of small pieces, which malloc and free use without a lock. */
static void *
new_small(size_t size)
{
	void *ptr = malloc(size);

	return ptr ? memset(ptr, 0, size) : NULL;
}

void *
memory_new_array(size_t count, size_t size)
{
	size_t total;
	void *ptr;

	if (!__builtin_mul_overflow(count ? count : 1, size ? size : 1, &total) && total <= SMALL_OCTETS)
		ptr = new_small(total);
	else
		ptr = calloc(count ? count : 1, size ? size : 1);
	if (!ptr)
		out_of_memory(size);
	return ptr;
}

void *
memory_resize(void *ptr, size_t count, size_t size)
{
	void *moved = reallocarray(ptr, count ? count : 1, size ? size : 1);

	if (!moved)
		out_of_memory(size);
	return moved;
}

void
memory_free(void *ptr)
{
	free(ptr);
}

/* Left to itself malloc learns from each large piece that is freed to keep the next one. */
void
memory_give_back_early(void)
{
	enum { LARGE = 262144 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

void
memory_wipe(void *ptr, size_t size)
{
	if (ptr)
		explicit_bzero(ptr, size);
}
