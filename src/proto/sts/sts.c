/* One take-function for each rule of RFC 8461 3.2 (those of 3.1 are in proto/dns/txt.c); names and values count with their case. */
#include "proto/sts/sts.h"

#include "proto/dns/txt.h"

enum { AGE_DIGITS_MAX = 10 };

bool
sts_domain_is_possible(struct bytes domain)
{
	if (domain.len == 0 || domain.len > STS_DOMAIN_OCTETS_MAX || domain.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < domain.len; i++)
		if (!byte_is_class(domain.ptr[i], CLASS_ALPHA | CLASS_DIGIT) && domain.ptr[i] != '-' && domain.ptr[i] != '_' &&
			domain.ptr[i] != '.')
			return false;
	return true;
}

/* sts-id = %s"id=" 1*32(ALPHA / DIGIT) */
static bool
is_id(struct bytes value)
{
	return value.len > 0 && value.len <= STS_ID_OCTETS_MAX && bytes_all_class(value, CLASS_ALPHA | CLASS_DIGIT);
}

bool
sts_find_id(struct bytes records, struct bytes *id)
{
	static const struct bytes version = BYTES_INIT("v=STSv1");
	struct bytes record;

	return txt_find(records, version, &record) && txt_field(record, version, BYTES("id"), is_id, id);
}

/* sts-policy-ext-value = sts-policy-vchar [*(%x20 / sts-policy-vchar) sts-policy-vchar]
   sts-policy-vchar = %x21-7E / UTF8-2 / UTF8-3 / UTF8-4 */
static bool
is_policy_value(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (byte_is_class(value.ptr[i], CLASS_CONTROL))
			return false;
	return value.len > 0 && bytes_is_utf8(value);
}

/* sts-policy-field *WSP sts-policy-term
   sts-policy-field-delim = ":" *WSP
   sts-policy-term = LF / CRLF */
static bool
take_policy_field(struct bytes *in, struct bytes *name, struct bytes *value)
{
	struct bytes rest = *in, line = take_until(&rest, '\n');

	if (rest.len < in->len && line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (!txt_take_name(&line, name) || !take_char(&line, ':'))
		return false;
	take_spaces(&line);
	while (line.len > 0 && byte_is_class(line.ptr[line.len - 1], CLASS_SPACE))
		line.len--;
	if (!is_policy_value(line))
		return false;
	*value = line;
	*in = rest;
	return true;
}

static bool
is_host(struct bytes name)
{
	struct bytes label;

	do {
		size_t dot = bytes_find_char(name, '.');

		label = bytes_sub(name, 0, dot);
		if (label.len == 0 || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!byte_is_class(label.ptr[i], CLASS_ALPHA | CLASS_DIGIT) && label.ptr[i] != '-' && label.ptr[i] != '_')
				return false;
		name = bytes_sub(name, dot, name.len);
	} while (take_char(&name, '.'));
	return true;
}

/* sts-policy-mx-value = ["*."] Domain */
static bool
is_pattern(struct bytes value)
{
	(void)take_text(&value, BYTES("*."));
	return is_host(value);
}

static bool
parse_mode(struct bytes value, enum sts_mode *mode)
{
	for (*mode = STS_NONE; *mode <= STS_ENFORCE; (*mode)++)
		if (bytes_equal(value, bytes_text(sts_mode_name(*mode))))
			return true;
	return false;
}

/* sts-policy-max-age-value = 1*10(DIGIT) */
static bool
parse_age(struct bytes value, uint32_t *age_s)
{
	uint64_t age;

	if (value.len > AGE_DIGITS_MAX || !take_number(&value, UINT64_MAX, &age) || value.len > 0)
		return false;
	*age_s = age > STS_AGE_MAX_S ? STS_AGE_MAX_S : (uint32_t)age;
	return true;
}

enum field { FIELD_VERSION = 1, FIELD_MODE = 2, FIELD_MAX_AGE = 4, FIELD_MX = 8 };

/* Which field it is; 0: another one, which is ignored. */
static unsigned int
field_of(struct bytes name)
{
	static const struct bytes names[] = { BYTES_INIT("version"), BYTES_INIT("mode"), BYTES_INIT("max_age"), BYTES_INIT("mx") };

	for (unsigned int i = 0; i < sizeof names / sizeof *names; i++)
		if (bytes_equal(name, names[i]))
			return 1U << i;
	return 0;
}

static bool
parse_field(unsigned int field, struct bytes value, struct sts_policy *policy)
{
	switch (field) {
	case FIELD_VERSION:
		return bytes_equal(value, BYTES("STSv1"));
	case FIELD_MODE:
		return parse_mode(value, &policy->mode);
	case FIELD_MAX_AGE:
		return parse_age(value, &policy->max_age_s);
	case FIELD_MX:
		return is_pattern(value);
	default:
		return true;
	}
}

/* RFC 8461 3.2: but for mx the first of a name counts; version, mode and max_age are needed, and an mx unless the mode is none. */
bool
sts_policy_parse(struct bytes text, struct sts_policy *policy)
{
	struct sts_policy read = { .text = text };
	struct bytes rest = text, name, value;
	unsigned int seen = 0;

	if (text.len > STS_POLICY_OCTETS_MAX)
		return false;
	while (rest.len > 0) {
		if (!take_policy_field(&rest, &name, &value))
			return false;
		unsigned int field = field_of(name);

		if (field != FIELD_MX && (seen & field))
			continue;
		if (!parse_field(field, value, &read))
			return false;
		seen |= field;
	}
	if ((seen | FIELD_MX) != (FIELD_VERSION | FIELD_MODE | FIELD_MAX_AGE | FIELD_MX) ||
		(read.mode != STS_NONE && !(seen & FIELD_MX)))
		return false;
	*policy = read;
	return true;
}

/* RFC 8461 4.1: "*." stands for one label, the leftmost. */
static bool
is_match(struct bytes pattern, struct bytes host)
{
	if (!take_text(&pattern, BYTES("*.")))
		return bytes_equal_nocase(pattern, host);
	size_t dot = bytes_find_char(host, '.');

	return dot > 0 && dot < host.len && bytes_equal_nocase(pattern, bytes_sub(host, dot + 1, host.len));
}

bool
sts_policy_names(const struct sts_policy *policy, struct bytes host)
{
	struct bytes rest = policy->text, name, value;

	while (rest.len > 0 && take_policy_field(&rest, &name, &value))
		if (field_of(name) == FIELD_MX && is_match(value, host))
			return true;
	return false;
}

const char *
sts_mode_name(enum sts_mode mode)
{
	static const char *const names[] = { [STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce" };

	return names[mode];
}
