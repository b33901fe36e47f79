/* Message octets on their way to the client: files may end lines with LF, the wire has CRLF. */
#ifndef IMAP_WIRE_H
#define IMAP_WIRE_H

#include "base/buf.h"

/* What is left of some octets in disk or wire form.  A LF without a CR before it stands for CRLF. */
struct imap_wire {
	struct bytes rest;
	bool has_cr; /* the octet before `rest` is a CR */
	bool owes_lf; /* only the CR of a CRLF was taken so far */
};

/* At the front of the octets (borrowed). */
void imap_wire_start(struct imap_wire *w, struct bytes octets);
/* How many octets they are in wire form. */
uint64_t imap_wire_length(struct bytes octets);
/* Steps over at most `octets` octets of wire form. */
void imap_wire_skip(struct imap_wire *w, uint64_t octets);
/* Appends at most `most` octets of wire form, "?" for NUL; how many is the result.  0: nothing is left (or `most` is 0). */
size_t imap_wire_put(struct imap_wire *w, struct buf *out, size_t most);
/* The octets, as they are, that stand for [at, at + len) of the wire form; clipped to what is there. */
struct bytes imap_wire_slice(struct bytes octets, uint64_t at, uint64_t len);

#endif
