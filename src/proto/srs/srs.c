#include "proto/srs/srs.h"

enum { HASH_DIGITS = 6, DAY_S = 86400, DAYS_KEPT = 1024, DAY_DIGITS = 2, TEXT_MAX = 320 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* ---- taking apart */

static struct bytes
local_of(struct bytes address)
{
	return bytes_sub(address, 0, bytes_find_last_char(address, '@'));
}

static struct bytes
domain_of(struct bytes address)
{
	return bytes_sub(address, bytes_find_last_char(address, '@') + 1, address.len);
}

/* A Dot-string (RFC 5321 4.1.2), and a Domain that is no literal. */
static bool
is_plain(struct bytes address)
{
	struct bytes domain = domain_of(address);

	return bytes_is_dotted(local_of(address), CLASS_ATEXT | CLASS_HIGH) && domain.len > 0 && domain.ptr[0] != '[' && bytes_find_char(domain, '=') == domain.len;
}

/* "SRS0" and what separates it from the rest: "=", "+" or "-" of others. */
static bool
take_tag(struct bytes *local, const char *tag, struct bytes *rest)
{
	if (!take_text_nocase(local, bytes_text(tag)))
		return false;
	*rest = *local;
	return take_char(local, '=') || take_char(local, '+') || take_char(local, '-');
}

static bool
begins_with_separator(struct bytes in)
{
	return in.len && bytes_find_char(BYTES("=+-"), in.ptr[0]) < 3;
}

/* What stands before the next "=", which is taken too; it has to be there, and something before it. */
static bool
take_field(struct bytes *in, struct bytes *out)
{
	size_t at = bytes_find_char(*in, '=');

	if (at == 0 || at == in->len)
		return false;
	*out = take_until(in, '=');
	return true;
}

/* ---- the hash: one of SRS0 is none of SRS1 */

static bool
put_hash(const struct srs *srs, const char *tag, struct bytes text, struct buf *out)
{
	uint8_t space[TEXT_MAX], mac[SRS_MAC_OCTETS];
	struct buf lower;
	uint64_t bits = 0;

	buf_init_fixed(&lower, space, sizeof space);
	put_text(&lower, tag);
	for (size_t i = 0; i < text.len; i++)
		put_char(&lower, byte_lower(text.ptr[i]));
	if (lower.has_failed || !srs->mac(srs->arg, buf_bytes(&lower), mac))
		return false;
	for (size_t i = 0; i < 4; i++)
		bits = bits << 8 | mac[i];
	for (unsigned int i = 0; i < HASH_DIGITS; i++)
		put_char(out, (uint8_t)digits[bits >> (32 - 5 * (i + 1)) & 31]);
	return true;
}

/* Is `given` the hash of what follows it? */
static bool
is_ours(const struct srs *srs, const char *tag, struct bytes given, struct bytes text)
{
	uint8_t space[HASH_DIGITS], upper[HASH_DIGITS];
	struct buf hash;

	buf_init_fixed(&hash, space, sizeof space);
	if (given.len != HASH_DIGITS || !put_hash(srs, tag, text, &hash))
		return false;
	for (size_t i = 0; i < HASH_DIGITS; i++)
		upper[i] = byte_is_class(given.ptr[i], CLASS_ALPHA) ? given.ptr[i] & 0xdf : given.ptr[i];
	return bytes_equal_secret(bytes_of(upper, HASH_DIGITS), buf_bytes(&hash));
}

/* ---- the day */

static unsigned int
day_of(int64_t now_s)
{
	return (unsigned int)(now_s / DAY_S % DAYS_KEPT);
}

static bool
take_digit(struct bytes *in, unsigned int *value)
{
	for (unsigned int i = 0; in->len && i < 32; i++)
		if (byte_lower(in->ptr[0]) == byte_lower((uint8_t)digits[i])) {
			*value = *value << 5 | i;
			*in = bytes_sub(*in, 1, in->len);
			return true;
		}
	return false;
}

static bool
is_recent(struct bytes text, int64_t now_s)
{
	unsigned int day = 0;

	return take_digit(&text, &day) && take_digit(&text, &day) && text.len == 0 && (day_of(now_s) - day) % DAYS_KEPT <= SRS_DAYS;
}

/* ---- there */

/* "tag=" hash of the text "=" text "@" domain */
static bool
put_signed(const struct srs *srs, const char *tag, struct bytes text, struct buf *out)
{
	size_t begin = out->len;

	put_text(out, tag);
	put_char(out, '=');
	if (put_hash(srs, tag, text, out)) {
		put_char(out, '=');
		put_bytes(out, text);
		put_char(out, '@');
		put_bytes(out, srs->domain);
		if (!out->has_failed && out->len - begin <= SRS_ADDRESS_MAX)
			return true;
	}
	out->len = begin;
	return false;
}

static bool
put_first(const struct srs *srs, struct bytes sender, int64_t now_s, struct buf *out)
{
	uint8_t space[TEXT_MAX];
	struct buf text;
	unsigned int day = day_of(now_s);

	buf_init_fixed(&text, space, sizeof space);
	put_char(&text, (uint8_t)digits[day >> 5]);
	put_char(&text, (uint8_t)digits[day & 31]);
	put_char(&text, '=');
	put_bytes(&text, domain_of(sender));
	put_char(&text, '=');
	put_bytes(&text, local_of(sender));
	return !text.has_failed && put_signed(srs, "SRS0", buf_bytes(&text), out);
}

/* Whoever rewrote it first gets the report, and knows what to do with what stands behind "SRS0". */
static bool
put_second(const struct srs *srs, struct bytes host, struct bytes behind, struct buf *out)
{
	uint8_t space[TEXT_MAX];
	struct buf text;

	buf_init_fixed(&text, space, sizeof space);
	put_bytes(&text, host);
	put_char(&text, '=');
	put_bytes(&text, behind);
	return !text.has_failed && put_signed(srs, "SRS1", buf_bytes(&text), out);
}

bool
srs_put_sender(const struct srs *srs, struct bytes sender, int64_t now_s, struct buf *out)
{
	struct bytes local = local_of(sender), rest, hash, host;

	if (!is_plain(sender))
		return false;
	if (take_tag(&local, "SRS0", &rest))
		return put_second(srs, domain_of(sender), rest, out);
	local = local_of(sender);
	if (take_tag(&local, "SRS1", &rest) && take_field(&local, &hash) && take_field(&local, &host) && begins_with_separator(local))
		return put_second(srs, host, local, out);
	return put_first(srs, sender, now_s, out);
}

/* ---- and back */

static enum srs_result
put_original(const struct srs *srs, struct bytes rest, int64_t now_s, struct buf *out)
{
	struct bytes hash, text, day, domain;

	if (!take_field(&rest, &hash))
		return SRS_FORGED;
	text = rest;
	if (!take_field(&rest, &day) || !take_field(&rest, &domain) || rest.len == 0 || !is_ours(srs, "SRS0", hash, text))
		return SRS_FORGED;
	if (!is_recent(day, now_s))
		return SRS_EXPIRED;
	put_bytes(out, rest);
	put_char(out, '@');
	put_bytes(out, domain);
	return SRS_BACK;
}

static enum srs_result
put_forwarder(const struct srs *srs, struct bytes rest, struct buf *out)
{
	struct bytes hash, text, host;

	if (!take_field(&rest, &hash))
		return SRS_FORGED;
	text = rest;
	if (!take_field(&rest, &host) || !begins_with_separator(rest) || !is_ours(srs, "SRS1", hash, text))
		return SRS_FORGED;
	put_text(out, "SRS0");
	put_bytes(out, rest);
	put_char(out, '@');
	put_bytes(out, host);
	return SRS_BACK;
}

enum srs_result
srs_put_back(const struct srs *srs, struct bytes address, int64_t now_s, struct buf *out)
{
	struct bytes local = local_of(address), ignored;

	if (take_tag(&local, "SRS0", &ignored))
		return put_original(srs, local, now_s, out);
	local = local_of(address);
	return take_tag(&local, "SRS1", &ignored) ? put_forwarder(srs, local, out) : SRS_NONE;
}
