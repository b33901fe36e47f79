/* Reads a message as it arrives, in pieces of any size, and makes its summary.  Pure; bounded in depth, parts,
   header octets.  Never fails: whatever is not MIME is told as the text or octets that it is.

   Takes disk form or wire form: a line ends with LF, a CR before it belongs to the line end, and
   every line end counts as two octets. */
#ifndef MIME_MESSAGE_H
#define MIME_MESSAGE_H

#include "base/arena.h"
#include "proto/mime/summary.h"
#include "proto/rfc5322/header.h"

struct message_parser;

struct message_limits {
	uint32_t parts_max; /* parts beyond are not split any more */
	uint32_t depth_max;
	uint32_t header_octets_max; /* of one header block that are looked at; more is skipped */
};

/* What a receiving server needs to know beside the summary (RFC 5321 6.3, RFC 6409 8). */
struct message_facts {
	uint32_t received_count; /* Received: fields in the header */
	bool has_date, has_message_id, has_from, has_delivered_to_loop;
	bool has_high_octets_in_header; /* or in that of a part: needs SMTPUTF8 */
	bool has_high_octets; /* needs 8BITMIME */
	bool has_nul;
	bool has_long_line; /* of more than RFC5322_LINE_MAX octets */
	uint64_t header_at_end; /* offset of the body: where the header ends, wire form */
	uint64_t size; /* wire form */
};

/* delivered_to: the address whose presence in a Delivered-To: field means a loop; may be empty. Owned. */
struct message_parser *message_parser_new(const struct message_limits *limits, struct bytes delivered_to);
void message_parser_free(struct message_parser **p);
/* Ready for the next message, with the memory of the last one. */
void message_parser_reset(struct message_parser *p, struct bytes delivered_to);
void message_parser_feed(struct message_parser *p, struct bytes octets);
/* The end of the message: appends the summary to *out (SUMMARY_MAX at most). */
void message_parser_finish(struct message_parser *p, struct buf *out);
/* Valid after finish. */
struct message_facts message_parser_facts(const struct message_parser *p);
/* Valid after finish: is there a Delivered-To: field with this address?  For a message of several recipients. */
bool message_parser_was_delivered_to(const struct message_parser *p, struct bytes address);

/* A header's value for people and for searching: unfolded, encoded words (RFC 2047) decoded, as UTF-8. */
void put_header_text(struct buf *out, struct bytes value);
/* The octets of a part without their transfer encoding, as UTF-8 when it is text (charset from its
   Content-Type:): for searching.  What can't be decoded goes through as it is.  has_failed of *out when its
   max is reached: what fitted is there. */
void put_part_text(struct buf *out, struct bytes part_header, struct bytes part_body);

#endif
