/* Mappings of files that others may write, too.  Only for sys: everybody else has disk->map and disk_is_torn. */
#ifndef SYS_MAPPED_H
#define SYS_MAPPED_H

#include <stdbool.h>
#include <stddef.h>

/* As disk->map and disk->unmap. */
void *mapped_new(int fd, size_t count, bool is_writable);
int mapped_free(void *ptr, size_t count);

#endif
