/* Message-IDs as numbers: enough to tell which message answers which (RFC 5256 3, REFERENCES), and short. */
#ifndef MIME_IDS_H
#define MIME_IDS_H

#include "proto/mime/fields.h"

#include "base/buf.h"

/* Numbers of one message.  Of a longer list of references the first and the last ones stay. */
#define MESSAGE_IDS_MAX 32
#define MESSAGE_ID_OCTETS 8

/* Takes the next msg-id from the front of a field's value and gives its number, which is never 0.  What is none is
   stepped over; false at the end.  Different forms of one id (RFC 5256 3: a quoted local part or not) have one number. */
bool take_id_number(struct bytes *in, uint64_t *number);
/* Puts u64 numbers: of Message-ID: (0 when it has none), then of what the message refers to, the oldest first: References:, or,
   when there is no id in that, the first of In-Reply-To:. */
void put_message_ids(struct buf *out, const struct header_fields *fields);

#endif
