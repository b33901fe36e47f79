/* A message from disk form (LF ends a line) to wire form (RFC 5321 4.1.1.4, 4.5.2; RFC 3030 2). */
#ifndef SMTP_CLIENT_BODY_H
#define SMTP_CLIENT_BODY_H

#include "base/buf.h"

/* Zeroed at the start, but for has_dots. */
struct smtp_wire {
	bool has_dots; /* after DATA: dots are stuffed, and one ends it */
	bool is_within; /* a line */
	bool is_after_cr; /* which was not put yet */
	uint16_t column;
};

/* Appends the next octets of the message: at most twice as many, and SMTP_WIRE_MORE_MAX.  A CR before a LF is the line's end already;
   any other one is passed on as SP: a bare CR is what messages are smuggled with, and RFC 5321 2.3.8 forbids it.
   A line is broken, by CRLF and SP, that is longer than RFC 5321 4.5.3.1.6 lets it be: mail that was not shortened before (proto/mime/downgrade.h). */
#define SMTP_WIRE_MORE_MAX 4
void smtp_wire_put(struct smtp_wire *w, struct bytes in, struct buf *out);
/* The message is at its end: appends the CRLF that its last line may lack, and CRLF "." CRLF's rest. */
void smtp_wire_end(struct smtp_wire *w, struct buf *out);

#endif
