/* One take-function for each rule that RFC 8461 3.1 and RFC 8460 3 share; names and values count with their case. */
#include "proto/dns/txt.h"

#include "base/buf.h"

enum { NAME_REST_MAX = 31 };

/* field-delim = *WSP ";" *WSP */
static bool
take_delim(struct bytes *in)
{
	struct bytes rest = *in;

	take_spaces(&rest);
	if (!take_char(&rest, ';'))
		return false;
	take_spaces(&rest);
	*in = rest;
	return true;
}

bool
txt_take_name(struct bytes *in, struct bytes *out)
{
	size_t len = 0;

	while (len < in->len && len <= NAME_REST_MAX &&
		(byte_is_class(in->ptr[len], CLASS_ALPHA | CLASS_DIGIT) ||
			(len > 0 && (in->ptr[len] == '_' || in->ptr[len] == '-' || in->ptr[len] == '.'))))
		len++;
	return len > 0 && take_octets(in, len, out);
}

/* Up to the next ";", without the WSP in front of it. */
static struct bytes
take_value(struct bytes *in)
{
	struct bytes value = bytes_sub(*in, 0, bytes_find_char(*in, ';'));

	while (value.len > 0 && byte_is_class(value.ptr[value.len - 1], CLASS_SPACE))
		value.len--;
	*in = bytes_sub(*in, value.len, in->len);
	return value;
}

/* ext-value = 1*(%x21-3A / %x3C / %x3E-7E)      chars excluding "=", ";", SP, and control chars */
static bool
is_extension_value(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f || value.ptr[i] == '=')
			return false;
	return value.len > 0;
}

/* field = NAME "=" value / ext-name "=" ext-value */
static bool
take_field(struct bytes *in, struct bytes *name, struct bytes *value)
{
	struct bytes rest = *in;

	if (!txt_take_name(&rest, name) || !take_char(&rest, '='))
		return false;
	*value = take_value(&rest);
	*in = rest;
	return true;
}

bool
txt_find(struct bytes records, struct bytes version, struct bytes *record)
{
	struct bytes one, rest, meant = BYTES_NONE;
	size_t count = 0;
	uint16_t len;

	while (take_u16(&records, &len) && take_octets(&records, len, &one)) {
		rest = one;
		if (take_text(&rest, version) && take_delim(&rest)) {
			meant = one;
			count++;
		}
	}
	if (count != 1)
		return false;
	*record = meant;
	return true;
}

/* record = version 1*(field-delim field) [field-delim] */
bool
txt_field(struct bytes record, struct bytes version, struct bytes name, bool (*is_value)(struct bytes value), struct bytes *value)
{
	struct bytes found = BYTES_NONE, its_name, its_value;

	if (!take_text(&record, version))
		return false;
	while (take_delim(&record) && record.len > 0) {
		if (!take_field(&record, &its_name, &its_value))
			return false;
		bool is_it = bytes_equal(its_name, name);

		if (!(is_it ? is_value : is_extension_value)(its_value))
			return false;
		if (is_it && found.len == 0)
			found = its_value;
	}
	if (record.len > 0 || found.len == 0)
		return false;
	*value = found;
	return true;
}
