/* Packets for the tests of dns. */
#ifndef DNS_TEST_PACKET_H
#define DNS_TEST_PACKET_H

#include "proto/dns/dns_internal.h"

enum { RESPONSE = 0x8180, NAME_ERROR = 0x8183, AUTHENTIC = 0x20, TRUNCATED = 0x200, POINTER_TO_QUESTION = 0xC00C };

static inline void
packet_put_name(struct buf *out, const char *text)
{
	struct bytes name = bytes_text(text);

	while (name.len) {
		struct bytes label = take_until(&name, '.');

		put_u8(out, (uint8_t)label.len);
		put_bytes(out, label);
	}
	put_u8(out, 0);
}

static inline void
packet_set_u16(struct buf *out, size_t at, uint16_t value)
{
	out->ptr[at] = (uint8_t)(value >> 8);
	out->ptr[at + 1] = (uint8_t)value;
}

/* Header and question; counts are of answers and authorities. */
static inline void
packet_begin(struct buf *out, uint16_t flags, const char *name, uint16_t type, uint16_t answers, uint16_t authorities)
{
	buf_reset(out);
	dns_put_u16(out, 4711);
	dns_put_u16(out, flags);
	dns_put_u16(out, 1);
	dns_put_u16(out, answers);
	dns_put_u16(out, authorities);
	dns_put_u16(out, 0);
	packet_put_name(out, name);
	dns_put_u16(out, type);
	dns_put_u16(out, 1);
}

static inline void
packet_put_ttl(struct buf *out, uint32_t ttl_s)
{
	dns_put_u16(out, (uint16_t)(ttl_s >> 16));
	dns_put_u16(out, (uint16_t)ttl_s);
}

/* A record with its data. */
static inline void
packet_put_record(struct buf *out, const char *owner, uint16_t type, uint32_t ttl_s, struct bytes data)
{
	packet_put_name(out, owner);
	dns_put_u16(out, type);
	dns_put_u16(out, 1);
	packet_put_ttl(out, ttl_s);
	dns_put_u16(out, (uint16_t)data.len);
	put_bytes(out, data);
}

/* A record whose data is `before` and a name. */
static inline void
packet_put_named(struct buf *out, const char *owner, uint16_t type, uint32_t ttl_s, struct bytes before, const char *name)
{
	uint8_t room[600];
	struct buf data;

	buf_init_fixed(&data, room, sizeof room);
	put_bytes(&data, before);
	packet_put_name(&data, name);
	packet_put_record(out, owner, type, ttl_s, buf_bytes(&data));
}

static inline void
packet_put_soa(struct buf *out, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
	uint8_t room[600];
	struct buf data;

	buf_init_fixed(&data, room, sizeof room);
	packet_put_name(&data, "ns.example");
	packet_put_name(&data, "hostmaster.example");
	for (int i = 0; i < 4; i++)
		packet_put_ttl(&data, 1);
	packet_put_ttl(&data, minimum_s);
	packet_put_record(out, owner, DNS_SOA, ttl_s, buf_bytes(&data));
}

#endif
