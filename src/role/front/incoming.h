/* A message on its way in: from wire form to disk form, parsed as it comes.  What is small stays in memory and rides in
   a frame; what is large goes to an unlinked file that the store gave. */
#ifndef FRONT_INCOMING_H
#define FRONT_INCOMING_H

#include "base/buf.h"
#include "ipc/ipc.h"
#include "proto/mime/message.h"

#include <sys/types.h>

struct incoming;

/* Called once, when the header is complete (with its empty line, or without when the message ends before), or as much of it as is looked at (then
   it is not whole): appends, in disk form, the lines that stand before it. */
typedef void (*incoming_head)(void *arg, struct bytes header, bool is_whole, struct buf *out);

/* The next octets of the body, which begins behind the empty line (of a whole header), in disk form. */
typedef void (*incoming_body)(void *arg, struct bytes octets);

/* Owned.  head may be NULL: nothing is put before; body: nobody looks at it. */
struct incoming *incoming_new(incoming_head head, incoming_body body, void *arg);
/* Frees, closes the file; sets *i to NULL; *i may be NULL. */
void incoming_free(struct incoming **i);
/* The next octets as they came; a line ends with CRLF (a LF alone counts as one). */
void incoming_add(struct incoming *i, struct bytes wire);
/* More than fits in a frame is there, and no file: ask the store for one before adding much more. */
bool incoming_needs_file(const struct incoming *i);
/* fd is taken over. */
void incoming_set_file(struct incoming *i, int fd);
/* The end.  False when the file could not be written (errno is the disk's: room is short). */
bool incoming_finish(struct incoming *i) __attribute__((warn_unused_result));

/* After incoming_finish. */
struct message_facts incoming_facts(const struct incoming *i);
struct bytes incoming_summary(const struct incoming *i);
/* Some of the octets from `at` on, wherever they are: how many; 0: there are no more; -1: the file can't be read. */
ssize_t incoming_read(const struct incoming *i, uint64_t at, uint8_t *to, size_t count);
/* The octets, or none when they are in the file: then its descriptor, else -1. */
struct bytes incoming_octets(const struct incoming *i);
int incoming_file(const struct incoming *i);

#endif
