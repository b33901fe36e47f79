#include "config/domain.h"

#include <idn2.h>
#include <string.h>

/* Letters, digits, "-", "_" and dots: a mapping may make "@" or "/" of a character that only looks like it. */
static bool
is_plain(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!byte_is_class(name.ptr[i], CLASS_ALPHA | CLASS_DIGIT) &&
			bytes_find_char(BYTES("-_."), name.ptr[i]) == 3)
			return false;
	return name.len > 0 && name.len <= DOMAIN_OCTETS_MAX;
}

/* U-labels to A-labels, in place; what has none stays. */
static void
to_a_labels(struct domain *d)
{
	uint8_t text[DOMAIN_OCTETS_MAX + 1], *labels = NULL;

	memcpy(text, d->octets, d->len);
	text[d->len] = '\0';
	if (idn2_lookup_u8(text, &labels, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return;
	if (is_plain(bytes_text((const char *)labels))) {
		d->len = (uint16_t)strlen((const char *)labels);
		memcpy(d->octets, labels, d->len);
	}
	idn2_free(labels);
}

bool
domain_fold(struct bytes in, struct domain *out)
{
	struct domain folded = { .len = (uint16_t)in.len };

	if (in.len == 0 || in.len > DOMAIN_OCTETS_MAX || bytes_find_char(in, '@') < in.len)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (byte_is_class(in.ptr[i], CLASS_CONTROL))
			return false;
		folded.octets[i] = byte_lower(in.ptr[i]);
	}
	if (!bytes_is_ascii(in)) {
		if (!bytes_is_utf8(in))
			return false;
		to_a_labels(&folded);
	}
	*out = folded;
	return true;
}

struct bytes
domain_bytes(const struct domain *d)
{
	return bytes_of(d->octets, d->len);
}

bool
domain_equal(struct bytes a, struct bytes b)
{
	struct domain x, y;

	if (bytes_is_ascii(a) && bytes_is_ascii(b))
		return bytes_equal_nocase(a, b);
	return domain_fold(a, &x) && domain_fold(b, &y) && bytes_equal(domain_bytes(&x), domain_bytes(&y));
}
