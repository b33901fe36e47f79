/* A run of octets that is written from its front to its end and read so, as often as wanted: records of image.h, items of entries.h.
   Beyond a window it lies in a file without a name, so that a large one takes no memory; in memory when there is no place on disk, or
   no room left there. */
#ifndef ROLE_DIRECTORY_RUN_H
#define ROLE_DIRECTORY_RUN_H

#include "base/buf.h"

#define RUN_OCTETS_MAX ((size_t)1 << 30)

/* Embed it. */
struct run {
	int directory; /* where it may have a file; -1: nowhere */
	int fd; /* -1: there is none */
	uint64_t begin, written; /* what of it lies in the file, from there on */
	struct buf tail; /* what is behind that; has_failed: it is more than RUN_OCTETS_MAX */
};

/* Empty.  directory stays the caller's. */
void run_init(struct run *r, int directory);
/* What an open file has from there to its end; the descriptor, which is taken over, is -1 when the file can't be asked for that. */
void run_init_file(struct run *r, int fd, uint64_t begin);
/* A view of octets, which needs no run_done and is not written to. */
struct run run_of(struct bytes octets);
/* Wipes what is in memory. */
void run_done(struct run *r);
/* Puts what is in *by in place of what is in *r, and leaves *by empty. */
void run_replace(struct run *r, struct run *by);
/* Octets were put into r->tail: whole items, after each of which this is called. */
void run_added(struct run *r);
uint64_t run_octets(const struct run *r);
/* Hands them to take, which takes one item from the front, or nothing and false when more octets are needed.  False: the rest is no
   item, or can't be read. */
bool run_each(const struct run *r, bool (*take)(void *arg, struct bytes *in), void *arg) __attribute__((warn_unused_result));
/* Of one item, or some: whether they lie in the file or behind it.  False: there are not so many octets at that place, or they can't be read. */
bool run_read(const struct run *r, uint64_t at, void *to, size_t len) __attribute__((warn_unused_result));

#endif
