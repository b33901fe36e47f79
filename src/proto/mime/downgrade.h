/* Makes of a message what every server takes: parts are encoded anew, in quoted-printable or base64, and their headers say so.
   To 7 bits, for a server without 8BITMIME (RFC 6152 3): those that hold octets beyond ASCII.  To short lines (RFC 5321 4.5.3.1.6): those
   that hold a line of more than RFC5322_LINE_MAX octets.

   The message is read twice, from its beginning and in pieces of any size, in disk form (LF): first to see what it needs, then
   to convert it.  Memory is bounded whatever the message is.

   What can't be done in 7 bits: octets beyond ASCII in a header, before or behind the parts of a multipart, in a part that says it is encoded already, in a message/… that
   must not be; and whatever is signed or encrypted as a multipart (RFC 1847), which would not be the same any more.
   A long line at such a place is broken instead, before white space or with a space put in: what was signed is not valid any more, and the mail arrives. */
#ifndef MIME_DOWNGRADE_H
#define MIME_DOWNGRADE_H

#include "base/buf.h"

struct downgrade;

enum downgrade_to { DOWNGRADE_TO_7BIT, DOWNGRADE_TO_SHORT_LINES };

/* Octets that downgrade_convert puts at most for a piece of so many; downgrade_end as for an empty one. */
#define DOWNGRADE_OUTPUT_MAX(octets) (4 * (octets) + 8192)

/* Before the first reading.  Owned. */
struct downgrade *downgrade_new(enum downgrade_to to);
void downgrade_free(struct downgrade **d);
/* First reading: the next octets. */
void downgrade_look(struct downgrade *d, struct bytes octets);
/* The end of the first reading, once.  False: it can't be done.  *more: how many octets the message has more in 7 bits, in wire form, at most; to short lines it always can,
   and with half as many again as it had, and 64 KiB, at most. */
bool downgrade_plan(struct downgrade *d, uint64_t *more) __attribute__((warn_unused_result));
/* Before the second reading, and each that comes after it. */
void downgrade_rewind(struct downgrade *d);
/* Second reading: appends what the next octets become. */
void downgrade_convert(struct downgrade *d, struct bytes octets, struct buf *out);
/* The end of the second reading. */
void downgrade_end(struct downgrade *d, struct buf *out);

#endif
