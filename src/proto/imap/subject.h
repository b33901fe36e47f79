/* The base subject (RFC 5256 2.1): what messages of one conversation have in common. */
#ifndef IMAP_SUBJECT_H
#define IMAP_SUBJECT_H

#include "base/buf.h"

/* Puts the base subject of a decoded one (UTF-8; step 1 of RFC 5256 2.1 but for its spaces is done).  *is_reply: a mark of a
   reply or of a forward was taken off. */
void put_base_subject(struct buf *out, struct bytes subject_utf8, bool *is_reply);

#endif
