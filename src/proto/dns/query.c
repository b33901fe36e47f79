#include "proto/dns/dns_internal.h"

enum {
	RECURSION_DESIRED = 1 << 8, /* RFC 1035 4.1.1 */
	AUTHENTIC_DATA = 1 << 5, /* in a question: the answer's is wanted (RFC 6840 5.7) */
	CLASS_INTERNET = 1,
};

static void
put_name(struct buf *out, struct bytes name)
{
	while (name.len) {
		struct bytes label = take_until(&name, '.');

		put_u8(out, (uint8_t)label.len);
		put_bytes(out, label);
	}
	put_u8(out, 0);
}

/* OPT: root, type, class = the octets that we take, extended rcode, version and flags 0, no options      RFC 6891 6.1.2 */
static void
put_opt(struct buf *out)
{
	put_u8(out, 0);
	dns_put_u16(out, DNS_OPT);
	dns_put_u16(out, DNS_UDP_OCTETS);
	dns_put_u16(out, 0);
	dns_put_u16(out, 0);
	dns_put_u16(out, 0);
}

bool
dns_put_query(struct buf *out, uint16_t id, struct bytes name, enum dns_type type)
{
	if (!dns_is_name(name))
		return false;
	dns_put_u16(out, id);
	dns_put_u16(out, RECURSION_DESIRED | AUTHENTIC_DATA);
	dns_put_u16(out, 1); /* questions */
	dns_put_u16(out, 0);
	dns_put_u16(out, 0);
	dns_put_u16(out, 1); /* OPT */
	put_name(out, name);
	dns_put_u16(out, (uint16_t)type);
	dns_put_u16(out, CLASS_INTERNET);
	put_opt(out);
	return true;
}
