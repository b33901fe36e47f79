#ifndef SYS_RANDOM_H
#define SYS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills with octets that nobody can guess; never fails (the process ends if the kernel has none). */
void random_fill(void *out, size_t count);
uint64_t random_number(void);

#endif
