#include "proto/smtp/literal.h"

/* Snum = 1*3DIGIT  ; representing a decimal integer value in the range 0 through 255 */
static bool
take_snum(struct bytes *in)
{
	struct bytes rest = *in, digits;
	uint64_t value;

	if (!take_class(&rest, CLASS_DIGIT, &digits) || digits.len > 3 || !take_number(&digits, 255, &value))
		return false;
	*in = rest;
	return true;
}

/* IPv4-address-literal = Snum 3("."  Snum) */
static bool
take_ipv4(struct bytes *in)
{
	struct bytes rest = *in;

	for (int i = 0; i < 4; i++)
		if ((i > 0 && !take_char(&rest, '.')) || !take_snum(&rest))
			return false;
	*in = rest;
	return true;
}

/* IPv6-hex = 1*4HEXDIG */
static bool
take_ipv6_hex(struct bytes *in)
{
	struct bytes rest = *in, digits;

	if (!take_class(&rest, CLASS_HEX, &digits) || digits.len > 4)
		return false;
	*in = rest;
	return true;
}

/* IPv6-hex *(":" IPv6-hex) [":" IPv4-address-literal], or nothing: the groups of 16 bits that it stands for, an IPv4
   address being two and always the last. */
static unsigned int
take_ipv6_groups(struct bytes *in, bool *has_ipv4)
{
	struct bytes rest = *in;
	unsigned int groups = 0;

	*has_ipv4 = false;
	for (;;) {
		struct bytes group = rest;

		if (take_ipv4(&group)) {
			*in = group;
			*has_ipv4 = true;
			return groups + 2;
		}
		if (!take_ipv6_hex(&group))
			return groups;
		groups++;
		*in = rest = group;
		if (!take_char(&rest, ':'))
			return groups;
	}
}

/* IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp.  The compressed forms have at most 6 groups
   besides the "::", those with an IPv4 address 4 before it. */
static bool
take_ipv6(struct bytes *in)
{
	struct bytes rest = *in;
	bool has_ipv4;
	unsigned int groups = take_ipv6_groups(&rest, &has_ipv4);

	if (groups < 8 && !has_ipv4 && take_text(&rest, BYTES("::"))) {
		groups += take_ipv6_groups(&rest, &has_ipv4);
		if (groups > 6)
			return false;
	} else if (groups != 8) {
		return false;
	}
	*in = rest;
	return true;
}

/* Standardized-tag = Ldh-str;  Ldh-str = *( ALPHA / DIGIT / "-" ) Let-dig */
static bool
take_tag(struct bytes *in)
{
	size_t len = 0;

	while (len < in->len && (byte_is_class(in->ptr[len], CLASS_ALPHA | CLASS_DIGIT) || in->ptr[len] == '-'))
		len++;
	if (len == 0 || in->ptr[len - 1] == '-')
		return false;
	*in = bytes_sub(*in, len, in->len);
	return true;
}

/* dcontent = %d33-90 / %d94-126  ; printable US-ASCII excl. "[", "\", "]" */
static bool
is_dcontent(uint8_t c)
{
	return (c >= 33 && c <= 90) || (c >= 94 && c <= 126);
}

/* General-address-literal = Standardized-tag ":" 1*dcontent.  No tag but "IPv6" is registered; one that is not known
   here is taken as it stands. */
static bool
take_general(struct bytes *in)
{
	struct bytes rest = *in;
	size_t len = 0;

	if (!take_tag(&rest) || !take_char(&rest, ':'))
		return false;
	while (len < rest.len && is_dcontent(rest.ptr[len]))
		len++;
	if (len == 0)
		return false;
	*in = bytes_sub(rest, len, rest.len);
	return true;
}

bool
smtp_take_literal(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;

	if (!take_char(&rest, '['))
		return false;
	if (take_text_nocase(&rest, BYTES("IPv6:"))) {
		if (!take_ipv6(&rest))
			return false;
	} else if (!take_ipv4(&rest) && !take_general(&rest)) {
		return false;
	}
	if (!take_char(&rest, ']'))
		return false;
	*out = bytes_between(*in, rest);
	*in = rest;
	return true;
}
