#include "proto/smtp/parameter.h"

struct parameter {
	struct bytes keyword;
	bool has_value;
	bool (*take)(struct bytes value, struct smtp_mail *mail);
};

/* size-value = 1*20DIGIT (RFC 1870 4).  More than 64 bits hold is larger than any limit. */
static bool
take_size(struct bytes value, struct smtp_mail *mail)
{
	if (value.len > 20 || !bytes_all_class(value, CLASS_DIGIT))
		return false;
	if (!take_number(&value, UINT64_MAX, &mail->size))
		mail->size = UINT64_MAX;
	return true;
}

/* body-value = "7BIT" / "8BITMIME" (RFC 6152 2) */
static bool
take_body(struct bytes value, struct smtp_mail *mail)
{
	mail->is_8bit = bytes_equal_nocase(value, BYTES("8BITMIME"));
	return mail->is_8bit || bytes_equal_nocase(value, BYTES("7BIT"));
}

static bool
take_smtputf8(struct bytes value, struct smtp_mail *mail)
{
	(void)value;
	mail->is_utf8 = true;
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
take_auth(struct bytes value, struct smtp_mail *mail)
{
	(void)mail;
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '+' &&
			(value.len - i < 3 || !is_upper_hex(value.ptr[i + 1]) || !is_upper_hex(value.ptr[i + 2])))
			return false;
	return bytes_is_ascii(value);
}

static const struct parameter of_mail[] = {
	{ BYTES_INIT("SIZE"), true, take_size },
	{ BYTES_INIT("BODY"), true, take_body },
	{ BYTES_INIT("SMTPUTF8"), false, take_smtputf8 },
	{ BYTES_INIT("AUTH"), true, take_auth },
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
find(struct bytes keyword)
{
	for (size_t i = 0; i < sizeof of_mail / sizeof *of_mail; i++)
		if (bytes_equal_nocase(keyword, of_mail[i].keyword))
			return &of_mail[i];
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

enum smtp_reply
smtp_mail_parameters(struct bytes in, struct smtp_mail *mail)
{
	unsigned int seen = 0;

	while (in.len) {
		const struct parameter *p;
		struct bytes keyword, value;
		bool has_value;

		if (!take_parameter(&in, &keyword, &has_value, &value))
			return REPLY_BAD_PARAMETER;
		p = find(keyword);
		if (!p)
			return REPLY_UNKNOWN_PARAMETER;
		if (seen & 1u << (p - of_mail) || has_value != p->has_value || !p->take(value, mail))
			return REPLY_BAD_PARAMETER;
		seen |= 1u << (p - of_mail);
	}
	return REPLY_OK;
}

enum smtp_reply
smtp_recipient_parameters(struct bytes in)
{
	struct bytes keyword, value;
	bool has_value;

	if (in.len == 0)
		return REPLY_OK;
	return take_parameter(&in, &keyword, &has_value, &value) ? REPLY_UNKNOWN_PARAMETER : REPLY_BAD_PARAMETER;
}
