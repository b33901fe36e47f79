/* What a DKIM signature (RFC 6376) is made of: the canonical forms of body and header, and the field.  Hashes and keys are the caller's:

     the body, through dkim_body_step and dkim_body_end, into SHA-256     -> bh
     dkim_put_field with bh                                               -> the field, without what signs
     dkim_put_hashed_header, dkim_put_hashed_field                        -> what is hashed and signed
     dkim_put_signature                                                   -> the field is whole

   All canonicalisation is relaxed/relaxed (3.4.2, 3.4.4). */
#ifndef DKIM_DKIM_H
#define DKIM_DKIM_H

#include "base/buf.h"

#define DKIM_HASH_OCTETS 32

/* A body on its way into its canonical form; takes no memory however long the body is. */
struct dkim_body {
	void (*sink)(void *arg, struct bytes canonical);
	void *arg;
	uint64_t line_ends; /* that count only when something follows */
	bool has_space, has_text;
};

/* RFC 6376 3.4.4.  The sink is given the canonical body piece by piece. */
void dkim_body_init(struct dkim_body *b, void (*sink)(void *arg, struct bytes canonical), void *arg);
/* The next octets of the body in disk form (LF), cut anywhere; a CR is text, as it is when LF goes out as CRLF. */
void dkim_body_step(struct dkim_body *b, struct bytes in);
/* There are no more. */
void dkim_body_end(struct dkim_body *b);

struct dkim_signature {
	const char *algorithm; /* "rsa-sha256" (RFC 8301 3.1) or "ed25519-sha256" (RFC 8463 3) */
	struct bytes domain, selector; /* as DNS writes them */
	int64_t time_s;
	uint8_t body_hash[DKIM_HASH_OCTETS];
};

/* Appends which fields are signed: of those that people and programs go by each as often as it stands in the header (of a message, in disk
   form), and once more, so that nobody can add one (RFC 6376 5.4, 8.15).  Folded, as it stands behind "h=". */
void dkim_put_names(struct buf *out, struct bytes header);
/* Could dkim_put_names have made it?  Nothing in it ends the tag that it stands in. */
bool dkim_are_names(struct bytes names);
/* Appends the field "DKIM-Signature: ... b=", in disk form, and no line end (RFC 6376 3.5). */
void dkim_put_field(struct buf *out, const struct dkim_signature *s, struct bytes names);
/* Appends the first part of what is hashed (RFC 6376 3.7): the fields of the header that `names` (of h=) names, the last of a name first (5.4.2).
   out->has_failed: one stands there more than 512 times, too. */
void dkim_put_hashed_header(struct buf *out, struct bytes header, struct bytes names);
/* Appends the second and last: the field of the signature, whose b= is empty. */
void dkim_put_hashed_field(struct buf *out, struct bytes field);
/* Appends the signature behind "b=", folded, and the line end. */
void dkim_put_signature(struct buf *out, struct bytes signature);

#endif
