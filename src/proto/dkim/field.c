#include "proto/dkim/dkim.h"

#include "proto/rfc5322/header.h"
#include "proto/sasl/base64.h"

/* SAME_MAX: of one name; more are not signed. */
enum { LINE_OCTETS = 72, BASE64_MAX = 4096, SAME_MAX = 512 };

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

void
dkim_put_names(struct buf *out, struct bytes header)
{
	enum { NAMES = sizeof signed_names / sizeof *signed_names };
	size_t counts[NAMES] = { 0 };
	struct bytes name, value, field;
	const char *between = "";

	while (take_header_field(&header, &name, &value, &field))
		for (size_t i = 0; i < NAMES; i++)
			counts[i] += bytes_equal_nocase(name, bytes_text(signed_names[i]));
	for (size_t i = 0; i < NAMES; i++) {
		for (size_t left = counts[i] + 1; left && !out->has_failed; left--) {
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

/* The fields of one name, as they stand in the header. */
struct same {
	struct bytes wanted;
	size_t count;
	struct {
		struct bytes name, value;
	} at[SAME_MAX];
};

/* False: there are too many. */
static bool
find_same(struct same *same, struct bytes header, struct bytes wanted)
{
	struct bytes name, value, field;

	same->wanted = wanted;
	same->count = 0;
	while (take_header_field(&header, &name, &value, &field)) {
		if (!bytes_equal_nocase(name, wanted))
			continue;
		if (same->count == SAME_MAX)
			return false;
		same->at[same->count].name = name;
		same->at[same->count++].value = value;
	}
	return true;
}

/* The header is gone through once for each name, however often that stands in h=, one behind the other. */
void
dkim_put_hashed_header(struct buf *out, struct bytes header, struct bytes names)
{
	struct bytes rest = names;
	struct same same = { .wanted = BYTES_NONE };

	while (rest.len && !out->has_failed) {
		struct bytes here = rest, wanted = bytes_trim(take_until(&rest, ':'));
		size_t below = named_before(names, here, wanted);

		if (!bytes_equal_nocase(wanted, same.wanted) && !find_same(&same, header, wanted))
			out->has_failed = true;
		/* What is not there is as an empty text. */
		if (below >= same.count)
			continue;
		put_relaxed(out, same.at[same.count - below - 1].name, same.at[same.count - below - 1].value);
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
