/* What the files of dns share. */
#ifndef DNS_DNS_INTERNAL_H
#define DNS_DNS_INTERNAL_H

#include "proto/dns/dns.h"

/* A name of a packet as text. */
struct dns_name {
	uint8_t octets[DNS_NAME_OCTETS_MAX + 1]; /* the last one is never used, it lets a "." be put before it is too many */
	size_t len;
};

/* Steps over the name at `*in`, a view into the packet; *out is it with its pointers followed (RFC 1035 4.1.4). */
bool dns_take_name(struct bytes packet, struct bytes *in, struct dns_name *out);
/* Big-endian, as all numbers of a packet. */
bool dns_take_u16(struct bytes *in, uint16_t *out);
bool dns_take_u32(struct bytes *in, uint32_t *out);
void dns_put_u16(struct buf *out, uint16_t value);

#endif
