/* The transfer encodings (RFC 2045 6) forwards, for text that comes in pieces.  What is put are lines of 76 octets at most, of ASCII alone;
   the last one has no line end. */
#ifndef MIME_ENCODE_H
#define MIME_ENCODE_H

#include "base/buf.h"

enum encoder_kind { ENCODER_QUOTED_PRINTABLE, ENCODER_BASE64 };

/* Of base64: octets of a line (76 characters). */
#define ENCODER_HELD_MAX 57

/* A new one is all zero but for its kind. */
struct encoder {
	enum encoder_kind kind;
	uint8_t held[ENCODER_HELD_MAX]; /* of base64: of the line that is not full yet; else a space whose line may end behind it */
	uint8_t held_count;
	uint8_t column;
	bool has_line; /* base64: one was put */
};

/* Octets of a line, without its end. */
void encoder_put(struct encoder *e, struct bytes octets, struct buf *out);
/* The line's end: CRLF, however it was written. */
void encoder_end_line(struct encoder *e, struct buf *out);
/* Nothing follows. */
void encoder_end(struct encoder *e, struct buf *out);

#endif
