#include "config/address.h"

#include <string.h>
#include <utf8proc.h>

/* How often folding and composing may change the result of the time before: a few characters
   (U+0345 beside other marks) settle only in the second round. */
enum { FOLD_ROUNDS = 4 };

/* One round of Unicode folding over the octets in place; false when they don't fit. */
static bool
fold_round(uint8_t *octets, size_t *len, size_t size)
{
	const utf8proc_option_t options =
		(utf8proc_option_t)(UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	utf8proc_int32_t points[ADDRESS_OCTETS_MAX + 1]; /* utf8proc adds a NUL */
	utf8proc_ssize_t count;

	count = utf8proc_decompose(octets, (utf8proc_ssize_t)*len, points, ADDRESS_OCTETS_MAX, options);
	if (count < 0 || count > ADDRESS_OCTETS_MAX)
		return false;
	count = utf8proc_reencode(points, count, options);
	if (count < 0 || (size_t)count > size)
		return false;
	memcpy(octets, points, (size_t)count);
	*len = (size_t)count;
	return true;
}

/* Folds until nothing changes any more, so that a folded address folds to itself. */
static bool
fold_unicode(uint8_t octets[ADDRESS_OCTETS_MAX], size_t *len)
{
	uint8_t before[ADDRESS_OCTETS_MAX];
	size_t before_len;

	for (int round = 0; round < FOLD_ROUNDS; round++) {
		memcpy(before, octets, *len);
		before_len = *len;
		if (!fold_round(octets, len, ADDRESS_OCTETS_MAX))
			return false;
		if (bytes_equal(bytes_of(before, before_len), bytes_of(octets, *len)))
			return true;
	}
	return false;
}

/* The local part, or a name that stands alone; false when it can't be one. */
static bool
fold_local(struct bytes in, struct address *out)
{
	size_t len = in.len;

	if (in.len > ADDRESS_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (byte_is_class(in.ptr[i], CLASS_CONTROL))
			return false;
		out->octets[i] = byte_lower(in.ptr[i]);
	}
	if (!bytes_is_ascii(in) && (!bytes_is_utf8(in) || !fold_unicode(out->octets, &len)))
		return false;
	out->len = out->local_len = (uint16_t)len;
	return true;
}

bool
address_fold(struct bytes in, struct address *out)
{
	size_t at = bytes_find_last_char(in, '@');
	struct address local;
	struct domain domain;

	if (!fold_local(bytes_sub(in, 0, at), &local))
		return false;
	if (at < in.len)
		return domain_fold(bytes_sub(in, at + 1, in.len), &domain) &&
			address_make(address_bytes(&local), domain_bytes(&domain), out);
	*out = local;
	return local.len > 0;
}

bool
address_equal(struct bytes a, struct bytes b)
{
	struct address x, y;

	if (bytes_is_ascii(a) && bytes_is_ascii(b))
		return bytes_equal_nocase(a, b);
	return address_fold(a, &x) && address_fold(b, &y) && bytes_equal(address_bytes(&x), address_bytes(&y));
}

struct bytes
address_bytes(const struct address *a)
{
	return bytes_of(a->octets, a->len);
}

struct bytes
address_local(const struct address *a)
{
	return bytes_of(a->octets, a->local_len);
}

struct bytes
address_domain(const struct address *a)
{
	return bytes_sub(address_bytes(a), a->local_len + 1u, a->len);
}

bool
address_make(struct bytes local, struct bytes domain, struct address *out)
{
	struct address made;

	if (domain.len == 0 || local.len + 1 + domain.len > ADDRESS_OCTETS_MAX)
		return false;
	if (local.len)
		memcpy(made.octets, local.ptr, local.len);
	made.octets[local.len] = '@';
	memcpy(made.octets + local.len + 1, domain.ptr, domain.len);
	made.local_len = (uint16_t)local.len;
	made.len = (uint16_t)(local.len + 1 + domain.len);
	*out = made;
	return true;
}

/* Quoted-string = DQUOTE *( qtextSMTP / quoted-pairSMTP ) DQUOTE      RFC 5321 4.1.2 */
static bool
is_quoted(struct bytes text)
{
	if (text.len < 2 || text.ptr[0] != '"' || text.ptr[text.len - 1] != '"')
		return false;
	for (size_t i = 1; i < text.len - 1; i++) {
		if (text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '"')
			return false;
		if (i == text.len - 1 || byte_is_class(text.ptr[i], CLASS_CONTROL))
			return false;
	}
	return true;
}

bool
address_is_sound(struct bytes address)
{
	size_t at = bytes_find_last_char(address, '@');
	struct bytes local = bytes_sub(address, 0, at), domain = bytes_sub(address, at + 1, address.len);

	for (size_t i = 0; i < domain.len; i++)
		if (byte_is_class(domain.ptr[i], CLASS_CONTROL) || bytes_find_char(BYTES(" <>()\\,;\""), domain.ptr[i]) < sizeof " <>()\\,;\"" - 1)
			return false;
	return domain.len > 0 && (bytes_is_dotted(local, CLASS_ATEXT | CLASS_HIGH) || is_quoted(local));
}
