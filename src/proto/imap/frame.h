/* Framing: where a command ends.  A command is a line, or lines with literals between them (RFC 3501 4.3,
   RFC 7888): what is in front of CRLF may say that so many octets of any kind follow. CRLF alone ends a line. */
#ifndef IMAP_FRAME_H
#define IMAP_FRAME_H

#include "base/buf.h"

enum imap_frame_event {
	IMAP_FRAME_MORE, /* all of the input is taken, the command is not complete */
	IMAP_FRAME_LITERAL, /* a literal is announced: accept it, swallow it, or reset */
	IMAP_FRAME_DONE, /* the command is complete: imap_frame_octets */
	IMAP_FRAME_TOO_LONG, /* complete, but not kept: imap_frame_octets is its beginning */
};

struct imap_frame {
	struct buf octets; /* the command so far, with its literals, as it came */
	size_t line_at; /* where its last line begins */
	size_t kept; /* while swallowing: what is left of the beginning */
	uint64_t literal_octets; /* the literal that is announced or read */
	uint64_t literal_left; /* what is still to come of it */
	bool is_synchronising; /* its client waits for a continuation */
	bool is_swallowing;
};

/* octets_max: of a command with its literals. */
void imap_frame_init(struct imap_frame *f, size_t octets_max);
void imap_frame_done(struct imap_frame *f);
/* From now on commands may be as long as that; not less than before. */
void imap_frame_allow(struct imap_frame *f, size_t octets_max);
/* Ready for the next command; the octets of this one are wiped. */
void imap_frame_reset(struct imap_frame *f);
/* As reset, and gives the memory back. */
void imap_frame_release(struct imap_frame *f);
/* Takes what belongs to the command from the front of *in. */
enum imap_frame_event imap_frame_take(struct imap_frame *f, struct bytes *in);
/* After IMAP_FRAME_LITERAL: would the literal pass the limit? */
bool imap_frame_has_room(const struct imap_frame *f);
/* After IMAP_FRAME_LITERAL: the literal becomes part of the command. */
void imap_frame_accept(struct imap_frame *f);
/* After IMAP_FRAME_LITERAL (one that is sent without waiting): all up to the command's end is dropped. */
void imap_frame_swallow(struct imap_frame *f);
/* The command, without the CRLF that ends it; borrowed until the next call. */
struct bytes imap_frame_octets(const struct imap_frame *f);
/* Nothing of a command was taken yet. */
bool imap_frame_is_empty(const struct imap_frame *f);
/* literal = "{" number ["+"] "}" at the end of a line without its CRLF (RFC 3501 9, RFC 7888 4). */
bool imap_frame_literal(struct bytes line, uint64_t *octets, bool *is_synchronising);

#endif
