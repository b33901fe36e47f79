/* The transfer encodings (RFC 2045 6) backwards.  Tolerant: what is wrong is stepped over or kept, never refused.
   The output is never longer than the input. */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include "base/buf.h"

/* Octets that are not of the alphabet are left out, "=" ends a group; what follows it is read on. */
void put_base64_decoded(struct buf *out, struct bytes in);
/* Soft line breaks and spaces at line ends go; "=" that begins no pair of hexadecimal digits is kept. */
void put_quoted_printable_decoded(struct buf *out, struct bytes in);
/* The "Q" encoding of RFC 2047 4.2. */
void put_q_decoded(struct buf *out, struct bytes in);
/* The "%" escapes of RFC 2231 4. */
void put_percent_decoded(struct buf *out, struct bytes in);

#endif
