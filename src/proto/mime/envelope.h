/* The ENVELOPE of a header (RFC 3501 7.4.2). */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "proto/mime/fields.h"

#include "base/buf.h"

/* No envelope can be cut to less. */
#define ENVELOPE_LEAST 2048

/* Puts "(date subject from sender reply-to to cc bcc in-reply-to message-id)" in at most octets_max
   (ENVELOPE_LEAST or more).  False when addresses or ends of texts had to be left out for that.  scratch is
   overwritten. */
bool put_envelope(struct buf *out, const struct header_fields *fields, size_t octets_max, struct buf *scratch);

#endif
