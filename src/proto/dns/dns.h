/* Questions to a recursive resolver, and what stands in its answers (RFC 1035 4, 2181, 2308, 6840 5.7). */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/buf.h"
#include "base/fault.h"

enum {
	DNS_NAME_OCTETS_MAX = 253, /* as text, without a final dot (RFC 1035 2.3.4) */
	DNS_UDP_OCTETS = 1232, /* what we take without TCP: passes everywhere unfragmented (RFC 9715 3.2) */
	DNS_ALIASES_MAX = 16, /* CNAMEs one behind the other */
};

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_TLSA = 52,
};

enum dns_outcome {
	DNS_FOUND,
	DNS_NO_NAME, /* RFC 2308 2.1 */
	DNS_NO_RECORD, /* the name is there, nothing of that type is: RFC 2308 2.2 */
	DNS_LATER, /* SERVFAIL, REFUSED and their like, a referral: nothing is known */
};

struct dns_answer {
	enum dns_outcome outcome;
	bool is_authentic; /* the AD bit: worth what the resolver and the way to it are worth (RFC 4035 3.2.3) */
	uint32_t ttl_s; /* of all that was used the least; of DNS_NO_… as RFC 2308 5 has it, 0: must not be kept */
	uint8_t canonical_room[DNS_NAME_OCTETS_MAX];
	struct buf canonical; /* where CNAMEs led; empty when nowhere.  Over canonical_room: do not copy */
};

/* Can the name be asked for?  Labels of letters, digits, "-" and "_", without a final dot. */
bool dns_is_name(struct bytes name);
/* Appends the question for records of the type: recursion desired, AD wanted (RFC 6840 5.7), EDNS (RFC 6891).  False, with
   nothing put, when it is no name. */
bool dns_put_query(struct buf *out, uint16_t id, struct bytes name, enum dns_type type) __attribute__((warn_unused_result));
/* Reads the answer to that question; its id is for whoever knows what was asked.  0: *out is set, and for DNS_FOUND the records
   stand in *records, one behind the other:
   A 4 octets; AAAA 16; MX u16 preference, u16 length, name; TXT u16 length, octets (the strings joined); PTR, CNAME u16 length, name;
   TLSA u8 usage, u8 selector, u8 matching, u16 length, octets (numbers as put_u16 puts them).
   In names, octets that no host name has are "?"; the root is empty.
   -1: malformed, truncated, or no answer to this question; *f says why. */
int dns_read_answer(struct bytes packet, struct bytes name, enum dns_type type, struct dns_answer *out, struct buf *records,
	struct fault *f) __attribute__((warn_unused_result));

#endif
