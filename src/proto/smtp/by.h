/* When a message has to be delivered, and what becomes of it when it is not by then (RFC 2852). */
#ifndef SMTP_BY_H
#define SMTP_BY_H

#include "base/buf.h"

enum smtp_by_mode {
	SMTP_BY_UNSAID,
	SMTP_BY_RETURN, /* it comes back */
	SMTP_BY_NOTIFY, /* its sender is told, and it is tried on */
};

struct smtp_by {
	enum smtp_by_mode mode;
	bool has_trace; /* the sender is told of each server that it is handed to */
	int64_t within_s; /* from now on; of SMTP_BY_NOTIFY it may be negative: the time is over */
};

/* The value behind "BY=" (RFC 2852 4).  False, with *out as it was, when it is malformed, or asks for a return at a time that has passed. */
bool smtp_parse_by(struct bytes value, struct smtp_by *out) __attribute__((warn_unused_result));
/* "BY=120;RT"; of SMTP_BY_UNSAID nothing.  A time that has more than nine digits is cut to that. */
void smtp_put_by(struct buf *out, const struct smtp_by *by);

#endif
