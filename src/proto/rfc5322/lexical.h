/* What all structured header fields are made of (RFC 5322 3.2, with its obsolete forms and RFC 6532's UTF-8).
   Tolerant: whatever has no end takes all that is left, so every reader is linear. */
#ifndef RFC5322_LEXICAL_H
#define RFC5322_LEXICAL_H

#include "base/buf.h"

/* Zero or more comments, SP, HTAB and line ends.  *comment (which may be NULL) becomes the inside of the first
   comment when it is empty so far. */
void take_cfws(struct bytes *in, struct bytes *comment);
/* A quoted-string: its content without quotes, backslashes of quoted pairs and line ends is put. */
bool take_quoted_string(struct bytes *in, struct buf *out);
/* The text of a comment or of words as people read it: quoted pairs resolved, line ends dropped, SP and HTAB
   at both ends left out. */
void put_comment_text(struct buf *out, struct bytes inside);

#endif
