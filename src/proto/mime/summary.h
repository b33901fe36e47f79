/* The summary of a message: what IMAP asks for again and again, computed once, by front, while the
   message arrives.  The store keeps it as octets and never looks inside.

   All offsets and sizes are in wire form (every line end is CRLF), whatever the file holds.
   The texts are ready to send: ENVELOPE, BODY and BODYSTRUCTURE as RFC 3501 7.4.2 writes them, with only
   quoted strings, NIL and literals. */
#ifndef MIME_SUMMARY_H
#define MIME_SUMMARY_H

#include "base/buf.h"
#include "base/fault.h"

/* Never larger (it rides in a frame); a message whose summary would be is cut short: parts
   beyond are told as one application/octet-stream. */
#define SUMMARY_MAX 16384

/* One MIME part; the message itself is part 0.  Parts stand in depth-first order. */
struct summary_part {
	uint32_t parent; /* index; 0 for part 0 */
	uint16_t number; /* 1, 2, … among its siblings; 0 for part 0 */
	uint16_t kind; /* enum summary_kind */
	uint64_t header_at; /* of its MIME header; for part 0 the message's header */
	uint64_t body_at; /* behind the empty line */
	uint64_t body_octets;
	uint32_t body_lines;
	uint32_t encoding; /* enum summary_encoding */
};

enum summary_kind { PART_LEAF, PART_TEXT, PART_MULTIPART, PART_MESSAGE /* message/rfc822: its one
	child stands for the message inside */ };
enum summary_encoding { ENCODING_IDENTITY, ENCODING_QUOTED_PRINTABLE, ENCODING_BASE64,
	ENCODING_UNKNOWN };

/* An opened summary: borrowed from its octets. */
struct summary {
	struct bytes envelope; /* "(date subject …)" */
	struct bytes body;
	struct bytes bodystructure;
	struct bytes preview; /* the first words of the text, UTF-8 (RFC 8970), at most 200 characters */
	struct bytes ids; /* u64 numbers: its Message-ID's, then of those it refers to (ids.h) */
	int64_t sent_s; /* of the Date: header; INT64_MIN when there is no usable one */
	int32_t sent_zone_minutes; /* its zone, east of UTC: SENTON and its kin look at the date as written */
	bool is_cut; /* something did not fit: addresses of the envelope or parts are missing */
	uint64_t size; /* RFC822.SIZE */
	uint32_t part_count;
	struct bytes parts; /* encoded; use summary_part */
};

/* -1: not a summary of this version, or malformed (then treat it as none: it is to be made anew). Reads nothing outside. */
int summary_open(struct bytes octets, struct summary *s, struct fault *f)
	__attribute__((warn_unused_result));
/* The summary of the same message with header lines of `octets` (wire form) put before it.  Nothing is appended
   when `summary` is none. */
void summary_put_prefixed(struct buf *out, struct bytes summary, uint64_t octets);
/* Part number `index` (below part_count). */
struct summary_part summary_part(const struct summary *s, uint32_t index);
/* The part of an IMAP section number such as "2.1.3" (RFC 3501 6.4.5); false when there is none.  "1" of a
   message that is not multipart is the message's body: then *is_whole is set and *index is the message's (0, or
   that of the child of a PART_MESSAGE). */
bool summary_find_part(const struct summary *s, const uint32_t *numbers, size_t count, uint32_t *index,
	bool *is_whole);

#endif
