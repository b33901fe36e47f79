/* A mail as a program hands it to `mermoz send` (sendmail's way), and what is sent of it.  Pure. */
#ifndef CLI_SEND_MESSAGE_H
#define CLI_SEND_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

#define SEND_RECIPIENTS_MAX 10000

struct send_recipients {
	struct bytes *at; /* "local@domain", quoted where SMTP wants it */
	size_t count;
};

struct send_message {
	struct buf text; /* header and body; LF ends a line */
	bool is_8bit;
};

/* Up to a line with a dot alone, which ends a mail that is typed; all of it when there is none. */
struct bytes send_message_cut(struct bytes input);
/* Adds the addresses of a list as header fields have it; those without a domain get that one.  Texts are in the arena, and lists of a fresh one.
   -1: something is no address, and *f says what. */
int send_recipients_add(struct send_recipients *to, struct bytes list, struct bytes domain, struct arena *arena, struct fault *f)
	__attribute__((warn_unused_result));
/* Those of To, Cc and Bcc; of Resent-To, Resent-Cc and Resent-Bcc when there is one of them (RFC 5322 3.6.6). */
int send_recipients_of(struct send_recipients *to, struct bytes input, struct bytes domain, struct arena *arena, struct fault *f)
	__attribute__((warn_unused_result));
/* The mail without Bcc and Resent-Bcc (RFC 5322 3.6.3), with an empty line behind the header, and with From (or, of one that is sent on,
   Resent-From) when it had none: `address`, and `name` unless that is empty.  Addresses of the
   header that have no domain get that one.  Date and Message-ID are the server's to add. */
void send_message_make(struct send_message *out, struct bytes input, struct bytes address, struct bytes name, struct bytes domain);
void send_message_done(struct send_message *m);

#endif
