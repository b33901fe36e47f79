/* Framing of a message after DATA, and what every message's lines are checked for.

   Message smuggling (CVE-2023-51764 and its kin) lives on servers that do not agree where a message ends.  Here
   CRLF "." CRLF ends it and nothing else does, and a message that holds a CR or LF which is not part of a
   CRLF is refused, so that it is never passed on to a server that sees an end where none is. */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include "base/bytes.h"

enum smtp_dots_state {
	SMTP_DOTS_LINE_START,
	SMTP_DOTS_WITHIN, /* a line */
	SMTP_DOTS_CR, /* within, after a CR */
	SMTP_DOTS_DOT, /* after the first dot of a line */
	SMTP_DOTS_DOT_CR,
};

/* Zeroed at the start: RFC 5321 4.1.1.4: the CRLF of the DATA command counts as the one before a dot. */
struct smtp_dots {
	enum smtp_dots_state state;
	bool has_bare_cr; /* one behind a dot, which stands in no run */
};

enum smtp_dots_kind {
	SMTP_DOTS_MORE, /* more input is needed; nothing is left of *in */
	SMTP_DOTS_RUN, /* *run is set: a view into the input, the longest one without a stuffed dot */
	SMTP_DOTS_END, /* CRLF "." CRLF was taken */
};

/* Takes from the front of *in, in the transparency of RFC 5321 4.5.2. */
enum smtp_dots_kind smtp_dots_take(struct smtp_dots *d, struct bytes *in, struct bytes *run);

enum smtp_flaw {
	SMTP_FLAW_BARE = 1, /* a CR without LF behind it, or a LF without CR before it */
	SMTP_FLAW_NUL = 2,
	SMTP_FLAW_LONG_LINE = 4,
};

/* Zeroed at the start, but for line_octets_max (with CRLF; 0: no limit). */
struct smtp_text {
	uint32_t line_octets_max;
	uint64_t line_octets; /* of the line that goes on */
	bool is_after_cr;
	unsigned int flaws; /* of the whole message: they don't depend on how it came in pieces */
};

/* Looks at the next octets of the message. */
void smtp_text_check(struct smtp_text *t, struct bytes octets);
/* The message is at its end: a CR at its end stays bare. */
void smtp_text_end(struct smtp_text *t);

#endif
