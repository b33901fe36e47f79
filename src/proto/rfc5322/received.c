#include "proto/rfc5322/received.h"

#include "base/clock.h"

/* Domain, address-literal and what stands in their place: letters, digits and ".-_:[]"; other
   octets could end the clause or the line. */
static bool
is_plain(uint8_t c)
{
	return byte_is_class(c, CLASS_ALPHA | CLASS_DIGIT) || c == '.' || c == '-' || c == '_' ||
	       c == ':' || c == '[' || c == ']';
}

static void
put_name(struct buf *out, struct bytes name, bool may_utf8)
{
	bool keeps_high = may_utf8 && bytes_is_utf8(name);

	if (name.len == 0)
		put_text(out, "unknown");
	if (name.len > RECEIVED_NAME_MAX) {
		name.len = RECEIVED_NAME_MAX;
		keeps_high = false;
	}
	for (size_t i = 0; i < name.len; i++) {
		bool is_kept = is_plain(name.ptr[i]) || (keeps_high && name.ptr[i] >= 0x80);

		put_char(out, is_kept ? name.ptr[i] : '?');
	}
}

/* address-literal = "[" ( IPv4-address-literal / "IPv6:" IPv6-addr ) "]"      RFC 5321 4.1.3 */
static void
put_literal(struct buf *out, struct bytes address)
{
	put_char(out, '[');
	if (bytes_find_char(address, ':') != address.len)
		put_text(out, "IPv6:");
	put_name(out, address, false);
	put_char(out, ']');
}

/* From-domain = "FROM" FWS Extended-Domain
   Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" ) …
   TCP-info = address-literal / ( Domain FWS address-literal )      RFC 5321 4.4 */
static void
put_from(struct buf *out, const struct rfc5322_received *r)
{
	put_text(out, "Received: from ");
	put_name(out, r->helo, r->is_utf8);
	if (r->client_address.len == 0)
		return;
	put_text(out, " (");
	if (r->client_name.len) {
		put_name(out, r->client_name, false);
		put_char(out, ' ');
	}
	put_literal(out, r->client_address);
	put_char(out, ')');
}

static void
put_tls(struct buf *out, const struct rfc5322_received *r)
{
	if (!r->is_tls || r->tls_version.len == 0)
		return;
	put_text(out, "\n\t(using ");
	put_name(out, r->tls_version, false);
	if (r->tls_cipher.len) {
		put_text(out, " with cipher ");
		put_name(out, r->tls_cipher, false);
	}
	put_char(out, ')');
}

/* A path was read by a parser and may hold quoted strings; only what could end the line goes. */
static void
put_for(struct buf *out, const struct rfc5322_received *r)
{
	if (r->recipient.len == 0)
		return;
	put_text(out, "\n\tfor <");
	for (size_t i = 0; i < r->recipient.len; i++) {
		uint8_t c = r->recipient.ptr[i];

		put_char(out, byte_is_class(c, CLASS_CONTROL) ? '?' : c);
	}
	put_char(out, '>');
}

/* RFC 3848 1; the UTF8SMTP ones: RFC 6531 3.7.3, 4.3. */
const char *
rfc5322_received_protocol(const struct rfc5322_received *r)
{
	static const char *const names[2][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
	};

	return r->is_esmtp ? names[r->is_utf8][r->is_tls][r->is_authenticated] : "SMTP";
}

/* Time-stamp-line = "Received:" FWS Stamp; Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS
   date-time RFC 5321 4.4 */
void
rfc5322_put_received(struct buf *out, const struct rfc5322_received *r)
{
	put_from(out, r);
	put_tls(out, r);
	put_text(out, "\n\tby ");
	put_name(out, r->by, r->is_utf8);
	put_text(out, " with ");
	put_text(out, rfc5322_received_protocol(r));
	put_text(out, " id ");
	put_name(out, r->mail_id, false);
	put_for(out, r);
	put_text(out, ";\n\t");
	clock_put_rfc5322(out, r->date_s, r->zone_minutes);
	put_char(out, '\n');
}
