/* Periods of counted sessions (tls_counts.h) over restarts: a file for each in tls/, named by its number.
   Guarantee: a file is whole, as it was once, or is not there.  A crash costs what was counted since the last writing, or has a report that was done
   with sent again. */
#ifndef QUEUE_TLS_FILES_H
#define QUEUE_TLS_FILES_H

#include "base/fault.h"
#include "role/queue/tls_counts.h"

/* Writings that wait for the disk; with more nothing is written for now. */
#define TLS_FILES_WRITES_MAX 8

struct tls_files;

/* Reads what is there, in a directory of the queue's own; what makes no sense is removed, and an event says so.  each: a period (owned from then on).
   Blocks: for the start.  -1: *f says why. */
int tls_files_open(const char *directory, void (*each)(void *arg, struct tls_period *p), void *arg, struct tls_files **files, struct fault *f)
	__attribute__((warn_unused_result));
/* Waits for what is being written. */
void tls_files_close(struct tls_files **files);
/* As it is now, soon on the disk.  False: not now. */
bool tls_files_write(struct tls_files *files, const struct tls_period *p);
/* The period is over and done with. */
void tls_files_remove(struct tls_files *files, int64_t number);
/* Did a writing fail since this was asked last? */
bool tls_files_have_failed(struct tls_files *files);

#endif
