/* Makes 7-bit of an 8-bit message, for a server without 8BITMIME (RFC 6152 3): parts that hold octets beyond ASCII are encoded anew, in
   quoted-printable or base64, and their headers say so.

   The message is read twice, from its beginning and in pieces of any size, in disk form (LF): first to see what it needs, then
   to convert it.  Memory is bounded whatever the message is.

   What can't be done: octets beyond ASCII in a header, before or behind the parts of a multipart, in a part that says it is encoded already, in a message/… that
   must not be; and whatever is signed or encrypted as a multipart (RFC 1847), which would not be the same any more. */
#ifndef MIME_DOWNGRADE_H
#define MIME_DOWNGRADE_H

#include "base/buf.h"

struct downgrade;

/* Octets that downgrade_convert puts at most for a piece of so many; downgrade_end as for an empty one. */
#define DOWNGRADE_OUTPUT_MAX(octets) (4 * (octets) + 8192)

/* Before the first reading.  Owned. */
struct downgrade *downgrade_new(void);
void downgrade_free(struct downgrade **d);
/* First reading: the next octets. */
void downgrade_look(struct downgrade *d, struct bytes octets);
/* The end of the first reading, once.  False: it can't be done.  *more: how many octets the message has more in 7 bits, in wire form, at most. */
bool downgrade_plan(struct downgrade *d, uint64_t *more) __attribute__((warn_unused_result));
/* Before the second reading, and each that comes after it. */
void downgrade_rewind(struct downgrade *d);
/* Second reading: appends what the next octets become. */
void downgrade_convert(struct downgrade *d, struct bytes octets, struct buf *out);
/* The end of the second reading. */
void downgrade_end(struct downgrade *d, struct buf *out);

#endif
