/* For tests: a disk in memory that stands in for the system's, fails a chosen call, and loses power at
   a chosen call.  After a power cut it holds what was synced, and any part of what was not: each
   512-octet block of file data in any order, each name of a directory on its own.  Descriptors of
   it mean nothing to the kernel. One at a time; any threads. */
#ifndef SYS_DISK_FAULT_H
#define SYS_DISK_FAULT_H

#include "sys/disk.h"

struct disk_fault;

/* Empty, with a root directory; becomes the table in force.  The seed decides all that is left to
   chance.  Owned. */
struct disk_fault *disk_fault_new(uint64_t seed);
/* Frees it and brings the system's table back. */
void disk_fault_free(struct disk_fault **d);
/* A descriptor of the root directory. */
int disk_fault_root(struct disk_fault *d);

/* Calls so far of those that change or sync something (openat with O_CREAT is one); fail and cut
   count the same calls, from now on: 1 is the next one. */
uint64_t disk_fault_calls(struct disk_fault *d);
/* The calls nth, nth + 1, … (count of them) fail with the error.  A failed write may have written a part; a
   failed sync has lost a part for good, although reading still shows it and the next sync succeeds. */
void disk_fault_fail(struct disk_fault *d, uint64_t nth, uint64_t count, int error);
/* The power goes in the middle of the nth call; every call from then on fails.  0: never. */
void disk_fault_cut(struct disk_fault *d, uint64_t nth);
bool disk_fault_is_cut(struct disk_fault *d);
/* Cuts the power, if that has not happened, and brings it back: every descriptor and mapping
   is gone, a new choice of what the crash left stands on the disk. */
void disk_fault_crash(struct disk_fault *d);
/* Writes and growth beyond it fail with ENOSPC; counted as the sizes of all files. */
void disk_fault_set_room(struct disk_fault *d, uint64_t octets);
/* The empty directory is another file system from now on, of that device (the root is 1): syncfs goes no further, links and renames
   don't lead there. */
void disk_fault_mount(struct disk_fault *d, const char *path, uint64_t device);
/* From now on names reach each device in the order of the calls, and a sync is one of all names before it: as with file systems that have a
   journal. */
void disk_fault_order_names(struct disk_fault *d);
/* Turns one bit of a file round, on the disk and in what is read. */
void disk_fault_flip(struct disk_fault *d, const char *path, uint64_t octet, unsigned int bit);
/* Calls of fdatasync, fsync and syncfs so far. */
uint64_t disk_fault_syncs(struct disk_fault *d);

#endif
