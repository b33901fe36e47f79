/* Framing of command lines: only CRLF ends one (RFC 5321 2.3.8). */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include "base/bytes.h"

/* Zeroed at the start. */
struct smtp_lines {
	bool is_skipping; /* a line that is too long */
};

enum smtp_line_kind {
	SMTP_LINE_NONE, /* more input is needed */
	SMTP_LINE_WHOLE,
	SMTP_LINE_BARE, /* a line that holds a CR or LF which isn't part of a CRLF: taken and to be refused as one */
	SMTP_LINE_LONG, /* the end of a line longer than the limit */
};

/* Takes a line from the front of *in.  octets_max: with its CRLF; longer lines are taken piece by piece, so at
   most octets_max - 1 octets are left behind by SMTP_LINE_NONE.  *line: without CRLF, empty unless WHOLE. */
enum smtp_line_kind smtp_take_line(struct smtp_lines *l, struct bytes *in, size_t octets_max, struct bytes *line);

#endif
