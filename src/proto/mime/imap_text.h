/* Octets as the strings of IMAP (RFC 3501 4.3, 9). */
#ifndef MIME_IMAP_TEXT_H
#define MIME_IMAP_TEXT_H

#include "base/buf.h"

/* A quoted string, or a literal when there is an octet that no quoted string may hold.  NUL, which no string
   may hold, is told as "?". */
void put_imap_string(struct buf *out, struct bytes in);
/* NIL when in is empty. */
void put_imap_nstring(struct buf *out, struct bytes in);

#endif
