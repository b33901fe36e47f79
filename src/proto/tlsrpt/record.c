/* The targets of RFC 8460 3; the grammar around them is proto/dns/txt.c. */
#include "proto/tlsrpt/tlsrpt.h"

#include "proto/dns/txt.h"

#include <string.h>

enum { HOST_OCTETS_MAX = 253, ADDRESS_OCTETS_MAX = 254 };

/* tlsrpt-rua = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)      What can't be used of it is passed over (tlsrpt_take_target). */
static bool
is_rua(struct bytes value)
{
	return value.len > 0;
}

bool
tlsrpt_find_rua(struct bytes records, struct bytes *rua)
{
	static const struct bytes version = BYTES_INIT("v=TLSRPTv1");
	struct bytes record;

	return txt_find(records, version, &record) && txt_field(record, version, BYTES("rua"), is_rua, rua);
}

/* pchar, "/" and "?" of RFC 3986, but "!" and ";", which have to be encoded here; "%" with its two digits */
static bool
is_path(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.ptr[i];

		if (c == '%') {
			if (in.len - i < 3 || !bytes_all_class(bytes_sub(in, i + 1, 2), CLASS_HEX))
				return false;
		} else if (!byte_is_class(c, CLASS_ALPHA | CLASS_DIGIT) && !(c && strchr("-._~$&'()*+=:@/?", c))) {
			return false;
		}
	}
	return true;
}

/* RFC 3986 7.4: what ends in a number ("0x7f.1") is an address for some, and led where DNS does not say; no top-level domain begins with a digit. */
static bool
ends_in_number(struct bytes host)
{
	struct bytes label = BYTES_NONE;

	while (host.len > 0)
		label = take_until(&host, '.');
	return label.len > 0 && byte_is_class(label.ptr[0], CLASS_DIGIT);
}

static bool
is_host(struct bytes host)
{
	if (host.len == 0 || host.len > HOST_OCTETS_MAX || ends_in_number(host))
		return false;
	for (size_t i = 0; i < host.len; i++)
		if (!byte_is_class(host.ptr[i], CLASS_ALPHA | CLASS_DIGIT) && host.ptr[i] != '-' && host.ptr[i] != '.')
			return false;
	return host.ptr[0] != '.' && host.ptr[0] != '-';
}

/* https-URI = "https" "://" authority path-abempty [ "?" query ] (RFC 9110 4.2.2), without userinfo */
static bool
parse_https(struct bytes rest, struct tlsrpt_target *t)
{
	struct bytes authority;
	uint64_t port = 443;
	size_t at = 0;

	while (at < rest.len && rest.ptr[at] != '/' && rest.ptr[at] != '?')
		at++;
	authority = bytes_sub(rest, 0, at);
	t->path = bytes_sub(rest, at, rest.len);
	t->host = bytes_sub(authority, 0, bytes_find_char(authority, ':'));
	authority = bytes_sub(authority, t->host.len, authority.len);
	if (take_char(&authority, ':') && (!take_number(&authority, 65535, &port) || authority.len > 0))
		return false;
	t->port = (uint16_t)port;
	if (t->path.len == 0)
		t->path = BYTES("/");
	return port > 0 && is_host(t->host) && t->path.ptr[0] == '/' && is_path(t->path);
}

static unsigned int
digit_of(uint8_t c)
{
	return (unsigned int)(byte_is_class(c, CLASS_DIGIT) ? c - '0' : byte_lower(c) - 'a' + 10);
}

static bool
put_decoded(struct buf *out, struct bytes in)
{
	while (in.len > 0) {
		struct bytes digits;

		if (!take_char(&in, '%')) {
			put_char(out, in.ptr[0]);
			in = bytes_sub(in, 1, in.len);
		} else if (take_octets(&in, 2, &digits) && bytes_all_class(digits, CLASS_HEX)) {
			put_char(out, (uint8_t)(digit_of(digits.ptr[0]) * 16 + digit_of(digits.ptr[1])));
		} else {
			return false;
		}
	}
	return !out->has_failed;
}

/* mailtoURI = "mailto:" [ to ] [ hfields ] (RFC 6068 2); one address, a dot-atom at a domain, and its header fields count for nothing */
static bool
parse_mailto(struct bytes rest, struct buf *space, struct tlsrpt_target *t)
{
	size_t before = space->len;
	struct bytes address, local;

	if (!put_decoded(space, bytes_sub(rest, 0, bytes_find_char(rest, '?'))))
		return false;
	t->address = bytes_sub(buf_bytes(space), before, space->len);
	address = t->address;
	return address.len <= ADDRESS_OCTETS_MAX && take_dotted(&address, CLASS_ATEXT, &local) && local.len <= 64 && take_char(&address, '@') &&
		is_host(address) && bytes_is_dotted(address, CLASS_ATEXT);
}

bool
tlsrpt_target_parse(struct bytes uri, struct buf *space, struct tlsrpt_target *target)
{
	struct tlsrpt_target read = { .kind = TLSRPT_MAILTO };

	if (uri.len > TLSRPT_TARGET_OCTETS_MAX)
		return false;
	if (take_text_nocase(&uri, BYTES("mailto:"))) {
		if (!parse_mailto(uri, space, &read))
			return false;
	} else {
		read.kind = TLSRPT_HTTPS;
		if (!take_text_nocase(&uri, BYTES("https://")) || !parse_https(uri, &read))
			return false;
	}
	*target = read;
	return true;
}

bool
tlsrpt_take_target(struct bytes *rua, struct buf *space, struct tlsrpt_target *target)
{
	while (rua->len > 0)
		if (tlsrpt_target_parse(bytes_trim(take_until(rua, ',')), space, target))
			return true;
	return false;
}
