/* For tests: writes down the calls on a fault disk while something works on it, so that they can be done again as far as one likes, on another
   one that loses power there: each place of a workload is a crash point without the workload's being run again.  What is written through a mapping is
   seen when something is synced, or the mapping goes.  One at a time; any threads. */
#ifndef SYS_DISK_RECORD_H
#define SYS_DISK_RECORD_H

#include "sys/disk_fault.h"

struct disk_record;

/* Calls on the table in force, which is a fault disk's, are written down from now on.  Owned. */
struct disk_record *disk_record_new(void);
/* No more; the table that was there before is in force again. */
void disk_record_stop(struct disk_record *r);
void disk_record_free(struct disk_record **r);
/* Something that the test knows stands here. */
void disk_record_note(struct disk_record *r, int number);
/* Of those calls that change or sync something. */
size_t disk_record_calls(const struct disk_record *r);
/* Does what comes before the call number `calls` (0: the first) again, on the table in force.  noted: each note on the way. */
void disk_record_replay(const struct disk_record *r, size_t calls, void (*noted)(void *arg, int number), void *arg);

#endif
