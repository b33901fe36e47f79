/* Replies of a server, as its client reads them (RFC 5321 4.2):

	Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
	Reply-code = %x32-35 %x30-35 %x30-39

   A bare LF ends a line too: nothing can be smuggled to a client, and old servers do that. */
#ifndef SMTP_CLIENT_REPLY_H
#define SMTP_CLIENT_REPLY_H

#include "base/bytes.h"

/* RFC 5321 4.5.3.1.5: 512 with the CRLF, more for extensions. */
#define SMTP_REPLY_LINE_OCTETS_MAX 2048
#define SMTP_REPLY_LINES_MAX 100
#define SMTP_REPLY_TEXT_MAX 400

/* Zeroed at the start. */
struct smtp_incoming {
	uint32_t lines; /* of the reply so far */
	unsigned int code;
	bool is_whole;
	char text[SMTP_REPLY_TEXT_MAX]; /* code and all lines as one, "550 5.1.1 no such user"; printable ASCII; cut */
	size_t text_len;
	struct bytes line; /* the text of the line that was taken last; borrowed from the input */
};

enum smtp_incoming_kind {
	SMTP_INCOMING_NONE, /* more input is needed */
	SMTP_INCOMING_LINE, /* a line, and more will come */
	SMTP_INCOMING_WHOLE, /* the last line */
	SMTP_INCOMING_BAD, /* no reply, or one too long: what the peer means can't be known any more */
};

/* Takes a line from the front of *in; at most SMTP_REPLY_LINE_OCTETS_MAX - 1 octets are left behind by NONE. */
enum smtp_incoming_kind smtp_incoming_take(struct smtp_incoming *r, struct bytes *in);
/* The reply on one line; borrowed until the next take. */
struct bytes smtp_incoming_text(const struct smtp_incoming *r);
/* Does such a line, the answer to a RCPT, say that the mail has more recipients than the server takes at once?  452 (4.5.3), which older servers
   say as 552 (RFC 5321 4.5.3.1.10), and not where a status code gives another reason: 5.2.2 is a full mailbox (RFC 3463 3.3). */
bool smtp_reply_is_too_many(struct bytes reply);

#endif
