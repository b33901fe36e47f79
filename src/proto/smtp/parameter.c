#include "proto/smtp/parameter.h"

#include "base/clock.h"

/* What a command's parameters say: of MAIL or of RCPT. */
struct said {
	struct smtp_mail *mail;
	struct dsn_rcpt *wishes;
	bool may_utf8; /* SMTPUTF8 is in force */
	int64_t now_s;
	bool has_hold; /* HOLDFOR= or HOLDUNTIL= */
};

struct parameter {
	struct bytes keyword;
	unsigned int offered; /* enum smtp_offered that it belongs to; 0: always there */
	bool has_value;
	bool (*take)(struct bytes value, struct said *said);
};

/* size-value = 1*20DIGIT (RFC 1870 4).  More than 64 bits hold is larger than any limit. */
static bool
take_size(struct bytes value, struct said *said)
{
	if (value.len > 20 || !bytes_all_class(value, CLASS_DIGIT))
		return false;
	if (!take_number(&value, UINT64_MAX, &said->mail->size))
		said->mail->size = UINT64_MAX;
	return true;
}

/* body-value = "7BIT" / "8BITMIME" (RFC 6152 2) */
static bool
take_body(struct bytes value, struct said *said)
{
	said->mail->is_8bit = bytes_equal_nocase(value, BYTES("8BITMIME"));
	return said->mail->is_8bit || bytes_equal_nocase(value, BYTES("7BIT"));
}

static bool
take_smtputf8(struct bytes value, struct said *said)
{
	(void)value;
	said->mail->is_utf8 = true;
	return true;
}

static bool
is_upper_hex(uint8_t c)
{
	return byte_is_class(c, CLASS_HEX) && !(c >= 'a' && c <= 'f');
}

/* xtext = *( xchar / hexchar );  hexchar = "+" 2HEXDIG, in capitals (RFC 3461 4).  What it says about the sender is
   believed of nobody (RFC 4954 5). */
static bool
take_auth(struct bytes value, struct said *said)
{
	(void)said;
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '+' &&
			(value.len - i < 3 || !is_upper_hex(value.ptr[i + 1]) || !is_upper_hex(value.ptr[i + 2])))
			return false;
	return bytes_is_ascii(value);
}

static bool
take_return(struct bytes value, struct said *said)
{
	return dsn_parse_return(value, &said->mail->dsn.returns);
}

static bool
take_envelope_id(struct bytes value, struct said *said)
{
	return dsn_parse_envelope_id(value, &said->mail->dsn.envelope_id);
}

static bool
take_require_tls(struct bytes value, struct said *said)
{
	(void)value;
	said->mail->requires_tls = true;
	return true;
}

static bool
hold_until(struct said *said, int64_t release_s)
{
	/* One or the other (RFC 4865 4). */
	if (said->has_hold)
		return false;
	said->has_hold = true;
	said->mail->release_s = release_s > said->now_s ? release_s : 0;
	return true;
}

/* future-release-integer = 1-9 *8DIGIT */
static bool
take_hold_for(struct bytes value, struct said *said)
{
	uint64_t seconds;

	if (value.len > 9 || !bytes_all_class(value, CLASS_DIGIT) || value.ptr[0] == '0' || !take_number(&value, UINT32_MAX, &seconds))
		return false;
	return hold_until(said, said->now_s + (int64_t)seconds);
}

/* future-release-date-time = date-time of RFC 3339 5.6 (erratum 2040) */
static bool
take_hold_until(struct bytes value, struct said *said)
{
	int64_t release_s;

	return clock_take_rfc3339(&value, &release_s) && value.len == 0 && hold_until(said, release_s);
}

static bool
take_by(struct bytes value, struct said *said)
{
	return smtp_parse_by(value, &said->mail->by);
}

/* priority-value = (["-"] NZDIGIT) / "0"      RFC 6710 3 */
static bool
take_priority(struct bytes value, struct said *said)
{
	bool is_negative = take_char(&value, '-');

	if (value.len != 1 || !byte_is_class(value.ptr[0], CLASS_DIGIT) || (is_negative && value.ptr[0] == '0'))
		return false;
	said->mail->priority = (int8_t)(is_negative ? '0' - value.ptr[0] : value.ptr[0] - '0');
	return true;
}

static bool
take_notify(struct bytes value, struct said *said)
{
	return dsn_parse_notify(value, &said->wishes->notify);
}

static bool
take_original(struct bytes value, struct said *said)
{
	return dsn_parse_original(value, said->may_utf8, &said->wishes->original);
}

static const struct parameter of_mail[] = {
	{ BYTES_INIT("SIZE"), 0, true, take_size },
	{ BYTES_INIT("BODY"), 0, true, take_body },
	{ BYTES_INIT("SMTPUTF8"), 0, false, take_smtputf8 },
	{ BYTES_INIT("AUTH"), 0, true, take_auth },
	{ BYTES_INIT("RET"), 0, true, take_return },
	{ BYTES_INIT("ENVID"), 0, true, take_envelope_id },
	{ BYTES_INIT("REQUIRETLS"), SMTP_OFFERED_REQUIRETLS, false, take_require_tls },
	{ BYTES_INIT("HOLDFOR"), SMTP_OFFERED_FUTURERELEASE, true, take_hold_for },
	{ BYTES_INIT("HOLDUNTIL"), SMTP_OFFERED_FUTURERELEASE, true, take_hold_until },
	{ BYTES_INIT("BY"), 0, true, take_by },
	{ BYTES_INIT("MT-PRIORITY"), 0, true, take_priority },
	{ BYTES_INIT(""), 0, false, NULL },
};

static const struct parameter of_recipient[] = {
	{ BYTES_INIT("NOTIFY"), 0, true, take_notify },
	{ BYTES_INIT("ORCPT"), 0, true, take_original },
	{ BYTES_INIT(""), 0, false, NULL },
};

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
static bool
take_keyword(struct bytes *in, struct bytes *keyword)
{
	size_t len = 0;

	while (len < in->len && (byte_is_class(in->ptr[len], CLASS_ALPHA | CLASS_DIGIT) ||
		(len > 0 && in->ptr[len] == '-')))
		len++;
	return len > 0 && take_octets(in, len, keyword);
}

/* esmtp-value = 1*(%d33-60 / %d62-126 / UTF8-non-ascii) (RFC 5321 4.1.2, RFC 6531 3.3) */
static bool
take_value(struct bytes *in, struct bytes *value)
{
	size_t len = 0;

	while (len < in->len && in->ptr[len] > 32 && in->ptr[len] != '=' && in->ptr[len] != 127)
		len++;
	return len > 0 && take_octets(in, len, value);
}

static const struct parameter *
find(const struct parameter *known, unsigned int offered, struct bytes keyword)
{
	for (const struct parameter *p = known; p->take; p++)
		if (bytes_equal_nocase(keyword, p->keyword) && (p->offered & ~offered) == 0)
			return p;
	return NULL;
}

/* SP esmtp-param;  esmtp-param = esmtp-keyword ["=" esmtp-value] */
static bool
take_parameter(struct bytes *in, struct bytes *keyword, bool *has_value, struct bytes *value)
{
	struct bytes rest = *in;

	*value = BYTES_NONE;
	take_spaces(&rest);
	if (rest.len == in->len || !take_keyword(&rest, keyword))
		return false;
	*has_value = take_char(&rest, '=');
	if (*has_value && !take_value(&rest, value))
		return false;
	*in = rest;
	return true;
}

static enum smtp_reply
take_all(struct bytes in, const struct parameter *known, unsigned int offered, struct said *said, struct bytes *keyword)
{
	unsigned int seen = 0;

	while (in.len) {
		const struct parameter *p;
		struct bytes value;
		bool has_value;

		*keyword = BYTES_NONE;
		if (!take_parameter(&in, keyword, &has_value, &value))
			return REPLY_BAD_PARAMETER;
		p = find(known, offered, *keyword);
		if (!p)
			return REPLY_UNKNOWN_PARAMETER;
		if (seen & 1u << (p - known) || has_value != p->has_value || !p->take(value, said))
			return REPLY_BAD_PARAMETER;
		seen |= 1u << (p - known);
	}
	*keyword = BYTES_NONE;
	return REPLY_OK;
}

enum smtp_reply
smtp_mail_parameters(struct bytes in, const struct smtp_offer *offer, struct smtp_mail *mail, struct bytes *keyword)
{
	return take_all(in, of_mail, offer->offered, &(struct said){ .mail = mail, .now_s = offer->now_s }, keyword);
}

enum smtp_reply
smtp_recipient_parameters(struct bytes in, bool may_utf8, struct dsn_rcpt *wishes, struct bytes *keyword)
{
	return take_all(in, of_recipient, 0, &(struct said){ .wishes = wishes, .may_utf8 = may_utf8 }, keyword);
}
