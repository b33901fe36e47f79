/* Lines that are too long for SMTP (RFC 5321 4.5.3.1.6), broken. */
#ifndef MIME_BREAK_H
#define MIME_BREAK_H

#include "base/buf.h"

/* Appends octets of a line of which *column are there; where it has more than RFC5322_LINE_MAX it is broken: before white space, so that a header
   is the same unfolded (RFC 5322 2.2.3), else with a space put in. */
void put_broken(struct buf *out, struct bytes octets, size_t *column);

#endif
