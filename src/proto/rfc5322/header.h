/* The header block of a message as fields (RFC 5322 2.2). */
#ifndef RFC5322_HEADER_H
#define RFC5322_HEADER_H

#include "base/buf.h"

/* RFC 5322 2.1.1, RFC 5321 4.5.3.1.6: octets of a line without its end. */
#define RFC5322_LINE_MAX 998

/* The header block of a message (wire or disk form) as fields: steps over one field at the front of *in.  name
   without the colon, value unfolded by nobody (line ends and spaces are still in it), field the whole with its
   line end.  A line that is no field (no colon, no name, a space in the name) is given with an empty name and
   the line as value.  False, with nothing taken, at the empty line that ends the header and at the end of *in. */
bool take_header_field(struct bytes *in, struct bytes *name, struct bytes *value, struct bytes *field);
/* A value on one line: line ends taken out (RFC 5322 2.2.3), SP and HTAB at both ends left out.  All other
   octets as they are. */
void put_unfolded(struct buf *out, struct bytes value);

#endif
