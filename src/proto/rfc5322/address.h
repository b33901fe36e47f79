/* Addresses as header fields hold them (RFC 5322 3.4 and 4.4, RFC 6532): lists, groups, routes, comments. */
#ifndef RFC5322_ADDRESS_H
#define RFC5322_ADDRESS_H

#include "base/buf.h"

enum rfc5322_address_kind {
	ADDRESS_MAILBOX,
	ADDRESS_GROUP_BEGIN, /* name: the group's */
	ADDRESS_GROUP_END,
};

/* Texts without quotes, comments and line ends; encoded words (RFC 2047) as they stand.  Borrowed from the
   scratch buffer until the next take_address. */
struct rfc5322_address {
	enum rfc5322_address_kind kind;
	struct bytes name; /* the display name, else the first comment; empty: none */
	struct bytes route; /* "@one,@two": obs-route without its colon; empty: none */
	struct bytes local;
	struct bytes domain; /* with brackets when it is a literal; empty: none was written */
	const uint8_t *local_end; /* in the list itself, where "@domain" is missing; NULL: there is an "@" */
};

/* Takes the next address of a list.  *is_in_group is false at the start of a list and kept by this function.
   What is no address comes as a mailbox with its text as name, local and domain empty.  A group without end ends
   with the list.  scratch needs room for value.len octets; when its max is smaller, long texts are missing.
   False at the end of the list. */
bool take_address(struct bytes *in, bool *is_in_group, struct buf *scratch, struct rfc5322_address *out);
/* msg-id (RFC 5322 3.6.4) without its angle brackets; what stands before the bracket is stepped over.
   False when there is none any more. */
bool take_message_id(struct bytes *in, struct bytes *out);

#endif
