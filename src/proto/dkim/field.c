#include "proto/dkim/dkim.h"

#include "proto/rfc5322/header.h"
#include "proto/sasl/base64.h"

enum { LINE_OCTETS = 72, BASE64_MAX = 4096 };

/* RFC 6376 5.4.1, and what says how the message is to be shown (8.15); a field that is not there is named as well. */
static const char *const signed_names[] = { "from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references",
	"auto-submitted", "mime-version", "content-type", "content-transfer-encoding" };

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* 3.4.2: the name in lower case, the value on one line, white space as one SP and none at its ends; no line end. */
static void
put_relaxed(struct buf *out, struct bytes name, struct bytes value)
{
	bool has_space = false, has_text = false;

	for (size_t i = 0; i < name.len; i++)
		put_char(out, byte_lower(name.ptr[i]));
	put_char(out, ':');
	for (size_t i = 0; i < value.len; i++) {
		bool is_line_end = value.ptr[i] == '\n' || (value.ptr[i] == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n');

		if (is_line_end)
			continue;
		if (is_space(value.ptr[i])) {
			has_space = true;
			continue;
		}
		if (has_space && has_text)
			put_char(out, ' ');
		put_char(out, value.ptr[i]);
		has_space = false;
		has_text = true;
	}
}

static size_t
count(struct bytes header, struct bytes wanted)
{
	struct bytes name, value, field;
	size_t found = 0;

	while (take_header_field(&header, &name, &value, &field))
		found += bytes_equal_nocase(name, wanted);
	return found;
}

/* The field of that name that has so many of it below. */
static bool
find(struct bytes header, struct bytes wanted, size_t below, struct bytes *name, struct bytes *value)
{
	size_t all = count(header, wanted);
	struct bytes field;

	if (below >= all)
		return false;
	for (size_t above = all - below; above && take_header_field(&header, name, value, &field);)
		above -= bytes_equal_nocase(*name, wanted);
	return true;
}

void
dkim_put_names(struct buf *out, struct bytes header)
{
	const char *between = "";

	for (size_t i = 0; i < sizeof signed_names / sizeof *signed_names; i++) {
		for (size_t left = count(header, bytes_text(signed_names[i])) + 1; left; left--) {
			put_text(out, between);
			put_text(out, signed_names[i]);
			between = ":";
		}
		between = ":\n\t";
	}
}

bool
dkim_are_names(struct bytes names)
{
	for (size_t i = 0; i < names.len; i++)
		if (!byte_is_class(names.ptr[i], CLASS_ALPHA) && bytes_find_char(BYTES("-:\n\t"), names.ptr[i]) == 4)
			return false;
	return names.len > 0;
}

void
dkim_put_field(struct buf *out, const struct dkim_signature *s, struct bytes names)
{
	put_format(out, "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\n\td=%.*s;\n\ts=%.*s;\n\tt=%lld;\n\th=", s->algorithm, BYTES_ARG(s->domain),
		BYTES_ARG(s->selector), (long long)s->time_s);
	put_bytes(out, names);
	put_text(out, ";\n\tbh=");
	sasl_put_base64(out, bytes_of(s->body_hash, sizeof s->body_hash));
	put_text(out, ";\n\tb=");
}

/* How often the name stands before. */
static size_t
named_before(struct bytes names, struct bytes rest, struct bytes wanted)
{
	struct bytes before = bytes_between(names, rest);
	size_t found = 0;

	while (before.len)
		found += bytes_equal_nocase(bytes_trim(take_until(&before, ':')), wanted);
	return found;
}

void
dkim_put_hashed_header(struct buf *out, struct bytes header, struct bytes names)
{
	struct bytes rest = names, name, value;

	while (rest.len) {
		struct bytes here = rest, wanted = bytes_trim(take_until(&rest, ':'));

		/* What is not there is as an empty text. */
		if (!find(header, wanted, named_before(names, here, wanted), &name, &value))
			continue;
		put_relaxed(out, name, value);
		put_text(out, "\r\n");
	}
}

void
dkim_put_hashed_field(struct buf *out, struct bytes field)
{
	struct bytes name, value, whole;

	if (take_header_field(&field, &name, &value, &whole))
		put_relaxed(out, name, value);
}

void
dkim_put_signature(struct buf *out, struct bytes signature)
{
	uint8_t space[BASE64_MAX];
	struct bytes text;
	struct buf base64;

	buf_init_fixed(&base64, space, sizeof space);
	sasl_put_base64(&base64, signature);
	text = buf_bytes(&base64);
	for (bool is_first = true; text.len; is_first = false) {
		put_text(out, is_first ? "" : "\n\t");
		put_bytes(out, bytes_sub(text, 0, LINE_OCTETS));
		text = bytes_sub(text, LINE_OCTETS, text.len);
	}
	put_char(out, '\n');
	out->has_failed |= base64.has_failed;
}
