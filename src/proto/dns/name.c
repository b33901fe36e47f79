#include "proto/dns/dns_internal.h"

enum {
	LABEL_OCTETS_MAX = 63, /* RFC 1035 2.3.4 */
	POINTER = 0xC0, /* the two highest bits: RFC 1035 4.1.4 */
	POINTERS_MAX = 128, /* of one name: no name has more labels */
};

static bool
is_host_octet(uint8_t c)
{
	return byte_is_class(c, CLASS_ALPHA | CLASS_DIGIT) || c == '-' || c == '_';
}

bool
dns_take_u16(struct bytes *in, uint16_t *out)
{
	struct bytes octets;

	if (!take_octets(in, 2, &octets))
		return false;
	*out = (uint16_t)(octets.ptr[0] << 8 | octets.ptr[1]);
	return true;
}

bool
dns_take_u32(struct bytes *in, uint32_t *out)
{
	struct bytes rest = *in;
	uint16_t high, low;

	if (!dns_take_u16(&rest, &high) || !dns_take_u16(&rest, &low))
		return false;
	*out = (uint32_t)high << 16 | low;
	*in = rest;
	return true;
}

void
dns_put_u16(struct buf *out, uint16_t value)
{
	put_u8(out, (uint8_t)(value >> 8));
	put_u8(out, (uint8_t)value);
}

static bool
add_label(struct dns_name *name, struct bytes label)
{
	size_t dot = name->len > 0;

	if (name->len + dot + label.len > DNS_NAME_OCTETS_MAX)
		return false;
	if (dot)
		name->octets[name->len++] = '.';
	for (size_t i = 0; i < label.len; i++)
		name->octets[name->len++] = is_host_octet(label.ptr[i]) ? label.ptr[i] : '?';
	return true;
}

/* Labels up to the root, or to a pointer, whose target is *pointer then (packet.len: none).  A name of too many octets ends in
   failure, so every name is short however it is made. */
static bool
take_labels(struct bytes packet, struct bytes *in, struct dns_name *name, size_t *pointer)
{
	struct bytes label;
	uint8_t len, low;

	*pointer = packet.len;
	for (;;) {
		if (!take_u8(in, &len))
			return false;
		if (len == 0)
			return true;
		if ((len & POINTER) == POINTER) {
			if (!take_u8(in, &low))
				return false;
			*pointer = (size_t)(len & ~POINTER) << 8 | low;
			return *pointer < packet.len;
		}
		if (len > LABEL_OCTETS_MAX || !take_octets(in, len, &label) || !add_label(name, label))
			return false;
	}
}

/* "a prior occurrence of the same name" (RFC 1035 4.1.4): each pointer leads before the place that the last one led to, so there is
   an end; and one that comes soon, as pointers to pointers are counted. */
bool
dns_take_name(struct bytes packet, struct bytes *in, struct dns_name *out)
{
	struct bytes rest = *in, after;
	size_t limit = (size_t)(in->ptr - packet.ptr), pointer;

	out->len = 0;
	if (!take_labels(packet, &rest, out, &pointer))
		return false;
	after = rest;
	for (size_t count = 0; pointer < packet.len; count++) {
		if (pointer >= limit || count == POINTERS_MAX)
			return false;
		limit = pointer;
		rest = bytes_sub(packet, pointer, packet.len);
		if (!take_labels(packet, &rest, out, &pointer))
			return false;
	}
	*in = after;
	return true;
}

bool
dns_is_name(struct bytes name)
{
	if (name.len == 0 || name.len > DNS_NAME_OCTETS_MAX)
		return false;
	for (bool has_more = true; has_more;) {
		size_t dot = bytes_find_char(name, '.');

		if (dot == 0 || dot > LABEL_OCTETS_MAX)
			return false;
		for (size_t i = 0; i < dot; i++)
			if (!is_host_octet(name.ptr[i]))
				return false;
		has_more = dot < name.len;
		name = bytes_sub(name, dot + 1, name.len);
	}
	return true;
}
